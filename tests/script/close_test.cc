// Closing: in each order, half-close, TIME-WAIT, and the closes that are resets.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// M1, RFC 9293 §3.6 figure 12 (MUST-13): we close first
TEST(Close, active) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2                  // FIN-WAIT-2
      10ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2                  // TIME-WAIT
      59s   expect connections 1
       2s   expect connections 0
       0ms  expect clean )");
}

TEST(Close, passive) {
  repeat(established({.mss = 1000}), R"(
       0ms  < F. 1:1(0) ack 1
       0ms  > .  1:1(0) ack 2
       0ms  expect state CLOSE_WAIT
       0ms  expect readable
       0ms  expect read_hangup
       0ms  expect not hangup
       0ms  read eof
       0ms  read eof
       0ms  close
       0ms  > F. 1:1(0) ack 2
      10ms  < .  2:2(0) ack 2
       0ms  expect connections 0 )");
}

// RFC 9293 §3.6 figure 13
TEST(Close, simultaneous) {
  repeat(established({.mss = 1000}), R"(
       0ms  shutdown wr
       0ms  > F. 1:1(0) ack 1
       0ms  < F. 1:1(0) ack 1
       0ms  > .  2:2(0) ack 2
       0ms  expect state CLOSING
      10ms  < .  2:2(0) ack 2
       0ms  expect connections 1               // TIME-WAIT
      61s   expect connections 0 )");
}

// FIN-WAIT-1: the peer's FIN with the acknowledgment of ours leads to TIME-WAIT at once
TEST(Close, fin_that_acknowledges_ours) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2
      61s   expect connections 0 )");
}

// M5, RFC 9293 §3.6 case 1: after our FIN the peer's text still comes, for hours
TEST(Close, half_close_by_us) {
  repeat(established({.mss = 1000}), R"(
       0ms  write 500
       0ms  > P. 1:501(500) ack 1
       0ms  shutdown wr
       0ms  > F. 501:501(0) ack 1
      10ms  < .  1:1(0) ack 502
       0ms  expect state FIN_WAIT_2
       0ms  write 1 error EPIPE
       3h   < P. 1:1001(1000) ack 502
       0ms  read 1000
      40ms  > .  502:502(0) ack 1001
      24h   < F. 1001:1001(0) ack 502
       0ms  > .  502:502(0) ack 1002
       0ms  read eof )");
}

// The FIN rides on the last text if both are there
TEST(Close, fin_rides_on_text) {
  repeat(established({.mss = 1000, .peer_window = 1000}), R"(
       0ms  write 1500
       0ms  > .  1:1001(1000) ack 1
       0ms  shutdown wr
      10ms  < .  1:1(0) ack 1001
       0ms  > FP. 1001:1501(500) ack 1
      10ms  < .  1:1(0) ack 1502 )");
}

// RFC 9293 §3.6 case 2: the peer has closed, and we go on sending
TEST(Close, half_close_by_the_peer) {
  repeat(established({.mss = 1000}), R"(
       0ms  < FP. 1:101(100) ack 1
       0ms  > .  1:1(0) ack 102
       0ms  read 100
       0ms  read eof
       1h   write 2000
       0ms  > P. 1:2001(2000) ack 102
      10ms  < .  102:102(0) ack 2001
       0ms  shutdown wr
       0ms  > F. 2001:2001(0) ack 102
       0ms  expect state LAST_ACK
       0ms  expect hangup
      10ms  < .  102:102(0) ack 2002
       0ms  expect state CLOSED )");
}

// close() sends what was written, then the FIN
TEST(Close, sends_all_first) {
  repeat(established({.mss = 1000, .peer_window = 2000}), R"(
       0ms  write 5000
       0ms  > .  1:2001(2000) ack 1
       0ms  close
      10ms  < .  1:1(0) ack 2001
       0ms  > .  2001:4001(2000) ack 1
      10ms  < .  1:1(0) ack 4001
       0ms  > FP. 4001:5001(1000) ack 1
      10ms  < .  1:1(0) ack 5002
      10ms  < F. 1:1(0) ack 5002
       0ms  > .  5002:5002(0) ack 2 )");
}

// M1: our FIN is lost
TEST(Close, lost_fin) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
     300ms  > F. 1:1(0) ack 1
     100ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2 )");
}

// M1, RFC 9293 §3.10.7.4 (U-8): our last ACK was lost, the peer's FIN comes again and starts 2 MSL again
TEST(Close, fin_again_in_time_wait) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2
      50s   < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2
      50s   expect connections 1
      11s   expect connections 0 )");
}

// M1: a FIN out of order waits for the text before it
TEST(Close, fin_out_of_order) {
  repeat(established({.mss = 1000, .sack = false}), R"(
       0ms  < F. 501:501(0) ack 1
       0ms  > .  1:1(0) ack 1
       0ms  expect state ESTABLISHED
       0ms  < P. 1:501(500) ack 1
       0ms  > .  1:1(0) ack 502
       0ms  expect state CLOSE_WAIT
       0ms  read 500
       0ms  read eof )");
}

// M1, CLOSING: the FIN comes again (it must not be taken twice)
TEST(Close, fin_again_in_closing) {
  repeat(established({.mss = 1000}), R"(
       0ms  shutdown wr
       0ms  > F. 1:1(0) ack 1
       0ms  < F. 1:1(0) ack 1
       0ms  > .  2:2(0) ack 2
      10ms  < F. 1:1(0) ack 1
       0ms  > .  2:2(0) ack 2
       0ms  expect state CLOSING
      10ms  < .  2:2(0) ack 2 )");
}

// M2, RFC 9293 §3.6.1 (SHLD-3, MUST-12): what was not read is lost, and the peer must learn it
TEST(Close, with_unread_text_is_a_reset) {
  repeat(established({.mss = 1000}), R"(
       0ms  < P. 1:11(10) ack 1
       0ms  close
       0ms  > R  1:1(0)
       0ms  expect connections 0 )");
}

// SHLD-3: so is what comes after close()
TEST(Close, text_after_close_is_answered_by_a_reset) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2
       0ms  < P. 1:11(10) ack 2
       0ms  > R  2:2(0)
       0ms  expect connections 0 )");
}

TEST(Close, linger_zero_is_a_reset) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt linger 0
       0ms  write 5000
       0ms  > P. 1:5001(5000) ack 1
       0ms  close
       0ms  > R  5001:5001(0)
       0ms  expect clean )");
}

// RFC 9293 §3.10.5
TEST(Close, abort) {
  repeat(established({.mss = 1000}), R"(
       0ms  write 5000
       0ms  > P. 1:5001(5000) ack 1
       0ms  abort
       0ms  > R  5001:5001(0)
       0ms  expect clean )");
}

// RFC 9293 §3.10.4: CLOSE in SYN-SENT deletes the connection; nothing was promised to anyone
TEST(Close, in_syn_sent) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
       0ms  close
       0ms  expect connections 0
       0ms  < S. 0:0(0) ack 1
       0ms  > R  1:1(0) )");
}

// S5, RFC 9293 §3.10.4: CLOSE in SYN-RECEIVED waits for ESTABLISHED, then sends its FIN
TEST(Close, in_syn_received) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
       0ms  close
       0ms  nothing
      10ms  < .  1:1(0) ack 1
       0ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2
       0ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2 )");
}

// R7: an orphan in FIN-WAIT-2 has 60 s
TEST(Close, orphan_in_fin_wait_2) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2
      59s   expect connections 1
       2s   expect connections 0 )");
}

// R8: an orphan whose FIN nobody acknowledges has 60 s, whatever else the peer sends
TEST(Close, orphan_in_fin_wait_1) {
  repeat(established({.mss = 1000, .rtt = 100ms}), [](Script& s) {
    s.run("0ms close\n 0ms > F. 1:1(0) ack 1");
    for (int i = 0; i < 58; ++i) {
      s.host().advance(s.host().now() + 1s);
      s.host().out.clear();
      s.run("0ms < . 1:1(0) ack 1");
    }
    EXPECT_EQ(s.stack().connections(), 1u);
    for (int i = 0; i < 5; ++i) s.host().advance(s.host().now() + 1s), s.host().out.clear();
    EXPECT_EQ(s.stack().connections(), 0u);
  });
}

// R10, RFC 1337 F1: a reset does not end TIME-WAIT
TEST(TimeWait, ignores_resets) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2
       1s   < R  2:2(0)
       1s   < R. 2:2(0) ack 2
      57s   expect connections 1
       2s   expect connections 0 )");
}

// R10, RFC 1337 H1: old text is acknowledged and dropped
TEST(TimeWait, acknowledges_old_text) {
  repeat(established({.mss = 1000}), R"(
       0ms  < P. 1:101(100) ack 1
       0ms  read 100
      40ms  > .  1:1(0) ack 101
       0ms  close
       0ms  > F. 1:1(0) ack 101
      10ms  < F. 101:101(0) ack 2
       0ms  > .  2:2(0) ack 102
       1s   < P. 1:101(100) ack 1
       0ms  > .  2:2(0) ack 102
       0ms  expect connections 1 )");
}

// R10, RFC 9293 §3.6.1 (MAY-2), RFC 6191 §2: a SYN beyond the old connection's numbers opens a new one, whose ISN is
// beyond ours (N1)
TEST(TimeWait, makes_room_for_a_newer_syn) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2
       1s   < S  10000:10000(0) <mss 1000>
       0ms  > S. 65539:65539(0) ack 10001
      10ms  < .  10001:10001(0) ack 65540 )");
}

// RFC 6191 §2 (SHLD-4): with timestamps a later one is enough
TEST(TimeWait, makes_room_for_a_later_timestamp) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2
       1s   < S  -5000:-5000(0) <mss 1000,TS val 5 ecr 0>
       0ms  > .  2:2(0) ack 2                  // older: an old duplicate
       1s   < S  -5000:-5000(0) <mss 1000,TS val 2000 ecr 0>
       0ms  > S. 65539:65539(0) ack -4999
      10ms  < .  -4999:-4999(0) ack 65540 )");
}

// R10: a SYN older than the connection is an old duplicate
TEST(TimeWait, does_not_make_room_for_an_older_syn) {
  repeat(established({.mss = 1000}), R"(
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < F. 1:1(0) ack 2
       0ms  > .  2:2(0) ack 2
       1s   < S  -5000:-5000(0) <mss 1000>
       0ms  > .  2:2(0) ack 2
       0ms  expect connections 1 )");
}

// shutdown(RD): reads end, and what comes is dropped without a word
TEST(Close, shutdown_for_reading) {
  repeat(established({.mss = 1000}), R"(
       0ms  shutdown rd
       0ms  expect read_hangup
       0ms  read eof
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1001 )");
}

}  // namespace
}  // namespace tunic::test
