// Reno: slow start, congestion avoidance, halving on loss (RFC 5681; RFC 9293 §3.8.2, MUST-19), counted in octets (RFC
// 3465, and RFC 9406 section 4.3 for the limit of slow start). Recovery itself is in recovery.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "tcp/congestion.h"
#include "tcp/octets.h"

namespace tunic {

class Reno {
 public:
  static constexpr std::int64_t largest = std::int64_t{1} << 30;  // RFC 7323 section 2.3

  /// `segments` is the initial window (RFC 6928: 10 segments, at most max(2 MSS, 14600) octets).
  Reno(std::int64_t mss, int segments)
      : mss_{mss}, cwnd_{initial(mss, segments)}, initial_segments_{static_cast<std::uint16_t>(segments)} {}

  void on_ack(const AckSample& a) {
    if (!a.is_cwnd_limited) return;  // RFC 5681 section 3.1, RFC 7661: what was not used is not raised
    if (cwnd_ < ssthresh_) {
      const std::int64_t limit = after_rto_ ? std::int64_t{mss_} : a.min_rtt < 1ms ? largest : 8 * mss_;
      cwnd_ += std::min(a.acked, limit);
    } else if ((counted_ += a.acked) >= cwnd_) {  // one segment for each window acknowledged
      counted_ -= cwnd_;
      cwnd_ += mss_;
    }
    cwnd_ = std::min<std::int64_t>(cwnd_, largest);
  }
  void on_loss(const AckSample& a) {  // RFC 5681 section 3.2, equation (4)
    ssthresh_ = std::max(a.prior_in_flight / 2, 2 * mss_);
    cwnd_ = ssthresh_;
    counted_ = 0;
    after_rto_ = false;
  }
  void on_rto(const AckSample& a) {
    ssthresh_ = std::max(a.prior_in_flight / 2, 2 * mss_);
    cwnd_ = mss_;  // the loss window
    counted_ = 0;
    after_rto_ = true;
  }
  void on_ecn(const AckSample& a) { on_loss(a); }
  void on_spurious() {}
  /// RFC 6582 section 3.2 step 3, full acknowledgment, option 1: no burst out of recovery.
  void on_recovery_exit(const AckSample& a) {
    cwnd_ = std::min<std::int64_t>(ssthresh_, std::max<std::int64_t>(a.prior_in_flight, mss_) + mss_);
    after_rto_ = false;
  }
  void on_idle_restart(Instant) {
    cwnd_ = std::min<std::int64_t>(cwnd_, initial(mss_, initial_segments_));
  }  // RFC 5681 section 4.1
  /// Smaller segments, and as many as before (RFC 5681 section 3.1); larger ones, and as many octets, for a burst that
  /// nobody has tried would follow.
  void on_mss(std::int64_t mss) {
    if (mss < mss_) cwnd_ = cwnd_ * mss / mss_;
    cwnd_ = std::max<std::int64_t>(cwnd_, mss);
    if (ssthresh_ != unlimited) ssthresh_ = std::max<std::int64_t>(ssthresh_, 2 * mss);
    mss_ = mss;
  }
  /// RFC 5681 section 3.1: a SYN that was lost leaves one segment.
  void on_lost_syn() { cwnd_ = mss_; }

  std::int64_t cwnd() const { return cwnd_; }
  std::int64_t ssthresh() const {
    return ssthresh_ == unlimited ? std::numeric_limits<std::int64_t>::max() : std::int64_t{ssthresh_};
  }
  std::int64_t pacing_rate() const { return 0; }
  std::int64_t send_quantum() const { return 65'535; }

 private:
  static std::int64_t initial(std::int64_t mss, int segments) {
    return std::min(segments * mss, std::max(2 * mss, std::int64_t{1460} * segments));
  }
  static constexpr std::int64_t unlimited = std::numeric_limits<std::uint32_t>::max();  // before any loss
  Octets mss_, cwnd_;
  Octets ssthresh_ = unlimited;
  Octets counted_;
  std::uint16_t initial_segments_;
  bool after_rto_ = false;
};

static_assert(CongestionControl<Reno>);
using AnyCongestionControl = std::variant<Reno>;

/// Their names, in the order of AnyCongestionControl: UserOptions::congestion counts them.
inline constexpr std::array<std::string_view, std::variant_size_v<AnyCongestionControl>> congestion_controls{"reno"};
/// The congestion control of a connection that begins.
inline AnyCongestionControl begin_congestion_control(std::int64_t mss, int initial_segments) {
  return Reno{mss, initial_segments};
}

}  // namespace tunic
