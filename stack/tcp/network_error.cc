// What the network says is a hint, not proof: RFC 9293 section 3.9.2.2, RFC 5927, RFC 8201.
#include <algorithm>

#include "tcp/connection.h"

namespace tunic {

// A quoted number that is not in flight is a guess, or old news: ignored (RFC 5927 section 4.1, C1).
std::optional<Drop> Connection::network_error(const NetworkError& e, Instant now, const TcpSettings& settings) {
  const Seq seq = Seq::near(snd_.una(), e.seq);
  if (state_ == State::closed || state_ == State::time_wait || seq < snd_.una() || seq >= snd_.nxt())
    return Drop::icmp_unmatched;
  if (e.mtu != 0) {
    if (too_big_.arrives(e.mtu, mtu_, seq, retransmissions_)) believe_too_big(e.mtu, now, settings);
    return {};
  }
  if (state_ == State::syn_sent || (state_ == State::syn_received && !passive_)) {
    fail_with(static_cast<Error>(e.error));  // whatever it says: nothing is lost yet (RFC 5461 section 4.1, as Linux)
  } else if (state_ == State::syn_received && e.hard) {
    enter(State::closed);  // SHLD-26; nobody is told, as for a reset
  } else if (options.receive_errors && was_established_) {
    error_ = e.error;  // the user asked to hear of it; the connection goes on
    edge_ = any_edge;
  } else {
    // In synchronized states hard errors are soft too (RFC 5927 section 5.2), and none ends the connection (MUST-56):
    // a retransmission says more. If all of them fail the user is told of this (SHLD-25).
    soft_error_ = e.error;
  }
  return {};
}

// It was lost for its size alone: it goes again at once in smaller segments, and the congestion window, counted in
// segments, stays what it was (RFC 8201 section 5.4, RFC 5681 section 3.1).
void Connection::believe_too_big(std::uint32_t mtu, Instant now, const TcpSettings& settings) {
  learned_mtu_ = static_cast<std::uint16_t>(mtu);
  set_path_mtu(mtu, never);
  if (!snd_.syn_acknowledged() || !snd_.sent().mark_larger_lost(mss())) return;
  recovery_.on_timeout(snd_.nxt());  // duplicates of what follows start nothing
  arm_retransmit(now, settings);
}

void Connection::set_path_mtu(std::uint32_t octets, Instant until) {
  const std::int64_t before = eff_mss_;
  mtu_ = static_cast<std::uint16_t>(octets);
  mtu_until_ = until;
  if (state_ == State::syn_sent) return;  // nothing is agreed yet
  compute_mss();
  if (eff_mss_ != before) std::visit([this](auto& c) { c.on_mss(eff_mss_); }, cc_);
}

}  // namespace tunic
