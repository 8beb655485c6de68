// The one clock of the socket layer: CLOCK_MONOTONIC, in the units of the core, which has no clock of its own.
#pragma once

#include <ctime>

#include "base/time.h"

namespace tunic {

Instant now();

/// As the kernel's calls take it: an absolute CLOCK_MONOTONIC time, or a length of time.
constexpr timespec to_timespec(Duration d) { return {.tv_sec = d / 1s, .tv_nsec = (d % 1s).count()}; }

/// At most as long as a Duration can be.
constexpr Duration to_duration(const timespec& t) {
  if (t.tv_sec > Duration::max() / 1s - 1) return Duration::max();
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

/// The instant `d` from now; `never` for a duration that reaches beyond time.
Instant after(Duration d);

}  // namespace tunic
