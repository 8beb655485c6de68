#include "libtunic/impaired_port.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace tunic {

namespace {

constexpr timespec look_again{.tv_sec = 0, .tv_nsec = 1'000'000}, device_rest{.tv_sec = 1, .tv_nsec = 0};

void add(int set, int fd) {
  epoll_event e{.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) != 0) throw std::system_error{errno, std::generic_category()};
}

}  // namespace

ImpairedPort::ImpairedPort(Link& inner, int device, Pool& pool, const ImpairSettings& settings)
    : impair_{inner, pool, settings},
      device_{device},
      timer_{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)},
      waited_on_{epoll_create1(EPOLL_CLOEXEC)} {
  try {
    if (timer_ < 0 || waited_on_ < 0) throw std::system_error{errno, std::generic_category()};
    if (device >= 0) add(waited_on_, device);
    add(waited_on_, timer_);
  } catch (...) {
    for (const int fd : {timer_, waited_on_})
      if (fd >= 0) close(fd);
    throw;
  }
}

ImpairedPort::~ImpairedPort() {
  close(timer_);
  close(waited_on_);
}

std::span<RxPacket> ImpairedPort::receive(const ReadHint* hint) {
  const std::span<RxPacket> packets = impair_.receive(hint);
  watch_device();
  set_timer();
  return packets;
}

/// An epoll tells of errors unasked, so what reports one must leave it.
void ImpairedPort::watch_device() {
  pollfd p{.fd = device_, .events = POLLIN, .revents = 0};
  poll(&p, 1, 0);
  const bool is_broken = (p.revents & ~POLLIN) != 0;
  epoll_event e{.events = EPOLLIN, .data = {.fd = device_}};
  if (is_broken != rests_) epoll_ctl(waited_on_, is_broken ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, device_, &e);
  rests_ = is_broken;
}

std::size_t ImpairedPort::send(std::span<TxPacket> packets) {
  const std::size_t taken = impair_.send(packets);
  set_timer();
  return taken;
}

/// Setting it also makes it unreadable, if it has gone off.
void ImpairedPort::set_timer() {
  const itimerspec in{.it_interval = {}, .it_value = impair_.held() ? look_again : rests_ ? device_rest : timespec{}};
  timerfd_settime(timer_, 0, &in, nullptr);
}

}  // namespace tunic
