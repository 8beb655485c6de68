#include "test_support/segment.h"

#include <algorithm>

namespace tunic::test {
namespace {

void put(std::vector<std::byte>& out, std::uint64_t value, int octets) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift));
}

void put(std::vector<std::byte>& out, Bytes b) { out.insert(out.end(), b.begin(), b.end()); }

std::uint64_t sum(Bytes b) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < b.size(); ++i) total += std::uint64_t{byte_at(b, i)} << (i % 2 == 0 ? 8 : 0);
  return total;
}

std::uint16_t fold(std::uint64_t total) {
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return static_cast<std::uint16_t>(total);
}

// The pseudo-header of RFC 9293 section 3.1, as a sum.
std::uint64_t pseudo_sum(const IpAddr& src, const IpAddr& dst, std::size_t tcp_length) {
  return sum(src.bytes()) + sum(dst.bytes()) + 6 + (tcp_length >> 16) + (tcp_length & 0xffff);
}

// Without padding between them: options need not begin on a word (MUST-64).
std::vector<std::byte> option_bytes(const TcpOptions& o) {
  if (!o.raw.empty()) return o.raw;
  std::vector<std::byte> out;
  if (o.mss) put(out, 0x0204, 2), put(out, *o.mss, 2);
  if (o.sack_ok) put(out, 0x0402, 2);
  if (o.ts) put(out, 0x080a, 2), put(out, o.ts->val, 4), put(out, o.ts->ecr, 4);
  if (o.wscale) put(out, 0x0303, 2), put(out, *o.wscale, 1);
  if (!o.sack.empty()) put(out, 5, 1), put(out, 2 + 8 * o.sack.size(), 1);
  for (const auto& r : o.sack) put(out, r.begin, 4), put(out, r.end, 4);
  return out;
}

std::vector<std::byte> tcp_bytes(const Segment& s) {
  auto options = option_bytes(s.options);
  options.resize((options.size() + 3) / 4 * 4);
  std::vector<std::byte> tcp;
  put(tcp, static_cast<std::uint16_t>(s.src.port), 2);
  put(tcp, static_cast<std::uint16_t>(s.dst.port), 2);
  put(tcp, s.seq, 4);
  put(tcp, s.ack, 4);
  put(tcp, ((20 + options.size()) / 4) << 4, 1);
  put(tcp, s.flags, 1);
  put(tcp, s.window, 2);
  put(tcp, 0, 2);
  put(tcp, s.urgent, 2);
  put(tcp, options);
  put(tcp, s.text);
  const auto check = static_cast<std::uint16_t>(~fold(sum(tcp) + pseudo_sum(s.src.addr, s.dst.addr, tcp.size())));
  store_be(tcp.data() + 16, check);
  return tcp;
}

// ---- the strict reader ----

using Verdict = std::optional<std::string>;  // what is wrong, or nothing

struct Reader {
  Bytes packet;
  const Offload& offload;
  const Demands& demands;
  Segment s;
  Bytes tcp;

  template <class T>
  T at(std::size_t i) const {
    return load_be<T>(packet.data() + i);
  }

  Verdict read_v4() {
    if (packet.size() < 20) return "IPv4 header cut short";
    if (byte_at(packet, 0) != 0x45) return "IPv4 header with options or of a wrong length";
    if (byte_at(packet, 1) != demands.tos) return "TOS is not the chosen one";
    if (at<std::uint16_t>(2) != packet.size()) return "IPv4 total length is not the packet's";
    if (at<std::uint16_t>(6) != 0x4000) return "IPv4 without DF, or a fragment";  // RFC 6864, F9
    if (byte_at(packet, 8) != demands.ttl) return "TTL is not the configured one";
    if (byte_at(packet, 9) != 6) return "not TCP";
    if (fold(sum(packet.first(20))) != 0xffff) return "IPv4 header checksum";
    s.src.addr = IpAddr::v4(packet.data() + 12);
    s.dst.addr = IpAddr::v4(packet.data() + 16);
    tcp = packet.subspan(20);
    return {};
  }

  Verdict read_v6() {
    if (packet.size() < 40) return "IPv6 header cut short";
    if ((at<std::uint16_t>(0) >> 4 & 0xff) != demands.tos) return "the traffic class is not the chosen one";
    if (at<std::uint16_t>(4) + 40u != packet.size()) return "IPv6 payload length is not the packet's";
    if (byte_at(packet, 6) != 6) return "not TCP";
    if (byte_at(packet, 7) != demands.ttl) return "hop limit is not the configured one";
    s.src.addr = IpAddr::v6(packet.data() + 8);
    s.dst.addr = IpAddr::v6(packet.data() + 24);
    tcp = packet.subspan(40);
    return {};
  }

  Verdict read_ip() {
    if (packet.empty()) return "an empty packet";
    const auto version = byte_at(packet, 0) >> 4;
    return version == 4 ? read_v4() : version == 6 ? read_v6() : Verdict{"neither IPv4 nor IPv6"};
  }

  Verdict read_checksum() const {
    const auto pseudo = pseudo_sum(s.src.addr, s.dst.addr, tcp.size());
    if (offload.checksum == Offload::Checksum::partial) {
      if (!demands.link.checksum) return "a partial checksum for a link that completes none";
      if (offload.transport != packet.size() - tcp.size() || offload.checksum_field != 16)
        return "the place of the partial checksum";
      const auto field = load_be<std::uint16_t>(tcp.data() + 16);
      if (fold(field) != fold(pseudo)) return "the partial checksum is not the pseudo-header's sum";
      return {};
    }
    if (fold(sum(tcp) + pseudo) != 0xffff) return "TCP checksum";  // MUST-2
    return {};
  }

  Verdict read_header() {
    if (tcp.size() < 20) return "TCP header cut short";
    const std::size_t size = std::size_t{byte_at(tcp, 12)} / 16 * 4;
    if (size < 20 || size > tcp.size()) return "TCP data offset";
    if ((byte_at(tcp, 12) & 0x0f) != 0) return "TCP reserved bits are not zero";
    s.src.port = Port{load_be<std::uint16_t>(tcp.data())};
    s.dst.port = Port{load_be<std::uint16_t>(tcp.data() + 2)};
    if (s.src.port == Port{} || s.dst.port == Port{}) return "TCP port 0";
    s.seq = load_be<std::uint32_t>(tcp.data() + 4);
    s.ack = load_be<std::uint32_t>(tcp.data() + 8);
    s.flags = byte_at(tcp, 13);
    s.window = load_be<std::uint16_t>(tcp.data() + 14);
    s.urgent = load_be<std::uint16_t>(tcp.data() + 18);
    if (!s.has(flag::ack) && s.ack != 0) return "an acknowledgment number without ACK";
    if (!s.has(flag::urg) && s.urgent != 0) return "an urgent pointer without URG";
    if (auto wrong = read_options(tcp.subspan(20, size - 20))) return wrong;
    const auto text = tcp.subspan(size);
    s.text.assign(text.begin(), text.end());
    return {};
  }

  Verdict read_options(Bytes b) {
    while (!b.empty()) {
      const auto kind = byte_at(b, 0);
      if (kind == 0) {
        for (std::size_t i = 0; i < b.size(); ++i)
          if (byte_at(b, i) != 0) return "octets after the end of options are not zero";  // MUST-69
        return {};
      }
      if (kind == 1) {
        b = b.subspan(1);
        continue;
      }
      if (b.size() < 2 || byte_at(b, 1) < 2 || byte_at(b, 1) > b.size()) return "an option's length";  // MUST-68
      const auto option = b.first(byte_at(b, 1));
      if (auto wrong = read_option(kind, option.subspan(2))) return wrong;
      b = b.subspan(option.size());
    }
    return {};
  }

  Verdict read_option(std::uint8_t kind, Bytes value) {
    auto& o = s.options;
    const bool syn = s.has(flag::syn);
    switch (kind) {
      case 2:
        if (!syn) return "MSS outside a SYN";  // MUST-65
        if (value.size() != 2 || o.mss) return "MSS option malformed or twice";
        o.mss = load_be<std::uint16_t>(value.data());
        return {};
      case 3:
        if (!syn || value.size() != 1 || o.wscale || byte_at(value, 0) > 14) return "window scale option";
        o.wscale = byte_at(value, 0);
        return {};
      case 4:
        if (!syn || !value.empty() || o.sack_ok) return "SACK-permitted option";
        o.sack_ok = true;
        return {};
      case 5:
        return read_sack(value);
      case 8:
        if (value.size() != 8 || o.ts) return "timestamps option malformed or twice";
        o.ts = Stamp{load_be<std::uint32_t>(value.data()), load_be<std::uint32_t>(value.data() + 4)};
        if (!s.has(flag::ack) && o.ts->ecr != 0) return "TSecr without ACK";  // RFC 7323 section 3.2
        return {};
      default:
        return "an option that nobody asked for: kind " + std::to_string(kind);
    }
  }

  Verdict read_sack(Bytes value) {
    if (s.has(flag::syn) || !s.has(flag::ack)) return "SACK on a SYN or without ACK";
    if (value.empty() || value.size() % 8 != 0 || value.size() > 32 || !s.options.sack.empty()) return "SACK option";
    for (std::size_t i = 0; i < value.size(); i += 8)
      s.options.sack.push_back(
          {load_be<std::uint32_t>(value.data() + i), load_be<std::uint32_t>(value.data() + i + 4)});
    for (const auto& r : s.options.sack)
      if (static_cast<std::int32_t>(r.end - r.begin) <= 0) return "an empty or reversed SACK block";
    return {};
  }

  Verdict read_size() {
    s.gso_size = offload.gso_size;
    if (offload.gso_size == 0) return packet.size() <= demands.mtu ? Verdict{} : Verdict{"larger than the MTU"};
    if (demands.link.max_gso == 0 || packet.size() > demands.link.max_gso)
      return "a super-packet larger than the link's";
    if (s.text.size() <= offload.gso_size) return "gso_size on a packet of one segment";
    if (packet.size() - s.text.size() + offload.gso_size > demands.mtu) return "a wire segment larger than the MTU";
    if (s.has(flag::syn | flag::rst | flag::urg)) return "a super-packet with SYN, RST or URG";
    return {};
  }
};

}  // namespace

std::vector<std::byte> encode(const Segment& s) {
  const auto tcp = tcp_bytes(s);
  std::vector<std::byte> out;
  if (s.src.addr.is_v4()) {
    put(out, 0x4500, 2);
    put(out, 20 + tcp.size(), 2);
    put(out, 0x00004000, 4);
    put(out, 64 << 8 | 6, 2);
    put(out, 0, 2);
    put(out, s.src.addr.bytes());
    put(out, s.dst.addr.bytes());
    store_be(out.data() + 10, static_cast<std::uint16_t>(~fold(sum(out))));
  } else {
    put(out, 0x60000000, 4);
    put(out, tcp.size(), 2);
    put(out, 6 << 8 | 64, 2);
    put(out, s.src.addr.bytes());
    put(out, s.dst.addr.bytes());
  }
  put(out, tcp);
  return out;
}

std::expected<Segment, std::string> read_strictly(Bytes packet, const Offload& offload, const Demands& d) {
  Reader r{packet, offload, d, {}, {}};
  if (auto wrong = r.read_ip()) return std::unexpected{*wrong};
  if (auto wrong = r.read_header()) return std::unexpected{*wrong};
  if (auto wrong = r.read_checksum()) return std::unexpected{*wrong};
  if (auto wrong = r.read_size()) return std::unexpected{*wrong};
  return r.s;
}

std::vector<std::byte> pattern_text(std::int64_t position, std::size_t size, std::uint64_t salt) {
  std::vector<std::byte> text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = pattern(static_cast<std::uint64_t>(position) + i, salt);
  return text;
}

}  // namespace tunic::test
