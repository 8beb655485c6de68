// Selective acknowledgment: as a receiver (RFC 2018 section 4, RFC 2883), and what a sender makes of it (section 5).
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// RFC 2018 §4: the newest block first, then the most recently reported ones
TEST(Sack, newest_block_first) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1001:2001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 1001:2001>
       0ms  < . 3001:4001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 3001:4001 1001:2001>
       0ms  < . 5001:6001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 5001:6001 3001:4001 1001:2001>
       0ms  < . 7001:8001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 7001:8001 5001:6001 3001:4001 1001:2001>
       0ms  < . 9001:10001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 9001:10001 7001:8001 5001:6001 3001:4001>
       0ms  < . 4001:5001(1000) ack 1          // joins two
       0ms  > . 1:1(0) ack 1 <sack 3001:6001 9001:10001 7001:8001 1001:2001>
       0ms  < . 1:1001(1000) ack 1
       0ms  > . 1:1(0) ack 2001 <sack 3001:6001 9001:10001 7001:8001>
       0ms  < . 2001:3001(1000) ack 1
       0ms  > . 1:1(0) ack 6001 <sack 9001:10001 7001:8001>
       0ms  < . 6001:7001(1000) ack 1
       0ms  > . 1:1(0) ack 8001 <sack 9001:10001>
       0ms  < . 8001:9001(1000) ack 1
       0ms  > . 1:1(0) ack 10001 <>
       0ms  read 10000 )");
}

// RFC 7323 leaves room for three
TEST(Sack, three_blocks_beside_timestamps) {
  repeat(established({.mss = 1000, .timestamps = true}), R"(
       0ms  < . 1001:2001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 1001:2001>
       0ms  < . 3001:4001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 3001:4001 1001:2001>
       0ms  < . 5001:6001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 5001:6001 3001:4001 1001:2001>
       0ms  < . 7001:8001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 7001:8001 5001:6001 3001:4001> )");
}

// RFC 2018 §2: only if the SYN permitted it
TEST(Sack, only_if_permitted) {
  repeat(established({.mss = 1000, .sack = false}), R"(
       0ms  < . 1001:2001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <> )");
}

// RFC 2883 §4: what came twice is told once, in the first block
TEST(Dsack, text_acknowledged_before) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1:1001(1000) ack 1
      40ms  > . 1:1(0) ack 1001 <>
       0ms  < . 1:1001(1000) ack 1
       0ms  > . 1:1(0) ack 1001 <sack 1:1001>
       0ms  < . 501:1501(1000) ack 1           // half of it is new
       0ms  > . 1:1(0) ack 1501 <sack 501:1001>
       0ms  read 1500 )");
}

// RFC 2883 §4.2: followed by the block that holds it
TEST(Dsack, text_held_already) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1001:2001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 1001:2001>
       0ms  < . 2001:3001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 1001:3001>
       0ms  < . 2001:3001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 2001:3001 1001:3001>
       0ms  < . 4001:5001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 4001:5001 1001:3001> )");
}

// One duplicate ACK for each arrival out of order, though they come in one burst (RFC 5681 §4.2)
TEST(Sack, a_burst_out_of_order_gives_as_many_duplicates) {
  repeat(established({.mss = 1000}), R"(
       0ms  < . 1001:2001(1000) ack 1
       &    < . 2001:3001(1000) ack 1
       &    < . 3001:4001(1000) ack 1
       0ms  > . 1:1(0) ack 1 <sack 1001:4001>
       0ms  > . 1:1(0) ack 1 <sack 1001:4001>
       0ms  > . 1:1(0) ack 1 <sack 1001:4001> )");
}

// A FIN beyond a hole is not in a block: blocks are of text (RFC 2018 §3 speaks of octets)
TEST(Sack, fin_out_of_order) {
  repeat(established({.mss = 1000}), R"(
       0ms  < F. 1001:1501(500) ack 1
       0ms  > .  1:1(0) ack 1 <sack 1001:1501>
       0ms  < .  1:1001(1000) ack 1
       0ms  > .  1:1(0) ack 1502 <>
       0ms  expect state CLOSE_WAIT
       0ms  read 1500
       0ms  read eof )");
}

/// Ten segments are in flight; the figures that scripts expect are those of Linux 6.18 in the same conversation.
void sent_ten(std::string_view then) {
  repeat(established({.mss = 1000}), [then](Script& s) {
    s.run("0ms write 10000\n0ms > P. 1:10001(10000) ack 1\n0ms expect unacked 10\n0ms expect sacked 0");
    s.run(then);
    s.run_loosely("10ms < . 1:1(0) ack 10001\n0ms expect sacked 0\n0ms expect lost 0\n0ms expect unacked 0");
  });
}

// RFC 2018 §5: what the peer has beyond holes
TEST(Sacked, is_counted_in_segments) {
  sent_ten(R"(
      10ms  < . 1:1(0) ack 1 <sack 1001:2001>
       0ms  expect sacked 1
       0ms  < . 1:1(0) ack 1 <sack 3001:4001 1001:2001>
       0ms  expect sacked 2
       0ms  expect lost 0
       0ms  < . 1:1(0) ack 1 <sack 3001:5001 1001:2001>
       0ms  > . 1:1001(1000) ack 1
       0ms  expect sacked 3
       0ms  expect lost 1
       0ms  expect reordered 0
      10ms  < . 1:1(0) ack 5001
       0ms  > . 5001:6001(1000) ack 1              // NewReno takes it for lost
       0ms  expect sacked 0
       0ms  expect reordered 1 )");
}

// A part of a segment counts when the rest of it has come too
TEST(Sacked, counts_whole_segments) {
  sent_ten(R"(
      10ms  < . 1:1(0) ack 1 <sack 1001:1501>
       0ms  expect sacked 0
       0ms  < . 1:1(0) ack 1 <sack 1001:2501>
       0ms  expect sacked 1
       0ms  < . 1:1(0) ack 1 <sack 1501:3501>
       0ms  > . 1:1001(1000) ack 1
       0ms  expect sacked 2 )");
}

// What was passed over comes after all, and was not sent again
TEST(Sacked, tells_of_reordering) {
  sent_ten(R"(
      10ms  < . 1:1(0) ack 1 <sack 3001:4001>
       0ms  expect reordered 0
       0ms  < . 1:1(0) ack 1 <sack 1001:2001 3001:4001>
       0ms  expect sacked 2
       0ms  expect reordered 1
       0ms  < . 1:1(0) ack 4001
       0ms  expect reordered 2 )");
  sent_ten(R"(
      10ms  < . 1:1(0) ack 1 <sack 5001:6001 3001:4001>  // both are new: the one overtook nobody
       0ms  expect reordered 0
       0ms  < . 1:1(0) ack 1001 <sack 3001:4001 5001:6001>
       0ms  expect reordered 1 )");
}

// R2: what is not of what is in flight is ignored, and what came twice is counted apart
TEST(Sacked, takes_no_other_block) {
  sent_ten(R"(
      10ms  < . 1:1(0) ack 1001
       0ms  < . 1:1(0) ack 1001 <sack 1001:2001>
       0ms  < . 1:1(0) ack 1001 <sack 2001:10002>
       0ms  < . 1:1(0) ack 1001 <sack 3001:2001>
       0ms  > . 1001:2001(1000) ack 1              // three duplicates, whatever they say
       0ms  < . 1:1(0) ack 1001 <sack 3001:3001>
       0ms  < . 1:1(0) ack 1001 <sack 5001:2147483000>
       0ms  < . 1:1(0) ack 1001 <sack 501:2001>
       0ms  expect sacked 0
       0ms  expect dsacks 0
       0ms  < . 1:1(0) ack 1001 <sack 1:501>
       0ms  expect dsacks 1
       0ms  < . 1:1(0) ack 1001 <sack 2001:3001 2001:4001>
       0ms  expect dsacks 2
       0ms  expect sacked 2 )");
}

// RFC 2018 §8: a peer may throw away what it had told of: the marks go with a timeout, and when it says so itself
TEST(Sacked, is_not_for_ever) {
  sent_ten(R"(
      10ms  < . 1:1(0) ack 1 <sack 2001:3001>
       0ms  expect sacked 1
     190ms  > . 1:1001(1000) ack 1
       0ms  expect sacked 0
       0ms  expect lost 10
      10ms  < . 1:1(0) ack 1 <sack 2001:3001>
       0ms  > . 1001:2001(1000) ack 1
       0ms  expect sacked 1
       0ms  expect lost 9 )");
  sent_ten(R"(
      10ms  < . 1:1(0) ack 1 <sack 1001:2001 3001:4001>
       0ms  expect sacked 2
       0ms  < . 1:1(0) ack 1001
       0ms  expect sacked 0 )");
}

// RFC 2018 §2
TEST(Sacked, only_if_permitted) {
  repeat(established({.mss = 1000, .sack = false}), R"(
       0ms  write 4000
       0ms  > P. 1:4001(4000) ack 1
      10ms  < . 1:1(0) ack 1 <sack 1001:2001>
       0ms  expect sacked 0
       0ms  < . 1:1(0) ack 4001 )");
}

}  // namespace
}  // namespace tunic::test
