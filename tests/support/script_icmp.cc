// ICMP errors that come in, about a segment of the connection.
#include <algorithm>
#include <array>
#include <utility>

#include "test_support/packets.h"
#include "test_support/script.h"

namespace tunic::test {
namespace {

/// A kind of error: its type in each family (0: the family has none).
struct Kind {
  std::string_view name;
  std::uint8_t v4, v6;
};
constexpr std::array<Kind, 5> kinds{
    {{"unreachable", 3, 1}, {"too_big", 3, 2}, {"time_exceeded", 11, 3}, {"problem", 12, 4}, {"quench", 4, 0}}};

// As much as an old router quotes, and every router must (RFC 792): the IP header and 8 octets.
std::vector<std::byte> quote_of(const Segment& s) {
  auto packet = encode(s);
  packet.resize(s.src.addr.is_v4() ? 28 : 48);
  return packet;
}

}  // namespace

Script::Wrong Script::inject_icmp(const Words& w) {
  const Family family = variant_.family;
  const bool v4 = family == Family::v4;
  const auto* kind = std::ranges::find(kinds, w.size() > 1 ? w[1] : std::string{}, &Kind::name);
  if (kind == kinds.end()) return "which ICMP error?";
  const std::uint8_t type = v4 ? kind->v4 : kind->v6;
  if (type == 0) return "this family has no such error";
  std::optional<std::int64_t> number, seq, size;
  for (std::size_t i = 2; i < w.size(); ++i) {
    const auto value = i + 1 < w.size() ? integer(w[i + 1]) : std::nullopt;
    if (w[i] == "port") {
      number = v4 ? 3 : 4;
    } else if (w[i] == "seq" && value) {
      seq = value, ++i;
    } else if (w[i] == "size" && value) {
      size = value, ++i;
    } else if (!number) {
      number = integer(w[i]);
    } else {
      return "unknown word " + w[i];
    }
  }
  if (!number || !seq) return "icmp KIND NUMBER seq N [size N]";
  auto& p = peer();
  Segment quoted;
  quoted.src = here(p.our_port);
  quoted.dst = p.endpoint;
  quoted.seq = our_bases().seq + static_cast<std::uint32_t>(*seq);
  quoted.text.resize(static_cast<std::size_t>(size.value_or(0)));
  const bool too_big = kind->name == "too_big";
  const auto code = static_cast<std::uint8_t>(!too_big ? *number : v4 ? 4 : 0);
  const auto rest = static_cast<std::uint32_t>(too_big ? *number : 0);
  host_.inject_packet(icmp_packet(neighbour(family, 9), here({}).addr, type, code, rest, quote_of(quoted)));
  pending_ = true;
  return {};
}

}  // namespace tunic::test
