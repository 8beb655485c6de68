#include "posix/sleep.h"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "posix/clock.h"

namespace tunic {

Slept sleep_on(std::atomic<std::uint32_t>& word, Instant until) {
  const timespec t = to_timespec(until.time_since_epoch());
  for (;;) {
    if (word.load(std::memory_order_acquire) != 0) return Slept::woken;
    // FUTEX_WAIT_BITSET takes an absolute time, FUTEX_WAIT a relative one.
    const long r = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, until == never ? nullptr : &t,
                           nullptr, FUTEX_BITSET_MATCH_ANY);
    if (r < 0 && errno == EINTR) return Slept::interrupted;
    if (r < 0 && errno == ETIMEDOUT) return Slept::timed_out;
  }
}

void wake(std::atomic<std::uint32_t>* word) { syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1); }

namespace {

timespec time_left(Instant until) {
  if (until == Instant::min()) return {};
  const Instant start = now();
  return until > start ? to_timespec(until - start) : timespec{};
}

}  // namespace

Slept sleep_on(std::span<pollfd> set, Instant until, const sigset_t* mask) {
  timespec t{};
  if (until != never) t = time_left(until);
  const long r = syscall(SYS_ppoll, set.data(), set.size(), until == never ? nullptr : &t, mask, _NSIG / 8);
  if (r > 0) return Slept::woken;
  for (pollfd& p : set) p.revents = 0;  // not written when the call failed
  return r == 0 ? Slept::timed_out : Slept::interrupted;
}

std::optional<Slept> sleep_on(int epoll, std::span<epoll_event> out, int& count, Instant until, const sigset_t* mask) {
  timespec t{};
  if (until != never) t = time_left(until);
  const long r =
      syscall(SYS_epoll_pwait2, epoll, out.data(), out.size(), until == never ? nullptr : &t, mask, _NSIG / 8);
  count = r > 0 ? static_cast<int>(r) : 0;
  if (r >= 0) return r == 0 ? Slept::timed_out : Slept::woken;
  if (errno == EINTR) return Slept::interrupted;
  return {};
}

int make_doorbell() { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

bool ring(int doorbell) { return eventfd_write(doorbell, 1) == 0; }

void quiet(int doorbell) {
  eventfd_t count;
  eventfd_read(doorbell, &count);
}

}  // namespace tunic
