// The calls of tunic.h on numbers rather than on what they stand for.
#include <fcntl.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>

#include "libtunic/owner.h"
#include "libtunic/tunic.h"

using tunic::by_number;
using tunic::by_owner;
using tunic::fail_with;
using tunic::Handle;
using tunic::Process;
using tunic::Sockets;
using tunic::Use;

int tunic_close(int fd) {
  tunic::Files& files = Process::instance().files();
  if (const Handle h = files.find(fd); h.use() == Use::lost) {  // its number becomes free all the same
    files.remove(h);
    ::close(fd);
    return fail_with(EBADF);
  }
  return by_number(
      fd, [&](Sockets& s, Handle h) { return s.close(h); }, [&] { return ::close(fd); });
}

int tunic_dup(int fd) {
  return by_number(
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
    if (before.use() == Use::open || before.use() == Use::epoll)
      return by_number(
          number, [&](Sockets& s, Handle h) { return s.replace(h, fd, close_on_exec); },
          [&] { return ::dup3(fd, number, flags); });
    const int made = ::dup3(fd, number, flags);
    if (made >= 0 && before.use() == Use::lost) files.remove(before);
    return made;
  };
  return by_number(
      fd, [&](Sockets& s, Handle h) { return s.dup_over(h, number, close_on_exec); }, kernels);
}

int tunic_fcntl(int fd, int command, ...) {
  std::va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);  // as the C library takes it, whatever was given
  va_end(rest);
  const auto number = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
    return by_number(
        fd, [&](Sockets& s, Handle h) { return s.dup(h, number, command == F_DUPFD_CLOEXEC); },
        [&] { return ::fcntl(fd, command, argument); });
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.fcntl(h, command, number); },
      [&] { return ::fcntl(fd, command, argument); });
}
