// The echo server of a whole Stack (RFC 1122 section 3.2.2.6, RFC 4443 section 4.2).
#include "datagram_host.h"

namespace tunic::test {
namespace {

struct Echo : DatagramHost {};

TEST_F(Echo, a_reply_carries_the_request) {  // C8
  Random random;
  for (const Family f : families)
    for (const std::size_t size : {0u, 1u, 8u, 56u, 1400u}) {
      const Octets data = random.bytes(size);
      const auto out = answers(echo_request(peer(f), us(f), 7, 9, data));
      ASSERT_EQ(out.size(), 1u);
      EXPECT_EQ(out[0].src, us(f));
      EXPECT_EQ(out[0].dst, peer(f));
      EXPECT_EQ(out[0].type, f == Family::v4 ? 0 : 129);
      EXPECT_EQ(out[0].code, 0);
      EXPECT_EQ(out[0].rest, 7u << 16 | 9);
      EXPECT_EQ(out[0].text, data);
    }
}

TEST_F(Echo, keeps_the_type_of_service) {  // RFC 1122 section 3.2.2
  for (const Family f : families) {
    Octets p = echo_request(peer(f), us(f), 1, 1, {});
    IpPacket with{.src = peer(f), .dst = us(f), .protocol = icmp_of(f), .tos = 0x48};
    with.payload.assign(p.begin() + (f == Family::v4 ? 20 : 40), p.end());
    const auto out = answers(encode(with));
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].tos, 0x48);
  }
}

TEST_F(Echo, broadcast_and_multicast_are_not_answered) {  // I12
  for (const IpAddr& dst : {IpAddr::v4(0xffffffffu), IpAddr::v4(0xc61200ffu), IpAddr::v4(0xe0000001u)})
    EXPECT_TRUE(is_silent(echo_request(peer4, dst, 1, 1, {})));
  EXPECT_TRUE(is_silent(echo_request(peer6, v6("ff02 0000 0000 0000 0000 0000 0000 0001"), 1, 1, {})));
}

TEST_F(Echo, a_flipped_bit_is_not_answered) {  // I11
  for (const Family f : families) {
    const Octets good = echo_request(peer(f), us(f), 3, 4, octets("0102030405060708"));
    const std::size_t header = f == Family::v4 ? 20 : 40;
    const std::uint64_t before = dropped(Drop::bad_checksum);
    for (std::size_t bit = 8 * header; bit < 8 * good.size(); ++bit) {
      Octets bad = good;
      bad[bit / 8] ^= static_cast<std::byte>(0x80 >> bit % 8);
      EXPECT_TRUE(is_silent(bad)) << "bit " << bit;
    }
    EXPECT_EQ(dropped(Drop::bad_checksum) - before, 8 * (good.size() - header));
    EXPECT_EQ(answers(good).size(), 1u);
  }
}

TEST_F(Echo, only_requests_are_answered) {  // C3, C4
  for (const Family f : families)
    for (unsigned type = 0; type < 256; ++type) {
      if (type == (f == Family::v4 ? 8 : 128)) continue;
      EXPECT_TRUE(is_silent(icmp_packet(peer(f), us(f), static_cast<std::uint8_t>(type), 0, 0, Octets(40)))) << type;
    }
}

TEST_F(Echo, shorter_than_a_message) {
  for (const Family f : families)
    for (std::size_t n = 0; n < 8; ++n)
      EXPECT_TRUE(is_silent(encode({.src = peer(f), .dst = us(f), .protocol = icmp_of(f), .payload = Octets(n)})));
  EXPECT_EQ(dropped(Drop::bad_icmp), 16u);
}

TEST_F(Echo, a_million_of_them_find_a_bucket) {  // C8
  const Octets request = echo_request(peer4, us4, 1, 1, Octets(8));
  const std::uint64_t before = stack().pool().in_use();
  constexpr int packets = 20'000, burst = 64;  // the bucket is the same after 10^6, and a debug build slow
  std::uint64_t replies = 0;
  const Instant begin = host_.now();
  for (int sent = 0; sent < packets; sent += burst) {
    for (int i = 0; i < burst; ++i) host_.inject_packet(request);
    host_.poll();
    replies += taken().size();
    lapse(1ms);
  }
  const auto most = 200 + (host_.now() - begin) / 1ms;
  EXPECT_LE(replies, static_cast<std::uint64_t>(most));
  EXPECT_GE(replies, static_cast<std::uint64_t>(most) - 2);
  EXPECT_EQ(stack().pool().in_use(), before);
  EXPECT_EQ(dropped(Drop::rate_limited) + replies, counters().received);
  EXPECT_EQ(answers(echo_request(neighbour(Family::v4, 1), us4, 1, 1, {})).size(), 1u) << "another has its own bucket";
}

TEST_F(Echo, of_a_size_that_comes_in_fragments) {  // C8, F2
  Random random;
  for (const Family f : families)
    for (const std::size_t size : {1473u, 9000u, 65'507u}) {
      const Octets data = random.bytes(size);
      const Octets request = echo_request(peer(f), us(f), 7, 9, data);
      for (const Octets& part : fragments(request, 1480, 0x4711)) host_.inject_packet(part);
      host_.poll();
      const auto whole = join_fragments(taken());
      ASSERT_TRUE(whole) << size;
      EXPECT_EQ(whole->type, f == Family::v4 ? 0 : 129);
      EXPECT_EQ(whole->text, data);
    }
}

struct EchoOff : DatagramHost {
  EchoOff() : DatagramHost{silent()} {}
  static Config silent() {
    Config c = config();
    c.ip.icmp_echo_ignore_all = c.ip.icmp6_echo_ignore_all = true;
    return c;
  }
};
TEST_F(EchoOff, nobody_is_answered) {
  for (const Family f : families) EXPECT_TRUE(is_silent(echo_request(peer(f), us(f), 1, 1, {})));
  EXPECT_EQ(dropped(Drop::icmp_ignored), 2u);
}

}  // namespace
}  // namespace tunic::test
