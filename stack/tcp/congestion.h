// What a congestion control is: it sees samples and says how much may be in flight, how fast, and in what portions. A
// new one is a file and a word in AnyCongestionControl (RFC 9293 §3.8.2, MAY-18). All lengths are octets; nothing here
// is floating point.
#pragma once

#include <concepts>
#include <cstdint>
#include <variant>

#include "base/time.h"

namespace tunic {

struct AckSample {
  Instant now{};
  std::int64_t acked = 0, sacked = 0, lost = 0;        // by this acknowledgment
  std::int64_t delivered = 0, prior_delivered = 0;     // since the connection began; when the newest acked was sent
  std::int64_t prior_in_flight = 0, tx_in_flight = 0;  // before this acknowledgment; when the newest acked was sent
  std::int64_t ce_segments = 0;
  std::int64_t delivery_rate = 0;  // octets a second, 0: unknown
  Duration rtt{}, min_rtt{};       // 0: no sample
  bool app_limited = false, is_cwnd_limited = false, round_start = false, in_recovery = false, ecn_echo = false;
};

template <class C>
concept CongestionControl = requires(C c, const C k, const AckSample& a, Instant t, std::int64_t mss) {
  c.on_ack(a);   // new text was acknowledged outside of recovery
  c.on_loss(a);  // recovery begins
  c.on_rto(a);   // the retransmission timer ran out (first time for this text)
  c.on_ecn(a);
  c.on_spurious();
  c.on_recovery_exit(a);
  c.on_idle_restart(t);
  c.on_mss(mss);
  c.on_lost_syn();  // before the first text (RFC 5681 section 3.1)
  { k.cwnd() } -> std::same_as<std::int64_t>;
  { k.ssthresh() } -> std::same_as<std::int64_t>;
  { k.pacing_rate() } -> std::same_as<std::int64_t>;   // octets a second, 0: not paced
  { k.send_quantum() } -> std::same_as<std::int64_t>;  // octets of one super-segment at most
};

}  // namespace tunic
