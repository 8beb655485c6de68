// parse(emit(x)) == x for every header.
#include <gtest/gtest.h>

#include <algorithm>

#include "test_support/values.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace tunic {
namespace {

using test::Octets;
using test::Random;

bool same(Bytes a, Bytes b) { return std::ranges::equal(a, b); }

/// A buffer of other things, so that an octet left unwritten shows.
Octets dirty(std::size_t n) { return Octets(n, std::byte{0xa5}); }

TEST(RoundTrip, tcp) {
  Random r;
  for (int round = 0; round < test::rounds; ++round) {
    const TcpHeader h{Port{r.any<std::uint16_t>()},
                      Port{r.any<std::uint16_t>()},
                      {r.any<std::uint32_t>()},
                      {r.any<std::uint32_t>()},
                      {static_cast<std::uint16_t>(r.below(512))},
                      r.any<std::uint16_t>(),
                      r.any<std::uint16_t>()};
    const Octets options = r.bytes(4 * r.below(11));
    const std::size_t text = r.below(20);
    Octets b = dirty(20 + options.size() + text);
    ASSERT_EQ(h.emit(b, options).size(), text);
    const auto v = TcpView::parse(b);
    ASSERT_TRUE(v) << "round " << round;
    const TcpHeader read{v->src(), v->dst(), v->seq(), v->ack(), v->flags(), v->window(), v->urgent()};
    EXPECT_EQ(read, h) << "round " << round;
    EXPECT_EQ(v->checksum(), 0);
    EXPECT_TRUE(same(v->options(), options));
    EXPECT_EQ(v->text().size(), text);
  }
}

TEST(RoundTrip, tcp_options_already_in_place) {
  Octets b = dirty(24);
  const Octets options = test::octets("020405b4");
  std::ranges::copy(options, b.begin() + 20);
  TcpHeader{}.emit(b, Bytes{b}.subspan(20));
  EXPECT_TRUE(same(TcpView::parse(b)->options(), options));
}

TEST(RoundTrip, ipv4) {
  Random r;
  for (int round = 0; round < test::rounds; ++round) {
    Ipv4Header h{r.v4(),
                 r.v4(),
                 r.any<std::uint8_t>(),
                 r.any<std::uint8_t>(),
                 r.any<std::uint8_t>(),
                 r.any<std::uint16_t>(),
                 r.coin(),
                 r.coin(),
                 static_cast<std::uint16_t>(8 * r.below(8192))};
    const Octets options = r.bytes(4 * r.below(11));
    const std::size_t payload = r.below(100);
    Octets b = dirty(20 + options.size() + payload + r.below(4));
    h.emit(b, payload, options);
    const auto v = Ipv4View::parse(b);
    ASSERT_TRUE(v) << "round " << round;
    const Ipv4Header read{v->src(),
                          v->dst(),
                          v->protocol(),
                          v->ttl(),
                          v->tos(),
                          v->id(),
                          v->dont_fragment(),
                          v->more_fragments(),
                          static_cast<std::uint16_t>(v->fragment_offset())};
    EXPECT_EQ(read, h) << "round " << round;
    EXPECT_EQ(v->is_fragment(), h.more_fragments || h.fragment_offset != 0);
    EXPECT_TRUE(v->checksum_ok());
    EXPECT_TRUE(same(v->options(), options));
    EXPECT_EQ(v->payload().size(), payload);
  }
}

TEST(RoundTrip, ipv4_checksum_covers_each_bit) {  // I11
  Octets b = dirty(24);
  Ipv4Header{IpAddr::v4(0xc6120001u), IpAddr::v4(0xc6120002u), 6}.emit(b, 4);
  for (std::size_t bit = 0; bit < 160; ++bit) {
    Octets flipped = b;
    flipped[bit / 8] ^= static_cast<std::byte>(0x80 >> bit % 8);
    const auto v = Ipv4View::parse(flipped);
    EXPECT_TRUE(!v || !v->checksum_ok()) << "bit " << bit;
  }
}

TEST(RoundTrip, ipv4_for_tcp_is_atomic) {  // F9, RFC 6864 section 4.1
  Octets b = dirty(20);
  Ipv4Header{}.emit(b, 0);
  EXPECT_TRUE(Ipv4View::parse(b)->dont_fragment());
  EXPECT_EQ(Ipv4View::parse(b)->id(), 0);
}

TEST(RoundTrip, ipv6) {
  Random r;
  for (int round = 0; round < test::rounds; ++round) {
    const Ipv6Header h{r.v6(),
                       r.v6(),
                       r.any<std::uint8_t>(),
                       r.any<std::uint8_t>(),
                       r.any<std::uint8_t>(),
                       static_cast<std::uint32_t>(r.below(1 << 20))};
    const std::size_t payload = r.below(100);
    Octets b = dirty(40 + payload + r.below(4));
    h.emit(b, payload);
    const auto v = Ipv6View::parse(b);
    ASSERT_TRUE(v) << "round " << round;
    const Ipv6Header read{v->src(), v->dst(), v->next_header(), v->hop_limit(), v->traffic_class(), v->flow_label()};
    EXPECT_EQ(read, h) << "round " << round;
    EXPECT_EQ(v->payload().size(), payload);
  }
}

TEST(RoundTrip, icmp_echo) {
  Random r;
  for (int round = 0; round < test::rounds; ++round) {
    const IcmpEcho h{r.any<std::uint8_t>(), r.any<std::uint8_t>(), r.any<std::uint16_t>(), r.any<std::uint16_t>()};
    Octets b = dirty(8 + r.below(20));
    EXPECT_EQ(h.emit(b).size(), b.size() - 8);
    const auto v = IcmpView::parse(b);
    ASSERT_TRUE(v);
    const IcmpEcho read{v->type(), v->code(), v->id(), v->sequence()};
    EXPECT_EQ(read, h) << "round " << round;
    EXPECT_EQ(v->checksum(), 0);
  }
}

TEST(RoundTrip, udp) {
  Random r;
  for (int round = 0; round < test::rounds; ++round) {
    const UdpHeader h{Port{r.any<std::uint16_t>()}, Port{r.any<std::uint16_t>()}};
    const std::size_t text = r.below(20);
    Octets b = dirty(8 + text + r.below(4));
    h.emit(b, text);
    const auto v = UdpView::parse(b);
    ASSERT_TRUE(v);
    const UdpHeader read{v->src(), v->dst()};
    EXPECT_EQ(read, h) << "round " << round;
    EXPECT_EQ(v->text().size(), text);
    EXPECT_EQ(v->checksum(), 0);
  }
}

}  // namespace
}  // namespace tunic
