// The only place where segments are made, as large as they may be (SHLD-28). Holes come first, then new text, then the
// acknowledgments that no text has carried.
#include <algorithm>

#include "tcp/connection.h"
#include "tcp/isn.h"

namespace tunic {

bool Connection::output(Instant now, std::uint32_t self, Burst& burst, TcpContext& context) {
  if (burst.full() || make_segments(now, self, burst, context)) return true;
  rest(context);
  return false;
}

void Connection::rest(TcpContext& context) {
  snd_.rest(context.parts.outgoing);
  rcv_.rest(context.parts.incoming);
  owed_.rest(context.parts.acks);
}

bool Connection::make_segments(Instant now, std::uint32_t self, Burst& burst, TcpContext& context) {
  if (reset_owed_) {
    emit_reset(self, burst, context);
    return false;
  }
  if (state_ == State::closed) {
    stats_.clock.turn(SendClock::Limit::idle, now);
    return false;
  }
  tune_receive_buffer(now, context.settings);
  if (!owned_ && !timers_.armed(Timer::orphan)) arm_orphan(now, context.settings);
  if (auto run = next_run(now, context)) {
    emit_run(*run, now, self, burst, context);
    return true;
  }
  const std::int64_t flight = snd_.flight();
  cwnd_limited_ = flight + mss() > cwnd() || 2 * flight > cwnd();  // what follows is judged by what was in flight
  judge_limits(now);
  if (keep_alive_owed_) emit_keep_alive(now, self, burst, context);
  while (owed_.any()) {
    if (burst.full()) return true;
    emit_ack(owed_.take(), now, self, burst, context);
  }
  return false;
}

void Connection::undo(const Burst::Note& note, Counters& counters) {
  --counters.tcp_out;
  if (note.run.retransmit) --counters.tcp_retransmits;
  count_out(note, -1);
  if (note.run.begin != note.run.end)
    snd_.undo(note.run);
  else if (!note.acknowledges)
    reset_owed_ = true;
  if (note.acknowledges) owed_.owe_plain();
}

// Largest text of a packet that begins at `begin`: whole segments, as many as the congestion control and the link
// allow; one where it carries URG, for the device would copy the pointer into each.
std::int64_t Connection::quantum(Seq begin, const TcpContext& context) const {
  if (snd_.up() > begin) return mss();
  const std::int64_t most =
      std::min<std::int64_t>(std::visit([](const auto& c) { return c.send_quantum(); }, cc_), context.max_gso);
  const std::int64_t text = most - fixed_headers(pair_.remote.addr.family()) - (agreed_.timestamps ? 12 : 0);
  return std::max<std::int64_t>(1, text / mss()) * mss();
}

std::optional<Run> Connection::next_run(Instant now, const TcpContext& context) {
  if (!snd_.syn_acknowledged()) {
    if (snd_.nxt() == snd_.iss()) return Run{snd_.iss(), snd_.iss() + 1, false};
    if (snd_.lost() != 0) return Run{snd_.iss(), snd_.iss() + 1, true};
    return {};
  }
  if (state_ == State::time_wait || state_ == State::fin_wait_2) return {};
  if (probe_owed_) return next_probe();
  if (auto run = next_retransmission(context)) return run;
  return next_new_text(now, context);
}

// Within the window only (SHLD-15, SHLD-16; MAY-7 is not used); a hole found by duplicates at once, the rest as the
// congestion window has room.
std::optional<Run> Connection::next_retransmission(const TcpContext& context) const {
  if (snd_.lost() == 0) return {};
  const auto lost = snd_.sent().first_lost();
  if (!lost) return {};
  const Seq edge = snd_.una() + snd_.wnd();
  const std::int64_t room =
      recovery_.active() ? mss() : std::max(cwnd() - snd_.flight(), snd_.flight() == 0 ? mss() : 0);
  const std::int64_t n = std::min({lost->end - lost->begin, quantum(lost->begin, context), edge - lost->begin, room});
  if (n <= 0) return {};
  const bool cut = n < lost->end - lost->begin;
  return Run{lost->begin, lost->begin + (cut && n > mss() ? n / mss() * mss() : n), true};
}

// One octet into a closed window: its answer tells how things stand (section 3.8.6.1, MUST-36).
std::optional<Run> Connection::next_probe() {
  probe_owed_ = false;
  if (snd_.outstanding() != 0) {
    snd_.sent().mark_lost(snd_.una(), snd_.una() + 1);
    return Run{snd_.una(), snd_.una() + 1, true};
  }
  if (snd_.unsent() == 0) return {};
  return Run{snd_.nxt(), snd_.nxt() + 1, false};
}

// Nagle as Minshall amended it: a part segment waits only while an earlier part segment is not acknowledged (SHLD-7,
// MUST-17). The last text before a FIN and urgent text do not wait.
bool Connection::may_send_part() const {
  if (push_now_ || snd_.fin_queued() || snd_.up() > snd_.nxt()) return true;
  if (options.cork || more_) return false;
  return options.no_delay || snd_.outstanding() == 0 || snd_.small_end() <= snd_.una();
}

std::optional<Run> Connection::next_new_text(Instant now, const TcpContext& context) {
  const std::int64_t available = snd_.unsent();
  if (available <= 0) return {};
  if (snd_.outstanding() == 0 && last_sent_at_ != Instant{} && now - last_sent_at_ > rtt_.rto(context.settings))
    std::visit([&](auto& c) { c.on_idle_restart(now); }, cc_);

  const std::int64_t window_room = snd_.window_room();
  if (window_room <= 0) {
    if (snd_.outstanding() == 0) arm_persist(now, context.settings);
    return {};
  }
  const std::int64_t room = std::min(window_room, cwnd() - snd_.flight());
  const std::int64_t most = quantum(snd_.nxt(), context);
  std::int64_t n = std::min({available, room, most});
  if (n <= 0) return {};
  const Seq begin = snd_.nxt();
  if (n < available) {
    // Silly-window avoidance (section 3.8.6.2.1, MUST-38): whole segments, or half of the largest window there was.
    if (n >= mss()) {
      n = n / mss() * mss();
    } else if (room < window_room) {
      return {};  // the congestion window will open
    } else if (n < snd_.max_wnd() / 2 && !push_now_) {
      if (snd_.outstanding() == 0) arm_persist(now, context.settings);
      return {};
    }
  } else {
    const std::int64_t text = std::min(begin + n, snd_.queue_end()) - begin;
    const std::int64_t part = text % mss();
    if (part != 0 && !may_send_part()) {
      n = text - part;
      if ((options.cork || more_) && !timers_.armed(Timer::persist)) timers_.arm(Timer::persist, now + 200ms);
      if (n == 0) return {};
    }
  }
  return Run{begin, begin + n, false};
}

// MSS in a SYN: what the first hop lets in, not what the way back does (section 3.7.1, MUST-67), or what the user says.
std::int64_t Connection::advertised_mss() const {
  const std::int64_t ours = first_hop_mtu_ - fixed_headers(pair_.remote.addr.family());
  return options.max_segment != 0 ? std::min<std::int64_t>(ours, options.max_segment) : ours;
}

// A packet made, or taken back.
void Connection::count_out(const Burst::Note& note, int sign) {
  const auto add = [sign]<class N>(N& n, N by) { n += sign > 0 ? by : 0 - by; };
  add(stats_.segments_out, std::uint32_t{note.segments});
  if (note.run.retransmit) add(stats_.retransmitted, std::uint32_t{note.segments});
  if (note.text == 0) return;
  add(stats_.text_out, std::uint32_t{note.segments});
  add(stats_.octets_sent, std::uint64_t{note.text});
  if (note.run.retransmit) add(stats_.octets_sent_again, std::uint64_t{note.text});
}

// What holds the sender up now, for who asks.
void Connection::judge_limits(Instant now) {
  using enum SendClock::Limit;
  const bool outstanding = snd_.outstanding() != 0 && snd_.syn_acknowledged();
  const bool waits = snd_.unsent() > 0 && snd_.syn_acknowledged();
  const std::int64_t flight = snd_.flight();
  if (!waits && outstanding && flight + mss() <= cwnd()) {
    stats_.clock.turn(buffer_full_ ? send_buffer : none, now);
  } else if (waits && snd_.window_room() < std::min(mss(), snd_.unsent()) && flight + mss() <= cwnd()) {
    stats_.clock.turn(receive_window, now);
  } else {
    stats_.clock.turn(outstanding || waits ? none : idle, now);
  }
}

TcpOptions Connection::options_now(Instant now) const {
  TcpOptions o;
  if (agreed_.timestamps) o.timestamps = Timestamps{timestamp_clock(now) + ts_offset_, ts_recent_};
  return o;
}

void Connection::emit_run(Run run, Instant now, std::uint32_t self, Burst& burst, TcpContext& context) {
  snd_.begin(context.parts.outgoing);
  TxPacket& packet = burst.add({.connection = self, .run = run, .acknowledges = false});
  Burst::Note& note = burst.note(burst.size() - 1);
  const bool syn = run.begin == snd_.iss();
  const Seq got = syn ? run.end : snd_.gather(run.begin, run.end, packet);
  if (got < run.end) {  // more slices than a packet has room for
    const std::int64_t n = got - run.begin;
    run.end = run.begin + (n > mss() ? n / mss() * mss() : n);
    packet.truncate_text(static_cast<std::size_t>(run.end - run.begin));
    note.run = run;
  }
  const std::int64_t text = static_cast<std::int64_t>(packet.text_size());
  if (text > mss()) packet.offload.gso_size = static_cast<std::uint16_t>(mss());

  Flags flags{};
  TcpOptions opts = options_now(now);
  if (syn) {
    flags |= SYN;  // MSS in every SYN and nowhere else (MUST-14, MUST-65)
    opts.mss = static_cast<std::uint16_t>(advertised_mss());
    const bool first = state_ == State::syn_sent;  // else only what the peer offered
    opts.sack_permitted = first ? context.settings.sack : agreed_.sack;
    if (first ? context.settings.window_scale : agreed_.window_scale)
      opts.window_scale = first ? our_scale(context.settings) : agreed_.rcv_scale;
    if (first && context.settings.timestamps) opts.timestamps = Timestamps{timestamp_clock(now) + ts_offset_, 0};
  } else if (run.end == snd_.end() || run.end == snd_.queue_end()) {
    if (text != 0) flags |= PSH;  // once for all that was written (MUST-61, SHLD-27)
  }
  if (snd_.fin_queued() && run.end == snd_.end()) flags |= FIN;
  if (state_ != State::syn_sent) flags |= ACK;
  note.acknowledges = flags.has(ACK);

  write_header(packet, run.begin, flags, opts, context);
  if (flags.has(ACK)) owed_.carried();
  if (!syn && text % mss() != 0 && snd_.wnd() != 0) snd_.on_part_segment(run.end);  // a probe is no part segment
  push_now_ = false;
  if (run.retransmit) ++context.counters.tcp_retransmits;
  if (text > mss()) note.segments = static_cast<std::uint16_t>((text + mss() - 1) / mss());
  note.text = static_cast<std::uint32_t>(text);
  count_out(note, 1);
  if (text != 0) {
    if (now - stats_.text_received_at < context.settings.delayed_ack && stats_.text_received_at != Instant{})
      options.interactive = true;
    if (options.not_sent_low > 0) edge_ |= writable_edge;
    stats_.text_sent_at = now;
    stats_.clock.turn(SendClock::Limit::none, now);
  }
  snd_.on_sent(run, now, packet.offload.gso_size, rate_.stamp(now, snd_.outstanding() == 0));
  too_big_.on_sent(packet_size(std::min(text, mss())));
  last_sent_at_ = now;
  timers_.disarm(Timer::keep_alive);
  if (!timers_.armed(Timer::retransmit) && !(timers_.armed(Timer::persist) && snd_.wnd() == 0))
    arm_retransmit(now, context.settings);
}

void Connection::emit_ack(const AckOwed& owed, Instant now, std::uint32_t self, Burst& burst, TcpContext& context) {
  TcpOptions opts = options_now(now);
  if (agreed_.sack) {  // RFC 2018 section 4, RFC 2883 section 4
    const std::size_t room = agreed_.timestamps ? 3 : 4;
    std::array<SeqRange, 4> blocks;
    std::size_t n = 0;
    if (owed.kind == AckOwed::Kind::dsack) opts.sack[n++] = {owed.dsack.begin.wire(), owed.dsack.end.wire()};
    const std::size_t count = rcv_.has_holes() ? rcv_.out_of_order().blocks(blocks, room - n) : 0;
    for (std::size_t i = 0; i < count; ++i) opts.sack[n++] = {blocks[i].begin.wire(), blocks[i].end.wire()};
    opts.sack_count = static_cast<std::uint8_t>(n);
  }
  TxPacket& packet = burst.add({.connection = self, .run = {}, .acknowledges = true});
  write_header(packet, acceptable_seq(), ACK, opts, context);
  ++stats_.segments_out;
}

// What carries no text says SND.NXT. But a peer whose window is closed takes only its RCV.NXT (section 3.10.7.4,
// first): a probe that it refused stands beyond, and it would not hear of the window that we tell.
Seq Connection::acceptable_seq() const { return snd_.syn_acknowledged() && snd_.wnd() == 0 ? snd_.una() : snd_.nxt(); }

// RFC 9293 section 3.10.5: <SEQ=SND.NXT><CTL=RST>.
void Connection::emit_reset(std::uint32_t self, Burst& burst, TcpContext& context) {
  TxPacket& packet = burst.add({.connection = self, .run = {}, .acknowledges = false});
  const TcpHeader header{
      .src = pair_.local.port, .dst = pair_.remote.port, .seq = acceptable_seq().wire(), .ack = {}, .flags = RST};
  header.emit(MutBytes{packet.headers}.subspan(packet.begin));
  packet.end = static_cast<std::uint16_t>(packet.begin + TcpView::min_size);
  reset_owed_ = false;
  ++stats_.segments_out;
  ++context.counters.tcp_out;
  ++context.counters.tcp_resets_out;
}

// Section 3.8.4, SHLD-12: <SEQ=SND.NXT-1> without text, which every state answers.
void Connection::emit_keep_alive(Instant now, std::uint32_t self, Burst& burst, TcpContext& context) {
  keep_alive_owed_ = false;
  TxPacket& packet = burst.add({.connection = self, .run = {}, .acknowledges = true});
  write_header(packet, snd_.nxt() - 1, ACK, options_now(now), context);
  ++stats_.segments_out;
}

void Connection::write_header(TxPacket& packet, Seq seq, Flags flags, const TcpOptions& opts, TcpContext& context) {
  const bool syn = flags.has(SYN), ack = flags.has(ACK);
  const std::size_t options_size = opts.size();
  const MutBytes out = MutBytes{packet.headers}.subspan(packet.begin);
  opts.emit(out.subspan(TcpView::min_size, options_size));
  TcpHeader header{.src = pair_.local.port, .dst = pair_.remote.port, .seq = seq.wire(), .ack = {}, .flags = flags};
  if (ack) {
    header.ack = rcv_.nxt().wire();
    header.window = rcv_.advertise(syn, rcv_mss_);
    last_ack_sent_ = rcv_.nxt();
    unacked_text_ = 0;
    timers_.disarm(Timer::delayed_ack);
  } else {
    header.window = static_cast<std::uint16_t>(std::min<std::size_t>(65'535, first_window()));
  }
  if (snd_.up() > seq && snd_.up() > snd_.una() && !syn) {  // section 3.8.5
    header.flags |= URG;
    header.urgent = static_cast<std::uint16_t>(std::min<std::int64_t>(65'535, snd_.up() - seq));
  }
  header.emit(out, out.subspan(TcpView::min_size, options_size));
  packet.end = static_cast<std::uint16_t>(packet.begin + TcpView::min_size + options_size);
  ++context.counters.tcp_out;
}

// Dynamic right-sizing (Fisk and Feng, 2001): twice what the user reads in a round trip may be on its way.
void Connection::tune_receive_buffer(Instant now, const TcpSettings& settings) {
  if (options.receive_buffer_set || now - tuned_at_ < std::max(rtt_.srtt(), Duration{1ms})) return;
  const auto wanted = std::min<std::size_t>(settings.max_receive_buffer, static_cast<std::size_t>(2 * consumed_));
  if (wanted > rcv_.buffer()) rcv_.set_buffer(wanted);
  receive_space_ = std::max(receive_space_, consumed_);
  consumed_ = 0;
  tuned_at_ = now;
}

}  // namespace tunic
