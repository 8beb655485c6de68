#include "ip/addresses.h"

#include <algorithm>

namespace tunic {
namespace {

/// A network of at least four addresses has a broadcast address (RFC 3021: /31 has none).
bool is_broadcast_of(const Prefix& p, const IpAddr& a) {
  if (!p.addr.is_v4() || p.length > 30 || !p.contains(a)) return false;
  const std::uint32_t host_bits = 0xffffffffu >> p.length;
  return (a.v4_bits() & host_bits) == host_bits;
}

}  // namespace

bool Addresses::is_own(const IpAddr& a) const {
  return std::ranges::any_of(own_, [&](const Prefix& p) { return p.addr == a; });
}

bool Addresses::is_broadcast(const IpAddr& a) const {
  if (!a.is_v4()) return false;
  return a.is_broadcast() || std::ranges::any_of(own_, [&](const Prefix& p) { return is_broadcast_of(p, a); });
}

}  // namespace tunic
