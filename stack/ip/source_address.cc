#include "ip/source_address.h"

#include <algorithm>
#include <array>
#include <bit>

namespace tunic {
namespace {

bool starts_with(const IpAddr& a, std::uint8_t first, std::uint8_t second) {  // ten bits: RFC 4291 section 2.4
  return a.octets()[0] == std::byte{first} && (a.octets()[1] & std::byte{0xc0}) == std::byte{second};
}

}  // namespace

std::uint8_t scope_of(const IpAddr& a) {
  constexpr std::uint8_t link_local = 2, site_local = 5, global = 14;
  if (a.is_multicast()) return std::to_integer<std::uint8_t>(a.octets()[1] & std::byte{0xf});
  if (a.is_loopback() || starts_with(a, 0xfe, 0x80)) return link_local;
  return starts_with(a, 0xfe, 0xc0) ? site_local : global;
}

// All of ::ffff:0:0/96 is IPv4 here, and never comes this way.
std::uint8_t label_of(const IpAddr& a) {
  struct Row {
    std::uint32_t head;
    unsigned bits;
    std::uint8_t label;
  };
  constexpr std::array<Row, 5> rows{
      {{0x20010000, 32, 5}, {0x20020000, 16, 2}, {0x3ffe0000, 16, 12}, {0xfec00000, 10, 11}, {0xfc000000, 7, 13}}};
  if (a.is_loopback()) return 0;
  if (std::ranges::all_of(std::span{a.octets()}.first(12), [](std::byte o) { return o == std::byte{}; })) return 3;
  const auto head = load_be<std::uint32_t>(a.octets().data());
  const auto row = std::ranges::find_if(rows, [&](const Row& r) { return (head ^ r.head) >> (32 - r.bits) == 0; });
  return row == rows.end() ? std::uint8_t{1} : row->label;
}

unsigned common_prefix_length(const Prefix& s, const IpAddr& d) {
  unsigned bits = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const auto differ = std::to_integer<std::uint8_t>(s.addr.octets()[i] ^ d.octets()[i]);
    bits += static_cast<unsigned>(std::countl_zero(differ));
    if (differ != 0) break;
  }
  return std::min<unsigned>(bits, s.length);
}

const Prefix* select_source(const IpAddr& dst, std::span<const Prefix> own) {
  const std::uint8_t scope = scope_of(dst), label = label_of(dst);
  const auto better = [&](const Prefix& a, const Prefix& b) {
    if ((a.addr == dst) != (b.addr == dst)) return a.addr == dst;  // rule 1
    const std::uint8_t sa = scope_of(a.addr), sb = scope_of(b.addr);
    if (sa != sb) return sa < sb ? sa >= scope : sb < scope;  // rule 2
    const bool la = label_of(a.addr) == label, lb = label_of(b.addr) == label;
    if (la != lb) return la;                                             // rule 6
    return common_prefix_length(a, dst) > common_prefix_length(b, dst);  // rule 8
  };
  const Prefix* best = nullptr;
  for (const Prefix& p : own)
    if (!p.addr.is_v4() && (best == nullptr || better(p, *best))) best = &p;
  return best;
}

}  // namespace tunic
