/// @file
/// What a Stack is made from. A Stack with the same Config and the same inputs sends the same packets.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "buf/link.h"
#include "ip/route.h"
#include "tcp/settings.h"
#include "udp/settings.h"
#include "wire/addr.h"

namespace tunic {

/// What IP may be told: knobs that Linux keeps under net.ipv4 and net.ipv6. A number out of its range is brought to the
/// nearest in it.
struct IpSettings {
  Duration mtu_expires = 600s;   ///< net.ipv4.route.mtu_expires: how long a learned path MTU holds, 1 s and more
  std::uint32_t min_pmtu = 552;  ///< net.ipv4.route.min_pmtu: no lower path MTU is learned for IPv4, 68..65535 octets

  /// net.ipv4.ipfrag_time: fragments wait this long for the rest; RFC 1122 would have 60 s
  Duration ipfrag_time = 30s;
  Duration ip6frag_time = 60s;                ///< net.ipv6.ip6frag_time (RFC 8200 section 4.5)
  std::size_t ipfrag_high_thresh = 4u << 20;  ///< net.ipv4.ipfrag_high_thresh: octets of fragments, 64 KiB..4 MiB

  /// net.ipv4.icmp_ratelimit: between ICMP errors to one destination, after a burst of 6; 0: no limit. Linux waits a
  /// second; on a TUN there is often one destination only.
  Duration icmp_ratelimit = 100ms;
  Duration icmp6_ratelimit = 100ms;        ///< net.ipv6.icmp.ratelimit: the same for ICMPv6
  std::uint32_t icmp_msgs_per_sec = 1000;  ///< net.ipv4.icmp_msgs_per_sec: ICMP errors to all, both families; >= 1
  std::uint32_t icmp_msgs_burst = 50;      ///< net.ipv4.icmp_msgs_burst: of these at once, give or take a half; >= 1
  bool icmp_echo_ignore_all = false;       ///< net.ipv4.icmp_echo_ignore_all: nobody can ping us
  bool icmp6_echo_ignore_all = false;      ///< net.ipv6.icmp.echo_ignore_all
};

/// All of a Stack's inputs but time and packets. A number out of its range is brought to the nearest in it.
struct Config {
  static constexpr std::uint32_t least_mtu = 576;      ///< of `mtu`
  static constexpr std::uint32_t least_mtu_v6 = 1280;  ///< the same where IPv6 is spoken (RFC 8200 section 5)
  static constexpr std::uint32_t most_mtu = 65'535;    ///< of `mtu`
  static constexpr std::size_t most_routes = 64;       ///< of `routes`
  std::vector<Prefix> addresses;         ///< the host's own addresses; the first of a family is its default source
  std::vector<Route> routes;             ///< the first 64 count; whatever they say nothing of goes to the Link
  std::uint32_t mtu = 1500;              ///< octets of an IP packet on the link, 576..65535 (1280.. for IPv6)
  LinkTraits link;                       ///< what the Link of poll() and flush() does
  std::size_t memory = 256u << 20;       ///< octets of packet memory, reserved as address space; 4 MiB..16 GiB
  std::uint32_t max_sockets = 1u << 20;  ///< sockets and connections together, TIME-WAIT apart
  std::size_t rmem_max = 4u << 20;       ///< octets that SO_RCVBUF may ask for, at least 2304
  std::size_t wmem_max = 4u << 20;       ///< octets that SO_SNDBUF may ask for, at least 4608
  /// net.core.busy_read: so long a caller looks for packets before it sleeps, where that pays; 0: never. The Stack has
  /// no use for it.
  Duration busy_read = 50us;
  bool v6_only = false;                       ///< IPV6_V6ONLY of a new socket
  std::vector<std::uint16_t> reserved_ports;  ///< never chosen as ephemeral ports
  std::array<std::uint8_t, 16> key{};  ///< secret of ports, ISNs and tables: from getrandom once; a test gives its own
  IpSettings ip;                       ///< what IP may be told
  TcpSettings tcp;                     ///< what TCP may be told
  UdpSettings udp;                     ///< what datagram sockets may be told
};

}  // namespace tunic
