#include "ip/input.h"

#include "ip/extension_headers.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using Check = std::expected<void, Drop>;

/// The options are proven well-formed and then not looked at (RFC 1122 section 3.2.1.8); source routes are refused
/// (RFC 6274 section 3.13.2.3). At most 40 steps: each option eats at least one octet.
Check check_options(Bytes options) {
  constexpr std::uint8_t end = 0, nop = 1, loose_source_route = 131, strict_source_route = 137;
  while (!options.empty() && byte_at(options, 0) != end) {
    const std::uint8_t kind = byte_at(options, 0);
    if (kind == loose_source_route || kind == strict_source_route) return std::unexpected{Drop::source_route};
    const std::size_t size = kind == nop ? 1 : options.size() < 2 ? 0 : byte_at(options, 1);
    if (size == 0 || (size == 1 && kind != nop) || size > options.size()) return std::unexpected{Drop::bad_header};
    options = options.subspan(size);
  }
  return {};
}

/// 0.0.0.0/8 and 240.0.0.0/4 (RFC 6890).
bool is_reserved_v4(const IpAddr& a) { return a.v4_bits() >> 24 == 0 || a.v4_bits() >> 28 == 15; }

/// A source that no peer can have (RFC 1122 section 3.2.1.3, RFC 9293 section 3.9.2.3 (MUST-63)). Our own address is
/// one, which also ends the land attack, where source and destination are the same.
bool is_martian(const IpAddr& src, bool looped, const Addresses& own) {
  if (src.is_any() || src.is_multicast() || own.is_broadcast(src)) return true;
  if (src.is_v4() && is_reserved_v4(src)) return true;
  return !looped && own.is_local(src);
}

/// Only a unicast address of ours; broadcast and multicast are not spoken (MUST-57).
bool is_for_us(const IpAddr& dst, bool looped, const Addresses& own) {
  return own.is_own(dst) || (looped && dst.is_loopback());
}

Check check_addresses(const Datagram& d, bool looped, const Addresses& own) {
  if (is_martian(d.src, looped, own)) return std::unexpected{Drop::martian_source};
  if (!is_for_us(d.dst, looped, own)) return std::unexpected{Drop::not_ours};
  return {};
}

std::expected<Datagram, Drop> accept_v4(Bytes packet, bool looped, const Offload& offload, const Addresses& own) {
  const auto ip = Ipv4View::parse(packet);
  if (!ip) return std::unexpected{ip.error()};
  if (offload.checksum != Offload::Checksum::verified && !ip->checksum_ok()) return std::unexpected{Drop::bad_checksum};
  const auto header_size = static_cast<std::uint16_t>(ip->header_size());
  const Datagram d{ip->src(), ip->dst(), ip->protocol(), ip->tos(), ip->ttl(), header_size, ip->payload()};
  if (const auto ok = check_addresses(d, looped, own); !ok) return std::unexpected{ok.error()};
  if (const auto ok = check_options(ip->options()); !ok) return std::unexpected{ok.error()};
  if (ip->is_fragment()) return std::unexpected{Drop::fragment};
  return d;
}

std::expected<Datagram, Drop> accept_v6(Bytes packet, bool looped, const Addresses& own) {
  const auto ip = Ipv6View::parse(packet);
  if (!ip) return std::unexpected{ip.error()};
  if (ip->has_mapped_address()) return std::unexpected{Drop::martian_source};
  Datagram d{ip->src(),       ip->dst(),      ip->next_header(), ip->traffic_class(),
             ip->hop_limit(), Ipv6View::size, ip->payload()};
  if (const auto ok = check_addresses(d, looped, own); !ok) return std::unexpected{ok.error()};
  const auto end = skip_extension_headers(ip->next_header(), ip->payload());
  if (!end) return std::unexpected{end.error()};
  d.protocol = end->protocol;
  d.header_size = static_cast<std::uint16_t>(Ipv6View::size + end->size);
  d.payload = ip->payload().subspan(end->size);
  return d;
}

}  // namespace

std::expected<Datagram, Drop> accept(Bytes packet, bool looped, const Offload& offload, const Addresses& own) {
  const bool v6 = !packet.empty() && byte_at(packet, 0) >> 4 == 6;
  return v6 ? accept_v6(packet, looped, own) : accept_v4(packet, looped, offload, own);
}

bool transport_checksum_ok(const Datagram& d, const Offload& offload) {
  if (offload.checksum != Offload::Checksum::unknown) return true;
  Sum sum = d.protocol == protocol::icmp ? Sum{} : pseudo_header(d.src, d.dst, d.protocol, d.payload.size());
  return sum.add(d.payload).checksum() == 0;
}

}  // namespace tunic
