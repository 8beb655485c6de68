// The MTU of the device changes while connections live.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// RFC 1122 §4.2.2.6: what is sent again is cut anew; RFC 9293 §3.7.1 (MUST-16): and grows again to what the peer takes
TEST(DeviceMtu, connections_follow) {
  Script s{established({.mss = 1400, .rtt = 100ms})};
  const auto mss = [&] { return s.stack().get(s.socket(), Option::max_segment); };
  s.run(R"(
       0ms  write 2800
       0ms  > P. 1:2801(2800) ack 1 )");
  EXPECT_EQ(mss(), 1400);
  s.stack().set_mtu(1040);
  s.run(R"(
     300ms  > .  1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1001
       0ms  > P. 1001:2801(1800) ack 1
      10ms  < .  1:1(0) ack 2801 )");
  EXPECT_EQ(mss(), 1000);
  s.stack().set_mtu(9000);
  s.run(R"(
       0ms  write 1400
       0ms  > P. 2801:4201(1400) ack 1
      10ms  < .  1:1(0) ack 4201 )");
  EXPECT_EQ(mss(), 1400);
}

TEST(DeviceMtu, is_brought_into_its_range) {
  Script s{blank()};
  s.stack().set_mtu(1);
  EXPECT_EQ(s.stack().config().mtu, Config::least_mtu);
  s.stack().set_mtu(100'000);
  EXPECT_EQ(s.stack().config().mtu, Config::most_mtu);
}

}  // namespace
}  // namespace tunic::test
