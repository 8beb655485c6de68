#include "tcp/connection.h"

#include <algorithm>

namespace tunic {

const char* name(State s) {
  switch (s) {
    case State::established:
      return "ESTABLISHED";
    case State::syn_sent:
      return "SYN-SENT";
    case State::syn_received:
      return "SYN-RECEIVED";
    case State::fin_wait_1:
      return "FIN-WAIT-1";
    case State::fin_wait_2:
      return "FIN-WAIT-2";
    case State::time_wait:
      return "TIME-WAIT";
    case State::closed:
      return "CLOSED";
    case State::close_wait:
      return "CLOSE-WAIT";
    case State::last_ack:
      return "LAST-ACK";
    case State::listen:
      return "LISTEN";
    case State::closing:
      return "CLOSING";
  }
  return "?";
}

Connection::Connection(const FourTuple& pair, UserOptions& user, const TcpSettings& settings, std::uint32_t mtu)
    : options{user},
      cc_{begin_congestion_control(536, settings.initial_window)},
      pair_{pair},
      first_hop_mtu_{static_cast<std::uint16_t>(mtu)},
      mtu_{first_hop_mtu_} {
  if (options.receive_buffer == 0) options.receive_buffer = to_octets(settings.receive_buffer);
  if (options.send_buffer == 0) options.send_buffer = to_octets(settings.send_buffer);
  rcv_mss_ = std::min<std::int64_t>(rcv_mss_, mtu - fixed_headers(pair.remote.addr.family()));
}

// The smallest shift with which the largest buffer can be offered (RFC 7323 section 2.3).
static std::uint8_t scale_for(std::size_t buffer) {
  std::uint8_t shift = 0;
  while (shift < TcpOptions::max_window_scale && (buffer >> shift) > 65'535) ++shift;
  return shift;
}

void Connection::open_active(Seq32 iss, std::uint32_t timestamp_offset) {
  ts_offset_ = timestamp_offset;
  snd_.start(iss);
  recovery_.start(snd_.iss());
  enter(State::syn_sent);
}

void Connection::open_passive(const Segment& syn, Seq32 iss, std::uint32_t timestamp_offset, Instant now,
                              const TcpSettings& settings) {
  passive_ = true;
  open_active(iss, timestamp_offset);
  rcv_.start(syn.wire_seq, first_window());
  rcv_.set_buffer(options.receive_buffer);
  rcv_.set_clamp(options.window_clamp);
  agree(syn.options, settings);
  if (agreed_.timestamps) {
    ts_recent_ = syn.options.timestamps->value;
    ts_recent_at_ = now;
  }
  snd_.update_window(rcv_.irs(), snd_.una(), syn.window);  // not scaled in a SYN
  last_ack_sent_ = rcv_.nxt();
  last_heard_at_ = now;
  ++stats_.segments_in;
  enter(State::syn_received);
}

// What our SYN offers, before there is a window to keep to.
std::size_t Connection::first_window() const {
  const auto clamp = static_cast<std::size_t>(options.window_clamp);
  return clamp != 0 ? std::min<std::size_t>(options.receive_buffer, clamp) : options.receive_buffer;
}

std::uint8_t Connection::our_scale(const TcpSettings& settings) const {
  return scale_for(std::max<std::size_t>(settings.max_receive_buffer, options.receive_buffer));
}

// What both SYNs offered (RFC 7323 sections 2.2 and 3.2, RFC 2018 section 2).
void Connection::agree(const TcpOptions& peer, const TcpSettings& settings) {
  agreed_.snd_mss = std::max(least_mss, peer.mss.value_or(default_mss(pair_.remote.addr.family())));
  agreed_.timestamps = settings.timestamps && peer.timestamps.has_value();
  agreed_.sack = settings.sack && peer.sack_permitted;
  agreed_.window_scale = settings.window_scale && peer.window_scale.has_value();
  agreed_.snd_scale = agreed_.window_scale ? *peer.window_scale : std::uint8_t{0};
  agreed_.rcv_scale = agreed_.window_scale ? our_scale(settings) : std::uint8_t{0};
  rcv_.set_scale(agreed_.rcv_scale);
  compute_mss();
}

// Eff.snd.MSS = min(SendMSS + 20, MMS_S) - headers and the options of every segment (section 3.7.1, MUST-16).
void Connection::compute_mss() {
  const std::uint32_t fits = mtu_ - fixed_headers(pair_.remote.addr.family());
  std::int64_t mss = std::min<std::int64_t>(agreed_.snd_mss, fits);
  if (options.max_segment != 0) mss = std::min<std::int64_t>(mss, options.max_segment);
  if (agreed_.timestamps) mss -= 12;
  eff_mss_ = mss;
}

void Connection::establish(Instant now, const TcpSettings& settings) {
  if (syn_lost_) rtt_.lost_syn();
  cc_ = begin_congestion_control(eff_mss_, settings.initial_window);
  if (syn_lost_) std::visit([](auto& c) { c.on_lost_syn(); }, cc_);
  timers_.disarm(Timer::retransmit);
  retransmissions_ = 0;
  enter(snd_.fin_queued() ? State::fin_wait_1 : State::established);
  was_established_ = true;
  edge_ = any_edge;
  last_heard_at_ = tuned_at_ = now;
  arm_keep_alive(now, settings);
  arm_orphan(now, settings);
}

void Connection::enter(State s) {
  state_ = s;
  if (s == State::closed || s == State::time_wait) {
    timers_.disarm_all();
    snd_.discard();
    edge_ = any_edge;
    if (s == State::closed) owed_.clear();
  }
}

void Connection::fail_with(Error e) {
  error_ = static_cast<int>(e);
  enter(State::closed);
}

std::size_t Connection::send_limit(const TcpSettings& settings) const {
  if (options.send_buffer_set) return options.send_buffer;
  const auto wanted = static_cast<std::size_t>(2 * std::visit([](const auto& c) { return c.cwnd(); }, cc_));
  return std::clamp<std::size_t>(wanted, options.send_buffer,
                                 std::max<std::size_t>(options.send_buffer, settings.max_send_buffer));
}

Duration Connection::give_up_after(const TcpSettings& settings) const {
  return options.user_timeout != Duration{} ? options.user_timeout
         : owned_                           ? settings.data_give_up
                                            : settings.orphan_give_up;
}

AckSample Connection::sample(Instant now, std::int64_t acked) const {
  AckSample a;
  a.now = now;
  a.acked = acked;
  a.delivered = rate_.delivered();
  a.prior_in_flight = snd_.outstanding();
  a.min_rtt = rtt_.min();
  a.is_cwnd_limited = cwnd_limited_;
  a.in_recovery = recovery_.active();
  return a;
}

// Since when the peer owes an acknowledgment: not while it kept its window closed and said so.
Instant Connection::silent_since() const { return std::max(snd_.sent().front().first_sent_at, stalled_until_); }

void Connection::arm_retransmit(Instant now, const TcpSettings& settings) {
  Instant when = now + rtt_.rto(settings);
  if (options.user_timeout != Duration{} && snd_.has_sent() && was_established_)
    when = std::min(when, std::max(now, silent_since() + options.user_timeout));
  timers_.arm(Timer::retransmit, when);
}

// Section 3.8.4, MUST-26: only while nothing else would tell that the peer is gone.
void Connection::arm_keep_alive(Instant now, const TcpSettings& settings) {
  const bool alive = state_ == State::established || state_ == State::close_wait || state_ == State::fin_wait_2;
  if (!options.keep_alive || !alive || snd_.outstanding() != 0) {
    timers_.disarm(Timer::keep_alive);
    return;
  }
  const Duration idle = options.keep_idle != Duration{} ? options.keep_idle : settings.keep_idle;
  const Duration interval = options.keep_interval != Duration{} ? options.keep_interval : settings.keep_interval;
  timers_.arm(Timer::keep_alive, keep_probes_ == 0 ? std::max(now, last_heard_at_ + idle) : now + interval);
}

void Connection::options_changed(Instant now, const TcpSettings& settings) {
  if (keep_probes_ == 0 || options.keep_alive != timers_.armed(Timer::keep_alive)) arm_keep_alive(now, settings);
  rcv_.set_clamp(options.window_clamp);
  edge_ |= readable_edge | writable_edge;  // what the user waits for may be there by the new measure
}

// A connection that nobody owns any more does not stay for ever (R6 to R8).
void Connection::arm_orphan(Instant now, const TcpSettings& settings) {
  if (owned_) return;
  if (state_ == State::fin_wait_2) {
    const Duration patience = options.linger2 == 0  ? settings.fin_wait_2
                              : options.linger2 < 0 ? Duration{}
                                                    : Duration{std::chrono::seconds{options.linger2}};
    timers_.arm(Timer::orphan, now + patience);
  } else if (state_ == State::fin_wait_1 || state_ == State::closing || state_ == State::last_ack) {
    timers_.arm(Timer::orphan, now + settings.orphan_give_up);
  }
}

// Zero window, or text held back: probe after one RTO, then at growing gaps (SHLD-29, SHLD-30).
void Connection::arm_persist(Instant now, const TcpSettings& settings) {
  if (timers_.armed(Timer::persist)) return;
  if (persist_backoff_ == 0) persist_since_ = now;
  const Duration gap = rtt_.rto(settings) * (std::int64_t{1} << std::min(persist_backoff_, 16));
  timers_.arm(Timer::persist, now + std::min(gap, settings.rto_max));
}

bool Connection::unfinished() const {
  switch (state_) {
    case State::fin_wait_1:
    case State::closing:
    case State::last_ack:
      return true;
    case State::established:
    case State::close_wait:
      return snd_.queued() != 0;
    default:
      return reset_owed_;
  }
}

std::size_t Connection::readable() const {
  const std::size_t all = rcv_.readable();
  if (!urgent_valid_ || options.oob_inline) return all;
  const std::int64_t to_mark = urgent_mark_ - rcv_.head();
  // Reading stops at the mark; the urgent octet itself is not in the stream.
  return to_mark > 0 ? std::min(all, static_cast<std::size_t>(to_mark)) : all > 0 && to_mark == 0 ? all - 1 : all;
}

std::uint64_t Connection::digest(std::uint64_t h) const {
  const auto mix = [&h](auto value) {
    h = (h ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  };
  mix(state_), mix(error_), mix(owned_);
  mix(snd_.una().raw()), mix(snd_.nxt().raw()), mix(snd_.wnd()), mix(snd_.queued()), mix(snd_.lost()),
      mix(snd_.has_sent() ? snd_.sent().sacked().size() : 0), mix(snd_.end().raw());
  mix(rcv_.nxt().raw()), mix(rcv_.edge().raw()), mix(rcv_.readable()),
      mix(rcv_.has_holes() ? rcv_.out_of_order().size() : 0);
  mix(cwnd()), mix(recovery_.dup_acks()), mix(recovery_.active()), mix(rtt_.srtt().count()), mix(rtt_.rttvar().count());
  mix(rtt_.backoff()), mix(ts_recent_), mix(unacked_text_), mix(timers_.next().time_since_epoch().count());
  return h;
}

}  // namespace tunic
