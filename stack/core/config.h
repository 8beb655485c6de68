/// @file
/// What a Stack is made from. A Stack with the same Config and the same inputs sends the same packets.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "buf/link.h"
#include "tcp/settings.h"
#include "udp/settings.h"
#include "wire/addr.h"

namespace tunic {

/// What IP may be told: knobs that Linux keeps under net.ipv4 and net.ipv6. A number out of its range is brought to the
/// nearest in it.
struct IpSettings {
  Duration mtu_expires = 600s;   ///< net.ipv4.route.mtu_expires: how long a learned path MTU holds, 1 s and more
  std::uint32_t min_pmtu = 552;  ///< net.ipv4.route.min_pmtu: no lower path MTU is learned for IPv4, 68..65535 octets
};

/// All of a Stack's inputs but time and packets. A number out of its range is brought to the nearest in it.
struct Config {
  std::vector<Prefix> addresses;         ///< the host's own addresses; the first of a family is its default source
  std::uint32_t mtu = 1500;              ///< octets of an IP packet on the link, 576..65535 (1280.. for IPv6)
  LinkTraits link;                       ///< what the Link of poll() and flush() does
  std::size_t memory = 256u << 20;       ///< octets of packet memory, reserved as address space; 4 MiB..16 GiB
  std::uint32_t max_sockets = 1u << 20;  ///< sockets and connections together, TIME-WAIT apart
  std::size_t rmem_max = 4u << 20;       ///< octets that SO_RCVBUF may ask for, at least 2304
  std::size_t wmem_max = 4u << 20;       ///< octets that SO_SNDBUF may ask for, at least 4608
  bool v6_only = false;                  ///< IPV6_V6ONLY of a new socket
  std::vector<std::uint16_t> reserved_ports;  ///< never chosen as ephemeral ports
  std::array<std::uint8_t, 16> key{};  ///< secret of ports, ISNs and tables: from getrandom once; a test gives its own
  IpSettings ip;                       ///< what IP may be told
  TcpSettings tcp;                     ///< what TCP may be told
  UdpSettings udp;                     ///< what datagram sockets may be told
};

}  // namespace tunic
