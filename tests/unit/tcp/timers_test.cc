#include "tcp/timers.h"

#include <gtest/gtest.h>

namespace tunic {
namespace {

TEST(Timers, none_is_armed_at_first) {
  const Timers t;
  EXPECT_EQ(t.next(), never);
  EXPECT_FALSE(t.armed(Timer::retransmit));
}

TEST(Timers, next_is_the_earliest) {
  Timers t;
  t.arm(Timer::retransmit, Instant{5s});
  t.arm(Timer::delayed_ack, Instant{2s});
  t.arm(Timer::keep_alive, Instant{9s});
  EXPECT_EQ(t.next(), Instant{2s});
  t.disarm(Timer::delayed_ack);
  EXPECT_EQ(t.next(), Instant{5s});
  t.disarm_all();
  EXPECT_EQ(t.next(), never);
}

TEST(Timers, arming_again_moves_it_unless_only_if_idle) {
  Timers t;
  t.arm(Timer::persist, Instant{5s});
  t.arm_if_idle(Timer::persist, Instant{1s});
  EXPECT_EQ(t.when(Timer::persist), Instant{5s});
  t.arm(Timer::persist, Instant{8s});
  EXPECT_EQ(t.when(Timer::persist), Instant{8s});
}

TEST(Timers, taken_when_its_time_has_come_and_once) {
  Timers t;
  t.arm(Timer::orphan, Instant{5s});
  EXPECT_FALSE(t.take(Timer::orphan, Instant{5s} - 1ns));
  EXPECT_TRUE(t.take(Timer::orphan, Instant{5s}));
  EXPECT_FALSE(t.armed(Timer::orphan));
  EXPECT_FALSE(t.take(Timer::orphan, Instant{6s}));
}

}  // namespace
}  // namespace tunic
