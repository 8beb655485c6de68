#include "posix/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace tunic {

namespace {

/// Without sin6_scope_id, as RFC 2133 had it: Linux still takes it.
constexpr std::size_t short_in6 = offsetof(sockaddr_in6, sin6_scope_id);

const std::byte* octets(const void* p) { return static_cast<const std::byte*>(p); }

Status write(const void* from, std::size_t size, sockaddr* address, socklen_t* length) {
  if (static_cast<int>(*length) < 0) return fail(Error::invalid);
  std::memcpy(address, from, std::min<std::size_t>(*length, size));
  *length = static_cast<socklen_t>(size);
  return {};
}

}  // namespace

Result<Endpoint> read_address(const sockaddr* address, socklen_t length, Family family) {
  const std::size_t least = family == Family::v4 ? sizeof(sockaddr_in) : short_in6;
  if (length < least || length > sizeof(sockaddr_storage)) return fail(Error::invalid);
  if (address == nullptr) return fail(static_cast<Error>(EFAULT));
  sockaddr_in6 a{};
  std::memcpy(&a, address, std::min<std::size_t>(length, sizeof a));
  if (a.sin6_family != (family == Family::v4 ? AF_INET : AF_INET6)) return fail(Error::family);
  const Port port{ntohs(a.sin6_port)};  // where sin_port is too
  if (family == Family::v6) return Endpoint{IpAddr::v6(octets(&a.sin6_addr)), port};
  sockaddr_in a4;
  std::memcpy(&a4, address, sizeof a4);
  return Endpoint{IpAddr::v4(octets(&a4.sin_addr)), port};
}

Status write_address(const Endpoint& e, Family family, sockaddr* address, socklen_t* length) {
  const in_port_t port = htons(static_cast<std::uint16_t>(e.port));
  if (family == Family::v4) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = port;
    if (e.addr.is_v4()) std::memcpy(&a.sin_addr, e.addr.bytes().data(), sizeof a.sin_addr);
    return write(&a, sizeof a, address, length);
  }
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  a.sin6_port = port;
  std::memcpy(&a.sin6_addr, e.addr.octets().data(), sizeof a.sin6_addr);
  return write(&a, sizeof a, address, length);
}

}  // namespace tunic
