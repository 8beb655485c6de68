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

/// A link-local address says on which link, in sin6_scope_id, and so do groups that are.
Result<Endpoint> scoped(Result<Endpoint> e, const sockaddr* address, socklen_t length, bool groups_too) {
  if (!e || e->addr.is_v4()) return e;
  sockaddr_in6 a{};
  std::memcpy(&a, address, std::min<std::size_t>(length, sizeof a));
  const bool needs = IN6_IS_ADDR_LINKLOCAL(&a.sin6_addr) || (groups_too && IN6_IS_ADDR_MC_LINKLOCAL(&a.sin6_addr));
  return needs && a.sin6_scope_id == 0 ? fail(Error::invalid) : e;
}

}  // namespace

Result<Endpoint> read_address(const sockaddr* address, socklen_t length, Family family) {
  const std::size_t least = family == Family::v4 ? sizeof(sockaddr_in) : short_in6;
  if (length > sizeof(sockaddr_storage)) return fail(Error::invalid);
  if (address == nullptr && length != 0) return fail(static_cast<Error>(EFAULT));
  if (length < least) return fail(Error::invalid);
  sockaddr_in6 a{};
  std::memcpy(&a, address, std::min<std::size_t>(length, sizeof a));
  if (a.sin6_family != (family == Family::v4 ? AF_INET : AF_INET6)) return fail(Error::family);
  const Port port{ntohs(a.sin6_port)};  // where sin_port is too
  if (family == Family::v6) return Endpoint{IpAddr::v6(octets(&a.sin6_addr)), port};
  sockaddr_in a4;
  std::memcpy(&a4, address, sizeof a4);
  return Endpoint{IpAddr::v4(octets(&a4.sin_addr)), port};
}

Result<bool> is_unspecified(const sockaddr* address, socklen_t length) {
  sa_family_t family;
  if (length < sizeof family || length > sizeof(sockaddr_storage)) return fail(Error::invalid);
  if (address == nullptr) return fail(static_cast<Error>(EFAULT));
  std::memcpy(&family, address, sizeof family);
  return family == AF_UNSPEC;
}

Result<Endpoint> read_local(const sockaddr* address, socklen_t length, Family family) {
  sockaddr_in a;
  if (family == Family::v4 && address != nullptr && length >= sizeof a && length <= sizeof(sockaddr_storage)) {
    std::memcpy(&a, address, sizeof a);
    if (a.sin_family == AF_UNSPEC && a.sin_addr.s_addr == htonl(INADDR_ANY))
      return Endpoint{IpAddr::any(family), Port{ntohs(a.sin_port)}};
  }
  return scoped(read_address(address, length, family), address, length, true);
}

Result<Endpoint> read_peer(const sockaddr* address, socklen_t length, SocketKind kind) {
  sa_family_t family = AF_UNSPEC;
  if (address != nullptr && length >= sizeof family) std::memcpy(&family, address, sizeof family);
  const bool is_v4 = kind.family == Family::v4 || (kind.transport != Transport::tcp && family == AF_INET);
  const auto peer = read_address(address, length, is_v4 ? Family::v4 : Family::v6);
  return scoped(peer, address, length, kind.transport != Transport::tcp);  // as Linux
}

Result<std::optional<Endpoint>> read_destination(const sockaddr* address, socklen_t length, SocketKind kind) {
  sockaddr_storage a{};
  std::memcpy(&a, address, std::min<std::size_t>(length, sizeof a));
  if (length < sizeof(sa_family_t)) return fail(Error::invalid);
  Family family = kind.family;
  if (kind.transport == Transport::udp) {
    if (family == Family::v4 && a.ss_family == AF_UNSPEC) a.ss_family = AF_INET;
    if (family == Family::v6) {
      if (length < offsetof(sockaddr, sa_data)) return fail(Error::invalid);
      if (a.ss_family == AF_UNSPEC) return std::nullopt;
      if (a.ss_family == AF_INET)
        family = Family::v4;
      else if (a.ss_family != AF_INET6)
        return fail(Error::invalid);
    }
  }
  const auto to = read_address(reinterpret_cast<const sockaddr*>(&a), length, family);
  if (!to) return fail(to.error());
  if (!scoped(*to, address, length, false)) return fail(Error::unreachable);
  return *to;
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
