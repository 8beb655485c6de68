// The system calls of the tun room as its tests have them: the kernel's, unless a test puts its own result in the place
// of one (D8).
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>

namespace tunic::faults {

enum class Call {
  open,
  close,
  ioctl,
  fcntl,
  socket,
  bind,
  getsockopt,
  stat,
  fstat,
  setns,
  poll,
  recv,
  readv,
  writev,
  write
};
const char* name(Call call);

struct Result {
  ssize_t value;
  int code;  // errno, where `value` is -1
};
inline Result failure(int code) { return {-1, code}; }

/// Asked before each call, with the request of an ioctl and the command of a fcntl; none: the kernel makes it. For the
/// calls that a test makes, not those of other tests' threads.
using Hook = std::function<std::optional<Result>(Call call, unsigned long request)>;
extern Hook hook;

}  // namespace tunic::faults
