// IP output of a host on one link: a transport writes its header at TxPacket::room and appends slices of text, then
// finish_checksum(), then prepend(). What is larger than the path MTU (pmtu.h) is cut by fragment.h instead.
#pragma once

#include <cstddef>
#include <cstdint>

#include "buf/link.h"
#include "buf/packet.h"
#include "wire/addr.h"

namespace tunic {

/// Always (RFC 9293 §3.1, MUST-2): fills the checksum field of the transport header, `field` octets after its begin and
/// now zero; to be called before prepend(). Where the link completes checksums the field gets the sum over the
/// pseudo-header and the packet is marked partial, else the checksum over header and text.
void finish_checksum(TxPacket& packet, const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::size_t field,
                     const LinkTraits& link);

/// What the IP header of a packet to send says. `src` and `dst` are of one family; `ttl` is the hop limit and `tos` the
/// traffic class of IPv6, which alone has a flow label (20 bits).
struct IpFields {
  IpAddr src, dst;
  std::uint8_t protocol = 0, ttl = 64, tos = 0;
  std::uint32_t flow_label = 0;
  bool dont_fragment = true;  // IPv4: with it the packet is atomic, and its ID means nothing (RFC 6864 section 4.1)
  std::uint16_t id = 0;       // IPv4
};

/// Writes the IP header before what stands in `packet`, which must leave room for it, and notes where the transport
/// begins.
void prepend(TxPacket& packet, const IpFields& fields);
/// The same for an atomic packet.
void prepend(TxPacket& packet, const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::uint8_t ttl,
             std::uint8_t tos, std::uint32_t flow_label = 0);

}  // namespace tunic
