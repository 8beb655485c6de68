// recvmsg() and its relatives: one struct msghdr, or many.
#include "posix/messages.h"

#include <algorithm>

#include "posix/blocking.h"
#include "posix/control.h"
#include "posix/pieces.h"

namespace tunic {

namespace {

constexpr std::size_t max_pieces = 1024;  // UIO_MAXIOV
constexpr unsigned max_messages = 1024;   // of one sendmmsg()

std::span<const iovec> pieces_of(const msghdr& m) { return {m.msg_iov, m.msg_iovlen}; }

}  // namespace

Status check_message(const msghdr* m) {
  if (m == nullptr) return fail_as(EFAULT);
  if (m->msg_name != nullptr && static_cast<int>(m->msg_namelen) < 0) return fail(Error::invalid);
  if (m->msg_iovlen > max_pieces) return fail(Error::too_long);
  if (m->msg_iov == nullptr && m->msg_iovlen != 0) return fail_as(EFAULT);
  return {};
}

Status check_socket_controls(const msghdr& m) {
  return for_each_control(m, [](int level, int type, Bytes) -> Status {
    // Descriptors and credentials mean nothing to an internet socket, and are passed over.
    if (level != SOL_SOCKET || type == SCM_RIGHTS || type == SCM_CREDENTIALS) return {};
    return fail(Error::invalid);
  });
}

ssize_t Sockets::recvmsg(Handle h, msghdr* m, int flags) {
  if (const Status s = check_message(m); !s) return answer(s);
  m->msg_flags = flags & MSG_CMSG_CLOEXEC;
  return receive(h, pieces_of(*m), flags, true, m);
}

ssize_t Sockets::sendmsg(Handle h, const msghdr* m, int flags) {
  if (const Status s = check_message(m); !s) return answer(s);
  if (m->msg_controllen > INT_MAX) return answer(Status{fail(Error::no_buffers)});
  if (m->msg_control == nullptr && m->msg_controllen != 0) return answer(Status{fail_as(EFAULT)});
  msghdr about = *m;
  if (about.msg_namelen == 0) about.msg_name = nullptr;  // which sendto() takes for a name too short
  return send(h, pieces_of(about), flags, &about);
}

int Sockets::recvmmsg(Handle h, mmsghdr* set, unsigned count, int flags, timespec* timeout) {
  const auto bad_time = [](const timespec& t) { return t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= 1'000'000'000; };
  if (timeout != nullptr && bad_time(*timeout)) return answer(Status{fail(Error::invalid)});
  const Duration patience = timeout == nullptr ? Duration::max() : to_duration(*timeout);
  const Instant until = after(patience);
  if (const auto pending = once(h, [&]() -> Result<int> { return take_error(*h.socket); }); !pending || *pending != 0)
    return answer(pending ? Result<int>{fail_as(*pending)} : pending);
  if (set == nullptr && count != 0) return answer(Status{fail_as(EFAULT)});
  unsigned done = 0;
  const bool rest_does_not_wait = (flags & MSG_WAITFORONE) != 0;
  flags &= ~MSG_WAITFORONE;
  while (done < count) {
    mmsghdr& m = set[done];
    const ssize_t n = recvmsg(h, &m.msg_hdr, flags);
    if (n < 0) break;
    m.msg_len = static_cast<unsigned>(n);
    ++done;
    if (rest_does_not_wait) flags |= MSG_DONTWAIT;
    if (timeout != nullptr) {  // looked at after each message alone, as Linux does
      const Duration left = std::max(until - now(), Duration{});
      *timeout = to_timespec(left);
      if (left == Duration{}) return static_cast<int>(done);
    }
    if ((m.msg_hdr.msg_flags & MSG_OOB) != 0) return static_cast<int>(done);
  }
  if (done == 0 && count != 0) return -1;
  if (done < count && errno != EAGAIN) {
    const int late = errno;
    (void)once(h, [&]() -> Status {
      h.socket->settings.late_error = late;
      return {};
    });
  }
  return static_cast<int>(done);
}

int Sockets::sendmmsg(Handle h, mmsghdr* set, unsigned count, int flags) {
  count = std::min(count, max_messages);
  if (set == nullptr && count != 0) return answer(Status{fail_as(EFAULT)});
  for (unsigned done = 0; done < count; ++done) {
    const ssize_t n = sendmsg(h, &set[done].msg_hdr, flags);
    if (n < 0) return done == 0 ? -1 : static_cast<int>(done);
    set[done].msg_len = static_cast<unsigned>(n);
    const auto whole = Pieces::total(pieces_of(set[done].msg_hdr));
    if (whole && static_cast<std::size_t>(n) < *whole) return static_cast<int>(done + 1);
  }
  return static_cast<int>(count);
}

}  // namespace tunic
