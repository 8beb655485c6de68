#include "ip/identification.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "packets.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using test::families;
using test::peer;
using test::peer4;
using test::us;
using test::us4;

const Prf prf{PrfKey{9}};
constexpr Instant start = Instant{} + 1s;

TEST(Identification, no_repeat_in_a_minute_at_100_datagrams_a_second) {  // N4
  for (const Family f : families) {
    Identification ids{prf};
    std::set<std::uint32_t> seen;
    for (int n = 0; n < 6000; ++n)
      EXPECT_TRUE(seen.insert(ids.draw(us(f), peer(f), protocol::udp, start + n * 10ms)).second);
    EXPECT_EQ(ids.repeats(), 0u);
  }
}

TEST(Identification, all_65536_come_before_one_comes_again) {  // N4
  Identification ids{prf};
  std::set<std::uint32_t> seen;
  for (int n = 0; n < 65'536; ++n) seen.insert(ids.draw(us4, peer4, protocol::udp, start));
  EXPECT_EQ(seen.size(), 65'536u);
  EXPECT_EQ(*seen.rbegin(), 65'535u);
}

TEST(Identification, what_repeats_too_early_is_counted_and_not_held_back) {  // N4
  Identification fast{prf}, slow{prf};
  for (int n = 0; n < 65'536 + 10; ++n) {
    fast.draw(us4, peer4, protocol::udp, start + n * 1us);
    slow.draw(us4, peer4, protocol::udp, start + n * 1ms);
  }
  EXPECT_EQ(fast.repeats(), 10u);
  EXPECT_EQ(slow.repeats(), 0u);
}

TEST(Identification, the_next_one_is_not_to_be_guessed) {  // N4, F9: half of the bits differ from one to the next
  Identification ids{prf};
  int changed = 0;
  std::uint32_t last = ids.draw(us4, peer4, protocol::udp, start);
  for (int n = 0; n < 1000; ++n) {
    const std::uint32_t id = ids.draw(us4, peer4, protocol::udp, start);
    changed += std::popcount(id ^ last);
    last = id;
  }
  EXPECT_NEAR(changed, 8000, 400);
}

TEST(Identification, a_flow_sees_nothing_of_others) {  // law 4
  Identification alone{prf}, crowded{prf};
  for (std::uint32_t n = 0; n < 1000; ++n) {
    const Instant now = start + n * 1ms;
    for (std::uint32_t other = 0; other < 5; ++other)
      crowded.draw(us4, IpAddr::v4(0x0a000000u + n % 50 * 5 + other), protocol::udp, now);
    crowded.draw(us4, peer4, protocol::icmp, now);
    EXPECT_EQ(crowded.draw(us4, peer4, protocol::udp, now), alone.draw(us4, peer4, protocol::udp, now));
  }
}

TEST(Identification, keys_and_flows_differ) {
  const Prf other{PrfKey{10}};
  Identification a{prf}, b{other};
  int same_key = 0, same_flow = 0;
  for (int n = 0; n < 100; ++n) {
    const auto mine = a.draw(us4, peer4, protocol::udp, start);
    same_key += mine == b.draw(us4, peer4, protocol::udp, start);
    same_flow += mine == a.draw(us4, peer4, protocol::icmp, start);
  }
  EXPECT_LE(same_key, 2);
  EXPECT_LE(same_flow, 2);
}

TEST(Identification, flows_beyond_memory_are_counted) {  // N4
  Identification ids{prf};
  for (std::uint32_t n = 0; n < 1000; ++n) ids.draw(us4, IpAddr::v4(0x0a000000u + n), protocol::udp, start);
  EXPECT_EQ(ids.repeats(), 0u);
  for (std::uint32_t n = 0; n < 20'000; ++n) ids.draw(us4, IpAddr::v4(0x0a000000u + n), protocol::udp, start);
  EXPECT_GT(ids.repeats(), 10'000u);
  const std::uint64_t before = ids.repeats();
  ids.draw(us4, IpAddr::v4(0x0b000000u), protocol::udp, start + 60s);
  EXPECT_EQ(ids.repeats(), before) << "the silent make room without harm";
}

}  // namespace
}  // namespace tunic
