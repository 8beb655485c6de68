#include "posix/seat.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "posix/clock.h"

namespace tunic {

namespace {
constexpr Duration absence = 3us;  // a look takes much less, unless the thread was not running
}

Seat::Seat(int device) : device_{device}, doorbell_{make_doorbell()}, epoll_{epoll_create1(EPOLL_CLOEXEC)} {
  if (doorbell_ < 0 || epoll_ < 0) {
    const int code = errno;
    close();
    throw std::system_error{code, std::generic_category()};
  }
  listen_to(doorbell_);
  if (device_ >= 0) listen_to(device_);
}

void Seat::close() {
  for (int* fd : {&epoll_, &doorbell_})
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
}

void Seat::listen_to(int fd) {
  epoll_event e{.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ >= 0 && epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e) != 0) ::close(std::exchange(epoll_, -1));
}

void Seat::rest_device() {
  if (!std::exchange(rests_, true) && epoll_ >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, device_, nullptr);
}

void Seat::wake_device() {
  if (std::exchange(rests_, false)) listen_to(device_);
}

bool Seat::spin(Duration d) {
  if (epoll_ < 0) return false;
  std::array<epoll_event, 2> events;
  const Instant until = after(d);
  int count = 0;
  if (!sleep_on(epoll_, events, count, Instant::min(), nullptr) || count != 0) return false;
  for (Instant before = now(); before < until;) {
    sleep_on(epoll_, events, count, Instant::min(), nullptr);
    const Instant t = now();
    if (t - before > absence) return false;
    if (count != 0) return true;
    before = t;
  }
  return false;
}

Seat::Found Seat::sleep(Instant until, const sigset_t* mask) {
  std::array<epoll_event, 2> events;
  int count = 0;
  const auto slept = epoll_ < 0 ? std::nullopt : sleep_on(epoll_, events, count, until, mask);
  if (!slept) {
    std::array<pollfd, 2> set;
    return sleep_beside(set, until, mask);
  }
  Found found{.slept = *slept};
  for (const epoll_event& e : std::span{events}.first(static_cast<std::size_t>(count))) {
    if (e.data.fd == doorbell_) {
      quiet(doorbell_);
    } else {
      found.packets = (e.events & EPOLLIN) != 0;
      found.broken = (e.events & ~std::uint32_t{EPOLLIN}) != 0;
    }
  }
  return found;
}

Seat::Found Seat::sleep_beside(std::span<pollfd> set, Instant until, const sigset_t* mask) {
  pollfd& device = set[set.size() - 2];
  pollfd& bell = set[set.size() - 1];
  device = {.fd = rests_ ? -1 : device_, .events = POLLIN, .revents = 0};
  bell = {.fd = doorbell_, .events = POLLIN, .revents = 0};
  const Slept slept = sleep_on(set, until, mask);
  if (bell.revents != 0) quiet(doorbell_);
  return {.slept = slept, .packets = (device.revents & POLLIN) != 0, .broken = (device.revents & ~POLLIN) != 0};
}

}  // namespace tunic
