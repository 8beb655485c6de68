// Errors of calls that can fail: Linux's errno values, so that the socket layer passes them on unchanged.
#pragma once

#include <cerrno>
#include <expected>

namespace tunic {

enum class Error : int {
  again = EAGAIN,
  in_use = EADDRINUSE,
  not_available = EADDRNOTAVAIL,
  already = EALREADY,
  in_progress = EINPROGRESS,
  is_connected = EISCONN,
  not_connected = ENOTCONN,
  refused = ECONNREFUSED,
  reset = ECONNRESET,
  aborted = ECONNABORTED,
  timed_out = ETIMEDOUT,
  unreachable = ENETUNREACH,
  host_unreachable = EHOSTUNREACH,
  network_down = ENETDOWN,
  pipe = EPIPE,
  invalid = EINVAL,
  bad_handle = EBADF,
  no_memory = ENOMEM,
  no_buffers = ENOBUFS,
  family = EAFNOSUPPORT,
  unsupported = EOPNOTSUPP,
  no_option = ENOPROTOOPT,
  denied = EACCES,
  destination_required = EDESTADDRREQ,
  too_many = EMFILE,
  too_long = EMSGSIZE,
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;
inline std::unexpected<Error> fail(Error e) { return std::unexpected{e}; }

}  // namespace tunic
