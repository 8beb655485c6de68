// poll(): sockets of ours and descriptors of the kernel in one set.
#include <memory_resource>
#include <vector>

#include "posix/blocking.h"

namespace tunic {

namespace {

struct Pair {
  std::uint32_t ready;
  short events;
};
constexpr Pair pairs[] = {
    {ready::readable, POLLIN | POLLRDNORM},
    {ready::writable, POLLOUT | POLLWRNORM},
    {ready::urgent, POLLPRI},
    {ready::error, POLLERR},
    {ready::hangup, POLLHUP},
    {ready::read_hangup, POLLRDHUP},
};

short to_poll(std::uint32_t is) {
  int events = 0;
  for (const Pair& p : pairs)
    if ((is & p.ready) != 0) events |= p.events;
  return static_cast<short>(events);
}

std::uint32_t to_ready(short events) {
  std::uint32_t mask = 0;
  for (const Pair& p : pairs)
    if ((events & p.events) != 0) mask |= p.ready;
  return mask;
}

/// A set under way: which entries are ours, and those of the kernel with two free ones behind them for the Driver.
struct Set {
  explicit Set(std::span<pollfd> set) : all{set}, room(first.data(), first.size()) {}

  struct Ours {
    std::size_t at;
    Handle handle;
  };
  std::span<pollfd> all;
  std::array<std::byte, 2048> first;  // a small set takes nothing from the heap
  std::pmr::monotonic_buffer_resource room;
  std::pmr::vector<Ours> ours{&room};
  std::pmr::vector<std::size_t> theirs{&room};
  std::pmr::vector<pollfd> kernel{&room};

  void sort_out(const Files& files) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].revents = 0;
      if (const Handle h = files.find(all[i].fd); h.use() != Use::none)
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
      all[theirs[i]].revents = kernel[i].revents;
      count += kernel[i].revents != 0;
    }
    return count;
  }
};

int look_at_ours(Set& set, const Stack& stack) {
  int count = 0;
  for (const Set::Ours& o : set.ours) {
    pollfd& p = set.all[o.at];
    const int is = o.handle.is_current() ? to_poll(stack.ready(o.handle.socket->id)) : POLLNVAL;
    p.revents = static_cast<short>(is & (p.events | POLLERR | POLLHUP | POLLNVAL));
    count += p.revents != 0;
  }
  return count;
}

}  // namespace

int Sockets::poll(std::span<pollfd> all, int timeout_milliseconds) {
  Set set{all};
  set.sort_out(files_);
  if (set.ours.empty()) return ::poll(all.data(), all.size(), timeout_milliseconds);
  const Instant until = timeout_milliseconds < 0 ? never : after(std::chrono::milliseconds{timeout_milliseconds});
  if (!set.theirs.empty()) ::poll(set.kernel.data(), set.theirs.size(), 0);

  const auto look = [&] { return (is_frozen() ? 0 : look_at_ours(set, driver_.stack())) + set.look_at_kernel(); };
  const auto wait = [&]() -> Result<int> {
    const std::lock_guard gate{driver_};
    int count = look();
    if (count == 0 && timeout_milliseconds == 0) {
      driver_.glance();
      return look();
    }
    if (count != 0) return count;
    Waiter waiter;
    std::pmr::vector<Watch> watches{set.ours.size(), &set.room};
    for (std::size_t i = 0; i < set.ours.size(); ++i)
      if (const Handle& h = set.ours[i].handle; h.is_current())
        driver_.watch(watches[i], waiter, h.socket->id, to_ready(all[set.ours[i].at].events));
    for (;;) {
      const Slept slept = driver_.wait(waiter, {.until = until, .restarts = false, .kernel = set.of_kernel()});
      count = look();
      if (count != 0 || slept == Slept::timed_out) return count;
      if (slept == Slept::interrupted) return fail_as(EINTR);
    }
  };
  return answer(wait());
}

}  // namespace tunic
