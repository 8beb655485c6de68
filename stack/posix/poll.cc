// poll() and select(): sockets of ours and descriptors of the kernel in one set.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "posix/blocking.h"
#include "posix/epoll.h"
#include "posix/readiness.h"

namespace tunic {

namespace {

constexpr short always = POLLERR | POLLHUP | POLLNVAL;  // told unasked

/// A set under way: which entries are ours, and those of the kernel with two free ones behind them for the Driver.
struct Set {
  Set(std::span<pollfd> set, short unasked_) : all{set}, unasked{unasked_}, room(first.data(), first.size()) {}

  struct Ours {
    std::size_t at;
    Handle handle;
  };
  std::span<pollfd> all;
  const short unasked;                // events that are told though nobody asked
  std::array<std::byte, 2048> first;  // a small set takes nothing from the heap
  std::pmr::monotonic_buffer_resource room;
  std::pmr::vector<Ours> ours{&room};
  std::pmr::vector<std::size_t> theirs{&room};
  std::pmr::vector<pollfd> kernel{&room};

  void sort_out(const Files& files) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].revents = 0;
      if (const Handle h = files.find(all[i].fd); h.use() == Use::open || h.use() == Use::lost)
        ours.push_back({i, h});
      else if (all[i].fd >= 0)
        theirs.push_back(i);
    }
    for (const std::size_t i : theirs) kernel.push_back(all[i]);
    kernel.resize(kernel.empty() ? 0 : kernel.size() + 2);
  }
  std::span<pollfd> of_kernel() { return {kernel.data(), theirs.size()}; }
  int look_at_kernel() {
    int count = 0;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      pollfd& p = all[theirs[i]];
      p.revents = static_cast<short>(kernel[i].revents & (p.events | unasked));
      if (p.revents == 0 && kernel[i].revents != 0) kernel[i] = {-1, 0, 0};  // it would tell only this for ever
      count += p.revents != 0;
    }
    return count;
  }
};

int look_at_ours(Set& set, const Stack& stack) {
  int count = 0;
  for (const Set::Ours& o : set.ours) {
    pollfd& p = set.all[o.at];
    const auto is = o.handle.is_current() ? static_cast<int>(to_poll(stack.ready(o.handle.socket->id))) : POLLNVAL;
    p.revents = static_cast<short>(is & (p.events | set.unasked));
    count += p.revents != 0;
  }
  return count;
}

/// A timeout as the kernel takes it.
struct Span {
  explicit Span(Duration d) : value{to_timespec(d)}, pointer{d == Description::forever ? nullptr : &value} {}
  const timespec value;
  const timespec* const pointer;
};

/// Visits the bits of an fd_set that may be larger than the type says, as Linux does.
bool has(const fd_set* set, int fd) {
  constexpr int bits = CHAR_BIT * sizeof(fd_mask);
  if (set == nullptr) return false;
  return (reinterpret_cast<const fd_mask*>(set)[fd / bits] >> (fd % bits) & 1) != 0;
}

int put(fd_set* set, int fd, bool value) {
  constexpr int bits = CHAR_BIT * sizeof(fd_mask);
  if (set == nullptr) return 0;
  fd_mask& word = reinterpret_cast<fd_mask*>(set)[fd / bits];
  const auto bit = static_cast<fd_mask>(1UL << (fd % bits));
  word = value ? word | bit : word & ~bit;
  return value;
}

/// How many numbers the kernel's table of this process has room for. Linux looks at no bits beyond, whatever the count:
/// programs give getdtablesize() beside sets that are much smaller.
int table_size() {
  std::array<char, 2048> text{};
  const int file = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return INT_MAX;
  const ssize_t size = ::read(file, text.data(), text.size() - 1);
  ::close(file);
  const char* line = size > 0 ? std::strstr(text.data(), "FDSize:") : nullptr;
  return line == nullptr ? INT_MAX : std::atoi(line + std::strlen("FDSize:"));
}

constexpr short read_events = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR;
constexpr short write_events = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR;

}  // namespace

int Sockets::poll(std::span<pollfd> all, Duration timeout, const sigset_t* mask) {
  if (const Status exposed = expose_epolls(all); !exposed) return answer(exposed);
  if (std::ranges::none_of(all, [this](const pollfd& p) { return is_ours(p.fd); }))
    return ::ppoll(all.data(), all.size(), Span{timeout}.pointer, mask);
  return answer(poll_set(all, always, timeout, mask));
}

Result<int> Sockets::poll_set(std::span<pollfd> all, short unasked, Duration timeout, const sigset_t* mask) {
  Set set{all, unasked};
  set.sort_out(files_);
  const Instant until = after(timeout);
  if (!set.theirs.empty()) ::poll(set.kernel.data(), set.theirs.size(), 0);

  const auto look = [&] { return (is_frozen() ? 0 : look_at_ours(set, driver_.stack())) + set.look_at_kernel(); };
  const auto wait = [&]() -> Result<int> {
    const std::lock_guard gate{driver_};
    int count = look();
    if (count == 0 && timeout == Duration{}) {
      driver_.glance();
      return look();
    }
    if (count != 0) return count;
    Waiter waiter;
    std::pmr::vector<Watch> watches{set.ours.size(), &set.room};
    for (std::size_t i = 0; i < set.ours.size(); ++i)
      if (const Handle& h = set.ours[i].handle; h.is_current())
        driver_.watch(watches[i], waiter, h.socket->id,
                      to_ready(static_cast<std::uint32_t>(all[set.ours[i].at].events)));
    for (;;) {
      const Slept slept = driver_.wait(
          waiter, {.until = until, .restarts = false, .as_poll = true, .kernel = set.of_kernel(), .mask = mask});
      count = look();
      if (count != 0 || slept == Slept::timed_out) return count;
      if (slept == Slept::interrupted) return fail_as(EINTR);
    }
  };
  const Result<int> count = wait();
  // A signal that `mask` lets through has its moment also where there is no time to wait.
  if (count && *count == 0 && timeout == Duration{} && mask != nullptr &&
      sleep_on(std::span<pollfd>{}, Instant::min(), mask) == Slept::interrupted)
    return fail_as(EINTR);
  return count;
}

int Sockets::select(int count, fd_set* in, fd_set* out, fd_set* except, Duration timeout, const sigset_t* mask) {
  if (count > FD_SETSIZE) count = std::min(count, table_size());
  std::vector<pollfd> all;
  for (int fd = 0; fd < count; ++fd) {
    const int events =
        (has(in, fd) ? read_events : 0) | (has(out, fd) ? write_events : 0) | (has(except, fd) ? POLLPRI : 0);
    if (events != 0) all.push_back({fd, static_cast<short>(events), 0});
  }
  if (const Status exposed = expose_epolls(all); !exposed) return answer(exposed);
  if (std::ranges::none_of(all, [this](const pollfd& p) { return is_ours(p.fd); }))
    return ::pselect(count, in, out, except, Span{timeout}.pointer, mask);
  const Result<int> found = poll_set(all, POLLNVAL, timeout, mask);
  if (!found) return answer(found);
  if (std::ranges::any_of(all, [](const pollfd& p) { return (p.revents & POLLNVAL) != 0; }))
    return answer(Result<int>{fail(Error::bad_handle)});
  int bits = 0;
  for (const pollfd& p : all) {
    bits += put(in, p.fd, has(in, p.fd) && (p.revents & read_events) != 0);
    bits += put(out, p.fd, has(out, p.fd) && (p.revents & write_events) != 0);
    bits += put(except, p.fd, has(except, p.fd) && (p.revents & POLLPRI) != 0);
  }
  return bits;
}

/// Whether the kernel alone cannot tell of it.
bool Sockets::is_ours(int fd) const {
  const Use use = files_.find(fd).use();
  return use == Use::open || use == Use::lost;
}

/// One that is closed meanwhile is the kernel's to tell of.
Status Sockets::expose_epolls(std::span<const pollfd> all) {
  for (const pollfd& p : all) {
    const Handle h = files_.find(p.fd);
    if (h.use() != Use::epoll) continue;
    if (const Status exposed = expose(h); !exposed && h.is_current()) return exposed;
  }
  return {};
}

}  // namespace tunic
