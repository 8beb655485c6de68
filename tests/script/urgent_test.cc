// Urgent text: RFC 9293 section 3.8.5, RFC 6093, and the socket calls as Linux has them.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// RFC 9293 §3.8.5 (MUST-30, MUST-62): the pointer denotes the octet after the urgent one
TEST(Urgent, is_sent) {
  repeat(established({.mss = 1000}), R"(
       0ms  write 10 oob
       0ms  > PU. 1:11(10) ack 1 urg 10
      10ms  < .   1:1(0) ack 11
       0ms  write 10
       0ms  > P.  11:21(10) ack 1
      10ms  < .   1:1(0) ack 21 )");
}

// A device that cuts a super-packet copies the urgent pointer, which counts from each segment: so URG goes in single
// segments, retransmissions too
TEST(Urgent, goes_in_single_segments) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  write 3000
       0ms  > P.  1:3001(3000) ack 1
       0ms  write 1 oob
       0ms  > PU. 3001:3002(1) ack 1 urg 1
     300ms  > U.  1:1001(1000) ack 1 urg 3001
     100ms  < .   1:1(0) ack 1001
       0ms  > U.  1001:2001(1000) ack 1 urg 2001
       0ms  > U.  2001:3001(1000) ack 1 urg 1001
     100ms  < .   1:1(0) ack 3002 )");
}

// MUST-31, MUST-32, MUST-33: told once, read apart from the stream; SIOCATMARK
TEST(Urgent, is_received) {
  repeat(established({.mss = 1000}), R"(
       0ms  < PU. 1:11(10) ack 1 urg 10
       0ms  expect urgent
       0ms  read 9
       0ms  expect mark
       0ms  read oob
       0ms  read oob error EINVAL
       0ms  expect not urgent
       0ms  < P.  11:21(10) ack 1
       0ms  skip 1
       0ms  read 10
       0ms  expect not mark
      40ms  > .   1:1(0) ack 21 )");
}

TEST(Urgent, in_line) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt oob_inline 1
       0ms  < PU. 1:11(10) ack 1 urg 5
       0ms  expect urgent
       0ms  read oob error EINVAL
       0ms  read 4
       0ms  expect mark
       0ms  read 6
      40ms  > .   1:1(0) ack 11 )");
}

// MUST-32: the pointer alone, before its octet is there
TEST(Urgent, pointer_ahead_of_its_text) {
  repeat(established({.mss = 1000}), R"(
       0ms  < U.  1:1(0) ack 1 urg 10
       0ms  read oob again
       0ms  < P.  1:21(20) ack 1
       0ms  read oob
       0ms  read 9
       0ms  skip 1
       0ms  read 10
      40ms  > .   1:1(0) ack 21 )");
}

TEST(Urgent, nothing_urgent) {
  repeat(established({.mss = 1000}), R"(
       0ms  expect not urgent
       0ms  read oob error EINVAL )");
}

// H5: wherever the pointer points, the stream is the same
TEST(Urgent, pointer_anywhere) {
  for (const char* pointer : {"0", "1", "9", "10", "11", "65535"})
    repeat(established({.mss = 1000}), [&](Script& s) {
      s.run(std::string{"0ms setsockopt oob_inline 1\n 0ms < PU. 1:11(10) ack 1 urg "} + pointer +
            "\n 0ms < P. 11:21(10) ack 1\n 0ms read 20\n 0ms read again\n 40ms > . 1:1(0) ack 21");
    });
}

}  // namespace
}  // namespace tunic::test
