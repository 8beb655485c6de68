// The calls of tunic.h that wait for many numbers at once.
#include <sys/epoll.h>
#include <sys/select.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <optional>
#include <span>

#include "libtunic/owner.h"
#include "libtunic/tunic.h"
#include "posix/clock.h"

using namespace std::chrono_literals;
using tunic::by_number;
using tunic::Description;
using tunic::Duration;
using tunic::fail_with;
using tunic::Handle;
using tunic::Process;
using tunic::Runtime;
using tunic::Sockets;
using tunic::Use;

namespace {

constexpr bool is_lost(Use use) { return use != Use::none; }

/// In a process that has no stack of its own, but numbers of its parent's.
bool is_lost(int fd) { return is_lost(Process::instance().files().find(fd).use()); }

int poll_lost(std::span<pollfd> set) {
  if (std::none_of(set.begin(), set.end(), [](const pollfd& p) { return is_lost(p.fd); })) return 0;
  int count = 0;
  for (pollfd& p : set) {
    if (is_lost(p.fd))
      p.revents = POLLNVAL;
    else
      ::poll(&p, 1, 0);
    count += p.revents != 0;
  }
  return count;
}

Duration milliseconds(int n) { return n < 0 ? Description::forever : std::chrono::milliseconds{n}; }

/// Nothing for a time that is none.
std::optional<Duration> to_duration(const timespec* t) {
  if (t == nullptr) return Description::forever;
  if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= 1'000'000'000) return {};
  if (t->tv_sec >= Description::forever / 1s) return Description::forever;
  return std::chrono::seconds{t->tv_sec} + std::chrono::nanoseconds{t->tv_nsec};
}

/// As Linux takes it: more than a million microseconds are seconds too.
std::optional<Duration> to_duration(const timeval* t) {
  if (t == nullptr) return Description::forever;
  if (t->tv_sec < 0 || t->tv_usec < 0) return {};
  const Duration micro = std::chrono::microseconds{t->tv_usec % 1'000'000};
  if (t->tv_sec >= Description::forever / 2s || t->tv_usec / 1'000'000 >= Description::forever / 2s)
    return Description::forever;
  return std::chrono::seconds{t->tv_sec + t->tv_usec / 1'000'000} + micro;
}

int poll_for(pollfd* set, nfds_t count, Duration timeout, const sigset_t* mask) try {
  if (count > INT_MAX) return fail_with(EINVAL);
  if (set == nullptr && count != 0) return fail_with(EFAULT);
  const std::span all{set, static_cast<std::size_t>(count)};
  if (Runtime* r = Process::instance().runtime()) return r->sockets().poll(all, timeout, mask);
  if (const int lost = poll_lost(all); lost != 0) return lost;
  const timespec t = tunic::to_timespec(timeout);
  return ::ppoll(set, count, timeout == Description::forever ? nullptr : &t, mask);
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

int select_for(int count, fd_set* in, fd_set* out, fd_set* except, Duration timeout, const sigset_t* mask) try {
  if (count < 0) return fail_with(EINVAL);
  if (Runtime* r = Process::instance().runtime()) return r->sockets().select(count, in, out, except, timeout, mask);
  for (int fd = 0; fd < std::min(count, FD_SETSIZE); ++fd)
    for (const fd_set* set : {in, out, except})
      if (set != nullptr && FD_ISSET(fd, set) && is_lost(fd)) return fail_with(EBADF);
  const timespec t = tunic::to_timespec(timeout);
  return ::pselect(count, in, out, except, timeout == Description::forever ? nullptr : &t, mask);
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

int epoll_wait_for(int epoll, epoll_event* events, int count, Duration timeout, const sigset_t* mask) {
  constexpr int most = static_cast<int>(INT_MAX / sizeof(epoll_event));
  const auto ours = [&](Sockets& s, Handle e) {
    if (e.use() != Use::epoll) return fail_with(EINVAL);
    if (count <= 0 || count > most) return fail_with(EINVAL);
    if (events == nullptr) {  // as Linux: wrong only when there is something to put there
      pollfd only{.fd = epoll, .events = POLLIN, .revents = 0};
      const int n = s.poll({&only, 1}, timeout, mask);
      return n > 0 ? fail_with(EFAULT) : n;
    }
    return s.epoll_wait(e, {events, static_cast<std::size_t>(count)}, timeout, mask);
  };
  const timespec t = tunic::to_timespec(timeout);
  const auto kernels = [&] {
    return ::epoll_pwait2(epoll, events, count, timeout == Description::forever ? nullptr : &t, mask);
  };
  return by_number(epoll, ours, kernels);
}

}  // namespace

int tunic_poll(pollfd* set, nfds_t count, int timeout_milliseconds) {
  return poll_for(set, count, milliseconds(timeout_milliseconds), nullptr);
}

int tunic_ppoll(pollfd* set, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  const auto d = to_duration(timeout);
  return d ? poll_for(set, count, *d, mask) : fail_with(EINVAL);
}

int tunic_select(int count, fd_set* in, fd_set* out, fd_set* except, timeval* timeout) {
  const auto d = to_duration(timeout);
  if (!d) return fail_with(EINVAL);
  const tunic::Instant until = tunic::after(*d);
  const int found = select_for(count, in, out, except, *d, nullptr);
  if (timeout != nullptr && *d != Description::forever) {
    const int code = errno;
    const Duration left = std::max<Duration>(until - tunic::now(), Duration{});
    *timeout = {.tv_sec = left / 1s, .tv_usec = (left % 1s) / 1us};
    errno = code;
  }
  return found;
}

int tunic_pselect(int count, fd_set* in, fd_set* out, fd_set* except, const timespec* timeout, const sigset_t* mask) {
  const auto d = to_duration(timeout);
  return d ? select_for(count, in, out, except, *d, mask) : fail_with(EINVAL);
}

int tunic_epoll_create(int size) { return size > 0 ? tunic_epoll_create1(0) : fail_with(EINVAL); }

int tunic_epoll_create1(int flags) try {
  const auto runtime = Process::instance().running();
  return runtime ? (*runtime)->sockets().epoll_create(flags) : fail_with(runtime.error());
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

int tunic_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  const Use use = Process::instance().files().find(epoll).use();
  const auto of_kernel = [&] { return ::epoll_ctl(epoll, operation, fd, event); };
  if (use == Use::lost) return fail_with(EBADF);
  if (use == Use::epoll && epoll != fd)
    return by_number(
        epoll,
        [&](Sockets& s, Handle e) {
          return by_number(
              fd, [&](Sockets&, Handle h) { return s.epoll_ctl(e, operation, h, event); },
              [&] { return s.epoll_ctl(e, operation, fd, event); });
        },
        of_kernel);
  if (use != Use::none) return is_lost(fd) ? fail_with(EINVAL) : of_kernel();  // it is no epoll, or `fd` itself
  return by_number(
      fd, [&](Sockets& s, Handle h) { return s.epoll_ctl(epoll, operation, h, event); }, of_kernel);
}

int tunic_epoll_wait(int epoll, epoll_event* events, int count, int timeout_milliseconds) {
  return epoll_wait_for(epoll, events, count, milliseconds(timeout_milliseconds), nullptr);
}

int tunic_epoll_pwait(int epoll, epoll_event* events, int count, int timeout_milliseconds, const sigset_t* mask) {
  return epoll_wait_for(epoll, events, count, milliseconds(timeout_milliseconds), mask);
}

int tunic_epoll_pwait2(int epoll, epoll_event* events, int count, const timespec* timeout, const sigset_t* mask) {
  const auto d = to_duration(timeout);
  return d ? epoll_wait_for(epoll, events, count, *d, mask) : fail_with(EINVAL);
}
