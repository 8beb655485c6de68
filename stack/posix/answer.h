// How a call ends: its value, or -1 with errno. Said once the gate is left, whose system calls have an errno of their
// own.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <concepts>

#include "base/error.h"

namespace tunic {

/// For those of Linux's errors that the core has no use for.
inline std::unexpected<Error> fail_as(int code) { return fail(static_cast<Error>(code)); }

inline int answer(const Status& s) {
  if (s) return 0;
  errno = static_cast<int>(s.error());
  return -1;
}

template <std::integral T>
T answer(const Result<T>& r) {
  if (r) return *r;
  errno = static_cast<int>(r.error());
  return -1;
}

}  // namespace tunic
