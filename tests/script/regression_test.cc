// Bugs that there were, one test each.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// Nagle took a part segment that the Link had refused for one that was on its way, and waited for its acknowledgment
TEST(Regression, part_segment_refused_by_the_link) {
  repeat(established({.mss = 1000}), R"(
       0ms  link full
       0ms  write 100
      10ms  nothing
       0ms  link open
       0ms  > P. 1:101(100) ack 1
      10ms  < .  1:1(0) ack 101 )");
}

// Behind a closed window an ACK beyond the peer's right edge is unacceptable to it: it carries what the window allows
TEST(Regression, acknowledgment_during_zero_window_probes) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 1001 win 0
       0ms  write 500
     250ms  > .  1001:1002(1) ack 1
       1ms  < P. 1:101(100) ack 1001 win 0
      40ms  > .  1001:1001(0) ack 101
       0ms  read 100
       0ms  abort
       0ms  > R  1001:1001(0) )");
}

// Rounding the window up to its unit gave the peer a little more with each ACK, without end
TEST(Regression, window_does_not_creep_beyond_the_buffer) {
  Script s{blank({.wscale = std::uint8_t{0}})};
  s.run(R"(
       0ms  listen 4
       0ms  setsockopt receive_buffer 65536
       0ms  < S  0:0(0) win 64000 <mss 1460,sackOK,wscale 0>
       0ms  > S. 0:0(0) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  accept )");
  const auto flow = [&] { return s.host().laws().flow({*s.stack().local(s.socket()), *s.stack().remote(s.socket())}); };
  for (int i = 0; i < 3000 && !s.failed(); ++i) {
    const auto at = std::max<std::int64_t>(1, flow().acked - 1);
    s.run_loosely("1ms < . " + std::to_string(at) + ":" + std::to_string(at + 101) + "(101) ack 1");
  }
  EXPECT_LE(*s.stack().readable_bytes(s.socket()), 65'536u + 128u);
}

// RFC 9293 §3.10.7.4 eighth: a FIN that is new counts, though the text before it is old
TEST(Regression, new_fin_behind_old_text) {
  repeat(established({.mss = 1000}), R"(
       0ms  < P.  1:101(100) ack 1
      40ms  > .   1:1(0) ack 101
       0ms  < FP. 1:101(100) ack 1
       0ms  > .   1:1(0) ack 102
       0ms  expect state CLOSE_WAIT
       0ms  read 100
       0ms  read eof )");
}

// ... and is no reason for an orphan to reset what closes well
TEST(Regression, new_fin_behind_old_text_for_an_orphan) {
  repeat(established({.mss = 1000}), R"(
       0ms  < P.  1:101(100) ack 1
       0ms  read 100
      40ms  > .   1:1(0) ack 101
       0ms  close
       0ms  > F.  1:1(0) ack 101
      10ms  < .   101:101(0) ack 2
       0ms  < FP. 1:101(100) ack 2
       0ms  > .   2:2(0) ack 102
       0ms  expect connections 1 )");
}

// SO_KEEPALIVE first, its interval afterwards
TEST(Regression, keep_idle_after_keep_alive) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt keep_alive 1
       0ms  setsockopt keep_idle 10
      10s   > .  0:0(0) ack 1
       0ms  < .  1:1(0) ack 1 )");
}

// RFC 7323 §2.2: the SYN-ACK that crosses ours in a simultaneous open has a window that is not scaled, either
TEST(Regression, window_of_a_crossing_syn_ack_is_not_scaled) {
  repeat(connecting(), [](Script& s) {
    s.run(R"(
       0ms  > S  0:0(0)
       0ms  < S  0:0(0) win 1000 <mss 1000,wscale 7>
       0ms  > S. 0:0(0) ack 1
       0ms  < S. 0:0(0) ack 1 win 1000 <mss 1000,wscale 7>
       0ms  expect state ESTABLISHED )");
    EXPECT_EQ(s.info().snd_wnd, 1000);
  });
}

// SO_RCVLOWAT above the buffer: the window shuts before it is reached
TEST(Regression, low_water_mark_above_the_buffer) {
  repeat(blank(), R"(
       0ms  listen 4
       0ms  setsockopt receive_buffer 4000
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 win 4000
       0ms  < .  1:1(0) ack 1
       0ms  accept
       0ms  setsockopt receive_low 100000
       0ms  < .  1:1001(1000) ack 1
       0ms  expect not readable
       0ms  < .  1001:4001(3000) ack 1
       0ms  > .  1:1(0) ack 4001 win 0
       0ms  expect readable
       0ms  read 4000
       0ms  > .  1:1(0) ack 4001 win 4000 )");
}

// The time for which a peer kept its window shut, and answered, is not silence (RFC 9293 §3.8.6.1, MUST-37)
TEST(Regression, long_shut_window_over_text_in_flight) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), [](Script& s) {
    s.run("0ms write 3000\n 0ms > P. 1:3001(3000) ack 1\n 100ms < . 1:1(0) ack 1 win 0");
    for (int i = 0; i < 400; ++i) s.run_loosely("1s < . 1:1(0) ack 1 win 0");
    s.run_loosely("0ms < . 1:1(0) ack 1 win 10000\n 1500ms nothing");
    s.run("0ms expect state ESTABLISHED\n 0ms < . 1:1(0) ack 3001\n 0ms expect outq 0");
  });
}

// The timer that ends corking is no zero-window probe
TEST(Regression, more_to_come_into_an_exact_window) {
  repeat(established({.mss = 1000, .peer_window = 5'000, .rtt = 300ms}), R"(
       0ms  setsockopt user_timeout 30000
       0ms  write 100 more
       0ms  nothing
       0ms  write 9900
       0ms  > .  1:5001(5000) ack 1
     600ms  expect state ESTABLISHED
       0ms  < .  1:1(0) ack 5001
       0ms  > P. 5001:10001(5000) ack 1
     300ms  < .  1:1(0) ack 10001 )");
}

// A socket whose connection was refused opens anew, whatever was tried in between
TEST(Regression, connect_again_after_a_failure) {
  repeat(connecting(), [](Script& s) {
    s.run(R"(
       0ms  > S  0:0(0)
       0ms  < R. 0:0(0) ack 1
       0ms  setsockopt no_delay 1
       0ms  connected error ECONNREFUSED )");
    const auto everybody =
        s.variant().family == Family::v4
            ? IpAddr::v4(0xe000'0001u)
            : IpAddr::v6(std::array{std::byte{0xff}, std::byte{2}, std::byte{}, std::byte{}, std::byte{}, std::byte{},
                                    std::byte{}, std::byte{}, std::byte{}, std::byte{}, std::byte{}, std::byte{},
                                    std::byte{}, std::byte{}, std::byte{}, std::byte{1}}
                             .data());
    EXPECT_FALSE(s.stack().connect(s.socket(), {everybody, Port{80}}, s.host().now()));
    s.run("0ms nothing\n 0ms connect\n 0ms > S 0:0(0)\n 0ms < S. 0:0(0) ack 1\n 0ms > . 1:1(0) ack 1\n 0ms connected");
  });
}

// SHLD-3: unread text makes close() a reset in LAST-ACK too
TEST(Regression, close_with_unread_text_in_last_ack) {
  repeat(established({.mss = 1000}), R"(
       0ms  < FP. 1:101(100) ack 1
       0ms  > .   1:1(0) ack 102
       0ms  shutdown wr
       0ms  > F.  1:1(0) ack 102
       0ms  close
       0ms  > R   2:2(0)
       0ms  expect connections 0 )");
}

// R1, R5: octets that arrive in descending order each kept a block of their own
TEST(Regression, octets_in_descending_order) {
  Script s{established({.mss = 1000})};
  for (int at = 5000; at > 1000; --at)
    s.run_loosely("0ms < . " + std::to_string(at) + ":" + std::to_string(at + 1) + "(1) ack 1");
  EXPECT_LE(s.stack().pool().in_use(), 2u * 4000u + (64u << 10) + 4096u);  // 4000 blocks would be 1 MiB
}

// What waits in the device is heard before timers run: a process that slept must not take its own sleep for the peer's
TEST(Regression, acknowledgment_that_waited_while_we_slept) {
  repeat(established({.mss = 1000, .rtt = 100ms}), [](Script& s) {
    s.run("0ms setsockopt user_timeout 10000\n 0ms write 500\n 0ms > P. 1:501(500) ack 1");
    Segment ack;
    ack.src = *s.stack().remote(s.socket());
    ack.dst = *s.stack().local(s.socket());
    ack.seq = s.variant().their_isn + 1;
    ack.ack = s.variant().our_isn + 501;
    ack.flags = flag::ack;
    ack.window = 64'000;
    s.host().inject(ack);
    s.host().lapse(20s);
    s.host().poll();
    s.run_loosely("30s nothing");
    EXPECT_EQ(s.info().state, State::established);
    EXPECT_EQ(s.info().retransmits, 0u);
  });
}

// A larger send buffer is news for who waits to write
TEST(Regression, larger_send_buffer_is_an_edge) {
  repeat(established({.mss = 1000, .peer_window = 1000}), [](Script& s) {
    s.run(R"(
       0ms  setsockopt send_buffer 5000
       0ms  write 8000 gets 5000
       0ms  > .  1:1001(1000) ack 1
       0ms  expect not writable )");
    while (s.stack().take_edge()) {
    }
    s.run("0ms setsockopt send_buffer 100000\n 0ms expect writable");
    bool found = false;
    while (const auto id = s.stack().take_edge()) found = found || *id == s.socket();
    EXPECT_TRUE(found);
  });
}

// The last part segment behind a closed window was held for ever: Nagle took the probe for a part segment
TEST(Regression, part_segment_behind_a_closed_window) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 1001 win 0
       0ms  write 500
     250ms  > .  1001:1002(1) ack 1
       1ms  < .  1:1(0) ack 1001 win 0
     100ms  < .  1:1(0) ack 1001 win 20000
       0ms  > P. 1001:1501(500) ack 1
     100ms  < .  1:1(0) ack 1501 win 20000 )");
}

// A window update and our probe cross: the octet of the probe was taken after all
TEST(Regression, probe_that_was_taken_after_all) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), [](Script& s) {
    s.run(R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 1001 win 0
       0ms  write 1000
     250ms  > .  1001:1002(1) ack 1 )");
    s.run_loosely("1ms < . 1:1(0) ack 1001 win 300\n 1ms < P. 1:101(100) ack 1002 win 299\n 0ms read 100");
    s.run_loosely("100ms < . 101:101(0) ack 1002 win 10000\n 100ms < . 101:101(0) ack 2001 win 10000");
    s.run("0ms expect outq 0");
  });
}

// shutdown(RDWR), and the peer goes on: nobody will read it, so it must learn of it (SHLD-3)
TEST(Regression, text_after_shutdown_of_both) {
  repeat(established({.mss = 1000}), R"(
       0ms  shutdown rdwr
       0ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2
       0ms  < P. 1:11(10) ack 2
       0ms  > R  2:2(0) )");
}

// shutdown() and listen() again: the half-open connections of before are not counted among the new ones
TEST(Regression, listener_that_begins_anew) {
  repeat(blank(), [](Script& s) {
    s.run("0ms listen 4\n 0ms setsockopt reuse_address 1\n 0ms #1 < S 0:0(0) <mss 1000>\n 0ms #1 > S. 0:0(0) ack 1");
    EXPECT_TRUE(s.stack().shutdown(s.listener(), Shutdown::read));
    EXPECT_TRUE(s.stack().listen(s.listener(), 4));
    s.run_loosely("0ms #1 < R 1:1(0)\n 70s nothing");
    s.run("0ms expect syn_queue 0\n 0ms #2 < S 0:0(0) <mss 1000>\n 0ms #2 > S. 0:0(0) ack 1\n 0ms #2 < . 1:1(0) ack 1");
    s.run("0ms #2 accept");
  });
}

// send() after a connect() that failed, once its error was told: EPIPE, as on a socket that was never joined
TEST(Regression, send_after_a_failed_connect) {
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
       0ms  < R. 0:0(0) ack 1
       0ms  connected error ECONNREFUSED
       0ms  write 10 error EPIPE )");
  repeat(connecting(), R"(
       0ms  > S  0:0(0)
       0ms  shutdown wr
       0ms  write 10 error EPIPE )");
}

// getsockname() of a connection that was reset, and of one that never came to be
TEST(Regression, name_after_the_end) {
  repeat(established({.mss = 1000}), [](Script& s) {
    const Endpoint own = *s.stack().local(s.socket());
    s.run("0ms < R 1:1(0)");
    EXPECT_EQ(s.stack().local(s.socket()), own);
  });
  repeat(connecting(), [](Script& s) {
    s.run("0ms > S 0:0(0)");
    const Endpoint own = *s.stack().local(s.socket());
    s.run("0ms < R. 0:0(0) ack 1");
    EXPECT_EQ(s.stack().local(s.socket()), (Endpoint{IpAddr::any(s.variant().family), own.port}));
  });
}

}  // namespace
}  // namespace tunic::test
