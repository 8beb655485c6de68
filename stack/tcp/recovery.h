// Loss recovery by duplicate acknowledgments: fast retransmit (RFC 5681 section 3.2), limited transmit (RFC 3042) and
// NewReno's partial acknowledgments (RFC 6582). It decides; the connection marks ranges lost and asks the congestion
// control.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/seq.h"
#include "tcp/octets.h"

namespace tunic {

class Recovery {
 public:
  enum class Verdict { nothing, enter, inflate, partial, exit };
  static constexpr std::uint32_t dup_threshold = 3;

  void start(Seq iss) { recover_ = iss - 1; }  // so that the very first segment can be recovered too
  bool active() const { return active_; }
  std::uint32_t dup_acks() const { return dup_acks_; }
  Seq recovery_point() const { return recover_; }
  /// FlightSize when the first of the duplicates came: what limited transmit has sent since does not count.
  std::int64_t flight_at_first_duplicate() const { return flight_; }
  /// Octets beyond cwnd that duplicate acknowledgments allow: each tells that a segment has left the network.
  std::int64_t inflation() const { return inflation_; }

  /// A duplicate acknowledgment of `una` while text up to `nxt` is outstanding.
  Verdict on_duplicate(Seq una, Seq nxt, std::int64_t mss) {
    ++dup_acks_;
    if (dup_acks_ == 1) flight_ = nxt - una;
    if (active_) {
      inflation_ = std::min<std::int64_t>(inflation_ + mss, flight_);  // never more than was outstanding (X2)
      return Verdict::inflate;
    }
    if (dup_acks_ < dup_threshold) {
      inflation_ = dup_acks_ * mss;  // RFC 3042
      return Verdict::nothing;
    }
    // RFC 6582 section 3.2 step 2: not again for text that was outstanding when the last recovery began.
    if (dup_acks_ > dup_threshold || una - 1 <= recover_) return Verdict::nothing;
    active_ = true;
    recover_ = nxt - 1;
    inflation_ = dup_threshold * mss;
    return Verdict::enter;
  }
  /// New text was acknowledged, up to `ack`.
  Verdict on_advance(Seq ack, std::int64_t acked, std::int64_t mss) {
    dup_acks_ = 0;
    if (!active_) {
      inflation_ = 0;
      return Verdict::nothing;
    }
    if (ack > recover_) {
      active_ = false;
      inflation_ = 0;
      return Verdict::exit;
    }
    inflation_ = std::max<std::int64_t>(0, inflation_ - acked) + (acked >= mss ? mss : 0);  // partial window deflation
    return Verdict::partial;
  }
  /// RFC 6582 section 4: after a timeout, duplicates of what was outstanding then start nothing.
  void on_timeout(Seq nxt) {
    active_ = false;
    dup_acks_ = 0;
    inflation_ = 0;
    recover_ = nxt - 1;
  }

 private:
  Seq recover_;
  Octets inflation_, flight_;
  std::uint32_t dup_acks_ = 0;
  bool active_ = false;
};

}  // namespace tunic
