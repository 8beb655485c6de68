// Windows: Nagle, silly windows on both sides, zero windows and their probes.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// RFC 9293 §3.7.4 (SHLD-7), in Minshall's form: one part segment may be on its way
TEST(Nagle, holds_the_second_part_segment) {
  repeat(established({.mss = 1000}), R"(
       0ms  write 100
       0ms  > P. 1:101(100) ack 1
       1ms  write 100
       1ms  write 100
       1ms  write 100
       5ms  nothing
       0ms  < .  1:1(0) ack 101
       0ms  > P. 101:401(300) ack 1
       0ms  write 900
       0ms  nothing
       0ms  write 400
       0ms  > .  401:1401(1000) ack 1          // whole segments go
      10ms  < .  1:1(0) ack 401
       0ms  > P. 1401:1701(300) ack 1
      10ms  < .  1:1(0) ack 1701 )");
}

// RFC 9293 §3.7.4 (MUST-17)
TEST(Nagle, can_be_turned_off) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt no_delay 1
       0ms  write 100
       0ms  > P. 1:101(100) ack 1
       1ms  write 100
       0ms  > P. 101:201(100) ack 1
       1ms  write 1
       0ms  > P. 201:202(1) ack 1
      10ms  < .  1:1(0) ack 202 )");
}

TEST(Nagle, turning_it_off_lets_go_what_was_held) {
  repeat(established({.mss = 1000}), R"(
       0ms  write 100
       0ms  > P. 1:101(100) ack 1
       1ms  write 50
       0ms  nothing
       1ms  setsockopt no_delay 1
       0ms  > P. 101:151(50) ack 1
      10ms  < .  1:1(0) ack 151 )");
}

// The last text before a FIN does not wait, and carries it
TEST(Nagle, does_not_hold_a_fin) {
  repeat(established({.mss = 1000}), R"(
       0ms  write 100
       0ms  > P. 1:101(100) ack 1
       1ms  write 50
       0ms  shutdown wr
       0ms  > FP. 101:151(50) ack 1
      10ms  < .  1:1(0) ack 152 )");
}

// TCP_CORK holds part segments, for 200 ms at most; MSG_MORE until the next call
TEST(Cork, holds_part_segments) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt cork 1
       0ms  write 100
       0ms  nothing
       0ms  write 950
       0ms  > .  1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1001
       0ms  nothing
       0ms  setsockopt cork 0
       0ms  > P. 1001:1051(50) ack 1
      10ms  < .  1:1(0) ack 1051
       0ms  write 10 more
       5ms  nothing
       0ms  write 10
       0ms  > P. 1051:1071(20) ack 1
      10ms  < .  1:1(0) ack 1071
       0ms  setsockopt cork 1
       0ms  write 10
     200ms  > P. 1071:1081(10) ack 1
      10ms  < .  1:1(0) ack 1081 )");
}

// The 200 ms count also while whole segments are in flight
TEST(Cork, holds_part_segments_behind_text_in_flight) {
  repeat(established({.mss = 1000, .rtt = 300ms}), R"(
       0ms  setsockopt cork 1
       0ms  write 1100
       0ms  > .  1:1001(1000) ack 1
     200ms  > P. 1001:1101(100) ack 1
     100ms  < .  1:1(0) ack 1101 )");
}

// RFC 9293 §3.8.6.2.1 (MUST-38), R4: a part of a segment does not go into a small window; the override timer lets it go
// at last
TEST(SillyWindow, sender_waits_for_a_useful_window) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 1001 win 300
       0ms  write 1000
       0ms  nothing
      10ms  < .  1:1(0) ack 1001 win 600
       0ms  nothing
      10ms  < .  1:1(0) ack 1001 win 1000
       0ms  > P. 1001:2001(1000) ack 1
     100ms  < .  1:1(0) ack 2001 win 1000 )");
}

// ... or half of the largest window that there ever was
TEST(SillyWindow, sender_fills_a_peer_of_small_windows) {
  repeat(established({.mss = 1000, .peer_window = 400, .rtt = 100ms}), R"(
       0ms  write 1000
       0ms  > .  1:401(400) ack 1
     100ms  < .  1:1(0) ack 401 win 200
       0ms  > .  401:601(200) ack 1
     100ms  < .  1:1(0) ack 601 win 400
       0ms  > P. 601:1001(400) ack 1
     100ms  < .  1:1(0) ack 1001 win 400 )");
}

TEST(SillyWindow, override_timer) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 1001 win 300
       0ms  write 1000
     250ms  > .  1001:1301(300) ack 1          // one RTO: srtt 100, rttvar 37.5
     100ms  < .  1:1(0) ack 1301 win 10000
       0ms  > P. 1301:2001(700) ack 1
     100ms  < .  1:1(0) ack 2001 )");
}

// RFC 9293 §3.8.6.2.2 (MUST-39), SHLD-14: the window opens in steps worth a segment, and never shrinks
TEST(SillyWindow, receiver_opens_in_useful_steps) {
  repeat(blank(), R"(
       0ms  listen 4
       0ms  setsockopt receive_buffer 4000
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 win 4000
       0ms  < .  1:1(0) ack 1
       0ms  accept
       0ms  < .  1:1001(1000) ack 1
       &    < .  1001:2001(1000) ack 1
       &    < .  2001:3001(1000) ack 1
       &    < .  3001:4001(1000) ack 1
       0ms  > .  1:1(0) ack 4001 win 0
       0ms  read 1
       0ms  nothing
       0ms  read 998
       0ms  nothing
       0ms  read 1001
       0ms  > .  1:1(0) ack 4001 win 2000
       0ms  read 2000
       0ms  > .  1:1(0) ack 4001 win 4000 )");
}

// RFC 9293 §3.8.6.1 (MUST-36, SHLD-29, SHLD-30), M3: probes of one octet after one RTO, at doubling gaps
TEST(ZeroWindow, is_probed) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
        0ms  write 1000
        0ms  > P. 1:1001(1000) ack 1
      100ms  < .  1:1(0) ack 1001 win 0
        0ms  write 2000
      250ms  > .  1001:1002(1) ack 1
        1ms  < .  1:1(0) ack 1001 win 0
      499ms  > .  1001:1002(1) ack 1
        1ms  < .  1:1(0) ack 1001 win 0
      999ms  > .  1001:1002(1) ack 1
        1ms  < .  1:1(0) ack 1001 win 0
     1999ms  > .  1001:1002(1) ack 1
        1ms  < .  1:1(0) ack 1002 win 10000   // it was taken, and there is room
        0ms  > P. 1002:3001(1999) ack 1
      100ms  < .  1:1(0) ack 3001 )");
}

// RFC 9293 §3.8.6.1 (MUST-37), R6: open as long as the peer answers, however long that is
TEST(ZeroWindow, is_borne_for_hours) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), [](Script& s) {
    s.run(
        "0ms write 1000\n 0ms > P. 1:1001(1000) ack 1\n 100ms < . 1:1(0) ack 1001 win 0\n 0ms write 500\n 250ms > . "
        "1001:1002(1)");
    for (int i = 0; i < 200; ++i) {
      s.run("1ms < . 1:1(0) ack 1001 win 0");
      s.host().advance(s.host().now() + 61s, true);
      if (s.host().out.empty()) s.run("0ms expect state PROBED_EVERY_MINUTE");
      s.host().out.clear();
    }
    EXPECT_EQ(s.info().state, State::established);
  });
}

// A peer that is silent behind a closed window is gone after R2
TEST(ZeroWindow, silent_peer_is_given_up) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), [](Script& s) {
    s.run("0ms write 1000\n 0ms > P. 1:1001(1000) ack 1\n 100ms < . 1:1(0) ack 1001 win 0\n 0ms write 500");
    const auto end = s.host().now() + 400s;
    while (s.host().now() < end) s.host().advance(end, true), s.host().out.clear();
    s.run("0ms expect state CLOSED\n 0ms expect error ETIMEDOUT");
  });
}

// RFC 9293 §3.8.6 (MUST-35): a window that shrinks to nothing over text in flight is probed too
TEST(ZeroWindow, over_text_in_flight) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
       0ms  write 2000
       0ms  > P. 1:2001(2000) ack 1
     100ms  < .  1:1(0) ack 1 win 0
     200ms  > .  1:2(1) ack 1
      10ms  < .  1:1(0) ack 1 win 10000
       0ms  > P. 1:2001(2000) ack 1
     100ms  < .  1:1(0) ack 2001 win 10000 )");
}

// RFC 9293 §3.10.7.4, first: both windows are closed, and a probe of ours that was refused stands beyond the peer's
// edge. What opens our window must not stand there too: the peer would drop it.
TEST(ZeroWindow, of_both_is_left_by_either) {
  repeat(blank(), R"(
       0ms  listen 4
       0ms  setsockopt receive_buffer 4000
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 win 4000
     100ms  < .  1:1(0) ack 1 win 1000
       0ms  accept
       0ms  write 3000
       0ms  > .  1:1001(1000) ack 1
     100ms  < .  1:4001(4000) ack 1001 win 0
       0ms  > .  1001:1001(0) ack 4001 win 0
     250ms  > .  1001:1002(1) ack 4001 win 0
       1ms  < .  4001:4001(0) ack 1001 win 0
       0ms  read 4000
       0ms  > .  1001:1001(0) ack 4001 win 4000 )");
}

// A reset says what the peer takes for exact, too (RFC 5961 §3.2)
TEST(ZeroWindow, does_not_keep_a_reset_from_the_peer) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
        0ms  write 1000
        0ms  > P. 1:1001(1000) ack 1
      100ms  < .  1:1(0) ack 1001 win 0
        0ms  write 2000
      250ms  > .  1001:1002(1) ack 1
        1ms  < .  1:1(0) ack 1001 win 0
        0ms  abort
        0ms  > R  1001:1001(0) )");
}

// RFC 9293 §3.4 (MUST-66): behind our closed window ACK, RST and URG still count, and probes are answered
TEST(ZeroWindow, ours_still_hears) {
  repeat(blank(), R"(
       0ms  listen 4
       0ms  setsockopt receive_buffer 4000
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 win 4000
       0ms  < .  1:1(0) ack 1
       0ms  accept
       0ms  < .  1:4001(4000) ack 1
       0ms  > .  1:1(0) ack 4001 win 0
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 4001 win 0
       0ms  < .  4001:4002(1) ack 1001         // a probe that acknowledges
       0ms  > .  1001:1001(0) ack 4001 win 0
       0ms  expect outq 0
       0ms  < R  4001:4001(0)
       0ms  expect state CLOSED
       0ms  expect error ECONNRESET )");
}

}  // namespace
}  // namespace tunic::test
