#include "wire/text.h"

#include <optional>
#include <utility>

#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp_options.h"
#include "wire/udp.h"

namespace tunic {
namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }
std::string number(Port p) { return number(std::to_underlying(p)); }

std::string hex(std::uint16_t n) {
  std::string s;
  do s.insert(s.begin(), "0123456789abcdef"[n & 15]);
  while ((n >>= 4) != 0);
  return s;
}

std::string text_v4(Bytes b) {
  std::string s;
  for (std::size_t i = 0; i < 4; ++i) s += (i == 0 ? "" : ".") + number(byte_at(b, i));
  return s;
}

struct Run {
  std::size_t begin = 0, size = 0;
};

/// The zeros that "::" stands for: the longest run of at least two groups, the first of equals (RFC 5952 section 4.2).
Run longest_zeros(const std::array<std::uint16_t, 8>& groups) {
  Run best, run;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    run = groups[i] == 0 ? Run{run.size == 0 ? i : run.begin, run.size + 1} : Run{};
    if (run.size > best.size) best = run;
  }
  return best.size >= 2 ? best : Run{groups.size(), 0};
}

std::string text_v6(Bytes b) {
  std::array<std::uint16_t, 8> groups;
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = load_be<std::uint16_t>(b.data() + 2 * i);
  const Run zeros = longest_zeros(groups);
  std::string s;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == zeros.begin) {
      s += "::";
      i += zeros.size - 1;
    } else {
      if (!s.empty() && s.back() != ':') s += ':';
      s += hex(groups[i]);
    }
  }
  return s;
}

std::string sack_text(Bytes value, std::uint32_t base) {
  std::string s = "sack";
  for (; value.size() >= 8; value = value.subspan(8))
    s += " " + number(load_be<std::uint32_t>(value.data()) - base) + ":" +
         number(load_be<std::uint32_t>(value.data() + 4) - base);
  return s;
}

/// One option of two octets or more whose length is proven.
std::string option_text(Bytes option, std::uint32_t ack_base) {
  const std::uint8_t kind = byte_at(option, 0);
  const Bytes value = option.subspan(2);
  if (kind == option_kind::mss && value.size() == 2) return "mss " + number(load_be<std::uint16_t>(value.data()));
  if (kind == option_kind::window_scale && value.size() == 1) return "wscale " + number(byte_at(value, 0));
  if (kind == option_kind::sack_permitted && value.empty()) return "sackOK";
  if (kind == option_kind::sack && !value.empty() && value.size() % 8 == 0) return sack_text(value, ack_base);
  if (kind == option_kind::timestamps && value.size() == 8)
    return "TS val " + number(load_be<std::uint32_t>(value.data())) + " ecr " +
           number(load_be<std::uint32_t>(value.data() + 4));
  return "opt " + number(kind) + " len " + number(option.size());
}

/// Takes the first option off `options`; a length that is illegal takes all the rest.
std::string next_option(Bytes& options, std::uint32_t ack_base) {
  const std::uint8_t kind = byte_at(options, 0);
  if (kind == option_kind::nop || kind == option_kind::end) {
    options = kind == option_kind::end ? Bytes{} : options.subspan(1);
    return kind == option_kind::end ? "eol" : "nop";
  }
  const std::size_t size = options.size() < 2 ? 0 : byte_at(options, 1);
  if (size < 2 || size > options.size()) {
    options = {};
    return "bad " + number(kind) + " len " + number(size);
  }
  const Bytes option = options.first(size);
  options = options.subspan(size);
  return option_text(option, ack_base);
}

std::string between(const Endpoint& src, const Endpoint& dst) { return text(FourTuple{src, dst}) + " "; }
std::string between(const IpAddr& src, const IpAddr& dst) { return text(src) + " > " + text(dst) + " "; }

std::string describe_icmp(Family family, Bytes payload) {
  const auto m = IcmpView::parse(payload);
  if (!m) return "icmp truncated";
  const std::string numbers =
      " id " + number(m->id()) + " seq " + number(m->sequence()) + " (" + number(m->body().size()) + ")";
  if (m->type() == echo_request_type(family)) return "icmp echo request" + numbers;
  if (m->type() == echo_reply_type(family)) return "icmp echo reply" + numbers;
  return "icmp type " + number(m->type()) + " code " + number(m->code()) + " (" + number(m->body().size()) + ")";
}

std::string describe_payload(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, Bytes payload) {
  if (protocol == protocol::tcp) {
    const auto t = TcpView::parse(payload);
    if (t) return between(Endpoint{src, t->src()}, Endpoint{dst, t->dst()}) + text(*t);
    return between(src, dst) + "tcp malformed (" + number(payload.size()) + ")";
  }
  if (protocol == protocol::udp) {
    const auto u = UdpView::parse(payload);
    if (u) return between(Endpoint{src, u->src()}, Endpoint{dst, u->dst()}) + "udp (" + number(u->text().size()) + ")";
    return between(src, dst) + "udp malformed (" + number(payload.size()) + ")";
  }
  const Family family = src.family();
  if (protocol == (family == Family::v4 ? protocol::icmp : protocol::icmpv6))
    return between(src, dst) + describe_icmp(family, payload);
  return between(src, dst) + "protocol " + number(protocol) + " (" + number(payload.size()) + ")";
}

std::string unreadable(Drop why, Bytes packet) { return std::string{name(why)} + " (" + number(packet.size()) + ")"; }

std::string describe_v4(Bytes packet) {
  const auto ip = Ipv4View::parse(packet);
  if (!ip) return unreadable(ip.error(), packet);
  if (ip->fragment_offset() == 0 && !ip->more_fragments())
    return describe_payload(ip->src(), ip->dst(), ip->protocol(), ip->payload());
  return between(ip->src(), ip->dst()) + "fragment id " + number(ip->id()) + " " + number(ip->fragment_offset()) + "(" +
         number(ip->payload().size()) + ")" + (ip->more_fragments() ? "+" : "");
}

std::string describe_v6(Bytes packet) {
  const auto ip = Ipv6View::parse(packet);
  if (!ip) return unreadable(ip.error(), packet);
  return describe_payload(ip->src(), ip->dst(), ip->next_header(), ip->payload());
}

}  // namespace

std::string text(const IpAddr& a) { return a.is_v4() ? text_v4(a.bytes()) : text_v6(a.bytes()); }

std::string text(const Endpoint& e) {
  return (e.addr.is_v4() ? text(e.addr) : "[" + text(e.addr) + "]") + ":" + number(e.port);
}

std::string text(const Prefix& p) { return text(p.addr) + "/" + number(p.length); }

std::string text(const FourTuple& t) { return text(t.local) + " > " + text(t.remote); }

std::string text(Flags f) {
  static constexpr std::array<std::pair<Flags, char>, 9> letters{
      {{SYN, 'S'}, {FIN, 'F'}, {RST, 'R'}, {PSH, 'P'}, {URG, 'U'}, {ECE, 'E'}, {CWR, 'W'}, {AE, 'A'}, {ACK, '.'}}};
  std::string s;
  for (const auto& [flag, letter] : letters)
    if (f.has(flag)) s += letter;
  return s.empty() ? "-" : s;
}

std::string text(const TcpView& t, SegmentBases bases) {
  const std::uint32_t seq = t.seq().raw - bases.seq;
  const std::uint32_t end = seq + static_cast<std::uint32_t>(t.text().size());
  std::string s = text(t.flags()) + " " + number(seq) + ":" + number(end) + "(" + number(t.text().size()) + ")";
  if (t.flags().has(ACK)) s += " ack " + number(t.ack().raw - bases.ack);
  s += " win " + number(t.window());
  if (t.flags().has(URG)) s += " urg " + number(t.urgent());
  if (!t.options().empty()) s += " <" + options_text(t.options(), bases.ack) + ">";
  return s;
}

std::string options_text(Bytes options, std::uint32_t ack_base) {
  std::string s;
  while (!options.empty()) s += (s.empty() ? "" : ",") + next_option(options, ack_base);
  return s;
}

std::string describe(Bytes ip_packet) {
  return !ip_packet.empty() && byte_at(ip_packet, 0) >> 4 == 6 ? describe_v6(ip_packet) : describe_v4(ip_packet);
}

}  // namespace tunic
