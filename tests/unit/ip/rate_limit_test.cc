// The buckets alone (C7): how many, how often, how many destinations are remembered, and what the noise does.
#include "ip/rate_limit.h"

#include <gtest/gtest.h>

#include "base/work.h"
#include "packets.h"

namespace tunic {
namespace {

using test::neighbour;

constexpr Rate each{.interval = 100ms, .burst = 6}, all{.interval = 1ms, .burst = 50};
constexpr Rate no_limit{.interval = Duration::zero()};
const IpAddr a = neighbour(Family::v4, 1), b = neighbour(Family::v4, 2);

struct RateLimit : ::testing::Test {
  Prf prf{PrfKey{7}};
  Instant now{100s};
  DestinationLimit limit{prf, 0};
  ErrorLimit errors{prf};

  std::uint32_t taken(const IpAddr& dst, int tries, const Rate& rate = each) {
    std::uint32_t n = 0;
    for (int i = 0; i < tries; ++i) n += limit.take(dst, now, rate) ? 1 : 0;
    return n;
  }
};

TEST_F(RateLimit, a_burst_and_then_one_each_interval) {
  EXPECT_EQ(taken(a, 100), 6u);
  now += 99ms;
  EXPECT_EQ(taken(a, 100), 0u);
  now += 1ms;
  EXPECT_EQ(taken(a, 100), 1u);
  now += 250ms;
  EXPECT_EQ(taken(a, 100), 2u);
  now += 50ms;
  EXPECT_EQ(taken(a, 100), 1u) << "halves are not lost";
  now += 1h;
  EXPECT_EQ(taken(a, 100), 6u) << "no more than a burst is saved up";
}

TEST_F(RateLimit, destinations_have_nothing_to_do_with_each_other) {  // C7, law 4
  EXPECT_EQ(taken(a, 100), 6u);
  EXPECT_EQ(taken(b, 100), 6u);
}

TEST_F(RateLimit, none_at_all) {
  EXPECT_EQ(taken(a, 1000, no_limit), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(errors.take(a, now, no_limit, no_limit));
}

TEST_F(RateLimit, of_many_destinations_costs_a_few_steps) {  // law 2
  for (std::uint32_t n = 0; n < 60'000; ++n) {
    take_work();
    ASSERT_TRUE(limit.take(neighbour(n % 2 == 0 ? Family::v4 : Family::v6, n), now, each)) << n;
    if (counts_work) {
      ASSERT_LE(take_work(), 8u);
    }
  }
}

// Who is told much is remembered longer than those who were told once: to spoof many sources frees nobody at once.
TEST_F(RateLimit, an_empty_bucket_is_forgotten_last) {
  EXPECT_EQ(taken(a, 100), 6u);
  for (std::uint32_t n = 10; n < 60'000; ++n) static_cast<void>(limit.take(neighbour(Family::v4, n), now, each));
  EXPECT_EQ(taken(a, 100), 0u);
}

TEST_F(RateLimit, of_errors_to_all_is_what_it_says_in_the_long_run) {  // C7
  std::uint32_t told = 0;
  for (std::uint32_t n = 0; n < 100'000; ++n, now += 100us)  // 10 s of ten times too many
    told += errors.take(neighbour(Family::v4, n % 60'000), now, each, all) ? 1 : 0;
  EXPECT_NEAR(told, 10'000 + 50, 300);
}

TEST_F(RateLimit, of_errors_to_all_has_a_burst_that_differs) {  // C7
  std::uint32_t fewest = 1000, most = 0;
  for (int round = 0; round < 200; ++round, now += 1s) {
    std::uint32_t told = 0;
    while (errors.take(neighbour(Family::v6, told), now, no_limit, all)) ++told;
    fewest = std::min(fewest, told);
    most = std::max(most, told);
  }
  EXPECT_GE(fewest, 34u);
  EXPECT_LE(most, 101u);
  EXPECT_GE(most - fewest, 8u) << "a count tells nothing exact";
}

// C7: who has had its share takes nothing of what all share, nor a draw of the noise.
TEST_F(RateLimit, of_errors_is_first_that_of_the_destination) {
  ErrorLimit other{prf};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(errors.take(a, now, each, all), other.take(a, now, each, all));
  for (int i = 0; i < 100'000; ++i) ASSERT_FALSE(errors.take(a, now, each, all));
  for (std::uint32_t n = 10; n < 200; ++n) {
    const IpAddr next = neighbour(Family::v4, n);
    ASSERT_EQ(errors.take(next, now, each, all), other.take(next, now, each, all)) << n;
  }
}

}  // namespace
}  // namespace tunic
