// IP input of a host (RFC 1122 section 3.2.1, RFC 8200 section 4): a packet either is a Datagram for us, maybe a part
// of one (reassembly.h joins those), or is rejected for one named reason. It never answers by itself and never
// forwards.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.h"
#include "base/counters.h"
#include "buf/packet.h"
#include "ip/addresses.h"
#include "ip/extension_headers.h"
#include "ip/refusal.h"
#include "wire/addr.h"

namespace tunic {

/// What the IP layer hands up: `payload` is the transport's, within the packet that was given to accept().
struct Datagram {
  IpAddr src, dst;
  std::uint8_t protocol = 0, tos = 0, ttl = 0;
  std::uint16_t header_size = 0;     // with IPv4 options or IPv6 extension headers: where payload begins
  std::uint16_t protocol_field = 0;  // where in the packet stands `protocol`; of an IPv6 fragment, its header's kind
  bool broadcast = false;            // dst is 255.255.255.255 or our network's broadcast address
  std::optional<FragmentPlace> fragment{};  // payload is a part of the transport's
  Bytes payload = {};
};

/// How a packet came here.
struct Origin {
  bool looped = false;       // this host sent it to itself: only then may it come from our addresses or from loopback
  bool reassembled = false;  // it was fragments, and may not be one again (F7)
};

/// Takes a packet for one of our unicast addresses, or UDP for a broadcast address of ours. Octets after the length in
/// the IP header are ignored. An unknown protocol is for the caller to refuse.
std::expected<Datagram, Rejection> accept(Bytes packet, Origin how, const Offload& offload, const Addresses& own);

/// What the sender of a datagram of a protocol that nobody here speaks is told.
Problem unknown_protocol(const Datagram& d);

/// Whether the checksum of the transport is right (TCP, UDP and ICMPv6 with their pseudo-header, ICMP without), or was
/// seen to by the device or by ourselves: a packet that never crossed a wire may carry a partial one.
bool transport_checksum_ok(const Datagram& d, const Offload& offload);

}  // namespace tunic
