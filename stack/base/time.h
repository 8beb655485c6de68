/// @file
/// Time is handed in: the core has no clock. An Instant is a number of nanoseconds since an origin the caller chooses.
#pragma once

#include <chrono>
#include <cstdint>

namespace tunic {

/// A clock without now(), on purpose: only callers outside the core read clocks.
struct StackClock {
  /// @cond what std::chrono asks of a clock
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<StackClock>;
  static constexpr bool is_steady = true;
  /// @endcond
};

/// A point in time: nanoseconds since the caller's origin; it never goes back from call to call.
using Instant = StackClock::time_point;
/// A span of time, in nanoseconds; 64 bits reach 292 years.
using Duration = StackClock::duration;

/// "Never": later than any deadline.
inline constexpr Instant never = Instant::max();

using namespace std::chrono_literals;

}  // namespace tunic
