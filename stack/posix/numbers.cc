// The numbers of a socket: dup() and its kin, and close(), which lets go of the socket with the last of them.
#include <fcntl.h>
#include <unistd.h>

#include "posix/blocking.h"
#include "posix/epoll.h"

namespace tunic {

int Sockets::dup(Handle h, int least, bool close_on_exec) {
  return answer(once(h, [&]() -> Result<int> {
    const Result<int> fd = files_.reserve_another(h, least, close_on_exec);
    if (fd) drop(files_.put(*fd, *h.socket), false);
    return fd;
  }));
}

int Sockets::dup_over(Handle h, int fd, bool close_on_exec) {
  return answer(once(h, [&]() -> Result<int> {
    if (const Status reserved = files_.reserve_at(h, fd, close_on_exec); !reserved) return fail(reserved.error());
    const Handle before = files_.find(fd);
    if (before.use() != Use::none && before.is_current()) ring_callers(*before.socket);
    drop(files_.put(fd, *h.socket), true);
    return fd;
  }));
}

int Sockets::replace(Handle h, int fd, bool close_on_exec) {
  return answer(once(h, [&]() -> Result<int> {
    if (dup3(fd, h.fd, close_on_exec ? O_CLOEXEC : 0) < 0) return fail_as(errno);
    ring_callers(*h.socket);
    drop(files_.remove(h), true);
    return h.fd;
  }));
}

int Sockets::close(Handle h) {
  if (h.use() == Use::lost) {  // another process's: no gate of ours has to do with it
    files_.remove(h);
    Files::unreserve(h.fd);
    return answer(Status{fail(Error::bad_handle)});
  }
  return answer(once(h, [&]() -> Status {
    ring_callers(*h.socket);
    auto last = files_.remove(h);
    Files::unreserve(h.fd);
    drop(std::move(last), true);
    return {};
  }));
}

/// Who waits in a call on a number of `d` is to look whether it was his.
void Sockets::ring_callers(const Description& d) {
  if (d.epoll)
    d.epoll->ring_all();
  else
    driver_.ring_all(d.id);
}

/// What no number stands for any more, if anything, ends. `may_linger`: this call may wait for it as SO_LINGER says.
void Sockets::drop(std::unique_ptr<Description> d, bool may_linger) {
  if (!d) return;
  if (d->epoll) {
    d->epoll->close();
    return;
  }
  driver_.tell_of_close(d->id);
  driver_.ring_all(d->id);
  const auto seconds = driver_.stack().get(d->id, Option::linger);
  const auto unread = driver_.stack().readable_bytes(d->id);
  if (may_linger && seconds && *seconds > 0 && unread && *unread == 0) linger(d->id, std::chrono::seconds{*seconds});
  (void)driver_.change().close(d->id);
}

/// SO_LINGER: close() waits until the peer has acknowledged everything, the FIN too.
void Sockets::linger(SocketId id, Duration patience) {
  if (!driver_.change().shutdown(id, Shutdown::write)) return;
  Waiter waiter;
  Watch watch;
  driver_.watch_turns(watch, waiter);
  const Instant until = after(patience);
  for (;;) {
    const auto info = driver_.stack().info(id);
    if (!info) return;
    const State s = info->state;
    const auto unacknowledged = driver_.stack().unacknowledged_bytes(id);
    const bool fin_waits = s == State::fin_wait_1 || s == State::closing || s == State::last_ack;
    if (!fin_waits && (!unacknowledged || *unacknowledged == 0)) return;
    if (driver_.wait(waiter, {.until = until}) != Slept::woken) return;
  }
}

}  // namespace tunic
