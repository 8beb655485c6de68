// Loss as the sender sees it: timeouts, back-off, fast retransmit, giving up.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// RFC 6298 §2.2: RTO = 100 ms + 4 * 50 ms after the handshake; §5.5: doubled each time; RFC 9293 §3.8.1 (MUST-18,
// MUST-19)
TEST(Retransmission, backs_off) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
        0ms  write 500
        0ms  > P. 1:501(500) ack 1
      300ms  > P. 1:501(500) ack 1
      600ms  > P. 1:501(500) ack 1
     1200ms  > P. 1:501(500) ack 1
     2400ms  > P. 1:501(500) ack 1
     4800ms  > P. 1:501(500) ack 1
       10ms  < .  1:1(0) ack 501
        0ms  expect retransmits 5
        0ms  expect outq 0 )");
}

// RFC 6298 §2.4 as Linux has it: not below 200 ms
TEST(Retransmission, has_a_least_timeout) {
  repeat(established({.mss = 1000, .rtt = 1ms}), R"(
       0ms  write 500
       0ms  > P. 1:501(500) ack 1
     200ms  > P. 1:501(500) ack 1
       1ms  < .  1:1(0) ack 501 )");
}

// RFC 6298 §3 (Karn): the ACK of what was sent twice is no sample, and §5.5-5.7: the backed-off RTO stays until there
// is one
TEST(Retransmission, karn) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  write 500
       0ms  > P. 1:501(500) ack 1
     300ms  > P. 1:501(500) ack 1
      10ms  < .  1:1(0) ack 501
       0ms  expect rto 600
       0ms  write 500
       0ms  > P. 501:1001(500) ack 1
     100ms  < .  1:1(0) ack 1001               // a sample of 100 ms: rttvar 37.5 ms
       0ms  expect rto 250 )");
}

// RFC 7323 §4.1: the echoed timestamp tells which of both was acknowledged
TEST(Retransmission, timestamps_lift_karns_rule) {
  repeat(established({.mss = 1000, .timestamps = true, .rtt = 100ms}), R"(
       0ms  write 500
       0ms  > P. 1:501(500) ack 1
     300ms  > P. 1:501(500) ack 1
     100ms  < .  1:1(0) ack 501                // echoes the second
       0ms  expect rto 250 )");
}

// RFC 6298 §5.3: each new acknowledgment starts the timer again
TEST(Retransmission, timer_restarts_on_progress) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
     200ms  write 1000
       0ms  > P. 1001:2001(1000) ack 1
      50ms  < .  1:1(0) ack 1001               // 250 ms: srtt 118.75, rttvar 75
     418ms  > P. 1001:2001(1000) ack 1
      10ms  < .  1:1(0) ack 2001 )");
}

// RFC 5681 §3.1: after a timeout one segment, then slow start over what was lost
TEST(Retransmission, timeout_begins_with_one_segment) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .rtt = 100ms}), R"(
       0ms  write 8000
       0ms  > P. 1:8001(8000) ack 1
     300ms  > .  1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 1001
       0ms  > .  1001:3001(2000) ack 1
     100ms  < .  1:1(0) ack 3001
       0ms  > .  3001:6001(3000) ack 1        // one segment more for each ACK: RFC 3465 section 2.3, L = 1 SMSS after a timeout
     100ms  < .  1:1(0) ack 8001 )");
}

// RFC 9293 §3.8.3 (MUST-20, SHLD-10, SHLD-11), M8: R2 is 300 s by default
TEST(Retransmission, gives_up) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
        0ms  write 500
        0ms  > P. 1:501(500) ack 1
      300ms  > P. 1:501(500) ack 1
      600ms  > P. 1:501(500) ack 1
     1200ms  > P. 1:501(500) ack 1
     2400ms  > P. 1:501(500) ack 1
     4800ms  > P. 1:501(500) ack 1
     9600ms  > P. 1:501(500) ack 1
    19200ms  > P. 1:501(500) ack 1
    38400ms  > P. 1:501(500) ack 1
        60s  > P. 1:501(500) ack 1
        60s  > P. 1:501(500) ack 1
        60s  > P. 1:501(500) ack 1            // 256.5 s
        43s  expect state ESTABLISHED
        61s  expect state CLOSED
         0ms read error ETIMEDOUT
         0ms read eof
         0ms write 1 error EPIPE )");
}

// RFC 9293 §3.8.3 (MUST-21)
TEST(Retransmission, user_timeout) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
        0ms  setsockopt user_timeout 3000
        0ms  write 500
        0ms  > P. 1:501(500) ack 1
      300ms  > P. 1:501(500) ack 1
      600ms  > P. 1:501(500) ack 1
     1200ms  > P. 1:501(500) ack 1
      890ms  expect state ESTABLISHED
       20ms  expect state CLOSED
        0ms  expect error ETIMEDOUT )");
}

// A FIN is retransmitted like text
TEST(Retransmission, of_a_fin) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  shutdown wr
       0ms  > F. 1:1(0) ack 1
     300ms  > F. 1:1(0) ack 1
     600ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2
       0ms  expect state FIN_WAIT_2 )");
}

// RFC 5681 §3.2: three duplicates, not two
TEST(FastRetransmit, after_three_duplicates) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .sack = false, .rtt = 100ms}), R"(
       0ms  write 10000
       0ms  > P. 1:10001(10000) ack 1
     100ms  < .  1:1(0) ack 1
       0ms  < .  1:1(0) ack 1
       1ms  nothing
       0ms  < .  1:1(0) ack 1
       0ms  > .  1:1001(1000) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  < .  1:1(0) ack 1
     100ms  < .  1:1(0) ack 10001
       0ms  expect retransmits 1
       0ms  expect cwnd 2000 )");  // RFC 6582 section 3.2 step 3, option 1: flight is 0
}

// RFC 5681 §2: another window, or text, makes no duplicate
TEST(FastRetransmit, what_is_no_duplicate) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .sack = false, .rtt = 100ms}), R"(
       0ms  write 10000
       0ms  > P. 1:10001(10000) ack 1
      50ms  < .  1:1(0) ack 1 win 63000
       0ms  < .  1:1(0) ack 1 win 62000
       0ms  < .  1:1(0) ack 1 win 61000
       0ms  < P. 1:101(100) ack 1 win 61000
       0ms  < P. 101:201(100) ack 1 win 61000
       0ms  < P. 201:301(100) ack 1 win 61000
       1ms  < .  301:301(0) ack 1 win 61000
       0ms  < .  301:301(0) ack 1 win 61000
      10ms  < .  301:301(0) ack 10001 win 61000
      29ms  > .  10001:10001(0) ack 301 )");
}

// RFC 3042: the first two duplicates let one new segment each go
TEST(FastRetransmit, limited_transmit) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .sack = false, .rtt = 100ms}), R"(
       0ms  write 20000
       0ms  > .  1:10001(10000) ack 1
     100ms  < .  1:1(0) ack 1
       0ms  > .  10001:11001(1000) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  > .  11001:12001(1000) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  > .  1:1001(1000) ack 1
       0ms  expect ssthresh 5000               // RFC 5681 section 3.2 step 2: without what these two let go
     100ms  < .  1:1(0) ack 12001
       0ms  > .  12001:14001(2000) ack 1      // RFC 6582: min(ssthresh, max(FlightSize, SMSS) + SMSS)
     100ms  < .  1:1(0) ack 14001
       0ms  > .  14001:18001(4000) ack 1
     100ms  < .  1:1(0) ack 18001
       0ms  > P. 18001:20001(2000) ack 1
     100ms  < .  1:1(0) ack 20001 )");
}

// RFC 6582 §3.2 step 3: a partial acknowledgment tells of the next hole
TEST(FastRetransmit, partial_acknowledgments) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .sack = false, .rtt = 100ms}), R"(
       0ms  write 10000
       0ms  > P. 1:10001(10000) ack 1
     100ms  < .  1:1(0) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  > .  1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 3001
       0ms  > .  3001:4001(1000) ack 1
     100ms  < .  1:1(0) ack 7001
       0ms  > .  7001:8001(1000) ack 1
     100ms  < .  1:1(0) ack 10001
       0ms  expect retransmits 3 )");
}

// X2: duplicates from nowhere do not empty the send queue
TEST(FastRetransmit, spoofed_duplicates_are_bounded) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .sack = false, .rtt = 100ms}), [](Script& s) {
    s.run("0ms write 60000\n 0ms > . 1:10001(10000) ack 1\n 100ms nothing");
    std::size_t text = 0;
    for (int i = 0; i < 500; ++i) {
      Segment dup{.src = {}, .dst = {}};
      const auto local = s.stack().local(s.socket()), remote = s.stack().remote(s.socket());
      dup.src = *remote;
      dup.dst = *local;
      dup.seq = s.variant().their_isn + 1;
      dup.ack = s.variant().our_isn + 1;
      dup.flags = flag::ack;
      dup.window = 64'000;
      s.host().inject(dup);
      s.host().poll();
      for (const auto& o : s.host().out) text += o.segment.text.size();
      s.host().out.clear();
    }
    EXPECT_LE(text, 10'000u + 5'000u + 2'000u);  // the inflation is bounded by the flight, and cwnd was halved
  });
}

// X7, RFC 9293 §3.8.6 (MUST-34, SHLD-15, SHLD-16): the peer takes its window back
TEST(Retransmission, into_a_shrunk_window) {
  repeat(established({.mss = 1000, .peer_window = 64'000, .rtt = 100ms}), R"(
       0ms  write 8000
       0ms  > P. 1:8001(8000) ack 1
     100ms  < .  1:1(0) ack 1001 win 2000
       0ms  write 1000                         // SHLD-15: nothing new beyond the window
     250ms  > .  1001:2001(1000) ack 1
     100ms  < .  1:1(0) ack 9001 win 64000
       0ms  > .  8001:8001(0) ack 1 )");
}

}  // namespace
}  // namespace tunic::test
