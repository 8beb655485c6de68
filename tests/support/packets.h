// IP packets that are not TCP, as tests see them: builders of IPv4, IPv6, UDP, ICMP and ICMPv6 with right checksums
// where no field is overridden, fragments of any packet, and a strict reader. Written apart from stack/wire and
// stack/ip, so that a mistake there cannot hide behind the same mistake here.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "buf/packet.h"
#include "test_support/values.h"
#include "wire/addr.h"

namespace tunic::test {

inline const IpAddr us4 = IpAddr::v4(0xc6120002u), peer4 = IpAddr::v4(0xc6120001u);
inline const IpAddr us6 = v6("fd00 0000 0000 0000 0000 0000 0000 0002");
inline const IpAddr peer6 = v6("fd00 0000 0000 0000 0000 0000 0000 0001");
inline const IpAddr& us(Family f) { return f == Family::v4 ? us4 : us6; }
inline const IpAddr& peer(Family f) { return f == Family::v4 ? peer4 : peer6; }
/// The n-th neighbour, n < 65536, on our network but for the IPv4 ones, which are 198.19.x.y.
IpAddr neighbour(Family f, std::uint32_t n);
inline const Family families[] = {Family::v4, Family::v6};

/// ICMP's protocol number in a family.
constexpr std::uint8_t icmp_of(Family f) { return f == Family::v4 ? 1 : 58; }

/// An IP packet to build. What is left alone is as a good sender has it.
struct IpPacket {
  IpAddr src, dst;
  std::uint8_t protocol = 17;  // of the payload
  Octets payload{};
  std::uint8_t ttl = 64, tos = 0;
  std::uint32_t flow_label = 0;  // IPv6
  Octets options{};              // of IPv4; filled with zeros to whole words
  /// IPv6 extension headers as they stand: first the kind of the first of them. The last of them must name `protocol`.
  Octets extensions{};
  std::uint8_t extension = 0;
  std::uint16_t id = 0;  // IPv4
  bool dont_fragment = false, more_fragments = false;
  std::size_t fragment_offset = 0;          // IPv4, in octets
  std::optional<std::uint16_t> length{};    // the total length of IPv4, the payload length of IPv6
  std::optional<std::uint16_t> checksum{};  // IPv4
};
Octets encode(const IpPacket& p);

/// A UDP datagram with its checksum.
struct UdpOverrides {
  std::optional<std::uint16_t> length{}, checksum{};
};
Octets udp(const Endpoint& src, const Endpoint& dst, Bytes text, const UdpOverrides& with = {});
/// The same in an IP packet.
Octets udp_packet(const Endpoint& src, const Endpoint& dst, Bytes text, const UdpOverrides& with = {});

/// An ICMP or ICMPv6 message, by the family of `src`, with its checksum: type, code, the four octets `rest`, `body`.
Octets icmp(const IpAddr& src, const IpAddr& dst, std::uint8_t type, std::uint8_t code, std::uint32_t rest, Bytes body);
Octets icmp_packet(const IpAddr& src, const IpAddr& dst, std::uint8_t type, std::uint8_t code, std::uint32_t rest,
                   Bytes body);
/// An echo request or reply of either family.
Octets echo_request(const IpAddr& src, const IpAddr& dst, std::uint16_t id, std::uint16_t sequence, Bytes data);
Octets echo_reply(const IpAddr& src, const IpAddr& dst, std::uint16_t id, std::uint16_t sequence, Bytes data);

/// A part of the IP payload of `packet`, which has no IPv4 options and no IPv6 extension headers, as a fragment: the
/// octets [offset, offset + size), cut to what is there. `more` is M; `id` names the datagram.
Octets fragment(const Octets& packet, std::size_t offset, std::size_t size, bool more, std::uint32_t id);
/// `packet` cut into fragments that carry `size` octets each, a multiple of 8, but for the last.
std::vector<Octets> fragments(const Octets& packet, std::size_t size, std::uint32_t id);
/// An IPv6 fragment header (RFC 8200 section 4.5).
Octets fragment_header(std::uint8_t next, std::size_t offset, bool more, std::uint32_t id, std::uint8_t low_bits = 0);

/// The octets of a packet to send, as a device gets them.
Octets flat(const TxPacket& p);

/// A packet as a careful device reads it.
struct IpRead {
  IpAddr src, dst;
  std::uint8_t protocol = 0, ttl = 0, tos = 0;
  std::uint32_t flow_label = 0, id = 0;
  bool dont_fragment = false, more_fragments = false;
  std::size_t fragment_offset = 0, size = 0;  // of the whole packet
  Octets payload{};                           // behind all IP headers; of a fragment its part
  bool is_fragment() const { return more_fragments || fragment_offset != 0; }

  // Of UDP and ICMP that is no later fragment:
  Endpoint from{}, to{};            // the ports of UDP, else 0
  std::uint8_t type = 0, code = 0;  // ICMP
  std::uint32_t rest = 0;           // the four octets after the checksum of ICMP
  Octets text{};                    // of UDP; the body of ICMP
  bool is_icmp() const { return protocol == icmp_of(src.family()); }
  bool is_icmp_error() const { return is_icmp() && (src.is_v4() ? type == 3 || type == 11 || type == 12 : type < 128); }
};
/// Reads a packet of ours; the error says what is wrong: lengths that lie, checksums, a partial checksum in the wrong
/// place, options, DF with fragments. The checksum of a fragment's transport cannot be judged.
std::expected<IpRead, std::string> read_ip(Bytes packet, const Offload& offload = {});

/// Puts fragments of one datagram together, in any order; empty if they do not make one.
std::optional<IpRead> join_fragments(const std::vector<IpRead>& parts);

}  // namespace tunic::test
