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

Addresses::Known Addresses::look_at(const IpAddr& a) const {
  const auto of_any = [&](auto is) { return std::ranges::any_of(own_, is); };
  return {
      .addr = a,
      .own = of_any([&](const Prefix& p) { return p.addr == a; }),
      .broadcast = a.is_broadcast() || (a.is_v4() && of_any([&](const Prefix& p) { return is_broadcast_of(p, a); }))};
}

}  // namespace tunic
