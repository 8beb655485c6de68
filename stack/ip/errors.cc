#include "ip/errors.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "ip/extension_headers.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using Result = std::expected<IcmpError, Drop>;

struct Meaning {
  int error;
  bool hard;
};

/// By the code of destination unreachable.
constexpr std::array<Meaning, 16> unreachable_v4{{{ENETUNREACH, false},
                                                  {EHOSTUNREACH, false},
                                                  {ENOPROTOOPT, true},
                                                  {ECONNREFUSED, true},
                                                  {EMSGSIZE, false},
                                                  {EOPNOTSUPP, false},
                                                  {ENETUNREACH, true},
                                                  {EHOSTDOWN, true},
                                                  {ENONET, true},
                                                  {ENETUNREACH, true},
                                                  {EHOSTUNREACH, true},
                                                  {ENETUNREACH, false},
                                                  {EHOSTUNREACH, false},
                                                  {EHOSTUNREACH, true},
                                                  {EHOSTUNREACH, true},
                                                  {EHOSTUNREACH, true}}};
constexpr std::array<Meaning, 7> unreachable_v6{{{ENETUNREACH, false},
                                                 {EACCES, true},
                                                 {EHOSTUNREACH, false},
                                                 {EHOSTUNREACH, false},
                                                 {ECONNREFUSED, true},
                                                 {EACCES, true},
                                                 {EACCES, true}}};

bool is_error(Family f, std::uint8_t type) {
  if (f == Family::v6) return type < 128;  // unknown ones too (RFC 4443 section 2.4(a))
  return type == icmp4::unreachable || type == icmp4::time_exceeded || type == icmp4::parameter_problem;
}

Meaning meaning_v4(std::uint8_t type, std::uint8_t code) {
  if (type == icmp4::time_exceeded) return {EHOSTUNREACH, false};
  if (type == icmp4::parameter_problem) return {EPROTO, true};
  return code < unreachable_v4.size() ? unreachable_v4[code] : Meaning{EHOSTUNREACH, false};
}

Meaning meaning_v6(std::uint8_t type, std::uint8_t code) {
  switch (type) {
    case icmp6::unreachable:
      return code < unreachable_v6.size() ? unreachable_v6[code] : Meaning{EPROTO, true};
    case icmp6::packet_too_big:
      return {EMSGSIZE, false};
    case icmp6::time_exceeded:
      return {EHOSTUNREACH, false};
    default:
      return {EPROTO, type == icmp6::parameter_problem};
  }
}

IcmpError what_it_says(const Datagram& d, const IcmpView& m) {
  const bool v4 = d.src.is_v4();
  const auto [error, hard] = v4 ? meaning_v4(m.type(), m.code()) : meaning_v6(m.type(), m.code());
  IcmpError e{.type = m.type(), .code = m.code(), .reporter = d.src, .quote = m.body(), .error = error, .hard = hard};
  e.too_big = v4 ? m.type() == icmp4::unreachable && m.code() == icmp4::fragmentation_needed
                 : m.type() == icmp6::packet_too_big;
  if (e.too_big) e.mtu = v4 ? m.rest() & 0xffff : m.rest();  // RFC 1191 section 4
  if (m.type() == (v4 ? icmp4::parameter_problem : icmp6::parameter_problem))
    e.pointer = v4 ? m.rest() >> 24 : m.rest();
  return e;
}

/// Only 8 octets of the transport need be there, so the lengths of the quoted header may tell of more than there is.
Result read_quote_v4(IcmpError e) {
  const Bytes b = e.quote;
  if (b.size() < Ipv4View::min_size || byte_at(b, 0) >> 4 != 4) return std::unexpected{Drop::bad_icmp};
  const std::size_t header = (byte_at(b, 0) & 15u) * 4, total = load_be<std::uint16_t>(b.data() + 2);
  if (header < Ipv4View::min_size || header > total || header > b.size()) return std::unexpected{Drop::bad_icmp};
  e.quote = b.first(std::min(b.size(), total));
  e.quoted_size = static_cast<std::uint32_t>(total);
  const bool later_fragment = (load_be<std::uint16_t>(b.data() + 6) & 0x1fff) != 0;
  if (later_fragment) return std::unexpected{Drop::icmp_ignored};
  e.protocol = byte_at(b, 9);
  e.local = IpAddr::v4(b.data() + 12);
  e.remote = IpAddr::v4(b.data() + 16);
  e.transport = e.quote.subspan(header);
  return e;
}

Result read_quote_v6(IcmpError e) {
  const Bytes b = e.quote;
  if (b.size() < Ipv6View::size || byte_at(b, 0) >> 4 != 6) return std::unexpected{Drop::bad_icmp};
  const std::size_t total = Ipv6View::size + load_be<std::uint16_t>(b.data() + 4);
  e.quote = b.first(std::min(b.size(), total));
  e.quoted_size = static_cast<std::uint32_t>(total);
  e.local = IpAddr::v6(b.data() + 8);
  e.remote = IpAddr::v6(b.data() + 24);
  const Bytes payload = e.quote.subspan(Ipv6View::size);
  const QuotedChain chain = find_transport(byte_at(b, 6), payload);
  if (chain.cut_off) return std::unexpected{Drop::bad_icmp};
  if (chain.later_fragment || chain.nested) return std::unexpected{Drop::icmp_ignored};
  e.protocol = chain.protocol;
  e.transport = payload.subspan(chain.size);
  return e;
}

bool is_about_an_error(const IcmpError& e) {
  const bool v4 = e.family() == Family::v4;
  if (e.protocol != (v4 ? protocol::icmp : protocol::icmpv6)) return false;
  const std::uint8_t type = byte_at(e.transport, 0);
  return v4 ? type != icmp4::echo_request && type != icmp4::echo_reply : type < 128;
}

}  // namespace

std::expected<IcmpError, Drop> read_error(const Datagram& message, const Addresses& own) {
  const auto m = IcmpView::parse(message.payload);
  if (!m) return std::unexpected{Drop::bad_icmp};
  const Family family = message.src.family();
  if (!is_error(family, m->type())) return std::unexpected{Drop::icmp_ignored};
  const IcmpError said = what_it_says(message, *m);
  auto e = family == Family::v4 ? read_quote_v4(said) : read_quote_v6(said);
  if (!e) return e;
  if (e->transport.size() < 8) return std::unexpected{Drop::bad_icmp};
  // A loopback address was never seen outside: only we ourselves can tell of a packet that came from one.
  const bool is_ours = own.is_own(e->local) || (e->local.is_loopback() && own.is_local(message.src));
  if (!is_ours || e->local.family() != family) return std::unexpected{Drop::icmp_ignored};
  if (is_about_an_error(*e)) return std::unexpected{Drop::icmp_ignored};
  return e;
}

}  // namespace tunic
