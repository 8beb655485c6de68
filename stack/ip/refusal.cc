#include "ip/refusal.h"

#include <algorithm>

#include "ip/extension_headers.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {

namespace problem {

// The pointer of ICMP has one octet, that of ICMPv6 four.
Problem bad_field(Family f, std::size_t pointer) {
  const auto at = static_cast<std::uint32_t>(pointer);
  return f == Family::v4 ? Problem{icmp4::parameter_problem, 0, at << 24} : Problem{icmp6::parameter_problem, 0, at};
}
Problem unknown_next_header(std::size_t pointer) {
  return {icmp6::parameter_problem, 1, static_cast<std::uint32_t>(pointer)};
}
Problem unknown_option(std::size_t pointer, bool to_multicast) {
  return {icmp6::parameter_problem, 2, static_cast<std::uint32_t>(pointer), to_multicast};
}
Problem bad_fragment(std::size_t pointer) {
  return {.type = icmp6::parameter_problem, .rest = static_cast<std::uint32_t>(pointer), .about_fragment = true};
}
Problem headers_cut_off() { return {icmp6::parameter_problem, 3, 0}; }
Problem protocol_unreachable() { return {icmp4::unreachable, 2, 0}; }
Problem port_unreachable(Family f) {
  return f == Family::v4 ? Problem{icmp4::unreachable, 3, 0} : Problem{icmp6::unreachable, 4, 0};
}
Problem reassembly_time_exceeded(Family f) {
  return {f == Family::v4 ? icmp4::time_exceeded : icmp6::time_exceeded, 1, 0};
}

}  // namespace problem

namespace {

/// Whether `a` names one other host: RFC 1122 section 3.2.1.3 and RFC 6890 name those that do not.
bool is_one_host(const IpAddr& a, const Addresses& own) {
  if (a.is_any() || a.is_multicast() || own.is_broadcast(a)) return false;
  return !a.is_v4() || (a.v4_bits() >> 24 != 0 && a.v4_bits() >> 28 != 15);
}

/// The message is a question, or an answer to one: what is neither, or unknown, may be an error.
bool is_query_v4(Bytes icmp) {
  const std::uint8_t type = icmp.empty() ? icmp4::unreachable : byte_at(icmp, 0);
  return type == icmp4::echo_request || type == icmp4::echo_reply || (type >= 13 && type <= 18);
}
bool is_query_v6(Bytes icmp) {
  const std::uint8_t type = icmp.empty() ? icmp6::unreachable : byte_at(icmp, 0);
  return type >= 128 && type != icmp6::redirect;
}

bool may_refuse_v4(Bytes packet, const Addresses& own) {
  const auto ip = Ipv4View::parse(packet);
  if (!ip || ip->fragment_offset() != 0) return false;
  if (ip->dst().is_multicast() || own.is_broadcast(ip->dst()) || !is_one_host(ip->src(), own)) return false;
  return ip->protocol() != protocol::icmp || is_query_v4(ip->payload());
}

bool may_refuse_v6(Bytes packet, const Problem& p, const Addresses& own) {
  const auto ip = Ipv6View::parse(packet);
  if (!ip || ip->has_mapped_address() || !is_one_host(ip->src(), own)) return false;
  if (ip->dst().is_multicast() && !p.to_multicast) return false;
  const QuotedChain chain = find_transport(ip->next_header(), ip->payload());
  if (chain.nested) return false;
  // RFC 4443 does not forbid it; but a part of an ICMP message may be one of an error.
  if (chain.later_fragment) return p.about_fragment && chain.protocol != protocol::icmpv6;
  return chain.protocol != protocol::icmpv6 || is_query_v6(ip->payload().subspan(chain.size));
}

bool is_v4(Bytes packet) { return !packet.empty() && byte_at(packet, 0) >> 4 == 4; }

}  // namespace

bool may_refuse(Bytes packet, const Problem& p, const Addresses& own) {
  return is_v4(packet) ? may_refuse_v4(packet, own) : may_refuse_v6(packet, p, own);
}

Bytes quote_of(Bytes packet) {
  constexpr std::size_t most_v4 = 576 - Ipv4View::min_size - IcmpView::header_size;
  constexpr std::size_t most_v6 = 1280 - Ipv6View::size - IcmpView::header_size;
  if (is_v4(packet)) {
    const auto ip = Ipv4View::parse(packet);
    return packet.first(std::min(ip ? ip->total_length() : packet.size(), most_v4));
  }
  const auto ip = Ipv6View::parse(packet);
  return packet.first(std::min(ip ? Ipv6View::size + ip->payload_length() : packet.size(), most_v6));
}

void write_icmp(const IcmpMessage& m, TxPacket& out) {
  IcmpHeader{m.type, m.code, m.rest}.emit(MutBytes{out.headers}.subspan(out.begin));
  out.end = static_cast<std::uint16_t>(out.begin + IcmpView::header_size);
  if (!m.body.empty()) out.text[out.slices++] = m.body;
}

}  // namespace tunic
