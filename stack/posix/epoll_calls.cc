// epoll: of ours with sockets and the kernel's descriptors, and of the kernel's with sockets of ours.
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "posix/blocking.h"
#include "posix/doorbell.h"
#include "posix/epoll.h"
#include "posix/readiness.h"

namespace tunic {

int Sockets::epoll_create(int flags) {
  const auto open = [&]() -> Result<int> {
    const std::lock_guard gate{driver_};
    const int fd = epoll_create1(flags);
    if (fd < 0) return fail_as(errno);
    if (!files_.adopt(fd)) {
      ::close(fd);
      return fail(Error::no_memory);
    }
    Description& d = *new Description;  // its numbers own it
    d.epoll = std::make_shared<Epoll>(driver_);
    drop(files_.put(fd, d), false);
    return fd;
  };
  return answer(open());
}

int Sockets::epoll_ctl(Handle e, int operation, Handle h, epoll_event* event) {
  if (event == nullptr && operation != EPOLL_CTL_DEL) return answer(Status{fail_as(EFAULT)});
  if (h.use() == Use::epoll) {
    const Status exposed = expose(h);
    return exposed ? epoll_ctl(e, operation, h.fd, event) : answer(exposed);
  }
  return answer(once(e, [&]() -> Status {
    if (!h.is_current()) return fail(Error::bad_handle);
    Epoll& epoll = *e.socket->epoll;
    switch (operation) {
      case EPOLL_CTL_ADD:
        return epoll.add(h.fd, *h.socket, *event);
      case EPOLL_CTL_MOD:
        return epoll.change(h.fd, *h.socket, *event);
      case EPOLL_CTL_DEL:
        return epoll.remove(h.fd, *h.socket);
      default:
        return fail(Error::invalid);
    }
  }));
}

int Sockets::epoll_ctl(Handle e, int operation, int fd, epoll_event* event) {
  return answer(once(e, [&]() -> Status {
    if (::epoll_ctl(e.fd, operation, fd, event) != 0) return fail_as(errno);
    if (operation == EPOLL_CTL_ADD) e.socket->epoll->kernel_has(1);
    if (operation == EPOLL_CTL_DEL) e.socket->epoll->kernel_has(-1);
    return {};
  }));
}

int Sockets::epoll_wait(Handle h, std::span<epoll_event> events, Duration timeout, const sigset_t* mask) {
  const Instant until = after(timeout);
  const auto wait = [&]() -> Result<int> {
    const std::lock_guard gate{driver_};
    if (!h.is_current()) return fail(Error::bad_handle);
    const std::shared_ptr<Epoll> epoll = h.socket->epoll;
    const auto take = [&] { return is_frozen() ? 0 : static_cast<int>(epoll->take(h.fd, events)); };
    Epoll::Call call{*epoll};
    int n = take();
    if (n == 0 && timeout == Duration{}) {
      driver_.glance();
      return take();
    }
    if (n != 0) return n;
    epoll->enter(call);
    for (;;) {
      std::array<pollfd, 3> kernel{{{.fd = h.fd, .events = POLLIN, .revents = 0}}};
      const std::span<pollfd> set = epoll->leads(call) ? std::span{kernel}.first(1) : std::span<pollfd>{};
      const Slept slept = driver_.wait(call, {.until = until, .restarts = false, .kernel = set, .mask = mask});
      if (!h.is_current()) return fail(Error::bad_handle);
      n = take();
      if (n != 0 || slept == Slept::timed_out) return n;
      if (slept == Slept::interrupted) return fail_as(EINTR);
    }
  };
  const Result<int> n = wait();
  if (n && *n == 0 && timeout == Duration{} && mask != nullptr &&
      sleep_on(std::span<pollfd>{}, Instant::min(), mask) == Slept::interrupted)
    return answer(Result<int>{fail_as(EINTR)});
  return answer(n);
}

/// Makes the kernel tell of our half of an epoll too.
Status Sockets::expose(Handle e) {
  return once(e, [&] { return e.socket->epoll->expose(e.fd); });
}

int Sockets::epoll_ctl(int kernel_epoll, int operation, Handle h, epoll_event* event) {
  if (event == nullptr && operation != EPOLL_CTL_DEL) return answer(Status{fail_as(EFAULT)});
  if (h.use() != Use::epoll) return answer(once(h, [&] { return ring_in_kernel(kernel_epoll, operation, h, event); }));
  const Status exposed = expose(h);
  return exposed ? ::epoll_ctl(kernel_epoll, operation, h.fd, event) : answer(exposed);
}

/// The bell is as the request wants it before the kernel looks.
Status Sockets::ring_in_kernel(int kernel_epoll, int operation, Handle h, const epoll_event* event) {
  constexpr std::uint32_t modes = EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE;
  Description& d = *h.socket;
  if (::fcntl(kernel_epoll, F_GETFD) < 0) return fail_as(errno);  // before the bell takes a number that may be it
  if (const Status put = put_doorbell(d); !put) return put;
  std::uint32_t wanted = 0;
  epoll_event bell{};
  if (operation != EPOLL_CTL_DEL) {
    wanted = to_ready(event->events & ~modes) | ready::error | ready::hangup;
    bell = {.events = (event->events & modes) | EPOLLIN, .data = event->data};
  }
  d.doorbell->forget_closed([&](int fd) {
    const Handle own = files_.find(fd);
    return own.use() == Use::open && own.socket == &d;
  });
  const std::uint32_t before = d.doorbell->ask(kernel_epoll, h.fd, wanted);
  d.doorbell->on_call(driver_.stack().ready(d.id), false);
  if (::epoll_ctl(kernel_epoll, operation, h.fd, &bell) == 0) return {};
  const int code = errno;
  d.doorbell->ask(kernel_epoll, h.fd, before);
  d.doorbell->on_call(driver_.stack().ready(d.id), false);
  return fail_as(code);
}

/// All numbers of the socket stand for its bell in the kernel's table from now on.
Status Sockets::put_doorbell(Description& d) {
  if (d.doorbell) return {};
  const int bell = make_doorbell();
  if (bell < 0) return fail_as(errno);
  d.doorbell = std::make_unique<Doorbell>(bell);
  d.is_reviewed = true;
  driver_.observe(*d.doorbell, d.id);
  files_.for_each([&](const Handle& h) {
    if (h.socket != &d) return;
    const int flags = ::fcntl(h.fd, F_GETFD);
    if (flags >= 0) dup3(bell, h.fd, (flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0);
  });
  return {};
}

}  // namespace tunic
