#include "test_support/packets.h"

#include <algorithm>

namespace tunic::test {
namespace {

void put(Octets& out, std::uint64_t value, int octets) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift));
}

void put(Octets& out, Bytes b) { out.insert(out.end(), b.begin(), b.end()); }

std::uint64_t sum(Bytes b) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < b.size(); ++i) total += std::uint64_t{byte_at(b, i)} << (i % 2 == 0 ? 8 : 0);
  return total;
}

std::uint16_t fold(std::uint64_t total) {
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return static_cast<std::uint16_t>(total);
}

std::uint64_t pseudo_sum(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::size_t length) {
  return sum(src.bytes()) + sum(dst.bytes()) + protocol + (length >> 16) + (length & 0xffff);
}

std::uint16_t complement(std::uint64_t total) { return static_cast<std::uint16_t>(~fold(total)); }

Octets encode_v4(const IpPacket& p) {
  Octets options = p.options;
  options.resize((options.size() + 3) / 4 * 4);
  const std::size_t header = 20 + options.size();
  Octets out;
  put(out, 0x40 | header / 4, 1);
  put(out, p.tos, 1);
  put(out, p.length.value_or(static_cast<std::uint16_t>(header + p.payload.size())), 2);
  put(out, p.id, 2);
  put(out, (p.dont_fragment ? 0x4000u : 0u) | (p.more_fragments ? 0x2000u : 0u) | p.fragment_offset / 8, 2);
  put(out, p.ttl, 1);
  put(out, p.protocol, 1);
  put(out, 0, 2);
  put(out, p.src.bytes());
  put(out, p.dst.bytes());
  put(out, options);
  store_be(&out[10], p.checksum.value_or(complement(sum(out))));
  put(out, p.payload);
  return out;
}

Octets encode_v6(const IpPacket& p) {
  Octets out;
  put(out, 6u << 28 | std::uint32_t{p.tos} << 20 | p.flow_label, 4);
  put(out, p.length.value_or(static_cast<std::uint16_t>(p.extensions.size() + p.payload.size())), 2);
  put(out, p.extensions.empty() ? p.protocol : p.extension, 1);
  put(out, p.ttl, 1);
  put(out, p.src.octets());  // an IPv4-mapped one is possible here, as 16 octets
  put(out, p.dst.octets());
  put(out, p.extensions);
  put(out, p.payload);
  return out;
}

using Verdict = std::optional<std::string>;  // what is wrong, or nothing

struct Reader {
  Bytes packet;
  const Offload& offload;
  IpRead r;
  std::size_t transport = 0;
  bool later = false;  // a later fragment

  template <class T>
  T at(std::size_t i) const {
    return load_be<T>(packet.data() + i);
  }

  Verdict read_v4() {
    if (packet.size() < 20) return "IPv4 header cut short";
    if (byte_at(packet, 0) != 0x45) return "IPv4 header with options or of a wrong length";
    if (at<std::uint16_t>(2) != packet.size()) return "IPv4 total length is not the packet's";
    if (fold(sum(packet.first(20))) != 0xffff) return "IPv4 header checksum";
    r.tos = byte_at(packet, 1);
    r.id = at<std::uint16_t>(4);
    const auto field = at<std::uint16_t>(6);
    if ((field & 0x8000) != 0) return "the reserved flag";
    r.dont_fragment = (field & 0x4000) != 0;
    r.more_fragments = (field & 0x2000) != 0;
    r.fragment_offset = (field & 0x1fffu) * 8;
    r.ttl = byte_at(packet, 8);
    r.protocol = byte_at(packet, 9);
    r.src = IpAddr::v4(packet.data() + 12);
    r.dst = IpAddr::v4(packet.data() + 16);
    transport = 20;
    return {};
  }

  Verdict read_v6() {
    if (packet.size() < 40) return "IPv6 header cut short";
    if (at<std::uint16_t>(4) + 40u != packet.size()) return "IPv6 payload length is not the packet's";
    r.tos = static_cast<std::uint8_t>(at<std::uint16_t>(0) >> 4);
    r.flow_label = at<std::uint32_t>(0) & 0xfffff;
    r.protocol = byte_at(packet, 6);
    r.ttl = byte_at(packet, 7);
    r.src = IpAddr::v6(packet.data() + 8);
    r.dst = IpAddr::v6(packet.data() + 24);
    transport = 40;
    if (r.protocol != 44) return {};
    if (packet.size() < 48) return "IPv6 fragment header cut short";
    r.protocol = byte_at(packet, 40);
    if (byte_at(packet, 41) != 0 || (byte_at(packet, 43) & 6) != 0) return "reserved bits of the fragment header";
    r.fragment_offset = at<std::uint16_t>(42) & 0xfff8u;
    r.more_fragments = (byte_at(packet, 43) & 1) != 0;
    r.id = at<std::uint32_t>(44);
    transport = 48;
    if (!r.is_fragment()) return "an atomic fragment";  // RFC 8021
    return {};
  }

  Verdict read_size() {
    r.size = packet.size();
    put(r.payload, packet.subspan(transport));
    if (r.ttl == 0) return "TTL 0";
    if (r.is_fragment() && r.dont_fragment) return "a fragment with DF";
    if (r.more_fragments && (r.payload.empty() || r.payload.size() % 8 != 0))
      return "a fragment that is no multiple of 8";
    if (r.fragment_offset + r.payload.size() > 65'535) return "a fragment beyond the largest datagram";
    return {};
  }

  Verdict read_checksum(std::size_t field, bool pseudo) {
    const Bytes message = r.payload;
    const auto base = pseudo ? pseudo_sum(r.src, r.dst, r.protocol, message.size()) : 0;
    if (offload.checksum == Offload::Checksum::partial) {
      if (r.is_fragment()) return "a partial checksum in a fragment";
      if (offload.transport != transport || offload.checksum_field != field) return "the place of the partial checksum";
      const auto partial = load_be<std::uint16_t>(message.data() + field);
      return fold(partial) == fold(base) ? Verdict{} : Verdict{"the partial checksum is not the pseudo-header's sum"};
    }
    if (r.is_fragment()) return {};
    return fold(sum(message) + base) == 0xffff ? Verdict{} : Verdict{"the checksum of the transport"};
  }

  Verdict read_transport() {
    r.from.addr = r.src;
    r.to.addr = r.dst;
    if (r.fragment_offset != 0) return {};
    const Bytes b = r.payload;
    if (r.protocol == 17) {
      if (b.size() < 8) return "UDP header cut short";
      r.from.port = Port{load_be<std::uint16_t>(b.data())};
      r.to.port = Port{load_be<std::uint16_t>(b.data() + 2)};
      if (!r.is_fragment() && load_be<std::uint16_t>(b.data() + 4) != b.size()) return "the length of UDP";
      put(r.text, b.subspan(8));
      const bool none = r.src.is_v4() && load_be<std::uint16_t>(b.data() + 6) == 0;
      if (none && offload.checksum != Offload::Checksum::partial) return {};
      return read_checksum(6, true);
    }
    if (!r.is_icmp()) return {};
    if (b.size() < 8) return "ICMP header cut short";
    r.type = byte_at(b, 0);
    r.code = byte_at(b, 1);
    r.rest = load_be<std::uint32_t>(b.data() + 4);
    put(r.text, b.subspan(8));
    return read_checksum(2, !r.src.is_v4());
  }
};

}  // namespace

IpAddr neighbour(Family f, std::uint32_t n) {
  if (f == Family::v4) return IpAddr::v4(0xc6130000u + n);
  Octets a = octets("fd00 0000 0000 0000 0000 0000 0001 0000");
  store_be(&a[14], static_cast<std::uint16_t>(n));
  return IpAddr::v6(a.data());
}

Octets encode(const IpPacket& p) { return p.src.is_v4() && p.dst.is_v4() ? encode_v4(p) : encode_v6(p); }

Octets udp(const Endpoint& src, const Endpoint& dst, Bytes text, const UdpOverrides& with) {
  Octets out;
  put(out, static_cast<std::uint16_t>(src.port), 2);
  put(out, static_cast<std::uint16_t>(dst.port), 2);
  put(out, with.length.value_or(static_cast<std::uint16_t>(8 + text.size())), 2);
  put(out, 0, 2);
  put(out, text);
  const auto check = complement(sum(out) + pseudo_sum(src.addr, dst.addr, 17, out.size()));
  store_be(&out[6], with.checksum.value_or(check == 0 ? 0xffff : check));
  return out;
}

Octets udp_packet(const Endpoint& src, const Endpoint& dst, Bytes text, const UdpOverrides& with) {
  return encode({.src = src.addr, .dst = dst.addr, .protocol = 17, .payload = udp(src, dst, text, with)});
}

Octets icmp(const IpAddr& src, const IpAddr& dst, std::uint8_t type, std::uint8_t code, std::uint32_t rest,
            Bytes body) {
  Octets out;
  put(out, type, 1);
  put(out, code, 1);
  put(out, 0, 2);
  put(out, rest, 4);
  put(out, body);
  store_be(&out[2], complement(sum(out) + (src.is_v4() ? 0 : pseudo_sum(src, dst, 58, out.size()))));
  return out;
}

Octets icmp_packet(const IpAddr& src, const IpAddr& dst, std::uint8_t type, std::uint8_t code, std::uint32_t rest,
                   Bytes body) {
  return encode(
      {.src = src, .dst = dst, .protocol = icmp_of(src.family()), .payload = icmp(src, dst, type, code, rest, body)});
}

Octets echo_request(const IpAddr& src, const IpAddr& dst, std::uint16_t id, std::uint16_t sequence, Bytes data) {
  return icmp_packet(src, dst, src.is_v4() ? 8 : 128, 0, std::uint32_t{id} << 16 | sequence, data);
}

Octets echo_reply(const IpAddr& src, const IpAddr& dst, std::uint16_t id, std::uint16_t sequence, Bytes data) {
  return icmp_packet(src, dst, src.is_v4() ? 0 : 129, 0, std::uint32_t{id} << 16 | sequence, data);
}

Octets fragment_header(std::uint8_t next, std::size_t offset, bool more, std::uint32_t id, std::uint8_t low_bits) {
  Octets out;
  put(out, next, 1);
  put(out, 0, 1);
  put(out, offset | low_bits | (more ? 1u : 0u), 2);
  put(out, id, 4);
  return out;
}

Octets fragment(const Octets& packet, std::size_t offset, std::size_t size, bool more, std::uint32_t id) {
  const bool v4 = byte_at(packet, 0) >> 4 == 4;
  const Bytes whole = Bytes{packet}.subspan(v4 ? 20 : 40);
  const Bytes part =
      whole.subspan(std::min(offset, whole.size()), std::min(size, whole.size() - std::min(offset, whole.size())));
  IpPacket p{.src = v4 ? IpAddr::v4(&packet[12]) : IpAddr::v6(&packet[8]),
             .dst = v4 ? IpAddr::v4(&packet[16]) : IpAddr::v6(&packet[24]),
             .payload = {part.begin(), part.end()}};
  p.ttl = byte_at(packet, v4 ? 8 : 7);
  p.tos = v4 ? byte_at(packet, 1) : static_cast<std::uint8_t>(load_be<std::uint16_t>(packet.data()) >> 4);
  p.protocol = byte_at(packet, v4 ? 9 : 6);
  if (v4) {
    p.id = static_cast<std::uint16_t>(id);
    p.more_fragments = more;
    p.fragment_offset = offset;
  } else {
    p.extension = 44;
    p.extensions = fragment_header(p.protocol, offset, more, id);
  }
  return encode(p);
}

std::vector<Octets> fragments(const Octets& packet, std::size_t size, std::uint32_t id) {
  const std::size_t whole = packet.size() - (byte_at(packet, 0) >> 4 == 4 ? 20 : 40);
  std::vector<Octets> out;
  for (std::size_t offset = 0; offset < whole; offset += size)
    out.push_back(fragment(packet, offset, size, offset + size < whole, id));
  return out;
}

Octets flat(const TxPacket& p) {
  Octets b{p.header().begin(), p.header().end()};
  for (std::size_t i = 0; i < p.slices; ++i) put(b, p.text[i].bytes());
  return b;
}

std::expected<IpRead, std::string> read_ip(Bytes packet, const Offload& offload) {
  if (packet.empty()) return std::unexpected{"an empty packet"};
  Reader reader{packet, offload, {}};
  const auto version = byte_at(packet, 0) >> 4;
  if (version != 4 && version != 6) return std::unexpected{"neither IPv4 nor IPv6"};
  if (auto wrong = version == 4 ? reader.read_v4() : reader.read_v6()) return std::unexpected{*wrong};
  if (auto wrong = reader.read_size()) return std::unexpected{*wrong};
  if (auto wrong = reader.read_transport()) return std::unexpected{*wrong};
  return reader.r;
}

std::optional<IpRead> join_fragments(const std::vector<IpRead>& parts) {
  std::vector<IpRead> sorted = parts;
  std::ranges::sort(sorted, {}, &IpRead::fragment_offset);
  Octets whole;
  for (const IpRead& p : sorted) {
    const bool fits = p.id == sorted[0].id && p.src == sorted[0].src && p.dst == sorted[0].dst;
    if (!fits || p.fragment_offset != whole.size() || p.more_fragments != (&p != &sorted.back())) return {};
    put(whole, p.payload);
  }
  if (sorted.empty()) return {};
  const IpRead& first = sorted[0];
  const auto r = read_ip(encode({.src = first.src,
                                 .dst = first.dst,
                                 .protocol = first.protocol,
                                 .payload = whole,
                                 .ttl = first.ttl,
                                 .tos = first.tos}));
  return r ? std::optional{*r} : std::nullopt;
}

}  // namespace tunic::test
