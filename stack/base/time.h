// Time is handed in: the core has no clock. An Instant is a number of nanoseconds since an origin the caller chooses.
#pragma once

#include <chrono>
#include <cstdint>

namespace tunic {

/// A clock without now(), on purpose: only callers outside the core read clocks.
struct StackClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<StackClock>;
  static constexpr bool is_steady = true;
};

using Instant = StackClock::time_point;
using Duration = StackClock::duration;

/// "Never": later than any deadline.
inline constexpr Instant never = Instant::max();

using namespace std::chrono_literals;

}  // namespace tunic
