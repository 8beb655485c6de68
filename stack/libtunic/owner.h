// Whose a number is: what each call of tunic.h asks first, and how it ends where neither ours nor the kernel's answers.
#pragma once

#include <cerrno>
#include <new>

#include "libtunic/process.h"

namespace tunic {

/// The end of a call of C: -1 with errno.
inline int fail_with(int code) {
  errno = code;
  return -1;
}

/// ours(Sockets&, Handle) or kernel(), by what the number `fd` is. What a forked child's parent had is nobody's.
template <class Ours, class Kernel>
auto by_number(int fd, Ours ours, Kernel kernel) -> decltype(kernel()) {
  Process& p = Process::instance();
  const Handle h = p.files().find(fd);
  if (h.use() == Use::none) return kernel();
  Runtime* r = p.runtime();
  if (h.use() == Use::lost || r == nullptr) return fail_with(EBADF);
  try {
    return ours(r->sockets(), h);
  } catch (const std::bad_alloc&) {
    return fail_with(ENOMEM);
  }
}

/// by_number() for what is done with sockets: to an epoll of ours the kernel does what it does to its own.
template <class Ours, class Kernel>
auto by_owner(int fd, Ours ours, Kernel kernel) -> decltype(kernel()) {
  const auto socket = [&](Sockets& s, Handle h) -> decltype(kernel()) {
    return h.use() == Use::epoll ? kernel() : ours(s, h);
  };
  return by_number(fd, socket, kernel);
}

}  // namespace tunic
