/// @file
/// What datagram sockets are told and tell: how one datagram is sent, what came with one that was received, and what
/// was said of one that was sent; the last of streams too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "wire/addr.h"

namespace tunic {

/// What a socket speaks.
enum class Transport : std::uint8_t {
  tcp,   ///< SOCK_STREAM
  udp,   ///< SOCK_DGRAM
  icmp,  ///< SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6 by family: echo requests out, echo replies in
};

/// The values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER.
enum class MtuDiscover : std::uint8_t {
  dont = 0,       ///< fragments; what leaves may be fragmented on the way (no DF)
  want = 1,       ///< fragments what is longer than the path MTU; DF on what is not
  require = 2,    ///< DO: DF; what is longer than the path MTU is Error::too_long
  probe = 3,      ///< DF; what is longer than the link's MTU is Error::too_long, the path's is not asked
  interface = 4,  ///< no DF; what is longer than the link's MTU is Error::too_long
  omit = 5,       ///< no DF; fragments what is longer than the link's MTU
};
/// Whether the path's MTU counts, and not the link's alone.
constexpr bool uses_path_mtu(MtuDiscover d) { return d < MtuDiscover::probe; }
/// Whether what is longer is sent in fragments.
constexpr bool may_fragment(MtuDiscover d) { return d < MtuDiscover::require || d == MtuDiscover::omit; }
/// Whether what is not longer may not be fragmented on the way.
constexpr bool sets_dont_fragment(MtuDiscover d) { return d >= MtuDiscover::want && d <= MtuDiscover::probe; }

/// How Stack::send_datagram() sends; what is unset is as the socket's options say.
struct DatagramOptions {
  std::optional<Endpoint> to;           ///< else the connected peer
  std::optional<IpAddr> from;           ///< one of our addresses: IP_PKTINFO, IPV6_PKTINFO
  std::optional<std::uint8_t> ttl;      ///< IP_TTL, IPV6_HOPLIMIT, 1..255
  std::optional<std::uint8_t> tos;      ///< IP_TOS, IPV6_TCLASS
  std::optional<MtuDiscover> discover;  ///< IPV6_DONTFRAG: what is longer than the path MTU is Error::too_long
  bool more = false;                    ///< MSG_MORE: gathered, sent as one datagram with what follows
};

/// What came with a received datagram.
struct DatagramInfo {
  Endpoint from;            ///< who sent it; the port is 0 for echo replies
  IpAddr to;                ///< which of our addresses it was sent to
  std::uint8_t ttl = 0;     ///< TTL or hop limit as it arrived
  std::uint8_t tos = 0;     ///< TOS or traffic class
  std::uint32_t drops = 0;  ///< SO_RXQ_OVFL: how many the full queue had refused when this one came
  Instant received{};       ///< when the Stack took it
  std::size_t size = 0;     ///< octets of the whole datagram, also where less was copied (MSG_TRUNC)
};

/// Whom a report comes from: Linux's values of ee_origin.
namespace origin {
inline constexpr std::uint8_t this_host = 1;  ///< this host: SO_EE_ORIGIN_LOCAL
inline constexpr std::uint8_t icmp = 2;       ///< a router or the peer: SO_EE_ORIGIN_ICMP
inline constexpr std::uint8_t icmpv6 = 3;     ///< the same over IPv6: SO_EE_ORIGIN_ICMP6
inline constexpr std::uint8_t zero_copy = 5;  ///< no error: SO_EE_ORIGIN_ZEROCOPY
}  // namespace origin

/// What was said of something that was sent, as struct sock_extended_err.
struct ErrorReport {
  int error = 0;            ///< ee_errno
  std::uint8_t origin = 0;  ///< ee_origin: one of namespace origin
  std::uint8_t type = 0;    ///< of the ICMP message
  std::uint8_t code = 0;    ///< of the ICMP message; of zero_copy, 1 where it was copied (SO_EE_CODE_ZEROCOPY_COPIED)
  std::uint32_t info = 0;   ///< ee_info: the MTU where the error is EMSGSIZE; of zero_copy, the first send it is about
  std::uint32_t data = 0;   ///< ee_data: of zero_copy, the last send it is about
  IpAddr offender;          ///< who reported it; unspecified if this host did
  Endpoint to;              ///< where it was going
  std::size_t size = 0;     ///< octets quoted of it, also where less was copied

  bool from_network() const { return origin == origin::icmp || origin == origin::icmpv6; }  ///< an ICMP error
};

}  // namespace tunic
