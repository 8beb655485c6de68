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

/// ours(Sockets&, Handle) or kernel(), by what `fd` is. The sockets of a forked child's parent are nobody's.
template <class Ours, class Kernel>
auto by_owner(int fd, Ours ours, Kernel kernel) -> decltype(kernel()) {
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

}  // namespace tunic
