/// @file
/// A route: what becomes of packets to a part of the Internet.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/addr.h"

namespace tunic {

/// What a host with one link may say of a destination. Nothing in it chooses a link: it chooses the source, the MTU, or
/// that there is no way. What is ours, and the broadcast address of a network of ours, needs no route and heeds none.
struct Route {
  /// What becomes of packets, by Linux's names.
  enum class Kind : std::uint8_t {
    unicast,      ///< they go to the device
    unreachable,  ///< Error::host_unreachable
    blackhole,    ///< Error::invalid, as Linux
    prohibit,     ///< Error::denied
    none,         ///< Error::unreachable, as without any route: Linux's `throw`
  };

  Prefix destination;         ///< the first bits count; of length 0 it is the default route of its family
  Kind kind = Kind::unicast;  ///< what becomes of packets
  std::optional<IpAddr>
      gateway;  ///< who forwards them; IPv4 speaks from the address in its network, if no other is said
  std::optional<IpAddr> source;  ///< one of ours, of the same family: to speak from
  std::uint32_t mtu = 0;         ///< octets of an IP packet, 576..65535 (1280.. for IPv6); 0, or more: the device's
  std::uint32_t metric = 0;      ///< of routes to one destination that with the least counts, then the first
};

}  // namespace tunic
