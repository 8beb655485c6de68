// Where two mechanisms meet: a FIN behind a closed window, text in each half-closed state, buffers and scaled windows,
// a Stack without memory, and conversations made by chance.
#include <gtest/gtest.h>

#include <random>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// The FIN waits behind text that waits for a window, and rides on the last of it
TEST(Mixed, fin_behind_a_closed_window) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .rtt = 100ms}), R"(
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
     100ms  < .  1:1(0) ack 1001 win 0
       0ms  write 500
       0ms  shutdown wr
     250ms  > .  1001:1002(1) ack 1
       1ms  < .  1:1(0) ack 1001 win 0
     300ms  < .  1:1(0) ack 1001 win 10000
       0ms  > FP. 1001:1501(500) ack 1        // the probe was refused, and goes with all the rest
     100ms  < .  1:1(0) ack 1502
       0ms  expect state FIN_WAIT_2 )");
}

// Text that comes after our FIN is delivered and acknowledged in FIN-WAIT-1 and FIN-WAIT-2
TEST(Mixed, text_in_the_fin_wait_states) {
  repeat(established({.mss = 1000}), R"(
       0ms  shutdown wr
       0ms  > F. 1:1(0) ack 1
       1ms  < P. 1:101(100) ack 1
       0ms  expect state FIN_WAIT_1
      40ms  > .  2:2(0) ack 101
       1ms  < P. 101:201(100) ack 2
       0ms  expect state FIN_WAIT_2
      40ms  > .  2:2(0) ack 201
       0ms  read 200
       1ms  < FP. 201:301(100) ack 2
       0ms  > .  2:2(0) ack 302
       0ms  read 100
       0ms  read eof )");
}

// The peer sends an old segment again, and tells of its window in passing: SND.UNA moves, so the window must be the new
// one, though SND.WL1 is beyond the segment (else its right edge would move right by what was acknowledged)
TEST(Mixed, window_of_a_retransmission_counts) {
  repeat(established({.mss = 1000, .peer_window = 10'000, .sack = false}), R"(
       0ms  write 20000
       0ms  > .  1:10001(10000) ack 1
       1ms  < .  1001:2001(1000) ack 1
       0ms  > .  10001:10001(0) ack 1
       9ms  < .  1:1001(1000) ack 5001 win 5000
       0ms  > .  10001:10001(0) ack 2001
      10ms  < .  2001:2001(0) ack 10001 win 10000
       0ms  > P. 10001:20001(10000) ack 2001
      10ms  < .  2001:2001(0) ack 20001 win 10000 )");
}

// Simultaneous close with text under way in both directions
TEST(Mixed, simultaneous_close_with_text) {
  repeat(established({.mss = 1000}), R"(
       0ms  write 1500
       0ms  > P. 1:1501(1500) ack 1
       0ms  shutdown wr
       0ms  > F. 1501:1501(0) ack 1
       1ms  < FP. 1:301(300) ack 1
       0ms  > .  1502:1502(0) ack 302
       0ms  expect state CLOSING
       9ms  < .  302:302(0) ack 1501           // all but our FIN
       0ms  expect state CLOSING
       1ms  < .  302:302(0) ack 1502
       0ms  read 300
       0ms  read eof )");
}

// What was lost with the FIN on it comes again with the FIN
TEST(Mixed, lost_text_with_fin) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  write 2500
       0ms  > P.  1:2501(2500) ack 1
       0ms  shutdown wr
       0ms  > F.  2501:2501(0) ack 1
     300ms  > .   1:1001(1000) ack 1
     100ms  < .   1:1(0) ack 1001
       0ms  > FP. 1001:2501(1500) ack 1
     100ms  < .   1:1(0) ack 2502
       0ms  expect state FIN_WAIT_2 )");
}

// An acknowledgment in the middle of a segment: what remains is sent again from there
TEST(Mixed, acknowledgment_within_a_segment) {
  repeat(established({.mss = 1000, .rtt = 100ms}), R"(
       0ms  write 3000
       0ms  > P. 1:3001(3000) ack 1
     100ms  < .  1:1(0) ack 1501
     250ms  > .  1501:2501(1000) ack 1
     100ms  < .  1:1(0) ack 3001 )");
}

// RFC 9293 §3.9.1.2 (MUST-61): PSH on the last of what was written, not before
TEST(Mixed, push_is_set_on_the_last_segment) {
  repeat(established({.mss = 1000, .link = {}}), [](Script& s) {
    const std::vector<std::byte> text = pattern_text(0, 2000, ours);
    EXPECT_TRUE(s.stack().send(s.socket(), text));
    s.host().flush();
    ASSERT_EQ(s.host().out.size(), 2u);
    EXPECT_FALSE(s.host().out[0].segment.has(flag::psh));
    EXPECT_TRUE(s.host().out[1].segment.has(flag::psh));
    s.run_loosely("10ms < . 1:1(0) ack 2001");
  });
}

// Law 9 with a scaled window: the edge stays though the field counts in units of 128 octets
TEST(Mixed, scaled_window_edge) {
  repeat(established({.mss = 1000, .wscale = std::uint8_t{2}, .timestamps = true}), [](Script& s) {
    std::int64_t at = 1;
    for (int i = 0; i < 60; ++i) {
      const int n = 1 + i * 37 % 900;
      s.run_loosely("50ms < P. " + std::to_string(at) + ":" + std::to_string(at + n) + "(" + std::to_string(n) +
                    ") ack 1");
      at += n;
      if (i % 3 == 2) s.run_loosely("0ms read " + std::to_string(n / 2 + 1));
    }
  });
}

// Windows follow what is read: 1 MiB goes through a buffer of 8 KiB
TEST(Mixed, a_lot_through_a_small_buffer) {
  repeat(blank({.sack = false}), [](Script& s) {
    s.run(R"(
       0ms  listen 4
       0ms  setsockopt receive_buffer 8192
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1 win 8192
       0ms  < .  1:1(0) ack 1
       0ms  accept )");
    std::int64_t at = 1;
    for (int i = 0; i < 64 && !s.failed(); ++i) {
      for (int k = 0; k < 8; ++k, at += 1024)
        s.run_loosely("0ms < . " + std::to_string(at) + ":" + std::to_string(at + 1024) + "(1024) ack 1");
      s.run_loosely("0ms read 8192");
    }
    EXPECT_EQ(s.info().bytes_received, 64u * 8192u);
  });
}

// R12: allocation fails now and then; nothing stalls and nothing is lost once the peer sends again
TEST(Mixed, allocation_fails_now_and_then) {
  for (std::uint32_t k = 2; k <= 50; ++k) {
    Script s{established({.mss = 1000, .sack = true})};
    s.stack().pool().fail_every(k);
    std::int64_t at = 0;
    for (int i = 0; i < 400 && at < 50'000; ++i) {
      const auto& f = s.host().laws().flow({*s.stack().local(s.socket()), *s.stack().remote(s.socket())});
      at = f.acked - 1;
      const auto begin = std::to_string(at + 1), end = std::to_string(at + 1001);
      s.run_loosely("0ms < . " + begin + ":" + end + "(1000) ack 1\n 50ms nothing");
    }
    EXPECT_GE(at, 50'000) << "every " << k << "th allocation failed";
    s.stack().pool().fail_every(0);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace tunic::test
