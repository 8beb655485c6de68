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
      EXPECT_EQ(out[0].rest, 7u << 16 | 9);
      EXPECT_EQ(out[0].text, data);
    }
}

TEST_F(Echo, broadcast_and_multicast_are_not_answered) {  // I12
  for (const IpAddr& dst : {IpAddr::v4(0xffffffffu), IpAddr::v4(0xc61200ffu), IpAddr::v4(0xe0000001u)})
    EXPECT_TRUE(is_silent(echo_request(peer4, dst, 1, 1, {})));
  EXPECT_TRUE(is_silent(echo_request(peer6, v6("ff02 0000 0000 0000 0000 0000 0000 0001"), 1, 1, {})));
}

}  // namespace
}  // namespace tunic::test
