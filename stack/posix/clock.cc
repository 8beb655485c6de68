#include "posix/clock.h"

namespace tunic {

Instant now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

Instant after(Duration d) {
  const Instant t = now();
  return d >= never - t ? never : t + d;
}

}  // namespace tunic
