#include "test_support/datagram_laws.h"

namespace tunic::test {
namespace {

using Broken = DatagramLaws::Broken;

// A source that names one other host (RFC 1122 section 3.2.2, RFC 4443 section 2.4(e.6)).
bool is_one_host(const IpAddr& a) {
  if (a.is_any() || a.is_multicast() || a.is_loopback()) return false;
  return !a.is_v4() || (a.v4_bits() >> 24 != 0 && a.v4_bits() >> 28 != 15);
}

bool is_error_type(bool v4, std::uint8_t type) {
  return v4 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12 : type < 128 || type == 137;
}

Broken breaks_v4(Bytes quote) {
  if (quote.size() < 28) return "an ICMP error that quotes less than a header and 8 octets";  // RFC 1122 section 3.2.2
  const IpAddr src = IpAddr::v4(quote.data() + 12), dst = IpAddr::v4(quote.data() + 16);
  if (dst.is_multicast() || dst.is_broadcast()) return "law 3: an ICMP error about a broadcast or multicast";
  if (!is_one_host(src)) return "law 3: an ICMP error to who is not one host";
  if ((load_be<std::uint16_t>(quote.data() + 6) & 0x1fff) != 0) return "law 3: an ICMP error about a later fragment";
  const std::size_t header = std::size_t{byte_at(quote, 0) & 15u} * 4;
  if (byte_at(quote, 9) == 1 && quote.size() > header && is_error_type(true, byte_at(quote, header)))
    return "law 3: an ICMP error about an ICMP error";
  return {};
}

Broken breaks_v6(const IpRead& p, Bytes quote) {
  if (quote.size() < 40) return "an ICMPv6 error that quotes less than a header";
  const IpAddr src = IpAddr::v6(quote.data() + 8), dst = IpAddr::v6(quote.data() + 24);
  const bool about_option = p.type == 4 && p.code == 2;  // RFC 4443 section 2.4(e.3)
  if (dst.is_multicast() && !about_option) return "law 3: an ICMPv6 error about a multicast";
  if (!is_one_host(src)) return "law 3: an ICMPv6 error to who is not one host";
  if (byte_at(quote, 6) == 58 && quote.size() > 40 && is_error_type(false, byte_at(quote, 40)))
    return "law 3: an ICMPv6 error about an ICMPv6 error";
  return {};
}

}  // namespace

void DatagramLaws::injected(const Octets& packet) {
  if (packet.size() < 20) return;
  const bool v4 = byte_at(packet, 0) >> 4 == 4;
  if (!v4 && packet.size() < 40) return;
  Source& s = sources_[v4 ? IpAddr::v4(&packet[12]) : IpAddr::v6(&packet[8])];
  ++s.packets;
  s.octets += packet.size();
}

Broken DatagramLaws::sent(const IpRead& p) {
  if (!p.is_icmp() || p.fragment_offset != 0) return {};
  const bool v4 = p.src.is_v4();
  if (p.is_icmp_error()) {
    if (p.size > (v4 ? 576u : 1280u)) return "an ICMP error larger than every link takes";
    if (auto broken = v4 ? breaks_v4(p.text) : breaks_v6(p, p.text)) return broken;
    const IpAddr culprit = v4 ? IpAddr::v4(p.text.data() + 12) : IpAddr::v6(p.text.data() + 8);
    if (culprit != p.dst) return "an ICMP error to another than the one it is about";
  } else if (p.type != (v4 ? 0 : 129)) {
    return {};  // a program's own, such as an echo request
  }
  Source& s = sources_[p.dst];
  s.answers += 1;
  s.answered += p.size;
  if (s.answers > s.packets) return "law 3: more ICMP out than packets in";
  if (s.answered > s.octets + s.packets * (v4 ? 28 : 48)) return "law 3: more octets out than in, and headers";
  return {};
}

}  // namespace tunic::test
