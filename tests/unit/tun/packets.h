// TCP segments made by hand, for tests of devices: a text of any length is one packet with a partial checksum.
#pragma once

#include <algorithm>
#include <vector>

#include "buf/packet.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp.h"

namespace tunic {

inline std::vector<std::byte> pattern(std::size_t n) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<std::byte>((i * 7 + (i >> 9)) & 0xff);
  return v;
}

/// Writes the IP header of a packet whose transport header ends at p.end and whose text is in place.
inline void emit_ip(TxPacket& p, const IpAddr& from, const IpAddr& to, std::uint8_t protocol) {
  const std::size_t payload = p.size();
  const bool v4 = from.is_v4();
  p.begin = static_cast<std::uint16_t>(TxPacket::room - (v4 ? Ipv4View::min_size : Ipv6View::size));
  const MutBytes out = MutBytes{p.headers}.subspan(p.begin);
  if (v4)
    Ipv4Header{.src = from, .dst = to, .protocol = protocol}.emit(out, payload);
  else
    Ipv6Header{.src = from, .dst = to, .next_header = protocol}.emit(out, payload);
  p.offload.transport = static_cast<std::uint16_t>(TxPacket::room - p.begin);
}

/// The text is lent: it must outlive the packet.
inline TxPacket tcp_packet(const Endpoint& from, const Endpoint& to, const TcpHeader& header, Bytes text = {},
                           std::uint16_t gso_size = 0, Bytes options = {}) {
  TxPacket p;
  p.clear();
  TcpHeader h = header;
  h.src = from.port;
  h.dst = to.port;
  const MutBytes room = MutBytes{p.headers}.subspan(TxPacket::room);
  p.end = static_cast<std::uint16_t>(p.headers.size() - h.emit(room, options).size());
  if (!text.empty()) p.text[p.slices++] = Slice::lent(text);
  const std::size_t length = p.size();
  emit_ip(p, from.addr, to.addr, protocol::tcp);
  p.offload.checksum = Offload::Checksum::partial;
  p.offload.checksum_field = TcpView::checksum_offset;
  p.offload.gso_size = gso_size;
  store_be(room.data() + TcpView::checksum_offset, pseudo_header(from.addr, to.addr, protocol::tcp, length).folded());
  return p;
}

/// All octets of a packet, its checksum as it is.
inline std::vector<std::byte> flat(const TxPacket& p) {
  std::vector<std::byte> v(p.header().begin(), p.header().end());
  for (std::size_t i = 0; i < p.slices; ++i) v.insert(v.end(), p.text[i].bytes().begin(), p.text[i].bytes().end());
  return v;
}

/// The payload of an IP packet and its two addresses.
struct Ip {
  IpAddr src, dst;
  Bytes payload;
};
inline Ip read_ip(Bytes b) {
  if (const auto v4 = Ipv4View::parse(b)) return {v4->src(), v4->dst(), v4->payload()};
  if (const auto v6 = Ipv6View::parse(b)) return {v6->src(), v6->dst(), v6->payload()};
  return {};
}

/// Does what a device does with a partial checksum, then asks whether the packet's sums are right.
inline bool correct_when_completed(std::vector<std::byte> packet) {
  const Ip ip = read_ip(packet);
  if (ip.payload.empty()) return false;
  std::byte* const field = packet.data() + (ip.payload.data() - packet.data()) + TcpView::checksum_offset;
  store_be(field, Sum{}.add(ip.payload).checksum());
  const auto v4 = Ipv4View::parse(packet);
  return (!v4 || v4->checksum_ok()) &&
         pseudo_header(ip.src, ip.dst, protocol::tcp, ip.payload.size()).add(ip.payload).checksum() == 0;
}

}  // namespace tunic
