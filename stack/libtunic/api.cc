// The calls of tunic.h: each asks whose number it is given, and passes on to our sockets or to the kernel.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <new>
#include <span>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "libtunic/owner.h"
#include "libtunic/tunic.h"

namespace {

using tunic::by_owner;
using tunic::fail_with;
using tunic::Handle;
using tunic::Process;
using tunic::Runtime;
using tunic::Sockets;
using tunic::Use;

/// poll() of a process that has no stack of its own, but numbers of its parent's.
int poll_lost(std::span<pollfd> set) {
  tunic::Files& files = Process::instance().files();
  const auto is_lost = [&](const pollfd& p) { return files.find(p.fd).use() != Use::none; };
  if (std::none_of(set.begin(), set.end(), is_lost)) return 0;
  int count = 0;
  for (pollfd& p : set) {
    if (is_lost(p))
      p.revents = POLLNVAL;
    else
      ::poll(&p, 1, 0);
    count += p.revents != 0;
  }
  return count;
}

}  // namespace

int tunic_start(const tunic_config* config) try {
  const auto started = Process::instance().start(config);
  return started ? 0 : fail_with(started.error());
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

const char* tunic_start_error(void) try {
  thread_local std::string sentence;
  sentence = Process::instance().start_error();
  return sentence.c_str();
} catch (const std::bad_alloc&) {
  return "there is no memory to say what is wrong";
}

int tunic_socket(int domain, int type, int protocol) try {
  const auto kind = Sockets::check(domain, type, protocol);
  if (!kind) return fail_with(static_cast<int>(kind.error()));
  const auto runtime = Process::instance().running();
  return runtime ? (*runtime)->sockets().socket(*kind, type) : fail_with(runtime.error());
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

int tunic_bind(int fd, const sockaddr* address, socklen_t length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.bind(h, address, length); },
      [&] { return ::bind(fd, address, length); });
}

int tunic_listen(int fd, int backlog) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.listen(h, backlog); }, [&] { return ::listen(fd, backlog); });
}

int tunic_accept(int fd, sockaddr* address, socklen_t* length) { return tunic_accept4(fd, address, length, 0); }

int tunic_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.accept(h, address, length, flags); },
      [&] { return ::accept4(fd, address, length, flags); });
}

int tunic_connect(int fd, const sockaddr* address, socklen_t length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.connect(h, address, length); },
      [&] { return ::connect(fd, address, length); });
}

int tunic_shutdown(int fd, int how) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.shutdown(h, how); }, [&] { return ::shutdown(fd, how); });
}

int tunic_close(int fd) {
  tunic::Files& files = Process::instance().files();
  if (const Handle h = files.find(fd); h.use() == Use::lost) {  // its number becomes free all the same
    files.remove(h);
    ::close(fd);
    return fail_with(EBADF);
  }
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.close(h); }, [&] { return ::close(fd); });
}

int tunic_dup(int fd) {
  return by_owner(
      fd, [](Sockets& s, Handle h) { return s.dup(h, 0, false); }, [&] { return ::dup(fd); });
}

int tunic_dup2(int fd, int number) {
  if (fd == number) return tunic_fcntl(fd, F_GETFD) < 0 ? -1 : number;
  return tunic_dup3(fd, number, 0);
}

int tunic_dup3(int fd, int number, int flags) {
  if (fd == number || (flags & ~O_CLOEXEC) != 0) return fail_with(EINVAL);
  const bool close_on_exec = (flags & O_CLOEXEC) != 0;
  const auto kernels = [&] {
    tunic::Files& files = Process::instance().files();
    const Handle before = files.find(number);
    if (before.use() == Use::open)
      return by_owner(
          number, [&](Sockets& s, Handle h) { return s.replace(h, fd, close_on_exec); },
          [&] { return ::dup3(fd, number, flags); });
    const int made = ::dup3(fd, number, flags);
    if (made >= 0 && before.use() == Use::lost) files.remove(before);
    return made;
  };
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.dup_over(h, number, close_on_exec); }, kernels);
}

int tunic_getsockname(int fd, sockaddr* address, socklen_t* length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.getsockname(h, address, length); },
      [&] { return ::getsockname(fd, address, length); });
}

int tunic_getpeername(int fd, sockaddr* address, socklen_t* length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.getpeername(h, address, length); },
      [&] { return ::getpeername(fd, address, length); });
}

int tunic_getsockopt(int fd, int level, int option, void* value, socklen_t* length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.getsockopt(h, level, option, value, length); },
      [&] { return ::getsockopt(fd, level, option, value, length); });
}

int tunic_setsockopt(int fd, int level, int option, const void* value, socklen_t length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.setsockopt(h, level, option, value, length); },
      [&] { return ::setsockopt(fd, level, option, value, length); });
}

int tunic_fcntl(int fd, int command, ...) {
  std::va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);  // as the C library takes it, whatever was given
  va_end(rest);
  const auto number = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.fcntl(h, command, number); },
      [&] { return ::fcntl(fd, command, argument); });
}

int tunic_ioctl(int fd, unsigned long request, ...) {
  std::va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.ioctl(h, request, static_cast<int*>(argument)); },
      [&] { return ::ioctl(fd, request, argument); });
}

int tunic_poll(pollfd* set, nfds_t count, int timeout_milliseconds) try {
  if (count > INT_MAX) return fail_with(EINVAL);
  if (set == nullptr && count != 0) return fail_with(EFAULT);
  const std::span all{set, static_cast<std::size_t>(count)};
  if (Runtime* r = Process::instance().runtime()) return r->sockets().poll(all, timeout_milliseconds);
  const int lost = poll_lost(all);
  return lost != 0 ? lost : ::poll(set, count, timeout_milliseconds);
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}
