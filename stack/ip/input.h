// IP input of a host (RFC 1122 section 3.2.1, RFC 8200 section 4): a packet either is a Datagram for us or is dropped
// for one named reason. It never answers and never forwards. Fragments are dropped here; reassembly.h, which joins
// them, will stand beside this file, and errors.h, which tells senders what went wrong.
#pragma once

#include <cstdint>
#include <expected>

#include "base/bytes.h"
#include "base/counters.h"
#include "buf/packet.h"
#include "ip/addresses.h"
#include "wire/addr.h"

namespace tunic {

/// What the IP layer hands up: `payload` is the transport's, within the packet that was given to accept().
struct Datagram {
  IpAddr src, dst;
  std::uint8_t protocol = 0, tos = 0, ttl = 0;
  std::uint16_t header_size = 0;  // with IPv4 options or IPv6 extension headers: where payload begins
  Bytes payload = {};
};

/// Takes a packet from the device, or one that this host sent to itself (`looped`): only those may come from our own
/// addresses and from loopback. Octets after the length in the IP header are ignored. An unknown protocol is for the
/// caller to refuse.
std::expected<Datagram, Drop> accept(Bytes packet, bool looped, const Offload& offload, const Addresses& own);

/// Whether the checksum of the transport is right (TCP, UDP and ICMPv6 with their pseudo-header, ICMP without), or was
/// seen to by the device or by ourselves: a packet that never crossed a wire may carry a partial one.
bool transport_checksum_ok(const Datagram& d, const Offload& offload);

}  // namespace tunic
