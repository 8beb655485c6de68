// Segments of somebody who cannot see the connection: resets, SYNs, text and acknowledgments by guess (RFC 5961).
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// B1, RFC 5961 §3.2, RFC 9293 §3.10.7.4 second (U-2)
TEST(Blind, reset_must_be_exact) {
  repeat(established({.mss = 1000}), R"(
       0ms  < R 0:0(0)                         // left of the window
       0ms  < R 65536:65536(0)                 // right of it
       0ms  nothing
       0ms  < R 2:2(0)
       0ms  > . 1:1(0) ack 1                   // a challenge
     600ms  < R 60000:60000(0)
       0ms  > . 1:1(0) ack 1
       0ms  expect state ESTABLISHED
       0ms  expect drop tcp_reset 2
       0ms  < R 1:1(0)
       0ms  expect state CLOSED
       0ms  expect readable
       0ms  expect hangup
       0ms  expect error ECONNRESET
       0ms  expect error none
       0ms  read eof )");
}

// RFC 9293 §3.5.3 (SHLD-2): a reset may carry text, which is not delivered
TEST(Blind, reset_with_text) {
  repeat(established({.mss = 1000}), R"(
       0ms  < R 1:101(100)
       0ms  read error ECONNRESET )");
}

// B1: the same in SYN-RECEIVED
TEST(Blind, reset_in_syn_received) {
  repeat(listening(), R"(
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
       0ms  < R  0:0(0)
       0ms  nothing
       0ms  < R  2:2(0)
       0ms  > .  1:1(0) ack 1
       0ms  expect connections 1
       0ms  < R  1:1(0)
       0ms  expect connections 0 )");
}

// B4: a challenge for each connection in half a second, whoever asks
TEST(Blind, challenges_are_limited) {
  repeat(established({.mss = 1000}), R"(
       0ms  < R 2:2(0)
       0ms  > . 1:1(0) ack 1
       1ms  < R 3:3(0)
       1ms  < S 4:4(0)
     400ms  < R 5:5(0)
     100ms  < R 6:6(0)
       0ms  > . 1:1(0) ack 1 )");
}

// B5: what a third address is answered does not tell whether another connection exists
TEST(Blind, a_third_address_learns_nothing) {
  for (const auto& setup : {listening(), established()})
    repeat(setup, R"(
       0ms  #2 < S  0:0(0) <mss 1000>
       0ms  #2 > S. 0:0(0) ack 1
       0ms  #3 < S. 0:0(0) ack 1
       0ms  #3 > R  1:1(0)
       0ms  #4 < R  0:0(0)
       0ms  nothing
       0ms  #5 < .  1:1(0) ack 1
       0ms  #5 > R  1:1(0) )");
}

// B4: and one connection's challenges are not another's
TEST(Blind, challenges_are_counted_for_each_connection) {
  repeat(established({.mss = 1000}), R"(
       0ms  #2 < S  0:0(0) <mss 1000>
       0ms  #2 > S. 0:0(0) ack 1
       0ms  #2 < .  1:1(0) ack 1
       0ms  #2 accept
       0ms  #1 < R  2:2(0)
       0ms  #1 > .  1:1(0) ack 1
       0ms  #2 < R  2:2(0)
       0ms  #2 > .  1:1(0) ack 1 )");
}

// B2, RFC 5961 §4.2, RFC 9293 §3.10.7.4 fourth (U-3)
TEST(Blind, syn) {
  repeat(established({.mss = 1000}), R"(
       0ms  < S 1:1(0)
       0ms  > . 1:1(0) ack 1
     600ms  < S 2:2(0)
       0ms  > . 1:1(0) ack 1
     600ms  < S -5000:-5000(0)
       0ms  > . 1:1(0) ack 1
     600ms  < S 100000:100000(0)
       0ms  > . 1:1(0) ack 1
     600ms  < S. 1:1(0) ack 1
       0ms  > . 1:1(0) ack 1
       0ms  expect state ESTABLISHED )");
}

// B3, RFC 5961 §5.2 (MAY-12, U-1): the acknowledgment must be one that the peer could send
TEST(Blind, text_needs_a_good_acknowledgment) {
  repeat(established({.mss = 1000, .peer_window = 64'000}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1001
       0ms  < P. 1:11(10) ack 1002             // beyond SND.NXT
       0ms  > .  1001:1001(0) ack 1
       0ms  < P. 1:11(10) ack 0                // below the first octet sent
       0ms  > .  1001:1001(0) ack 1
       0ms  < P. 1:11(10) ack -2000000
       0ms  > .  1001:1001(0) ack 1
       0ms  expect drop tcp_ack 3
       0ms  read again
       0ms  < P. 1:11(10) ack 1
       0ms  read 10
      40ms  > .  1001:1001(0) ack 11 )");
}

// B3: a peer with a window of 1 GiB does not make every acknowledgment good
TEST(Blind, ghost_acknowledgment_with_a_huge_window) {
  repeat(established({.mss = 1000, .peer_window = 65'535u << 14, .wscale = std::uint8_t{14}}), R"(
       0ms  write 1
       0ms  > P. 1:2(1) ack 1
      10ms  < .  1:1(0) ack 2
       0ms  < P. 1:11(10) ack 0
       0ms  > .  2:2(0) ack 1
       0ms  read again )");
}

// RFC 9293 §3.10.7.4 fifth: without ACK nothing is taken
TEST(Blind, no_ack_flag) {
  repeat(established({.mss = 1000}), R"(
       0ms  < P 1:11(10)
       0ms  < F 1:1(0)
       0ms  < - 1:1(0)
       0ms  nothing
       0ms  expect drop tcp_no_ack 3
       0ms  read again )");
}

// RFC 9293 §3.10.7.4 first (U-7): what is outside the window is answered, text at once, bare ACKs seldom (B6)
TEST(Blind, outside_the_window) {
  repeat(established({.mss = 1000, .sack = false}), R"(
       0ms  < P. 100000:100010(10) ack 1
       0ms  > .  1:1(0) ack 1
       0ms  < P. -100:-90(10) ack 1
       0ms  > .  1:1(0) ack 1
       0ms  < .  100000:100000(0) ack 1
       0ms  > .  1:1(0) ack 1
       0ms  < .  100000:100000(0) ack 1
       0ms  nothing
     500ms  < .  100000:100000(0) ack 1
       0ms  > .  1:1(0) ack 1
       0ms  read again )");
}

// RFC 7323 §5.3 R1: PAWS drops what is older, with an acknowledgment; the stream goes on
TEST(Paws, drops_what_is_older) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
     100ms  < P. 1:101(100) ack 1 <TS val 500 ecr 0>
       0ms  read 100
      40ms  > .  1:1(0) ack 101
       0ms  < P. 101:201(100) ack 1 <TS val 499 ecr 0>
       0ms  > .  1:1(0) ack 101
       0ms  expect drop tcp_paws 1
       0ms  read again
       0ms  < P. 101:201(100) ack 1 <TS val 500 ecr 0>
       0ms  read 100
      40ms  > .  1:1(0) ack 201 )");
}

// RFC 7323 §3.2: once agreed on, a segment without timestamps is dropped; a reset is not
TEST(Paws, segment_without_timestamps) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
       0ms  < P. 1:101(100) ack 1 <nots>
       0ms  expect drop tcp_no_timestamp 1
       0ms  read again
       0ms  < R  1:1(0)
       0ms  read error ECONNRESET )");
}

// B8, RFC 7323 §5.2: a reset passes whatever its timestamp, and leaves TS.Recent alone
TEST(Paws, reset_is_not_subject) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
      10ms  < R  2:2(0) <TS val -1000000 ecr 0>
       0ms  > .  1:1(0) ack 1 <TS val 20 ecr 10>
       0ms  < R  1:1(0) <TS val -1000000 ecr 0>
       0ms  expect error ECONNRESET )");
}

// B9, RFC 7323 §4.3: TS.Recent follows only what was acceptable, its ACK too
TEST(Paws, forged_timestamp_far_ahead) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
       0ms  < P. 1:11(10) ack 5000 <TS val 1073741824 ecr 0>
       0ms  > .  1:1(0) ack 1
       0ms  < P. 2:12(10) ack 1 <TS val 1073741824 ecr 0>     // not at the edge
       0ms  > .  1:1(0) ack 1
       0ms  < P. 1:2(1) ack 1
       0ms  > .  1:1(0) ack 12 <TS val 10 ecr 10>
       0ms  read 11 )");
}

// RFC 7323 §4.3: the timestamp echoed is that of the segment that was acknowledged last (delayed ACKs echo the first)
TEST(Paws, echo_is_of_the_first_unacknowledged) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
       0ms  < .  1:1449(1448) ack 1 <TS val 100 ecr 0>
       5ms  < .  1449:2897(1448) ack 1 <TS val 105 ecr 0>
       0ms  > .  1:1(0) ack 2897 <TS val 15 ecr 100> )");
}

// B10, RFC 7323 §5.5: after 24 days TS.Recent says nothing
TEST(Paws, after_24_days_idle) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
       0ms  < P. 1:11(10) ack 1 <TS val 1000 ecr 0>
      40ms  > .  1:1(0) ack 11
      23d   < P. 11:21(10) ack 1 <TS val -1000 ecr 0>
       0ms  > .  1:1(0) ack 11
       2d   < P. 11:21(10) ack 1 <TS val -1000 ecr 0>
      40ms  > .  1:1(0) ack 21
       0ms  read 20 )");
}

}  // namespace
}  // namespace tunic::test
