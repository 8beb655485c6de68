// The deadlines of one connection. They share one node in the Stack's wheel.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace tunic {

enum class Timer : std::uint8_t {
  retransmit,   // RFC 6298
  persist,      // zero window, or text held back by silly-window avoidance (RFC 9293 sections 3.8.6.1, 3.8.6.2.1)
  delayed_ack,  // section 3.8.6.3
  keep_alive,   // section 3.8.4
  orphan,       // nobody owns the connection and nothing goes on
  count_,
};

class Timers {
 public:
  Timers() { at_.fill(never); }
  void arm(Timer t, Instant when) { at(t) = when; }
  void arm_if_idle(Timer t, Instant when) {
    if (at(t) == never) at(t) = when;
  }
  void disarm(Timer t) { at(t) = never; }
  bool armed(Timer t) const { return at_[static_cast<std::size_t>(t)] != never; }
  Instant when(Timer t) const { return at_[static_cast<std::size_t>(t)]; }
  /// Whether `t` has come; it is disarmed then.
  bool take(Timer t, Instant now) {
    if (at(t) > now) return false;
    disarm(t);
    return true;
  }
  Instant next() const { return *std::min_element(at_.begin(), at_.end()); }
  void disarm_all() { at_.fill(never); }

 private:
  Instant& at(Timer t) { return at_[static_cast<std::size_t>(t)]; }
  std::array<Instant, static_cast<std::size_t>(Timer::count_)> at_;
};

}  // namespace tunic
