// The routes of a host with one link (RFC 1122 section 3.3.1): whether packets may go somewhere, from which address,
// and how large. Few and fixed when a Stack is made, so each question is one walk over them.
#pragma once

#include <vector>

#include "base/error.h"
#include "ip/addresses.h"
#include "ip/route.h"

namespace tunic {

class Routes {
 public:
  /// Whatever `given` says nothing of goes to the device; the networks of `own` before what shorter prefixes say.
  Routes(std::vector<Route> given, const Addresses& own);

  /// Whether packets may go to `dst`; an error by the kind of its route.
  Status check(const IpAddr& dst, const Addresses& own) const;
  /// The address to speak to `dst` from, once check() is content: `dst` itself if it is local; else the route's; else
  /// for IPv4 as Linux has it ours whose prefix matches the gateway, or `dst`, longest, or our first; for IPv6 as
  /// select_source() says (RFC 1122 section 3.3.4.3). Error: unreachable, where we have none of its family.
  Result<IpAddr> source_to(const IpAddr& dst, const Addresses& own) const;
  /// How large packets to `dst`, which is not local, may leave here where the device takes `device` octets.
  std::uint32_t mtu_to(const IpAddr& dst, std::uint32_t device) const;

 private:
  const Route& find(const IpAddr& dst) const;

  bool refuses_;               // whether any is not unicast
  std::vector<Route> routes_;  // the first that contains a destination is its route; the last two contain any
};

}  // namespace tunic
