// Two-stage trust in "packet too big": RFC 5927 section 7.2, with its examples (C2).
#include "tcp/too_big.h"

#include <gtest/gtest.h>

namespace tunic {
namespace {

Seq at(std::int64_t n) { return Seq::first({1000}) + n; }

// Section 7.4.1: 4464, 2048, 1500: each is believed at once, for nothing as large was ever acknowledged.
TEST(TooBig, discovery_as_a_connection_begins) {
  TooBig t;
  t.on_sent(4464);
  EXPECT_TRUE(t.arrives(2048, 4464, at(0), 0));
  t.on_sent(2048);
  EXPECT_TRUE(t.arrives(1500, 2048, at(0), 0));
  t.on_sent(1500);
  t.on_ack(at(1460), 1500);
  EXPECT_FALSE(t.on_timeout(1500));
}

// Section 7.4.2: the path has carried 1500 octets; 1492 waits until the segment times out.
TEST(TooBig, an_update_waits_for_a_timeout) {
  TooBig t;
  t.on_sent(1500);
  t.on_ack(at(1460), 1500);
  EXPECT_FALSE(t.arrives(1492, 1500, at(1460), 0));
  EXPECT_EQ(t.on_timeout(1500), 1492u);
  EXPECT_FALSE(t.on_timeout(1492)) << "once";
}

// After a timeout of the segment there is nothing to wait for.
TEST(TooBig, an_update_after_a_timeout_is_believed) {
  TooBig t;
  t.on_sent(1500);
  t.on_ack(at(1460), 1500);
  EXPECT_TRUE(t.arrives(1492, 1500, at(1460), 1));
}

// Section 7.4.3: acknowledgments that go on prove it wrong.
TEST(TooBig, progress_makes_it_void) {
  TooBig t;
  t.on_sent(1500);
  t.on_ack(at(1460), 1500);
  EXPECT_FALSE(t.arrives(600, 1500, at(1460), 0));
  t.on_ack(at(1461), 1500);
  EXPECT_FALSE(t.on_timeout(1500));
}

// An acknowledgment below the segment it quotes says nothing of it.
TEST(TooBig, progress_below_leaves_it_waiting) {
  TooBig t;
  t.on_sent(1500);
  t.on_ack(at(1460), 1500);
  EXPECT_FALSE(t.arrives(600, 1500, at(2920), 0));
  t.on_ack(at(2920), 1500);
  EXPECT_EQ(t.on_timeout(1500), 600u);
}

// What was never sent so large cannot have been refused; and a path MTU is never raised by what a router says.
TEST(TooBig, the_impossible_is_ignored) {
  TooBig t;
  t.on_sent(140);
  EXPECT_FALSE(t.arrives(1200, 1500, at(0), 0));
  EXPECT_FALSE(t.arrives(1500, 1500, at(0), 3));
  EXPECT_FALSE(t.arrives(9000, 1500, at(0), 3));
  EXPECT_FALSE(t.on_timeout(1500));
}

// After the update the same path may turn worse still.
TEST(TooBig, begins_anew_with_what_it_believes) {
  TooBig t;
  t.on_sent(1500);
  t.on_ack(at(1460), 1500);
  EXPECT_FALSE(t.arrives(1000, 1500, at(1460), 0));
  EXPECT_EQ(t.on_timeout(1500), 1000u);
  EXPECT_FALSE(t.arrives(1000, 1000, at(1460), 1)) << "news of what was sent before";
  t.on_sent(1000);
  EXPECT_FALSE(t.arrives(600, 1000, at(1460), 0));
  EXPECT_EQ(t.on_timeout(1000), 600u);
}

}  // namespace
}  // namespace tunic
