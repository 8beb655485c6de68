// Round-trip time and retransmission timeout: RFC 6298 in integer nanoseconds (MUST-18).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.h"
#include "tcp/settings.h"

namespace tunic {

class Rtt {
 public:
  /// Section 2.2 and 2.3. `r` must not come from a segment that was sent twice (Karn), unless a timestamp tells which.
  void sample(Duration r, Instant now = {}) {
    r = std::max(r, Duration{1us});
    remember(r, now);
    if (srtt_ == Duration{}) {
      srtt_ = r;
      rttvar_ = r / 2;
    } else {
      rttvar_ += (std::chrono::abs(srtt_ - r) - rttvar_) / 4;
      srtt_ += (r - srtt_) / 8;
    }
    backoff_ = 0;
  }
  /// The timeout now, back-off included (5.5): at most rto_max.
  Duration rto(const TcpSettings& s) const {
    const Duration base = measured()
                              ? std::clamp(srtt_ + std::max(clock_granularity, 4 * rttvar_), s.rto_min, s.rto_max)
                              : std::max(s.rto_initial, syn_was_lost_ ? after_lost_syn : Duration{});
    return backoff_ >= 16 ? s.rto_max : std::min(s.rto_max, base * (std::int64_t{1} << backoff_));
  }
  void back_off() { backoff_ = static_cast<std::uint8_t>(std::min(backoff_ + 1, 16)); }
  /// 5.7: after a lost SYN, data begins with 3 s unless the path was measured.
  void lost_syn() {
    backoff_ = 0;
    syn_was_lost_ = true;
  }
  bool measured() const { return srtt_ != Duration{}; }
  int backoff() const { return backoff_; }
  Duration srtt() const { return srtt_; }
  Duration rttvar() const { return rttvar_; }
  /// The least of the last 150 to 300 s, as Linux's window is 300 s: paths change.
  Duration min() const { return std::min(min_, before_); }

 private:
  void remember(Duration r, Instant now) {
    if (srtt_ == Duration{}) before_ = min_ = r, min_since_ = now;
    if (now - min_since_ >= min_window) before_ = min_, min_ = r, min_since_ = now;
    min_ = std::min(min_, r);
  }
  static constexpr Duration min_window = 150s;
  static constexpr Duration clock_granularity = 1ms, after_lost_syn = 3s;
  Duration srtt_{}, rttvar_{};
  Duration min_{}, before_{};  // least of this half of the window, and of the one before
  Instant min_since_{};
  std::uint8_t backoff_ = 0;
  bool syn_was_lost_ = false;
};

}  // namespace tunic
