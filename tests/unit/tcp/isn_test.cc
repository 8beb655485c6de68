// Initial sequence numbers and timestamp offsets: what grows, what is unrelated, and how evenly they are spread (N1,
// N2).
#include "tcp/isn.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

namespace tunic {
namespace {

PrfKey key(std::uint8_t n) {
  PrfKey k{};
  for (std::size_t i = 0; i < k.size(); ++i) k[i] = static_cast<std::uint8_t>(n * 31 + i * 7);
  return k;
}

FourTuple pair(std::uint32_t n) {
  return {{IpAddr::v4(0xc6120002u), Port{static_cast<std::uint16_t>(1024 + n % 60'000)}},
          {IpAddr::v4(0xc6130000u + n / 60'000), Port{443}}};
}

constexpr Instant now{1'000'000s};

TEST(Isn, the_same_inputs_give_the_same_number) {  // N1: replay
  EXPECT_EQ(initial_sequence(Prf{key(1)}, pair(1), now), initial_sequence(Prf{key(1)}, pair(1), now));
  EXPECT_NE(initial_sequence(Prf{key(1)}, pair(1), now), initial_sequence(Prf{key(2)}, pair(1), now));
}

TEST(Isn, numbers_of_one_pair_grow_with_a_clock_of_4_us) {  // RFC 9293 section 3.4.1, MUST-8
  const Prf prf{key(3)};
  const std::uint32_t first = initial_sequence(prf, pair(7), now).raw;
  EXPECT_EQ(initial_sequence(prf, pair(7), now + 4us).raw - first, 1u);
  EXPECT_EQ(initial_sequence(prf, pair(7), now + 1s).raw - first, 250'000u);
  EXPECT_EQ(initial_sequence(prf, pair(7), now + 3us).raw, first);
}

// N1: chi-square over 2^16 bins of a million pairs; p within [0.001, 0.999], by the normal approximation.
void expect_uniform(const std::vector<std::uint32_t>& bins, double samples) {
  const double expected = samples / static_cast<double>(bins.size());
  double chi = 0;
  for (const std::uint32_t n : bins) chi += (n - expected) * (n - expected) / expected;
  const double freedom = static_cast<double>(bins.size()) - 1;
  EXPECT_LT(std::abs(chi - freedom) / std::sqrt(2 * freedom), 3.1) << chi;
}

TEST(Isn, numbers_of_a_million_pairs_are_uniform_and_successive_ones_unrelated) {
  const Prf prf{key(4)};
  std::vector<std::uint32_t> high(65'536), low(65'536), steps(65'536);
  std::uint32_t last = 0;
  constexpr std::uint32_t count = 1'000'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t isn = initial_sequence(prf, pair(i), now).raw;
    ++high[isn >> 16], ++low[isn & 0xffff], ++steps[(isn - last) >> 16];
    last = isn;
  }
  expect_uniform(high, count);
  expect_uniform(low, count);
  expect_uniform(steps, count);
}

TEST(Isn, a_bit_of_the_pair_changes_half_of_the_number) {  // N1: avalanche, 50 % within 2
  const Prf prf{key(5)};
  std::uint64_t changed = 0, asked = 0;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::uint32_t a = initial_sequence(prf, pair(i), now).raw;
    FourTuple other = pair(i);
    other.remote.port = Port{static_cast<std::uint16_t>(443 ^ 1u << i % 16)};
    changed += static_cast<std::uint64_t>(std::popcount(a ^ initial_sequence(prf, other, now).raw));
    asked += 32;
  }
  EXPECT_NEAR(static_cast<double>(changed) / static_cast<double>(asked), 0.5, 0.02);
}

TEST(Isn, the_timestamp_offset_differs_for_pairs_that_differ_in_a_port_alone) {  // N2
  const Prf prf{key(6)};
  std::vector<std::uint32_t> bins(4096);
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    ++bins[timestamp_offset(prf, pair(i)) >> 20];
    ASSERT_NE(timestamp_offset(prf, pair(i)), timestamp_offset(prf, pair(i + 1))) << i;
  }
  expect_uniform(bins, 50'000);
}

TEST(Isn, the_timestamp_offset_says_nothing_of_the_number) {  // N2: other purposes, other values
  const Prf prf{key(7)};
  int equal = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i)
    equal += (timestamp_offset(prf, pair(i)) & 0xff) == (initial_sequence(prf, pair(i), Instant{}).raw & 0xff);
  EXPECT_NEAR(equal, 10'000 / 256, 25);
}

TEST(TimestampClock, ticks_each_millisecond) {  // RFC 7323 section 5.4
  EXPECT_EQ(timestamp_clock(now + 1s) - timestamp_clock(now), 1000u);
}

}  // namespace
}  // namespace tunic
