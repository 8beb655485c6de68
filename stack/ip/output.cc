#include "ip/output.h"

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

Sum checksum_base(const TxPacket& p, const IpAddr& src, const IpAddr& dst, std::uint8_t protocol) {
  return protocol == protocol::icmp ? Sum{} : pseudo_header(src, dst, protocol, p.size());
}

std::uint16_t complete(Sum sum, const TxPacket& p, std::uint8_t protocol) {
  sum.add(p.header());
  for (std::size_t i = 0; i < p.slices; ++i) sum.add(p.text[i].bytes());
  const std::uint16_t c = sum.checksum();
  return protocol == protocol::udp && c == 0 ? std::uint16_t{0xffff} : c;  // RFC 768: 0 would mean "none computed"
}

}  // namespace

void finish_checksum(TxPacket& packet, const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::size_t field,
                     const LinkTraits& link) {
  const Sum base = checksum_base(packet, src, dst, protocol);
  const std::uint16_t value = link.checksum ? base.folded() : complete(base, packet, protocol);
  store_be(packet.headers.data() + packet.begin + field, value);
  packet.offload.checksum = link.checksum ? Offload::Checksum::partial : Offload::Checksum::unknown;
  packet.offload.checksum_field = static_cast<std::uint16_t>(field);
}

void prepend(TxPacket& packet, const IpFields& f) {
  const std::size_t payload = packet.size();
  const std::size_t size = f.dst.is_v4() ? Ipv4View::min_size : Ipv6View::size;
  packet.begin = static_cast<std::uint16_t>(packet.begin - size);
  packet.offload.transport = static_cast<std::uint16_t>(size);
  const MutBytes out = MutBytes{packet.headers}.subspan(packet.begin);
  if (f.dst.is_v4())
    Ipv4Header{.src = f.src,
               .dst = f.dst,
               .protocol = f.protocol,
               .ttl = f.ttl,
               .tos = f.tos,
               .id = f.id,
               .dont_fragment = f.dont_fragment}
        .emit(out, payload);
  else
    Ipv6Header{f.src, f.dst, f.protocol, f.ttl, f.tos, f.flow_label}.emit(out, payload);
}

void prepend(TxPacket& packet, const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::uint8_t ttl,
             std::uint8_t tos, std::uint32_t flow_label) {
  prepend(packet, {.src = src, .dst = dst, .protocol = protocol, .ttl = ttl, .tos = tos, .flow_label = flow_label});
}

}  // namespace tunic
