// C5: what a received ICMP error says, and quotes that are cut off, nested or of others' packets.
#include "ip/errors.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "packets.h"

namespace tunic {
namespace {

using test::families;
using test::Octets;
using test::octets;
using test::peer;
using test::us;

const Addresses own = test::host();

/// A UDP packet of ours.
Octets ours(Family f, std::size_t text = 12) {
  return test::udp_packet({us(f), Port{4000}}, {peer(f), Port{53}}, Octets(text));
}

std::expected<IcmpError, Drop> read(Family f, std::uint8_t type, std::uint8_t code, std::uint32_t rest, Bytes quote) {
  static Octets message;  // what the error's views lie in
  message = test::icmp(test::neighbour(f, 9), us(f), type, code, rest, quote);
  return read_error({.src = test::neighbour(f, 9), .dst = us(f), .protocol = test::icmp_of(f), .payload = message},
                    own);
}

TEST(IcmpErrors, say_which_packet_of_ours) {  // RFC 1122 section 3.2.2, RFC 4443 section 2.4(d)
  for (const Family f : families) {
    const Octets quote = ours(f);
    const auto e = read(f, f == Family::v4 ? 3 : 1, f == Family::v4 ? 3 : 4, 0, quote);
    ASSERT_TRUE(e);
    EXPECT_EQ(e->reporter, test::neighbour(f, 9));
    EXPECT_EQ(e->protocol, 17);
    EXPECT_EQ(e->pair(), (FourTuple{{us(f), Port{4000}}, {peer(f), Port{53}}}));
    EXPECT_TRUE(std::ranges::equal(e->quote, quote));
    EXPECT_EQ(e->transport.size(), 20u);
    EXPECT_EQ(e->error, ECONNREFUSED);
    EXPECT_TRUE(e->hard);
    EXPECT_FALSE(e->too_big);
  }
}

TEST(IcmpErrors, mean_what_they_mean_on_linux) {
  struct Row {
    Family family;
    std::uint8_t type, code;
    int error;
    bool hard;
  };
  constexpr Family v4 = Family::v4, v6 = Family::v6;
  for (const Row& r :
       {Row{v4, 3, 0, ENETUNREACH, false},   Row{v4, 3, 1, EHOSTUNREACH, false},  Row{v4, 3, 2, ENOPROTOOPT, true},
        Row{v4, 3, 3, ECONNREFUSED, true},   Row{v4, 3, 4, EMSGSIZE, false},      Row{v4, 3, 5, EOPNOTSUPP, false},
        Row{v4, 3, 6, ENETUNREACH, true},    Row{v4, 3, 7, EHOSTDOWN, true},      Row{v4, 3, 8, ENONET, true},
        Row{v4, 3, 9, ENETUNREACH, true},    Row{v4, 3, 10, EHOSTUNREACH, true},  Row{v4, 3, 11, ENETUNREACH, false},
        Row{v4, 3, 12, EHOSTUNREACH, false}, Row{v4, 3, 13, EHOSTUNREACH, true},  Row{v4, 3, 14, EHOSTUNREACH, true},
        Row{v4, 3, 15, EHOSTUNREACH, true},  Row{v4, 11, 0, EHOSTUNREACH, false}, Row{v4, 12, 0, EPROTO, true},
        Row{v6, 1, 0, ENETUNREACH, false},   Row{v6, 1, 1, EACCES, true},         Row{v6, 1, 3, EHOSTUNREACH, false},
        Row{v6, 1, 4, ECONNREFUSED, true},   Row{v6, 2, 0, EMSGSIZE, false},      Row{v6, 3, 0, EHOSTUNREACH, false},
        Row{v6, 4, 1, EPROTO, true},         Row{v6, 77, 0, EPROTO, false}}) {  // unknown: RFC 4443 section 2.4(a)
    const auto e = read(r.family, r.type, r.code, 0, ours(r.family));
    ASSERT_TRUE(e);
    EXPECT_EQ(e->error, r.error) << int{r.type} << ' ' << int{r.code};
    EXPECT_EQ(e->hard, r.hard) << int{r.type} << ' ' << int{r.code};
  }
}

TEST(IcmpErrors, carry_an_mtu_or_a_pointer) {
  const auto v4 = read(Family::v4, 3, 4, 0x12340258, ours(Family::v4));
  EXPECT_TRUE(v4->too_big);
  EXPECT_EQ(v4->mtu, 600u);
  EXPECT_EQ(v4->quoted_size, ours(Family::v4).size());
  const auto v6 = read(Family::v6, 2, 0, 70'000, ours(Family::v6));
  EXPECT_TRUE(v6->too_big);
  EXPECT_EQ(v6->mtu, 70'000u);
  EXPECT_EQ(read(Family::v4, 12, 0, 20u << 24, ours(Family::v4))->pointer, 20u);
  EXPECT_EQ(read(Family::v6, 4, 0, 40, ours(Family::v6))->pointer, 40u);
}

TEST(IcmpErrors, of_kinds_that_a_host_does_not_act_on) {  // C3, C4
  for (unsigned type = 0; type < 256; ++type) {
    const auto number = static_cast<std::uint8_t>(type);
    const bool acts4 = type == 3 || type == 11 || type == 12;
    EXPECT_EQ(read(Family::v4, number, 0, 0, ours(Family::v4)).has_value(), acts4) << type;
    EXPECT_EQ(read(Family::v6, number, 0, 0, ours(Family::v6)).has_value(), type < 128) << type;
  }
}

TEST(IcmpErrors, with_quotes_of_every_length) {  // C5
  for (const Family f : families) {
    const Octets quote = ours(f, 40);
    for (std::size_t n = 0; n <= quote.size(); ++n) {
      const auto e = read(f, f == Family::v4 ? 3 : 1, 0, 0, Bytes{quote}.first(n));
      const std::size_t least = (f == Family::v4 ? 20 : 40) + 8;
      ASSERT_EQ(e.has_value(), n >= least) << n;
      if (e) {
        EXPECT_EQ(e->transport.size(), n - least + 8);
      } else {
        EXPECT_EQ(e.error(), Drop::bad_icmp);
      }
    }
  }
}

TEST(IcmpErrors, about_errors) {  // C5
  for (const Family f : families) {
    const std::uint8_t unreachable = f == Family::v4 ? 3 : 1;
    const Octets nested = test::icmp_packet(us(f), peer(f), unreachable, 0, 0, ours(f));
    EXPECT_EQ(read(f, unreachable, 0, 0, nested).error(), Drop::icmp_ignored);
    EXPECT_TRUE(read(f, unreachable, 0, 0, test::echo_request(us(f), peer(f), 5, 6, {}))) << "an echo is no error";
  }
}

TEST(IcmpErrors, about_packets_of_others) {  // C5
  for (const Family f : families) {
    const Octets others = test::udp_packet({peer(f), Port{1}}, {us(f), Port{2}}, Octets(4));
    EXPECT_EQ(read(f, f == Family::v4 ? 3 : 1, 0, 0, others).error(), Drop::icmp_ignored);
    Octets later = test::fragment(ours(f, 64), 24, 16, true, 5);
    EXPECT_EQ(read(f, f == Family::v4 ? 3 : 1, 0, 0, later).error(), Drop::icmp_ignored);
  }
  Octets other_family = ours(Family::v6);
  EXPECT_FALSE(read(Family::v4, 3, 0, 0, other_family));
}

TEST(IcmpErrors, about_loopback_packets_are_true_from_ourselves_alone) {  // C5
  for (const Family f : families) {
    const IpAddr loopback = IpAddr::loopback(f);
    const Octets quote = test::udp_packet({loopback, Port{4000}}, {us(f), Port{53}}, Octets(12));
    const std::uint8_t unreachable = f == Family::v4 ? 3 : 1;
    EXPECT_EQ(read(f, unreachable, 0, 0, quote).error(), Drop::icmp_ignored);
    const Octets own_message = test::icmp(us(f), loopback, unreachable, 0, 0, quote);
    EXPECT_TRUE(read_error({.src = us(f), .dst = loopback, .protocol = test::icmp_of(f), .payload = own_message}, own));
  }
}

TEST(IcmpErrors, quoting_extension_headers) {  // C5
  const Octets udp = test::udp({us(Family::v6), Port{4000}}, {peer(Family::v6), Port{53}}, Octets(4));
  const Octets quote =
      test::encode({.src = us(Family::v6),
                    .dst = peer(Family::v6),
                    .payload = udp,
                    .extensions = test::join(octets("2c 00 01 04 00000000"), test::fragment_header(17, 0, true, 1)),
                    .extension = 60});
  for (std::size_t n = 40; n <= quote.size(); ++n)
    ASSERT_EQ(read(Family::v6, 1, 0, 0, Bytes{quote}.first(n)).has_value(), n >= 64) << n;
  const auto e = read(Family::v6, 1, 0, 0, quote);
  EXPECT_EQ(e->local_port(), Port{4000});
  EXPECT_EQ(e->remote_port(), Port{53});
}

TEST(IcmpErrors, of_any_octets) {  // C5
  test::Random r;
  for (int round = 0; round < 50'000; ++round) {
    const Family f = r.coin() ? Family::v4 : Family::v6;
    Octets quote = ours(f, r.below(40));
    for (std::size_t flips = r.below(6); flips > 0; --flips) quote[r.below(quote.size())] = r.any<std::byte>();
    quote.resize(r.below(quote.size() + 1));
    const auto e = read(f, r.any<std::uint8_t>(), r.any<std::uint8_t>(), r.any<std::uint32_t>(), quote);
    if (!e) continue;
    ASSERT_GE(e->transport.size(), 8u);
    ASSERT_LE(e->transport.data() + e->transport.size(), e->quote.data() + e->quote.size());
    ASSERT_LE(e->quote.size(), quote.size());
  }
}

}  // namespace
}  // namespace tunic
