// Text both ways: in order, out of order, more than fits, and the acknowledgments that it earns.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

TEST(Text, flows_both_ways) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .rtt = 100ms}), R"(
       0ms  write 4000
       0ms  > P. 1:4001(4000) ack 1            // one super-segment
     100ms  < .  1:1(0)       ack 4001
       0ms  < P. 1:301(300)   ack 4001
       0ms  expect inq 300
       0ms  read 100
       0ms  read 200
       0ms  read again
      40ms  > .  4001:4001(0) ack 301
       0ms  expect outq 0 )");
}

// A link that cuts nothing gets wire segments
TEST(Text, without_segmentation_offload) {
  repeat(established({.mss = 1000, .link = {}}), R"(
       0ms  write 2500
       0ms  > .  1:1001(1000)    ack 1
       0ms  > .  1001:2001(1000) ack 1
       0ms  > P. 2001:2501(500)  ack 1
      10ms  < .  1:1(0)          ack 2501 )");
}

// RFC 6928; RFC 5681 §3.1 (MUST-19): ten segments, then as many more as were acknowledged
TEST(Text, initial_window_and_slow_start) {
  repeat(established({.mss = 1000, .peer_window = 64'000}), R"(
       0ms  write 60000
       0ms  > .  1:10001(10000)      ack 1
      10ms  < .  1:1(0) ack 2001
       0ms  > .  10001:14001(4000)   ack 1
      10ms  < .  1:1(0) ack 14001
       0ms  > .  14001:34001(20000)  ack 1
      10ms  < .  1:1(0) ack 34001
       0ms  > .  34001:60001(26000)  ack 1
      10ms  < .  1:1(0) ack 60001 )");
}

// RFC 9293 §3.8.6: never beyond the peer's window
TEST(Text, stays_in_the_window) {
  repeat(established({.mss = 1000, .peer_window = 3000}), R"(
       0ms  write 10000
       0ms  > .  1:3001(3000) ack 1
      10ms  < .  1:1(0) ack 3001 win 2000
       0ms  > .  3001:5001(2000) ack 1
      10ms  < .  1:1(0) ack 5001 win 60000
       0ms  > P. 5001:10001(5000) ack 1
      10ms  < .  1:1(0) ack 10001 win 60000 )");
}

// RFC 9293 §3.10.7.4 (SHLD-31, MAY-13): held, and acknowledged at once when the gap is filled (RFC 5681 §4.2)
TEST(Text, out_of_order_is_held) {
  repeat(established({.mss = 1000, .sack = false}), R"(
       0ms  < . 1001:2001(1000) ack 1
       0ms  > . 1:1(0) ack 1
       0ms  < . 2001:2501(500) ack 1
       0ms  > . 1:1(0) ack 1
       0ms  read again
       0ms  < . 1:1001(1000) ack 1
       0ms  > . 1:1(0) ack 2501
       0ms  read 2500 )");
}

// RFC 9293 §3.10.7.4 seventh: what came before is trimmed, what is beyond the window too
TEST(Text, overlaps_are_trimmed) {
  repeat(established({.mss = 1000, .sack = false}), R"(
       0ms  < . 1:601(600) ack 1
      40ms  > . 1:1(0) ack 601
       0ms  < . 301:901(600) ack 1
       0ms  expect inq 900
      40ms  > . 1:1(0) ack 901
       0ms  < . 1201:1801(600) ack 1
       0ms  > . 1:1(0) ack 901
       0ms  < . 801:1501(700) ack 1
       0ms  > . 1:1(0) ack 1801
       0ms  read 1800 )");
}

TEST(Text, beyond_the_window_is_refused) {
  repeat(blank(), R"(
       0ms  listen 4
       0ms  setsockopt receive_buffer 4000
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 win 4000
       0ms  < .  1:1(0) ack 1
       0ms  accept
       0ms  < .  3001:5001(2000) ack 1         // the first half fits
       0ms  > .  1:1(0) ack 1
       0ms  < .  1:3001(3000) ack 1
       0ms  > .  1:1(0) ack 4001 win 0
       0ms  < .  4001:5001(1000) ack 1
       0ms  > .  1:1(0) ack 4001 win 0
       0ms  read 4000
       0ms  > .  1:1(0) ack 4001 win 4000
       0ms  < .  4001:5001(1000) ack 1
      40ms  > .  1:1(0) ack 5001
       0ms  read 1000 )");
}

// Acknowledgments above the window's left edge but older than the newest do no harm
TEST(Text, old_acknowledgment_with_new_text) {
  repeat(established({.mss = 1000, .peer_window = 64'000}), R"(
       0ms  write 2000
       0ms  > P. 1:2001(2000) ack 1
      10ms  < .  1:1(0) ack 2001
       0ms  < .  1:101(100) ack 1001
       0ms  read 100
      40ms  > .  2001:2001(0) ack 101 )");
}

// RFC 9293 §3.8.6.3 (MUST-40, SHLD-18), M7
TEST(Acks, are_delayed) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1:501(500) ack 1
      36ms  nothing
       4ms  > . 1:1(0) ack 501
     400ms  nothing )");
}

// RFC 9293 §3.8.6.3 (SHLD-19), M7: every second full-sized segment
TEST(Acks, come_for_every_second_full_segment) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1:1461(1460) ack 1
       1ms  < . 1461:2921(1460) ack 1
       0ms  > . 1:1(0) ack 2921
       1ms  < . 2921:4381(1460) ack 1
       1ms  < . 4381:5841(1460) ack 1
       0ms  > . 1:1(0) ack 5841 )");
}

// RFC 9293 §3.10.7.4 (MUST-58, MUST-59): a burst is acknowledged once
TEST(Acks, of_a_burst_are_one) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1:1001(1000) ack 1
       &    < . 1001:2001(1000) ack 1
       &    < . 2001:3001(1000) ack 1
       &    < . 3001:4001(1000) ack 1
       &    < . 4001:5001(1000) ack 1
       0ms  > . 1:1(0) ack 5001
     400ms  read 5000 )");
}

TEST(Acks, ride_on_text) {
  repeat(established({.mss = 1000}), R"(
       0ms  < P. 1:101(100) ack 1
       0ms  read 100
       5ms  write 1000
       0ms  > P. 1:1001(1000) ack 101
      10ms  < .  101:101(0) ack 1001
     400ms  nothing )");
}

TEST(Acks, at_once_if_asked) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt quick_ack 1
       0ms  < P. 1:101(100) ack 1
       0ms  > .  1:1(0) ack 101 )");
}

// A pure ACK in order is not answered, and nothing else goes out (no ACK of an ACK)
TEST(Acks, are_not_acknowledged) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1:1(0) ack 1
       0ms  < . 1:1(0) ack 1 win 100
     500ms  nothing )");
}

// RFC 9293 §3.10.7.4 fifth: something not yet sent is acknowledged (X3)
TEST(Acks, of_what_was_never_sent) {
  repeat(established({.mss = 1000, .peer_window = 64'000}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1002
       0ms  > .  1001:1001(0) ack 1
       0ms  expect outq 1000
      10ms  < .  1:1(0) ack 1001
       0ms  expect outq 0 )");
}

// RFC 9293 §3.10.2, §3.10.3: calls in states that have no use for them
TEST(Calls, before_and_after_a_connection) {
  repeat(blank(), R"(
       0ms  bind 5000
       0ms  write 10 error EPIPE
       0ms  read error ENOTCONN
       0ms  shutdown wr error ENOTCONN
       0ms  connect
       0ms  > S 0:0(0)
       0ms  read again
       0ms  < R. 0:0(0) ack 1
       0ms  read error ECONNREFUSED )");
}

TEST(Calls, write_takes_what_fits) {
  repeat(established({.mss = 1000, .peer_window = 1000}), R"(
       0ms  setsockopt send_buffer 5000
       0ms  write 8000 gets 5000
       0ms  > .  1:1001(1000) ack 1
       0ms  write 1 again
       0ms  expect not writable
       0ms  expect outq 5000
      10ms  < .  1:1(0) ack 1001
       0ms  > .  1001:2001(1000) ack 1
      10ms  < .  1:1(0) ack 2001 win 10000
       0ms  > P. 2001:5001(3000) ack 1
      10ms  < .  1:1(0) ack 5001 win 10000
       0ms  expect writable )");
}

// What a Link refuses was never sent, and goes as soon as it takes packets again
TEST(Text, refused_by_the_link) {
  repeat(established({.mss = 1000, .peer_window = 64'000}), R"(
       0ms  link full
       0ms  write 3000
      10ms  nothing
       0ms  link open
       0ms  > P. 1:3001(3000) ack 1
      10ms  < .  1:1(0) ack 3001
       0ms  expect retransmits 0 )");
}

// ... whatever it is: the answer to a SYN, an acknowledgment, a retransmission, a FIN, a reset
TEST(Refused, handshake) {
  repeat(listening(), R"(
       0ms  link full
       0ms  < S  0:0(0) win 64000 <mss 1000>
     100ms  nothing
       0ms  link open
       0ms  > S. 0:0(0) ack 1
      10ms  < .  1:1(0) ack 1
       0ms  accept )");
}

TEST(Refused, acknowledgments) {
  repeat(established({.mss = 1000}), R"(
       0ms  link full
       0ms  < .  1001:2001(1000) ack 1
       0ms  < .  1:1001(1000) ack 1
     100ms  nothing
       0ms  link open
       0ms  > .  1:1(0) ack 2001
       0ms  read 2000 )");
}

TEST(Refused, retransmission) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  write 3000
       0ms  > P. 1:3001(3000) ack 1
     290ms  link full
     100ms  nothing
       0ms  link open
       0ms  > .  1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 3001
       0ms  expect retransmits 1 )");
}

TEST(Refused, fin_and_reset) {
  repeat(established({.mss = 1000}), R"(
       0ms  link full
       0ms  shutdown wr
      50ms  nothing
       0ms  link open
       0ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2
       0ms  < P. 1:11(10) ack 2
       0ms  link full
       0ms  close
      50ms  nothing
       0ms  link open
       0ms  > R  2:2(0)
       0ms  expect connections 0 )");
}

// A reply without a connection is not worth keeping: it is counted, and the peer will ask again
TEST(Refused, reset_of_a_closed_port) {
  repeat(blank(), [](Script& s) {
    s.run(R"(
       0ms  link full
       0ms  < .  1:1(0) ack 300
      10ms  nothing
       0ms  link open
       0ms  > R  300:300(0) )");
    EXPECT_EQ(s.stack().counters().refused, 1u);
  });
}

// More small blocks than a packet has slices: text written in crumbs goes out whole
TEST(Text, written_in_crumbs) {
  repeat(established({.mss = 1000, .peer_window = 65'535}), [](Script& s) {
    s.run("0ms write 20000\n 0ms > . 1:10001(10000) ack 1\n 10ms < . 1:1(0) ack 10001\n 0ms > P. 10001:20001(10000)");
    s.run("10ms < . 1:1(0) ack 20001 win 0");
    for (int i = 0; i < 600; ++i) s.run_loosely("0ms write 100");
    s.run_loosely("0ms < . 1:1(0) ack 20001 win 65535");
    for (int i = 0; i < 20; ++i) {
      const auto sent = s.host().laws().flow({*s.stack().local(s.socket()), *s.stack().remote(s.socket())}).snd_max;
      s.run_loosely("10ms < . 1:1(0) ack " + std::to_string(sent) + " win 65535");
    }
    EXPECT_EQ(*s.stack().unacknowledged_bytes(s.socket()), 0u);
    EXPECT_EQ(s.info().bytes_acked, 80'000u);
  });
}

}  // namespace
}  // namespace tunic::test
