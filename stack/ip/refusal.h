// Telling a sender what was wrong with its packet: ICMP errors to send (RFC 792, RFC 1122 section 3.2.2, RFC 4443).
// Here is what they say, whom they must never answer (C6), and what they quote; when there is too much of them is
// rate_limit.h's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/counters.h"
#include "buf/packet.h"
#include "ip/addresses.h"
#include "wire/addr.h"

namespace tunic {

/// What an ICMP error says: its type, its code and the four octets before the quote.
struct Problem {
  std::uint8_t type = 0, code = 0;
  std::uint32_t rest = 0;       // a pointer or an MTU, as it stands on the wire
  bool to_multicast = false;    // told even about a packet to a multicast address (RFC 4443 section 2.4(e.3))
  bool about_fragment = false;  // told even about a later fragment (RFC 8200 section 4.5)
  friend bool operator==(const Problem&, const Problem&) = default;
};

namespace problem {
/// Where the header of a packet is wrong: `pointer` octets from its begin.
Problem bad_field(Family f, std::size_t pointer);
/// An IPv6 next header that we do not know, or that may not stand there.
Problem unknown_next_header(std::size_t pointer);
/// An IPv6 option that we do not know.
Problem unknown_option(std::size_t pointer, bool to_multicast);
/// What an IPv6 fragment says of itself cannot be.
Problem bad_fragment(std::size_t pointer);
/// The first fragment does not hold all headers (RFC 7112 section 5).
Problem headers_cut_off();
Problem protocol_unreachable();
Problem port_unreachable(Family f);
/// Fragments that did not become whole in time.
Problem reassembly_time_exceeded(Family f);
}  // namespace problem

/// Why a packet goes no further, and what its sender is to be told.
struct Rejection {
  Rejection(Drop reason) : why{reason} {}
  Rejection(Drop reason, const Problem& p) : why{reason}, problem{p} {}
  Drop why;
  std::optional<Problem> problem{};
};

/// Whether `packet`, of which at least the IP header is there, may be answered by an error at all: not if it is an
/// error itself, a later fragment (of IPv6: unless that is what is wrong), or was sent to more than one host or by what
/// is not one (RFC 1122 section 3.2.2, RFC 4443 section 2.4(e)).
bool may_refuse(Bytes packet, const Problem& p, const Addresses& own);

/// As much of `packet` as an error quotes: of IPv4 what makes 576 octets in all (RFC 1812 section 4.3.2.3), of IPv6
/// 1280 (RFC 4443 section 2.4(c)). Octets behind the packet's end are left out.
Bytes quote_of(Bytes packet);

/// An ICMP message to send.
struct IcmpMessage {
  IpAddr src, dst;
  std::uint8_t type = 0, code = 0, ttl = 64, tos = 0;
  std::uint32_t rest = 0;
  Slice body;
};

/// Writes `m` without a checksum and without an IP header into `out`, which is clear.
void write_icmp(const IcmpMessage& m, TxPacket& out);

}  // namespace tunic
