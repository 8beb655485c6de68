// Door 1: SEGMENT ARRIVES, RFC 9293 section 3.10.7, step by step. CLOSED and LISTEN have no connection: core/stack and
// listener.h.
#include <algorithm>

#include "tcp/connection.h"
#include "tcp/isn.h"

namespace tunic {

std::optional<Drop> Connection::segment_arrives(Segment& seg, Instant now, bool accept_full, TcpContext& context) {
  const auto segments = static_cast<std::uint32_t>(seg.wire_segments());
  stats_.segments_in += segments;
  if (!seg.text.empty()) stats_.text_in += segments;
  seg.ack = Seq::near(snd_.una(), seg.wire_ack);
  if (state_ == State::syn_sent) return syn_sent(seg, now, context);
  if (state_ == State::closed) return Drop::tcp_state;
  seg.seq = Seq::near(rcv_.nxt(), seg.wire_seq);
  seg.wnd = std::int64_t{seg.window} << (seg.flags.has(SYN) ? 0 : agreed_.snd_scale);  // RFC 7323 section 2.2

  if (context.settings.prediction && is_predicted(seg, now)) {  // fast path: the same functions, fewer questions
    ++context.counters.predicted;
    update_ts_recent(seg, now);
    if (auto drop = check_ack(seg, now, false, context)) return drop;
    return process_text(seg, now, context);
  }

  // Simultaneous open: the peer's SYN-ACK crosses ours (section 3.5 figure 7, appendix A.2). Its SYN is the one we
  // have.
  if (state_ == State::syn_received && !passive_ && (seg.flags & (SYN | ACK | RST | FIN)) == (SYN | ACK) &&
      seg.seq == rcv_.irs() && seg.ack == snd_.nxt()) {
    seg.flags = seg.flags.without(SYN);
    seg.seq += 1;
  }

  if (auto drop = check_timestamp(seg, now)) {  // PAWS: RFC 7323 section 5.3
    if (drop == Drop::tcp_paws) owe_for_unacceptable(seg, now, context);
    return drop;
  }
  if (auto drop = check_sequence(seg, now, context)) return drop;  // first
  if (seg.flags.has(RST))
    return check_reset(seg, now, context);                                 // second: RFC 5961 section 3
                                                                           // third: security, left out (appendix A.1)
  if (auto drop = check_syn(seg, now, context)) return drop;               // fourth: RFC 5961 section 4
  if (auto drop = check_ack(seg, now, accept_full, context)) return drop;  // fifth
  if (state_ == State::closed || state_ == State::time_wait) return {};
  update_ts_recent(seg, now);
  return take_in(seg, now, context);
}

// What follows the checks: sixth to eighth.
std::optional<Drop> Connection::take_in(Segment& seg, Instant now, TcpContext& context) {
  check_urgent(seg);
  const std::optional<Seq> fin = seg.flags.has(FIN) ? std::optional{seg.end() - 1} : std::nullopt;
  const auto drop = process_text(seg, now, context);
  if (drop && (*drop != Drop::tcp_unacceptable || !fin)) return drop;
  check_fin(fin, now, context);  // text that is all old may come with a FIN that is new
  return rcv_.fin_received() ? std::nullopt : drop;
}

// Header prediction: established, in order, nothing odd. Whatever this lets through, the long way would treat alike.
bool Connection::is_predicted(const Segment& seg, Instant now) const {
  return state_ == State::established && seg.flags.without(PSH) == ACK && seg.seq == rcv_.nxt() &&
         static_cast<std::int64_t>(seg.text.size()) <= rcv_.wnd() && !rcv_.has_holes() && !rcv_.held_fin() &&
         snd_.una() <= seg.ack && seg.ack <= snd_.nxt() && !recovery_.active() && seg.options.sack_count == 0 &&
         (!agreed_.timestamps ||
          (seg.options.timestamps && static_cast<std::int32_t>(seg.options.timestamps->value - ts_recent_) >= 0 &&
           now - ts_recent_at_ < 24h * 24));
}

// 3.10.7.3
std::optional<Drop> Connection::syn_sent(Segment& seg, Instant now, TcpContext& context) {
  // first: RFC 793's ISS < ack <= nxt; nothing but the SYN was sent.
  const bool acceptable = seg.flags.has(ACK) && snd_.iss() < seg.ack && seg.ack <= snd_.nxt();
  if (seg.flags.has(ACK) && !acceptable) {
    if (!seg.flags.has(RST) && !context.replies.push(reset_for(seg))) ++context.counters.reply_overflow;
    return Drop::tcp_ack;
  }
  // second: a reset counts only with a good acknowledgment (RFC 5961 section 3.2).
  if (seg.flags.has(RST)) {
    if (!acceptable) return Drop::tcp_reset;
    fail_with(Error::refused);
    return {};
  }
  // fourth
  if (!seg.flags.has(SYN)) return Drop::tcp_state;
  rcv_.start(seg.wire_seq, first_window());
  rcv_.set_buffer(options.receive_buffer);
  rcv_.set_clamp(options.window_clamp);
  seg.seq = rcv_.irs();
  agree(seg.options, context.settings);
  if (agreed_.timestamps) {
    ts_recent_ = seg.options.timestamps->value;
    ts_recent_at_ = now;
  }
  last_ack_sent_ = rcv_.nxt();
  last_heard_at_ = now;
  if (!acceptable) {  // simultaneous open (MUST-10)
    enter(State::syn_received);
    snd_.update_window(seg.seq, snd_.una(), seg.window);
    if (snd_.has_sent()) snd_.sent().mark_all_lost();  // the SYN goes again, now with an ACK
    return {};
  }
  const AckReport report = snd_.on_ack(seg.ack);
  sample_rtt(seg, report, now, context.settings);
  snd_.update_window(seg.seq, seg.ack, seg.window);  // not scaled in a SYN (RFC 7323 section 2.2)
  establish(now, context.settings);
  if (options.defer_accept != 0)
    timers_.arm(Timer::delayed_ack, now + 200ms);  // the ACK may ride on the request, as Linux
  else
    owed_.owe_plain();
  // Text and FIN that came with the SYN-ACK follow it in the sequence space.
  seg.flags = seg.flags.without(SYN);
  seg.seq += 1;
  return take_in(seg, now, context);
}

// RFC 7323 section 5.3 R1, and section 3.2: once agreed on, every segment but a reset carries the option.
std::optional<Drop> Connection::check_timestamp(const Segment& seg, Instant now) {
  if (!agreed_.timestamps || seg.flags.has(RST)) return {};
  if (!seg.options.timestamps) return Drop::tcp_no_timestamp;
  const bool older = static_cast<std::int32_t>(seg.options.timestamps->value - ts_recent_) < 0;
  if (older && now - ts_recent_at_ < 24h * 24) return Drop::tcp_paws;  // 5.5: TS.Recent of 24 days ago says nothing
  return {};
}

// R3, and RFC 7323 section 4.3: the segment that spans Last.ACK.sent, after its ACK was checked (B9).
void Connection::update_ts_recent(const Segment& seg, Instant now) {
  if (!agreed_.timestamps || !seg.options.timestamps || seg.seq > last_ack_sent_) return;
  const bool newer = static_cast<std::int32_t>(seg.options.timestamps->value - ts_recent_) >= 0;
  if (!newer && now - ts_recent_at_ < 24h * 24) return;
  ts_recent_ = seg.options.timestamps->value;
  ts_recent_at_ = now;
}

// first: section 3.10.7.4, the acceptability test. What lies right of RCV.NXT is held (SHLD-31).
std::optional<Drop> Connection::check_sequence(const Segment& seg, Instant now, TcpContext& context) {
  if (rcv_.acceptable(seg)) return {};
  if (seg.flags.has(RST)) {
    // An exact reset with text behind a closed window is still a reset (MUST-66); SYN and RST need no room.
    return seg.seq == rcv_.nxt() ? std::nullopt : std::optional{Drop::tcp_unacceptable};
  }
  if (seg.flags.has(SYN) && (state_ != State::syn_received || !passive_)) {  // RFC 5961 section 4: whatever its number
    challenge(now, context);
    return Drop::tcp_syn;
  }
  if (rcv_.wnd() == 0 && seg.seq == rcv_.nxt() && seg.flags.has(ACK)) {
    // Closed window: text is refused, but a valid ACK and URG are taken (MUST-66).
    if (!seg.flags.has(SYN)) {
      if (auto drop = check_ack(seg, now, true, context)) return drop;
      check_urgent(seg);
    }
  }
  owe_for_unacceptable(seg, now, context);
  return Drop::tcp_unacceptable;
}

// An unacceptable segment is answered by an ACK; pure ACKs at most twice a second, or two confused ends would never
// stop (B6).
void Connection::owe_for_unacceptable(const Segment& seg, Instant now, TcpContext& context) {
  if (seg.flags.has(RST)) return;
  if (seg.text.empty() && !seg.flags.has(FIN)) {
    challenge(now, context);
    return;
  }
  if (agreed_.sack && !seg.text.empty() && seg.end() <= rcv_.nxt()) {  // RFC 2883: say what came twice
    owed_.owe({AckOwed::Kind::dsack, {seg.seq, seg.seq + static_cast<std::int64_t>(seg.text.size())}},
              context.parts.acks);
    return;
  }
  owed_.owe_plain();
}

// RFC 5961 section 7: at most one in 500 ms, counted for each connection alone (B4).
void Connection::challenge(Instant now, TcpContext& context) {
  if (challenged_at_ != Instant::min() && now - challenged_at_ < 500ms) return;
  challenged_at_ = now;
  ++context.counters.challenge_acks;
  owed_.owe_plain();
}

// second: RFC 5961 section 3.2. In the window but not exact is a guess: ask the peer. Text in a reset is no matter
// (SHLD-2). The user learns that the peer aborted, not closed (MUST-12).
std::optional<Drop> Connection::check_reset(const Segment& seg, Instant now, TcpContext& context) {
  if (seg.seq != rcv_.nxt()) {
    challenge(now, context);
    return Drop::tcp_reset;
  }
  switch (state_) {
    case State::syn_received:  // a passive one goes back to LISTEN: nobody is told
      if (passive_)
        enter(State::closed);
      else
        fail_with(Error::refused);
      break;
    default:
      fail_with(Error::reset);
  }
  return std::nullopt;
}

// fourth: RFC 5961 section 4.2. In SYN-RECEIVED from LISTEN the connection is given up instead.
std::optional<Drop> Connection::check_syn(const Segment& seg, Instant now, TcpContext& context) {
  if (!seg.flags.has(SYN)) return {};
  if (state_ == State::syn_received && passive_)
    enter(State::closed);
  else
    challenge(now, context);
  return Drop::tcp_syn;
}

// fifth
std::optional<Drop> Connection::check_ack(const Segment& seg, Instant now, bool accept_full, TcpContext& context) {
  if (!seg.flags.has(ACK)) return Drop::tcp_no_ack;
  if (state_ == State::syn_received) {
    if (seg.ack <= snd_.una() || seg.ack > snd_.nxt()) {
      if (!context.replies.push(reset_for(seg))) ++context.counters.reply_overflow;
      return Drop::tcp_ack;
    }
    if (passive_ && seg.len() == 0 && retransmissions_ < options.defer_accept) {
      deferred_ = true;  // TCP_DEFER_ACCEPT: the peer is there, but says nothing yet
      return Drop::accept_deferred;
    }
    if (passive_ && accept_full) return Drop::listen_overflow;  // S4: the peer's text will come again
    const AckReport report = snd_.on_ack(seg.ack);
    sample_rtt(seg, report, now, context.settings);
    snd_.update_window(seg.seq, seg.ack, seg.wnd);
    establish(now, context.settings);
    return {};
  }
  // RFC 5961 section 5.2 (MAY-12), and never below the first octet that we sent (B3).
  const Seq oldest = std::max(snd_.una() - snd_.max_wnd(), snd_.iss() + 1);
  if (seg.ack > snd_.max_sent() || seg.ack < oldest) {
    owe_for_unacceptable(seg, now, context);
    return Drop::tcp_ack;
  }
  last_heard_at_ = now;
  keep_probes_ = 0;
  if (seg.options.sack_count != 0) count_dsack(seg);
  if (seg.ack < snd_.una()) return {};  // an old ACK: its text may still be new
  soft_error_ = 0;

  const std::int64_t before = snd_.wnd();
  const bool advanced = seg.ack > snd_.una();
  if (advanced) on_new_ack(seg, now, context);
  if (seg.options.sack_count != 0 && agreed_.sack && snd_.has_sent()) take_sack(seg);
  snd_.update_window(seg.seq, seg.ack, seg.wnd);
  if (before == 0 || snd_.wnd() == 0) stalled_until_ = now;  // silence does not count from before this (MUST-37)
  if (!advanced) on_same_ack(seg, before, before == snd_.wnd(), now);
  if (snd_.wnd() > 0) {
    if (before == 0 && snd_.outstanding() > 0 && timers_.armed(Timer::persist)) {
      if (snd_.outstanding() == 1)
        snd_.take_back();  // the refused probe goes with what follows it
      else
        snd_.sent().mark_all_lost();
    }
    if (snd_.window_room() > 0 || snd_.outstanding() > 0) {
      timers_.disarm(Timer::persist);
      persist_backoff_ = 0;
      probe_owed_ = false;
    }
  }
  if (snd_.outstanding() != 0 && !timers_.armed(Timer::retransmit) && !timers_.armed(Timer::persist))
    arm_retransmit(now, context.settings);
  arm_keep_alive(now, context.settings);
  return {};
}

void Connection::on_new_ack(const Segment& seg, Instant now, TcpContext& context) {
  const AckSample before = sample(now, seg.ack - snd_.una());
  const AckReport report = snd_.on_ack(seg.ack);
  stats_.delivered += static_cast<std::uint32_t>(report.ranges.segments);
  stats_.reorderings += report.ranges.reordered ? 1 : 0;
  retransmissions_ = 0;
  too_big_.on_ack(seg.ack, packet_size(report.ranges.largest));
  sample_rtt(seg, report, now, context.settings);
  if (report.ranges.segments != 0)
    rate_.on_ack(report.acked, report.ranges.rate, report.ranges.last_sent_at, rtt_.min(), now);

  const auto verdict = recovery_.on_advance(seg.ack, report.acked, mss());
  if (verdict == Recovery::Verdict::partial) {  // RFC 6582 section 3.2 step 3: the next hole
    snd_.sent().mark_lost(snd_.una(), snd_.una() + mss());
  } else if (verdict == Recovery::Verdict::exit) {
    AckSample after = sample(now, report.acked);
    after.prior_in_flight = snd_.flight();
    std::visit([&](auto& c) { c.on_recovery_exit(after); }, cc_);
  } else {
    std::visit([&](auto& c) { c.on_ack(before); }, cc_);
  }

  if (snd_.outstanding() == 0)  // RFC 6298 section 5.2, 5.3
    timers_.disarm(Timer::retransmit);
  else
    arm_retransmit(now, context.settings);
  if (report.text != 0) edge_ |= writable_edge;

  if (snd_.fin_acknowledged()) {
    switch (state_) {
      case State::fin_wait_1:
        enter(State::fin_wait_2);
        break;
      case State::closing:
        enter(State::time_wait);
        break;
      case State::last_ack:
        enter(State::closed);
        break;
      default:
        break;
    }
  }
  arm_orphan(now, context.settings);
}

// A duplicate acknowledgment as RFC 5681 section 2 defines it: no text, no SYN or FIN, the same window, something
// outstanding.
void Connection::on_same_ack(const Segment& seg, std::int64_t before, bool same_window, Instant now) {
  const bool tells_sack = seg.options.sack_count != 0;
  if (!seg.text.empty() || seg.flags.has(FIN) || snd_.outstanding() == 0 || before == 0) return;
  if (!same_window && !tells_sack) return;
  if (recovery_.on_duplicate(snd_.una(), snd_.nxt(), mss()) == Recovery::Verdict::enter) {
    AckSample loss = sample(now, 0);
    loss.prior_in_flight = recovery_.flight_at_first_duplicate();  // without limited transmit (RFC 5681 section 3.2)
    std::visit([&](auto& c) { c.on_loss(loss); }, cc_);
    snd_.sent().mark_lost(snd_.una(), snd_.una() + mss());  // the fast retransmit
  }
}

// Karn's rule, or the echoed timestamp where the segment was sent more than once (RFC 7323 section 4.1).
void Connection::sample_rtt(const Segment& seg, const AckReport& report, Instant now, const TcpSettings& settings) {
  if (report.ranges.sent_at) {
    rtt_.sample(now - *report.ranges.sent_at, now);
  } else if (agreed_.timestamps && seg.options.timestamps && seg.options.timestamps->echo != 0) {
    const auto ticks = static_cast<std::int32_t>(timestamp_clock(now) + ts_offset_ - seg.options.timestamps->echo);
    if (ticks >= 0 && ticks * Duration{1ms} <= settings.rto_max) rtt_.sample(ticks * Duration{1ms}, now);  // X5
  }
}

// sixth: section 3.8.5. The pointer is advice; the text stays in the stream (MUST-30, MUST-31, MUST-62).
void Connection::check_urgent(const Segment& seg) {
  if (!seg.flags.has(URG) || !can_receive_text()) return;
  const Seq up = seg.seq + seg.urgent;
  if (up <= rcv_.head() || up <= rcv_up_) return;
  rcv_up_ = up;
  if (at_mark() && !options.oob_inline && rcv_.readable() != 0) rcv_.consume(1);  // the one before, which nobody took
  urgent_mark_ = up - 1;
  urgent_valid_ = true;
  urgent_taken_ = false;
  edge_ = any_edge;  // MUST-32
}

// seventh
std::optional<Drop> Connection::process_text(Segment& seg, Instant now, TcpContext& context) {
  if (seg.text.empty()) return {};
  if (!can_receive_text()) {  // beyond the peer's FIN: should not occur; ignored
    owed_.owe_plain();
    return {};
  }
  const auto size = static_cast<std::int64_t>(seg.text.size());
  const bool nobody_reads = !owned_ || (read_shut_ && state_ != State::established);
  if (nobody_reads && seg.seq + size > rcv_.nxt()) {  // SHLD-3
    abort();
    if (owned_) error_ = static_cast<int>(Error::reset);
    return Drop::tcp_state;
  }
  rcv_mss_ = std::max<std::int64_t>(
      rcv_mss_, seg.gso_size != 0 ? std::int64_t{seg.gso_size} : std::min<std::int64_t>(size, first_hop_mtu_));
  const std::int64_t segments = seg.wire_segments();
  rcv_.begin(context.parts.incoming);
  const TextReport report = rcv_.on_text(context.pool, seg.seq, std::move(seg.text), rcv_mss_);
  stats_.text_received_at = now;
  if (options.receive_times && report.in_order != 0) rcv_.note_arrival(report.in_order, now);
  stats_.on_window(rcv_.nxt(), rcv_.wnd(), now);
  if (report.out_of_order && report.in_order == 0 && !report.duplicate)
    stats_.out_of_order += static_cast<std::uint32_t>(segments);
  unacked_text_ += report.in_order;
  if (report.in_order != 0) edge_ |= readable_edge;

  if (report.duplicate && agreed_.sack)
    owed_.owe({AckOwed::Kind::dsack, *report.duplicate}, context.parts.acks);
  else if (report.out_of_order && report.in_order == 0)
    owed_.owe({AckOwed::Kind::duplicate, {}}, context.parts.acks);  // MAY-13
  else if (report.out_of_order || report.duplicate_only || report.no_memory || options.quick_ack.value_or(false))
    owed_.owe_plain();
  else if (unacked_text_ >= 2 * rcv_mss_ || segments > 1)  // SHLD-19
    owed_.owe_plain();
  else
    timers_.arm_if_idle(Timer::delayed_ack, now + context.settings.delayed_ack);  // SHLD-18

  if (report.no_memory) return Drop::no_memory;
  if (report.overflow) return Drop::receive_overflow;
  if (report.duplicate_only) return Drop::tcp_unacceptable;
  return {};
}

// eighth
void Connection::check_fin(std::optional<Seq> fin, Instant now, TcpContext& context) {
  if (!can_receive_text()) return;
  const bool arrived = fin.has_value();
  if (!fin) fin = rcv_.held_fin();
  if (!fin) return;
  rcv_.begin(context.parts.incoming);
  if (rcv_.on_fin(*fin))
    on_fin_in_order(now);
  else if (arrived && !owed_.any())  // its text, if it had any, earned one already
    owed_.owe({AckOwed::Kind::duplicate, {}}, context.parts.acks);
}

void Connection::on_fin_in_order(Instant now) {
  owed_.owe_plain();
  edge_ = any_edge;
  last_heard_at_ = now;
  switch (state_) {
    case State::established:
      enter(State::close_wait);
      break;
    case State::fin_wait_1:
      enter(State::closing);
      break;  // our FIN is not acknowledged: check_ack would have moved on
    case State::fin_wait_2:
      enter(State::time_wait);
      break;
    default:
      break;
  }
}

}  // namespace tunic
