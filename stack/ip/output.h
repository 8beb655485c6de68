// IP output of a host on one link: a transport writes its header at TxPacket::room and appends slices of text, then
// finish_checksum(), then prepend(). There is one way out, so nothing is looked up; route.h (gateways, metrics) and
// pmtu.h (RFC 1191, 8201) will stand beside this file. Packets are never fragmented on the way: DF is set, the ID is 0
// (RFC 6864).
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

/// Writes the IP header before what stands in `packet`, which must leave room for it, and notes where the transport
/// begins. `src` and `dst` are of one family; `ttl` is the hop limit and `tos` the traffic class of IPv6, which alone
/// has a flow label (20 bits).
void prepend(TxPacket& packet, const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::uint8_t ttl,
             std::uint8_t tos, std::uint32_t flow_label = 0);

}  // namespace tunic
