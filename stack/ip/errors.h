// ICMP errors that come in (RFC 1122 section 3.2.2, RFC 4443 section 2.4): what they say, and of which packet of ours.
// Whether to believe them is for the transport to decide, which alone knows what it has in flight (RFC 5927).
#pragma once

#include <cstdint>
#include <expected>

#include "base/bytes.h"
#include "base/counters.h"
#include "ip/addresses.h"
#include "ip/input.h"
#include "wire/addr.h"

namespace tunic {

/// A received error. `transport` and `quote` lie within the packet that brought it: valid for this call alone.
struct IcmpError {
  std::uint8_t type = 0, code = 0;
  IpAddr reporter;                // who says so
  IpAddr local, remote;           // of the quoted packet: its source, which is ours, and its destination
  std::uint8_t protocol = 0;      // of the quoted packet
  Bytes transport;                // its transport header and what follows, as much as was quoted: at least 8 octets
  Bytes quote;                    // all of the quoted packet that is there
  std::uint32_t quoted_size = 0;  // of the quoted packet when it was sent
  std::uint32_t mtu = 0;          // what fits where the packet did not; 0 if it did, or an old router does not say
  std::uint32_t pointer = 0;      // of a parameter problem
  bool too_big = false;           // fragmentation needed, or packet too big
  int error = 0;                  // what it means to a user: Linux's errno
  bool hard = false;              // as Linux has it: the datagram's destination does not exist

  Family family() const { return reporter.family(); }
  /// The ports of TCP and UDP.
  Port local_port() const { return Port{load_be<std::uint16_t>(transport.data())}; }
  Port remote_port() const { return Port{load_be<std::uint16_t>(transport.data() + 2)}; }
  FourTuple pair() const { return {{local, local_port()}, {remote, remote_port()}}; }
};

/// Reads `message`, an ICMP message with a good checksum. Drops: bad_icmp where less is quoted than an IP header and 8
/// octets of transport, icmp_ignored where it is not an error that a host acts on (RFC 6633: source quench; redirects),
/// or is about an ICMP error, a later fragment or a packet that is not ours.
std::expected<IcmpError, Drop> read_error(const Datagram& message, const Addresses& own);

}  // namespace tunic
