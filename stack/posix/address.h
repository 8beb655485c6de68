// Socket addresses: struct sockaddr_in and sockaddr_in6 on the outside, Endpoint inside. An AF_INET6 socket sees IPv4
// peers as
// ::ffff:a.b.c.d (RFC 3493 section 3.7), which is how an IpAddr holds them anyway.
#pragma once

#include <sys/socket.h>

#include "base/error.h"
#include "wire/addr.h"

namespace tunic {

/// What a socket of `family` is given. Errors as Linux: invalid (too short), family (of another one).
Result<Endpoint> read_address(const sockaddr* address, socklen_t length, Family family);

/// Writes at most *length octets and sets *length to the full size. Errors: invalid (a negative length).
Status write_address(const Endpoint& e, Family family, sockaddr* address, socklen_t* length);

}  // namespace tunic
