// How fast the path delivers: each acknowledgment gives a sample, what was delivered since the newest acknowledged
// segment was sent, over the longer of the time it took to send and the time it took to acknowledge
// (draft-ietf-ccwg-bbr section 4.1, after draft-cheng-iccrg-delivery-rate-estimation).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace tunic {

/// How things stood when a segment was sent; it is kept with the segment.
struct RateStamp {
  std::int64_t delivered = 0;
  Instant delivered_at{}, window_sent_at{};  // when `delivered` was reached; when the segment that reached it was sent
  bool app_limited = false;
};

class DeliveryRate {
 public:
  RateStamp stamp(Instant now, bool nothing_in_flight) {
    if (nothing_in_flight) delivered_at_ = window_sent_at_ = now;
    return {delivered_, delivered_at_, window_sent_at_, app_limited_until_ != 0};
  }
  /// `acked` octets are delivered; the newest of them was sent at `sent_at` with this stamp.
  void on_ack(std::int64_t acked, const RateStamp& newest, Instant sent_at, Duration min_rtt, Instant now) {
    delivered_ += acked;
    delivered_at_ = now;
    if (delivered_ > app_limited_until_) app_limited_until_ = 0;
    const Duration interval = std::max(sent_at - newest.window_sent_at, now - newest.delivered_at);
    window_sent_at_ = sent_at;
    if (interval <= Duration{} || interval < min_rtt)
      return;  // faster than a round trip: acknowledgments came in a heap
    const std::int64_t us = std::max<std::int64_t>(1, interval / 1us);
    const std::int64_t rate = (delivered_ - newest.delivered) * 1'000'000 / us;
    if (newest.app_limited && rate < rate_) return;  // the path was not asked for more
    rate_ = rate;
    rate_app_limited_ = newest.app_limited;
  }
  /// The user has nothing more to send, although the windows would let it: what follows says little of the path.
  void on_app_limited(std::int64_t flight) { app_limited_until_ = std::max<std::int64_t>(1, delivered_ + flight); }

  std::int64_t delivered() const { return delivered_; }
  std::int64_t rate() const { return rate_; }  // octets a second; 0: unknown
  bool app_limited() const { return rate_app_limited_; }

 private:
  std::int64_t delivered_ = 0, rate_ = 0;
  std::int64_t app_limited_until_ = 0;  // 0: not limited
  Instant delivered_at_{}, window_sent_at_{};
  bool rate_app_limited_ = false;
};

}  // namespace tunic
