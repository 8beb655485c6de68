// When recovery begins, goes on and ends: RFC 5681 section 3.2, RFC 3042, RFC 6582.
#include "tcp/recovery.h"

#include <gtest/gtest.h>

namespace tunic {
namespace {

using Verdict = Recovery::Verdict;
constexpr std::int64_t mss = 1000;
Seq at(std::int64_t n) { return Seq::first({0xffff'f000u}) + n; }

struct RecoveryTest : testing::Test {
  RecoveryTest() { r.start(at(0)); }
  Verdict duplicate(std::int64_t una, std::int64_t nxt) { return r.on_duplicate(at(una), at(nxt), mss); }
  Verdict advance(std::int64_t ack, std::int64_t acked) { return r.on_advance(at(ack), acked, mss); }
  void enter() {
    for (int i = 0; i < 3; ++i) duplicate(1, 10'001);
  }
  Recovery r;
};

TEST_F(RecoveryTest, the_third_duplicate_begins_it_also_for_the_very_first_segment) {
  EXPECT_EQ(duplicate(1, 10'001), Verdict::nothing);
  EXPECT_EQ(r.inflation(), mss) << "limited transmit";
  EXPECT_EQ(duplicate(1, 11'001), Verdict::nothing);
  EXPECT_EQ(r.inflation(), 2 * mss);
  EXPECT_EQ(duplicate(1, 12'001), Verdict::enter);
  EXPECT_TRUE(r.active());
  EXPECT_EQ(r.flight_at_first_duplicate(), 10'000) << "without what limited transmit sent";
  EXPECT_EQ(r.inflation(), 3 * mss);
}

TEST_F(RecoveryTest, each_further_duplicate_inflates_but_never_beyond_what_was_outstanding) {  // X2
  enter();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(duplicate(1, 10'001), Verdict::inflate);
  EXPECT_EQ(r.inflation(), 10'000);
}

TEST_F(RecoveryTest, a_partial_acknowledgment_deflates_and_goes_on) {
  enter();
  EXPECT_EQ(advance(2001, 2000), Verdict::partial);
  EXPECT_TRUE(r.active());
  EXPECT_EQ(r.inflation(), 2 * mss);  // 3 - 2 + 1
  EXPECT_EQ(advance(2101, 100), Verdict::partial);
  EXPECT_EQ(r.inflation(), 2 * mss - 100);
}

TEST_F(RecoveryTest, ends_when_all_that_was_outstanding_is_acknowledged) {
  enter();
  EXPECT_EQ(advance(10'000, 9999), Verdict::partial);
  EXPECT_EQ(advance(10'001, 1), Verdict::exit);
  EXPECT_FALSE(r.active());
  EXPECT_EQ(r.inflation(), 0);
}

TEST_F(RecoveryTest, new_text_acknowledged_starts_the_count_again) {
  duplicate(1, 10'001);
  duplicate(1, 10'001);
  EXPECT_EQ(advance(1001, 1000), Verdict::nothing);
  EXPECT_EQ(r.dup_acks(), 0);
  EXPECT_EQ(r.inflation(), 0);
  EXPECT_EQ(duplicate(1001, 10'001), Verdict::nothing);
}

TEST_F(RecoveryTest, after_a_timeout_old_duplicates_begin_nothing) {  // RFC 6582 section 4
  r.on_timeout(at(10'001));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(duplicate(5001, 10'001), Verdict::nothing);
  EXPECT_EQ(advance(10'001, 5000), Verdict::nothing);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(duplicate(10'001, 20'001), Verdict::nothing) << "step 2: must cover more than recover";
  EXPECT_EQ(advance(11'001, 1000), Verdict::nothing);
  EXPECT_EQ(duplicate(11'001, 20'001), Verdict::nothing);
  EXPECT_EQ(duplicate(11'001, 20'001), Verdict::nothing);
  EXPECT_EQ(duplicate(11'001, 20'001), Verdict::enter);
}

}  // namespace
}  // namespace tunic
