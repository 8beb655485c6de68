// Socket addresses: struct sockaddr_in and sockaddr_in6 on the outside, Endpoint inside. An AF_INET6 socket sees IPv4
// peers as
// ::ffff:a.b.c.d (RFC 3493 section 3.7), which is how an IpAddr holds them anyway.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "base/error.h"
#include "posix/socket_kind.h"
#include "wire/addr.h"

namespace tunic {

/// What a socket of `family` is given. Errors as Linux: invalid (too short), family (of another one).
Result<Endpoint> read_address(const sockaddr* address, socklen_t length, Family family);

/// What bind() is given: an AF_INET socket takes 0.0.0.0 without a family too. Also invalid: link-local without a link.
Result<Endpoint> read_local(const sockaddr* address, socklen_t length, Family family);
/// What connect() is given: a datagram socket of IPv6 takes struct sockaddr_in too. Also invalid: as read_local().
Result<Endpoint> read_peer(const sockaddr* address, socklen_t length, SocketKind kind);

/// Where a datagram is to go, which is nowhere special where an AF_INET6 socket is given AF_UNSPEC. UDP over IPv6 takes
/// struct sockaddr_in too. Errors as Linux: invalid, family.
Result<std::optional<Endpoint>> read_destination(const sockaddr* address, socklen_t length, SocketKind kind);

/// Whether it says AF_UNSPEC. Errors: invalid (not even a family), EFAULT.
Result<bool> is_unspecified(const sockaddr* address, socklen_t length);

/// Writes at most *length octets and sets *length to the full size. Errors: invalid (a negative length).
Status write_address(const Endpoint& e, Family family, sockaddr* address, socklen_t* length);

}  // namespace tunic
