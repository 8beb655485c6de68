#include "ip/input.h"

#include "base/work.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using Check = std::expected<void, Rejection>;
using Accepted = std::expected<Datagram, Rejection>;

std::unexpected<Rejection> reject(Drop why) { return std::unexpected{Rejection{why}}; }

/// The options are proven well-formed and then not looked at (RFC 1122 section 3.2.1.8); source routes are refused
/// (RFC 6274 section 3.13.2.3). At most 40 steps: each option eats at least one octet.
Check check_options(Bytes options) {
  constexpr std::uint8_t end = 0, nop = 1, loose_source_route = 131, strict_source_route = 137;
  std::size_t pointer = Ipv4View::min_size;
  while (!options.empty() && byte_at(options, 0) != end) {
    step();
    const std::uint8_t kind = byte_at(options, 0);
    if (kind == loose_source_route || kind == strict_source_route) return reject(Drop::source_route);
    const std::size_t size = kind == nop ? 1 : options.size() < 2 ? 0 : byte_at(options, 1);
    if (size == 0 || (size == 1 && kind != nop) || size > options.size())
      return std::unexpected{Rejection{Drop::bad_header, problem::bad_field(Family::v4, pointer)}};
    options = options.subspan(size);
    pointer += size;
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

/// A unicast address of ours, or for UDP a broadcast one; multicast is not spoken, nor broadcast TCP (MUST-57) or echo
/// (RFC 1122 section 3.2.2.6).
bool is_for_us(const Datagram& d, bool looped, const Addresses& own) {
  if (d.broadcast) return d.protocol == protocol::udp;
  return own.is_own(d.dst) || (looped && d.dst.is_loopback());
}

Check check_addresses(const Datagram& d, bool looped, const Addresses& own) {
  if (is_martian(d.src, looped, own)) return reject(Drop::martian_source);
  if (!is_for_us(d, looped, own)) return reject(Drop::not_ours);
  return {};
}

Accepted accept_v4(Bytes packet, Origin how, const Offload& offload, const Addresses& own) {
  const auto ip = Ipv4View::parse(packet);
  if (!ip) return reject(ip.error());
  if (offload.checksum != Offload::Checksum::verified && !ip->checksum_ok()) return reject(Drop::bad_checksum);
  Datagram d{.src = ip->src(), .dst = ip->dst(), .protocol = ip->protocol(), .tos = ip->tos(), .ttl = ip->ttl()};
  d.header_size = static_cast<std::uint16_t>(ip->header_size());
  d.protocol_field = 9;
  d.broadcast = own.is_broadcast(d.dst) && !own.is_own(d.dst);
  d.payload = ip->payload();
  if (const auto ok = check_addresses(d, how.looped, own); !ok) return std::unexpected{ok.error()};
  if (const auto ok = check_options(ip->options()); !ok) return std::unexpected{ok.error()};
  if (!ip->is_fragment()) return d;
  if (ip->dont_fragment()) return reject(Drop::fragment);  // it contradicts itself
  d.fragment = {ip->id(), ip->fragment_offset(), ip->more_fragments()};
  return d;
}

Accepted accept_v6(Bytes packet, Origin how, const Addresses& own) {
  const auto ip = Ipv6View::parse(packet);
  if (!ip) return reject(ip.error());
  if (ip->has_mapped_address()) return reject(Drop::martian_source);
  Datagram d{.src = ip->src(), .dst = ip->dst(), .tos = ip->traffic_class(), .ttl = ip->hop_limit()};
  if (is_martian(d.src, how.looped, own)) return reject(Drop::martian_source);
  const bool ours = is_for_us(d, how.looped, own);
  if (!ours && !d.dst.is_multicast()) return reject(Drop::not_ours);
  const auto end = skip_extension_headers(ip->next_header(), ip->payload(), how.reassembled);
  if (!end) return std::unexpected{end.error()};
  if (!ours) return reject(Drop::not_ours);  // of a multicast only its options count
  d.protocol = end->protocol;
  d.header_size = static_cast<std::uint16_t>(Ipv6View::size + end->size);
  d.protocol_field = static_cast<std::uint16_t>(end->field);
  d.fragment = end->fragment;
  d.payload = ip->payload().subspan(end->size);
  return d;
}

}  // namespace

std::expected<Datagram, Rejection> accept(Bytes packet, Origin how, const Offload& offload, const Addresses& own) {
  const bool v6 = !packet.empty() && byte_at(packet, 0) >> 4 == 6;
  return v6 ? accept_v6(packet, how, own) : accept_v4(packet, how, offload, own);
}

Problem unknown_protocol(const Datagram& d) {
  return d.src.is_v4() ? problem::protocol_unreachable() : problem::unknown_next_header(d.protocol_field);
}

bool transport_checksum_ok(const Datagram& d, const Offload& offload) {
  if (offload.checksum != Offload::Checksum::unknown) return true;
  Sum sum = d.protocol == protocol::icmp ? Sum{} : pseudo_header(d.src, d.dst, d.protocol, d.payload.size());
  return sum.add(d.payload).checksum() == 0;
}

}  // namespace tunic
