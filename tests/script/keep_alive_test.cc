// Keep-alive: RFC 9293 section 3.8.4.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// MUST-25: off by default
TEST(KeepAlive, is_off) {
  repeat(established({.mss = 1000}), R"(
      72h   nothing
       0ms  expect state ESTABLISHED )");
}

// M4, RFC 9293 §3.8.4 (MUST-24, MUST-28, SHLD-12): after two idle hours, without text
TEST(KeepAlive, default_interval) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt keep_alive 1
    7200s   > .  0:0(0) ack 1
       1ms  < .  1:1(0) ack 1
    7200s   > .  0:0(0) ack 1
       1ms  < .  1:1(0) ack 1 )");
}

// MUST-27, MUST-29: one probe without an answer is no proof; `keep_count` are
TEST(KeepAlive, dead_peer) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt keep_idle 10
       0ms  setsockopt keep_interval 5
       0ms  setsockopt keep_count 3
       0ms  setsockopt keep_alive 1
      10s   > .  0:0(0) ack 1
       5s   > .  0:0(0) ack 1
       5s   > .  0:0(0) ack 1
    4900ms  expect state ESTABLISHED
     100ms  > R  1:1(0)
       0ms  expect state CLOSED
       0ms  expect error ETIMEDOUT )");
}

// MUST-26: whatever is heard puts it off
TEST(KeepAlive, only_if_idle) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt keep_idle 10
       0ms  setsockopt keep_alive 1
       8s   < P. 1:11(10) ack 1
       0ms  read 10
      40ms  > .  1:1(0) ack 11
    9960ms  > .  0:0(0) ack 11
       1ms  < .  11:11(0) ack 1
      10s   > .  0:0(0) ack 11
       1ms  < .  11:11(0) ack 1 )");
}

// MUST-26: not while text is outstanding: the retransmissions tell
TEST(KeepAlive, not_while_text_is_outstanding) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  setsockopt keep_idle 1
       0ms  setsockopt keep_alive 1
       0ms  write 500
       0ms  > P. 1:501(500) ack 1
     300ms  > P. 1:501(500) ack 1
     600ms  > P. 1:501(500) ack 1
    1200ms  > P. 1:501(500) ack 1
      10ms  < .  1:1(0) ack 501
    1000ms  > .  500:500(0) ack 1
       1ms  < .  1:1(0) ack 501 )");
}

// M4: both kinds of probes of a peer are answered, and the garbage octet is not text (MAY-6)
TEST(KeepAlive, probes_of_the_peer) {
  repeat(established({.mss = 1000, .sack = false}), R"(
       0ms  < .  0:0(0) ack 1
       0ms  > .  1:1(0) ack 1
      75s   < .  0:1(1) ack 1
       0ms  > .  1:1(0) ack 1
       0ms  read again )");
}

}  // namespace
}  // namespace tunic::test
