// Opening a connection: passive, active and simultaneous, what the SYNs agree on, and what goes wrong on the way.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// RFC 9293 §3.5 figure 6, §3.10.7.2 (U-5); §3.7.1 (MUST-14, MUST-67)
TEST(Handshake, passive_open) {
  repeat(listening(), R"(
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 <mss $mss>
       0ms  expect not readable
       0ms  expect syn_queue 1
      10ms  < .  1:1(0) ack 1
       0ms  expect readable                    // the listener: accept() will not wait
       0ms  accept
       0ms  accept again
       0ms  expect state ESTABLISHED
       0ms  expect writable
       0ms  expect not readable )");
}

// RFC 7323 §2.2, §3.2; RFC 2018 §2: what the SYN offers is agreed on
TEST(Handshake, passive_open_with_all_options) {
  repeat(listening(), R"(
       0ms  < S  0:0(0) win 64000 <mss 1000,sackOK,TS val 0 ecr 0,wscale 3>
       0ms  > S. 0:0(0) ack 1 win 65535 <mss $mss,sackOK,TS val 0 ecr 0,wscale 7>
      10ms  < .  1:1(0) ack 1
       0ms  accept
       0ms  write 1976
       0ms  > P. 1:1977(1976) ack 1 <TS val 10 ecr 10>
      10ms  < .  1:1(0) ack 1977 )");
}

// RFC 9293 §3.5 figure 6, §3.10.7.3 (U-6); RFC 7323 §3.2
TEST(Handshake, active_open) {
  repeat(connecting(), [](Script& s) {
    s.run(R"(
       0ms  > S  0:0(0) win 65535 <mss $mss,sackOK,TS val 0 ecr 0,wscale 7>
       0ms  expect state SYN_SENT
       0ms  connected error EALREADY
      50ms  < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS val 0 ecr 0,wscale 2>
       0ms  > .  1:1(0) ack 1 <TS val 50 ecr 0>
       0ms  expect writable
       0ms  connected
       0ms  connected error EISCONN
       0ms  expect state ESTABLISHED )");
    EXPECT_EQ(s.info().snd_scale, 2);
    EXPECT_EQ(s.info().snd_mss, 988u);  // MUST-16: less the timestamps
  });
}

// RFC 9293 §3.7.1 (MUST-15)
TEST(Handshake, mss_default_without_the_option) {
  repeat(established({.mss = 0, .sack = false}), [](Script& s) {
    const bool v4 = s.variant().family == Family::v4;
    EXPECT_EQ(s.info().snd_mss, v4 ? 536u : 1220u);
    s.run(v4 ? "0ms write 1072\n 0ms > P. 1:1073(1072) ack 1\n 10ms < . 1:1(0) ack 1073"
             : "0ms write 2440\n 0ms > P. 1:2441(2440) ack 1\n 10ms < . 1:1(0) ack 2441");
  });
}

// RFC 9293 §3.7.1 (MUST-16): the interface limits what the peer would take
TEST(Handshake, mss_is_the_smaller_of_both) {
  repeat(established({.mss = 9000, .mtu = 1400}),
         [](Script& s) { EXPECT_EQ(s.info().snd_mss, s.variant().family == Family::v4 ? 1360u : 1340u); });
}

// R3: an MSS that would make every segment a header
TEST(Handshake, mss_has_a_floor) {
  repeat(established({.mss = 1}), [](Script& s) { EXPECT_EQ(s.info().snd_mss, 48u); });
}

// H7, RFC 7323 §2.3, RFC 9293 §3.1 (MUST-1, REC-1): products of more than 32 bits
TEST(Handshake, largest_window_scale) {
  repeat(established({.peer_window = 65'535u << 14, .wscale = std::uint8_t{14}}),
         [](Script& s) { EXPECT_EQ(s.info().snd_wnd, std::int64_t{65'535} << 14); });
}

// H3, RFC 7323 §2.3: a shift above 14 counts as 14
TEST(Handshake, window_scale_above_14_is_14) {
  repeat(listening(), [](Script& s) {
    s.run(R"(
       0ms  < S  0:0(0) win 65535 <mss 1000,wscale 200>
       0ms  > S. 0:0(0) ack 1 <mss $mss,wscale 7>
       0ms  < .  1:1(0) ack 1 win 1
       0ms  accept )");
    EXPECT_EQ(s.info().snd_wnd, 1 << 14);
  });
}

// RFC 7323 §2.2: the window of a SYN is never scaled
TEST(Handshake, window_of_a_syn_is_not_scaled) {
  repeat(connecting(), [](Script& s) {
    s.run(R"(
       0ms  > S  0:0(0)
       0ms  < S. 0:0(0) ack 1 win 5000 <mss 1000,wscale 7>
       0ms  > .  1:1(0) ack 1
       0ms  connected )");
    EXPECT_EQ(s.info().snd_wnd, 5000);
  });
}

// H3: of options that come twice the first counts; RFC 9293 §3.1 (MUST-5, MUST-6, MUST-68), §3.2 (MUST-64): unknown
// ones are skipped by their length, and none needs to begin on a word
TEST(Handshake, unknown_and_repeated_options) {
  repeat(listening(), [](Script& s) {
    s.run(R"(
       0ms  < S  0:0(0) win 64000 <raw fd0501020301020403e802040190>
       0ms  > S. 0:0(0) ack 1 <mss $mss>
       0ms  < .  1:1(0) ack 1 <raw fd04ffff>
       0ms  accept )");
    EXPECT_EQ(s.info().snd_mss, 1000u);
  });
}

// H2, RFC 9293 §3.1 (MUST-7): an impossible length ends the options, not the segment
TEST(Handshake, illegal_option_length) {
  repeat(listening(), [](Script& s) {
    s.run(R"(
       0ms  < S  0:0(0) win 64000 <raw 020403e8fd00ffff>
       0ms  > S. 0:0(0) ack 1 <mss $mss>
       0ms  < .  1:1(0) ack 1 <raw 05ff0101>
       0ms  accept )");
    EXPECT_EQ(s.info().snd_mss, 1000u);
    EXPECT_EQ(s.stack().counters().bad_options, 2u);
  });
}

// RFC 9293 §3.5 figure 7 (MUST-10), S5
TEST(Handshake, simultaneous_open) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
      10ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 <mss $mss>
       0ms  expect state SYN_RECEIVED
      10ms  < .  1:1(0) ack 1
       0ms  expect state ESTABLISHED
       0ms  connected )");
}

// RFC 9293 §3.5 figure 7 line 6: both send a SYN-ACK, and both know enough
TEST(Handshake, simultaneous_open_with_crossing_syn_acks) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
      10ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
      10ms  < S. 0:0(0) ack 1 win 64000 <mss 1000>
       0ms  expect state ESTABLISHED
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1001 )");
}

// S5: the peer's SYN was lost; ours alone opens, and its SYN again is answered
TEST(Handshake, simultaneous_open_where_the_first_syn_was_lost) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
       1s   > S  0:0(0)
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  expect state ESTABLISHED )");
}

// M8, RFC 9293 §3.8.3 (MUST-20, MUST-22, MUST-23), RFC 6298 §2.1, §5.5
TEST(Handshake, syn_without_an_answer) {
  repeat(connecting(), R"(
       0ms  > S 0:0(0) <mss $mss,sackOK,TS val 0 ecr 0,wscale 7>
       1s   > S 0:0(0) <mss $mss,sackOK,TS val 1000 ecr 0,wscale 7>
       2s   > S 0:0(0)
       4s   > S 0:0(0)
       8s   > S 0:0(0)
      16s   > S 0:0(0)
      32s   > S 0:0(0)
      60s   > S 0:0(0)
      56s   expect state SYN_SENT              // 179 s
      61s   expect state CLOSED
       0ms  expect readable
       0ms  expect error ETIMEDOUT
       0ms  expect error none )");
}

// M8: TCP_SYNCNT counts retransmissions
TEST(Handshake, syn_count) {
  repeat(blank(), R"(
       0ms  bind 5000
       0ms  setsockopt syn_count 2
       0ms  connect
       0ms  > S 0:0(0)
       1s   > S 0:0(0)
       2s   > S 0:0(0)
     3900ms expect state SYN_SENT
     200ms  expect state CLOSED
       0ms  connected error ETIMEDOUT )");
}

// RFC 5681 §3.1, RFC 6298 §5.7: after a lost SYN one segment and 3 s
TEST(Handshake, lost_syn_makes_a_careful_start) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
       1s   > S  0:0(0)
      10ms  < S. 0:0(0) ack 1 win 64000 <mss 1000>
       0ms  > .  1:1(0) ack 1
       0ms  connected
       0ms  write 4000
       0ms  > .  1:1001(1000) ack 1
       3s   > .  1:1001(1000) ack 1 )");
}

// S3: five repeats, then the half-open connection is forgotten
TEST(Handshake, syn_ack_repeats) {
  repeat(listening(), R"(
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
       1s   > S. 0:0(0) ack 1
       2s   > S. 0:0(0) ack 1
       4s   > S. 0:0(0) ack 1
       8s   > S. 0:0(0) ack 1
      16s   > S. 0:0(0) ack 1
      31s   expect connections 1
       2s   expect connections 0
       0ms  expect syn_queue 0 )");
}

// RFC 9293 §3.10.7.3 second; RFC 5961 §3.2; B1
TEST(Handshake, refused) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
      10ms  < R  0:0(0)                        // no ACK: anyone could say so
       0ms  < R. 0:0(0) ack 0
       0ms  < R. 0:0(0) ack 2
       0ms  expect state SYN_SENT
       0ms  < R. 0:0(0) ack 1
       0ms  expect state CLOSED
       0ms  expect writable
       0ms  connected error ECONNREFUSED
       0ms  expect error none )");
}

// RFC 9293 §3.5 figure 9, §3.10.7.3 first: an old SYN-ACK is reset, the right one is taken
TEST(Handshake, syn_ack_of_another_connection) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
      10ms  < S. 700:700(0) ack 100 <mss 1000>
       0ms  > R  100:100(0)
       0ms  < .  700:700(0) ack 100
       0ms  > R  100:100(0)
       0ms  < S. 0:0(0) ack 1 win 64000 <mss 1000>
       0ms  > .  1:1(0) ack 1
       0ms  connected )");
}

// RFC 9293 §3.10.7.3 fifth: neither SYN nor RST says nothing
TEST(Handshake, syn_sent_ignores_what_is_no_syn) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
       0ms  < .  1:1(0) ack 1
       0ms  < P. 1:101(100) ack 1
       0ms  < F  1:1(0)
       0ms  < -  1:1(0)
       0ms  expect state SYN_SENT )");
}

// S6: text on a SYN is not kept for a connection that may never be; the peer sends it again
TEST(Handshake, syn_with_text) {
  repeat(listening(), R"(
       0ms  < S  0:500(500) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
      10ms  < .  1:501(500) ack 1
       0ms  accept
       0ms  read 500
      40ms  > .  1:1(0) ack 501 )");
}

// S6: text on the SYN-ACK follows it in the sequence space
TEST(Handshake, syn_ack_with_text) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
      10ms  < S. 0:500(500) ack 1 win 64000 <mss 1000>
       0ms  > .  1:1(0) ack 501
       0ms  connected
       0ms  read 500
       0ms  read again )");
}

// RFC 9293 §3.10.7.4: the third segment of the handshake may bring text and FIN
TEST(Handshake, last_ack_with_text_and_fin) {
  repeat(listening(), R"(
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
      10ms  < FP. 1:101(100) ack 1
       0ms  > .  1:1(0) ack 102
       0ms  accept
       0ms  expect state CLOSE_WAIT
       0ms  read 100
       0ms  read eof )");
}

// RFC 9293 §3.5 figure 9; S6
TEST(Handshake, old_duplicate_syn) {
  repeat(listening(), R"(
       0ms  < S  5000:5000(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 5001
       5ms  < R  5001:5001(0)
       0ms  expect connections 0
       5ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
       5ms  < .  1:1(0) ack 1
       0ms  accept )");
}

// RFC 9293 §3.10.7.4 first, third rows of the state table: the peer's SYN again
TEST(Handshake, syn_again_in_syn_received) {
  repeat(listening(), R"(
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
     500ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > .  1:1(0) ack 1
      10ms  < .  1:1(0) ack 1
       0ms  accept )");
}

// RFC 9293 §3.5.1 figure 10, R11: the peer rebooted and opens anew
TEST(Handshake, half_open_connection_is_found) {
  repeat(established({.mss = 1000}), R"(
       0ms  < S  4000:4000(0) <mss 1000>
       0ms  > .  1:1(0) ack 1                  // RFC 5961 section 4 (U-3)
       0ms  < R  1:1(0)
       0ms  read error ECONNRESET
       0ms  < S  4000:4000(0) <mss 1000>
       0ms  > S. 0:0(0) ack 4001
      10ms  < .  4001:4001(0) ack 1 )");
}

// RFC 9293 §3.10.7.1 (U-4), B7: the reset of a closed port takes its numbers from the segment
TEST(Handshake, closed_port) {
  repeat(blank(), R"(
       0ms  < S  0:0(0)
       0ms  > R. =0:=0(0) ack 1
       0ms  < S. 0:0(0) ack 300
       0ms  > R  300:300(0)
       0ms  < .  1:1(0) ack 300
       0ms  > R  300:300(0)
       0ms  < P. 1:11(10) ack 300
       0ms  > R  300:300(0)
       0ms  < F  7:7(0)
       0ms  > R. =0:=0(0) ack 8
       0ms  < SF 7:17(10)
       0ms  > R. =0:=0(0) ack 19
       0ms  < R  7:7(0)
       0ms  < R. 7:7(0) ack 1
       0ms  expect drop closed_port 8 )");
}

// H8: port 0 is nobody's
TEST(Handshake, port_zero) {
  repeat(listening(), R"(
       0ms  < S 0:0(0) sport 0
       0ms  < S 0:0(0) dport 0
       0ms  expect drop port_zero 2 )");
}

// RFC 9293 §3.10.7.2 (U-5)
TEST(Handshake, listener_answers_an_ack_with_a_reset) {
  repeat(listening(), R"(
       0ms  < .  1:1(0) ack 77
       0ms  > R  77:77(0)
       0ms  < R  1:1(0)
       0ms  < F  1:1(0)
       0ms  expect connections 0 )");
}

// RFC 9293 §3.9.1.1 (MUST-41, MUST-42): a connection that opens leaves the listener alone, and the other way round
TEST(Handshake, close_of_the_listener_spares_the_accepted) {
  repeat(established({.mss = 1000}), R"(
       0ms  #2 < S  0:0(0) <mss 1000>
       0ms  #2 > S. 0:0(0) ack 1
       0ms  #2 < .  1:1(0) ack 1
       0ms  close listener
       0ms  #2 > R  1:1(0)                     // was never accepted
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1001
       0ms  #3 < S  0:0(0) <mss 1000>
       0ms  #3 > R. =0:=0(0) ack 1 )");
}

}  // namespace
}  // namespace tunic::test
