// Selective acknowledgment as a receiver: RFC 2018 section 4, RFC 2883.
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

}  // namespace
}  // namespace tunic::test
