/// @file
/// Errors of calls that can fail: Linux's errno values, so that the socket layer passes them on unchanged.
#pragma once

#include <cerrno>
#include <expected>

namespace tunic {

/// Why a call failed. Each is the errno of its initializer, so that static_cast<int> gives errno.
enum class Error : int {
  again = EAGAIN,                 ///< nothing to read, no room to write, or no connection to accept now
  in_use = EADDRINUSE,            ///< the address and port are another socket's, or no port is left for bind()
  not_available = EADDRNOTAVAIL,  ///< not an address of this host, or no port is left for connect()
  already = EALREADY,             ///< connect() is under way since an earlier call
  in_progress = EINPROGRESS,      ///< connect() has begun: wait until the socket is writable
  is_connected = EISCONN,         ///< connect() on a socket that has a connection, or listens
  not_connected = ENOTCONN,       ///< the socket has no connection
  refused = ECONNREFUSED,         ///< the SYN was answered by a reset (RFC 9293 section 3.10.7.3), or the port is 0
  reset = ECONNRESET,             ///< the peer reset the connection (RFC 9293 section 3.10.7.4)
  aborted = ECONNABORTED,         ///< the connection ended, and why was told elsewhere or is not known
  timed_out = ETIMEDOUT,  ///< the peer is silent: R2, the user timeout or keep-alive (RFC 9293 sections 3.8.3, 3.8.4)
  unreachable = ENETUNREACH,            ///< no way there: multicast, broadcast, or no address of ours in that family
  host_unreachable = EHOSTUNREACH,      ///< the network, or a route of ours, says that the host cannot be reached
  network_down = ENETDOWN,              ///< the device is down; no call gives it yet
  pipe = EPIPE,                         ///< sending after the sending half was shut, or after the end of the connection
  invalid = EINVAL,                     ///< an argument out of range, or a call that does not fit the socket's state
  bad_handle = EBADF,                   ///< the socket was closed, or never was
  no_memory = ENOMEM,                   ///< memory outside the packet pool is exhausted
  no_buffers = ENOBUFS,                 ///< the packet pool or a table of the Stack is full
  family = EAFNOSUPPORT,                ///< an address that is not of the socket's family
  unsupported = EOPNOTSUPP,             ///< a call that this kind of socket does not have; no call gives it yet
  no_option = ENOPROTOOPT,              ///< an option that this socket does not have
  no_entry = ENOENT,                    ///< set_sysctl(): no knob of that name
  denied = EACCES,                      ///< not permitted: a prohibiting route, or a broadcast without SO_BROADCAST
  destination_required = EDESTADDRREQ,  ///< a destination is missing; no call gives it yet
  too_many = EMFILE,                    ///< Config::max_sockets are open
  too_long = EMSGSIZE,                  ///< a message that no packet can hold; no call gives it yet
};

/// What a call gives, or why it failed.
template <class T>
using Result = std::expected<T, Error>;
/// Done, or why not.
using Status = Result<void>;
/// For `return fail(Error::...)` from a call that gives a Result.
inline std::unexpected<Error> fail(Error e) { return std::unexpected{e}; }

}  // namespace tunic
