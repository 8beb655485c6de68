// C6: no error is ever sent about an error, to or about many, about a later fragment, or to who is nobody (RFC 1122
// section 3.2.2, RFC 4443 section 2.4(e)): every such case by every error that can be sent. There is no link layer, so
// no link broadcast.
#include "ip/refusal.h"

#include <gtest/gtest.h>

#include "packets.h"

namespace tunic {
namespace {

using test::encode;
using test::families;
using test::fragment_header;
using test::icmp_of;
using test::Octets;
using test::peer;
using test::us;
using test::v6;

const Addresses own = test::host();

std::vector<Problem> problems(Family f) {
  if (f == Family::v4)
    return {problem::protocol_unreachable(), problem::port_unreachable(f), problem::bad_field(f, 20),
            problem::reassembly_time_exceeded(f)};
  return {problem::port_unreachable(f),       problem::unknown_next_header(6),     problem::unknown_option(42, true),
          problem::unknown_option(42, false), problem::headers_cut_off(),          problem::bad_field(f, 4),
          problem::bad_fragment(42),          problem::reassembly_time_exceeded(f)};
}

struct Case {
  std::string what;
  Octets packet;
  // The two exceptions:
  bool options_of_multicast = false;  // RFC 4443 section 2.4(e.3)
  bool later_fragment = false;        // RFC 8200 section 4.5
};

std::vector<Case> forbidden_v4() {
  std::vector<Case> all;
  const Octets quote = test::udp_packet({us(Family::v4), Port{1}}, {peer(Family::v4), Port{2}}, Octets(8));
  for (unsigned type = 0; type < 256; ++type) {
    const bool query = type == 0 || type == 8 || (type >= 13 && type <= 18);
    if (!query)
      all.push_back(
          {"about ICMP type " + std::to_string(type),
           test::icmp_packet(peer(Family::v4), us(Family::v4), static_cast<std::uint8_t>(type), 0, 0, quote)});
  }
  all.push_back({"about ICMP without a type", encode({.src = peer(Family::v4), .dst = us(Family::v4), .protocol = 1})});
  for (const std::uint32_t dst : {0xffffffffu, 0xc61200ffu, 0xe0000001u, 0xefffffffu})
    all.push_back({"to many", encode({.src = peer(Family::v4), .dst = IpAddr::v4(dst), .payload = Octets(12)})});
  for (const std::size_t offset : {8u, 1480u, 65'528u})
    all.push_back({"a later fragment", encode({.src = peer(Family::v4),
                                               .dst = us(Family::v4),
                                               .payload = Octets(8),
                                               .more_fragments = offset == 8,
                                               .fragment_offset = offset})});
  for (const std::uint32_t src :
       {0u, 1u, 0x00ffffffu, 0xe0000001u, 0xefffffffu, 0xf0000001u, 0xfffffffeu, 0xffffffffu, 0xc61200ffu})
    all.push_back({"from nobody", encode({.src = IpAddr::v4(src), .dst = us(Family::v4), .payload = Octets(12)})});
  return all;
}

std::vector<Case> forbidden_v6() {
  const IpAddr from = peer(Family::v6), to = us(Family::v6);
  std::vector<Case> all;
  for (unsigned type = 0; type < 256; ++type) {
    if (type >= 128 && type != 137) continue;
    const Octets error = test::icmp(from, to, static_cast<std::uint8_t>(type), 0, 0, Octets(48));
    all.push_back({"about ICMPv6 type " + std::to_string(type),
                   encode({.src = from, .dst = to, .protocol = 58, .payload = error})});
    all.push_back({"about one behind options", encode({.src = from,
                                                       .dst = to,
                                                       .protocol = 58,
                                                       .payload = error,
                                                       .extensions = test::octets("3a 00 01 04 00000000"),
                                                       .extension = 60})});
  }
  all.push_back({"about ICMPv6 without a type", encode({.src = from, .dst = to, .protocol = 58})});
  for (const char* group : {"ff02 0000 0000 0000 0000 0000 0000 0001", "ff0e 0000 0000 0000 0000 0000 0000 1234"}) {
    all.push_back({"to many", encode({.src = from, .dst = v6(group), .payload = Octets(12)}), true});
    all.push_back({"from many", encode({.src = v6(group), .dst = to, .payload = Octets(12)})});
  }
  all.push_back({"from nobody", encode({.src = IpAddr{}, .dst = to, .payload = Octets(12)})});
  all.push_back({"a later fragment",
                 encode({.src = from,
                         .dst = to,
                         .payload = Octets(12),
                         .extensions = fragment_header(17, 80, true, 1),
                         .extension = 44}),
                 false, true});
  all.push_back({"a later fragment, maybe of an error", encode({.src = from,
                                                                .dst = to,
                                                                .protocol = 58,
                                                                .payload = Octets(12),
                                                                .extensions = fragment_header(58, 80, true, 1),
                                                                .extension = 44})});
  all.push_back({"a fragment of a fragment",
                 encode({.src = from,
                         .dst = to,
                         .payload = Octets(12),
                         .extensions = test::join(fragment_header(44, 0, true, 1), fragment_header(17, 0, true, 1)),
                         .extension = 44})});
  return all;
}

TEST(MayRefuse, never_what_must_not_be_answered) {  // C6
  for (const Family f : families)
    for (const Case& c : f == Family::v4 ? forbidden_v4() : forbidden_v6())
      for (const Problem& p : problems(f))
        EXPECT_EQ(may_refuse(c.packet, p, own),
                  (c.options_of_multicast && p.to_multicast) || (c.later_fragment && p.about_fragment))
            << c.what << ", told " << int{p.type} << ' ' << int{p.code};
}

TEST(MayRefuse, all_else) {
  for (const Family f : families) {
    const Octets udp = test::udp_packet({peer(f), Port{1}}, {us(f), Port{2}}, Octets(40));
    for (const Octets& packet : {udp, test::fragment(udp, 0, 16, true, 1), test::echo_request(peer(f), us(f), 1, 1, {}),
                                 encode({.src = peer(f), .dst = us(f), .protocol = 99})})
      for (const Problem& p : problems(f)) EXPECT_TRUE(may_refuse(packet, p, own));
  }
}

TEST(MayRefuse, octets_that_are_no_packet) {
  test::Random r;
  for (const Family f : families)
    for (std::size_t n = 0; n < 60; ++n)
      for (const Problem& p : problems(f)) {
        Octets packet = r.bytes(n);
        if (n > 0) packet[0] = f == Family::v4 ? std::byte{0x45} : std::byte{0x60};
        static_cast<void>(may_refuse(packet, p, own));
        EXPECT_LE(quote_of(packet).size(), n);
        if (n < (f == Family::v4 ? 20 : 40)) {
          EXPECT_FALSE(may_refuse(packet, p, own));
        }
      }
}

}  // namespace
}  // namespace tunic
