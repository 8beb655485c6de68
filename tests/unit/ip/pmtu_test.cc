#include "ip/pmtu.h"

#include <gtest/gtest.h>

#include "packets.h"

namespace tunic {
namespace {

const Prf prf{PrfKey{1, 2, 3}};
const IpAddr v4 = IpAddr::v4(0xcb007105u);
constexpr Instant start = Instant{} + 5s;

IpAddr numbered(std::uint32_t n) { return IpAddr::v4(0x0a000000u + n); }

std::uint32_t mtu(const PmtuCache& c, const IpAddr& dst, Instant now) { return c.mtu_to(dst, 1500, now).octets; }

TEST(Plateau, a_router_that_tells_no_mtu_is_tried_with_the_next_lower_one) {  // RFC 1191 section 7.1
  EXPECT_EQ(plateau_below(65'535), 32'000u);
  EXPECT_EQ(plateau_below(1500), 1492u);
  EXPECT_EQ(plateau_below(1492), 1006u);
  EXPECT_EQ(plateau_below(68), 68u);
  EXPECT_EQ(plateau_below(0), 68u);
}

TEST(PmtuCache, the_first_hop_is_the_limit_where_nothing_was_learned) {
  PmtuCache c{prf, {}};
  EXPECT_EQ(c.mtu_to(v4, 1500, start).octets, 1500u);
  EXPECT_EQ(c.mtu_to(v4, 1500, start).until, never);
  EXPECT_EQ(c.size(), 0u);
}

TEST(PmtuCache, what_was_learned_holds_for_one_destination_and_ten_minutes) {  // C2; RFC 1191 section 6.3
  PmtuCache c{prf, {}};
  EXPECT_TRUE(c.learn(v4, 1400, 1500, start));
  EXPECT_EQ(mtu(c, v4, start), 1400u);
  EXPECT_EQ(c.mtu_to(v4, 1500, start).until, start + 600s);
  EXPECT_EQ(mtu(c, numbered(1), start), 1500u);
  EXPECT_EQ(mtu(c, v4, start + 600s - 1ns), 1400u);
  EXPECT_EQ(mtu(c, v4, start + 600s), 1500u);
}

TEST(PmtuCache, an_error_never_raises) {  // C2; RFC 8201 section 4
  PmtuCache c{prf, {}};
  EXPECT_FALSE(c.learn(v4, 1500, 1500, start));
  EXPECT_FALSE(c.learn(v4, 9000, 1500, start));
  EXPECT_EQ(c.size(), 0u);
  ASSERT_TRUE(c.learn(v4, 1000, 1500, start));
  EXPECT_FALSE(c.learn(v4, 1400, 1500, start + 300s));
  EXPECT_EQ(mtu(c, v4, start + 300s), 1000u);
  EXPECT_EQ(mtu(c, v4, start + 600s), 1500u) << "nor does it make what was learned hold longer";
}

TEST(PmtuCache, the_same_again_holds_longer) {
  PmtuCache c{prf, {}};
  ASSERT_TRUE(c.learn(v4, 1000, 1500, start));
  EXPECT_FALSE(c.learn(v4, 1000, 1500, start + 300s));
  EXPECT_EQ(mtu(c, v4, start + 899s), 1000u);
  EXPECT_EQ(mtu(c, v4, start + 900s), 1500u);
}

TEST(PmtuCache, after_its_end_it_is_learned_anew) {
  PmtuCache c{prf, {}};
  ASSERT_TRUE(c.learn(v4, 1000, 1500, start));
  EXPECT_TRUE(c.learn(v4, 1400, 1500, start + 600s));
  EXPECT_EQ(mtu(c, v4, start + 600s), 1400u);
  EXPECT_EQ(c.size(), 1u);
}

TEST(PmtuCache, the_floor_of_ipv4) {  // C2: Linux's min_pmtu
  for (std::uint32_t told : {0u, 1u, 67u, 68u, 551u, 552u}) {
    PmtuCache c{prf, {}};
    EXPECT_TRUE(c.learn(v4, told, 1500, start));
    EXPECT_EQ(mtu(c, v4, start), 552u);
  }
  PmtuCache lower{prf, {.min_v4 = 68}};
  EXPECT_TRUE(lower.learn(v4, 100, 1500, start));
  EXPECT_EQ(mtu(lower, v4, start), 100u);
}

TEST(PmtuCache, less_than_1280_is_not_believed_of_ipv6) {  // C2, F6; RFC 8201 section 4
  PmtuCache c{prf, {}};
  const IpAddr v6 = test::peer6;
  EXPECT_FALSE(c.learn(v6, 1279, 1500, start));
  EXPECT_EQ(c.size(), 0u);
  EXPECT_TRUE(c.learn(v6, 1280, 1500, start));
  EXPECT_EQ(mtu(c, v6, start), 1280u);
}

TEST(PmtuCache, a_smaller_first_hop_wins) {
  PmtuCache c{prf, {}};
  ASSERT_TRUE(c.learn(v4, 1400, 1500, start));
  EXPECT_EQ(c.mtu_to(v4, 1300, start).octets, 1300u);
  EXPECT_EQ(c.mtu_to(v4, 1300, start).until, never);
  EXPECT_EQ(c.mtu_to(v4, 9000, start).octets, 1400u);
}

TEST(PmtuCache, the_oldest_news_make_room) {  // C2: 4096 per host
  PmtuCache c{prf, {}};
  for (std::uint32_t n = 0; n < PmtuCache::capacity; ++n) ASSERT_TRUE(c.learn(numbered(n), 1000, 1500, start));
  EXPECT_FALSE(c.learn(numbered(0), 1000, 1500, start + 1s)) << "now number 1 is the oldest";
  EXPECT_TRUE(c.learn(numbered(1'000'000), 900, 1500, start + 2s));
  EXPECT_EQ(c.size(), PmtuCache::capacity);
  EXPECT_EQ(mtu(c, numbered(0), start + 2s), 1000u);
  EXPECT_EQ(mtu(c, numbered(1), start + 2s), 1500u);
  EXPECT_EQ(mtu(c, numbered(2), start + 2s), 1000u);
  EXPECT_EQ(mtu(c, numbered(1'000'000), start + 2s), 900u);
}

TEST(PmtuCache, many_destinations_are_no_more_than_the_capacity) {  // C2
  PmtuCache c{prf, {}};
  for (std::uint32_t n = 0; n < 100'000; ++n) c.learn(numbered(n), 1000, 1500, start + n * 1ms);
  EXPECT_EQ(c.size(), PmtuCache::capacity);
  const Instant last = start + 100'000 * 1ms;
  for (std::uint32_t n = 0; n < PmtuCache::capacity; ++n) EXPECT_EQ(mtu(c, numbered(99'999 - n), last), 1000u);
  EXPECT_EQ(mtu(c, numbered(99'999 - PmtuCache::capacity), last), 1500u);
}

}  // namespace
}  // namespace tunic
