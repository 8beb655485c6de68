// RFC 6298 against numbers worked by hand.
#include "tcp/rtt.h"

#include <gtest/gtest.h>

namespace tunic {
namespace {

const TcpSettings settings;

TEST(Rtt, the_first_timeout_is_a_second) {  // 2.1
  const Rtt rtt;
  EXPECT_FALSE(rtt.measured());
  EXPECT_EQ(rtt.rto(settings), 1s);
}

TEST(Rtt, the_first_sample_sets_srtt_and_half_of_it_as_variance) {  // 2.2
  Rtt rtt;
  rtt.sample(400ms);
  EXPECT_EQ(rtt.srtt(), 400ms);
  EXPECT_EQ(rtt.rttvar(), 200ms);
  EXPECT_EQ(rtt.rto(settings), 400ms + 4 * 200ms);
}

TEST(Rtt, further_samples_are_smoothed) {  // 2.3: the variance first, with the old SRTT
  Rtt rtt;
  rtt.sample(400ms);
  rtt.sample(800ms);
  EXPECT_EQ(rtt.rttvar(), 250ms);  // 3/4 * 200 + 1/4 * |400 - 800|
  EXPECT_EQ(rtt.srtt(), 450ms);    // 7/8 * 400 + 1/8 * 800
  EXPECT_EQ(rtt.rto(settings), 1450ms);
  rtt.sample(450ms);
  EXPECT_EQ(rtt.rttvar(), 187'500us);
  EXPECT_EQ(rtt.srtt(), 450ms);
  EXPECT_EQ(rtt.min(), 400ms);
}

TEST(Rtt, the_timeout_is_at_least_rto_min_and_at_most_rto_max) {  // 2.4, 2.5
  Rtt fast, slow;
  fast.sample(1ms);
  EXPECT_EQ(fast.rto(settings), settings.rto_min);
  slow.sample(100s);
  EXPECT_EQ(slow.rto(settings), settings.rto_max);
}

TEST(Rtt, a_steady_path_keeps_the_granularity) {  // 2.3: max(G, 4 * RTTVAR)
  Rtt rtt;
  for (int i = 0; i < 200; ++i) rtt.sample(1s);
  EXPECT_LE(rtt.rttvar(), 1us);
  EXPECT_GE(rtt.rto(settings), 1s + 1ms);
  EXPECT_LE(rtt.rto(settings), 1s + 2ms);
}

TEST(Rtt, backing_off_doubles_up_to_the_maximum_and_a_sample_ends_it) {  // 5.5, 5.7
  Rtt rtt;
  rtt.sample(100ms);
  EXPECT_EQ(rtt.rto(settings), 300ms);
  for (const Duration expected : {600ms, 1200ms, 2400ms, 4800ms, 9600ms, 19'200ms, 38'400ms, 60'000ms, 60'000ms}) {
    rtt.back_off();
    EXPECT_EQ(rtt.rto(settings), expected);
  }
  for (int i = 0; i < 100; ++i) rtt.back_off();
  EXPECT_EQ(rtt.rto(settings), 60s);
  rtt.sample(100ms);
  EXPECT_EQ(rtt.backoff(), 0);
  EXPECT_LT(rtt.rto(settings), 300ms);
}

TEST(Rtt, after_a_lost_syn_an_unmeasured_path_begins_with_three_seconds) {  // 5.7
  Rtt unmeasured, measured;
  unmeasured.back_off();
  unmeasured.lost_syn();
  EXPECT_EQ(unmeasured.rto(settings), 3s);
  measured.sample(100ms);
  measured.lost_syn();
  EXPECT_EQ(measured.rto(settings), 300ms);
}

TEST(Rtt, nonsense_does_no_harm) {
  Rtt rtt;
  rtt.sample(Duration{-5});
  EXPECT_GT(rtt.srtt(), Duration{});
  EXPECT_EQ(rtt.rto(settings), settings.rto_min);
}

}  // namespace
}  // namespace tunic
