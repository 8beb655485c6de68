// The one clock of the socket layer: CLOCK_MONOTONIC, in the units of the core, which has no clock of its own.
#pragma once

#include <ctime>

#include "base/time.h"

namespace tunic {

Instant now();

/// As the kernel's calls take it: an absolute CLOCK_MONOTONIC time, or a length of time.
constexpr timespec to_timespec(Duration d) { return {.tv_sec = d / 1s, .tv_nsec = (d % 1s).count()}; }

/// The instant `d` from now; `never` for a duration that reaches beyond time.
Instant after(Duration d);

}  // namespace tunic
