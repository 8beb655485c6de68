// The listener: its queues, and what happens when they are full.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// S4: the third ACK of a client without a place is dropped without a reset; its text comes again, and nothing is lost
TEST(Listener, full_accept_queue) {
  repeat(blank(), R"(
       0ms  listen 1
       0ms  #1 < S  0:0(0) win 64000 <mss 1000>
       0ms  #1 > S. 0:0(0) ack 1
       0ms  #2 < S  0:0(0) win 64000 <mss 1000>
       0ms  #2 > S. 0:0(0) ack 1
       0ms  #1 < .  1:1(0) ack 1
       0ms  expect accept_queue 1
       0ms  #1 < P. 1:101(100) ack 1
       0ms  #2 < .  1:1(0) ack 1
       0ms  #2 < P. 1:51(50) ack 1
       0ms  expect drop listen_overflow 2
       0ms  expect accept_queue 1
       0ms  accept
       0ms  read 100
       0ms  accept again
      40ms  #1 > . 1:1(0) ack 101
     200ms  #2 < P. 1:51(50) ack 1             // the client tries again
       0ms  #2 accept
       0ms  #2 read 50
      40ms  #2 > . 1:1(0) ack 51 )");
}

// S4: while the accept queue is full, no more SYNs are answered than could be accepted
TEST(Listener, syn_while_the_accept_queue_is_full) {
  repeat(blank(), R"(
       0ms  listen 1
       0ms  #1 < S  0:0(0) win 64000 <mss 1000>
       0ms  #1 > S. 0:0(0) ack 1
       0ms  #1 < .  1:1(0) ack 1
       0ms  #2 < S  0:0(0) win 64000 <mss 1000>
       0ms  nothing
       0ms  expect drop listen_overflow 1
       0ms  accept
       1s   #2 < S  0:0(0) win 64000 <mss 1000>
       0ms  #2 > S. 0:0(0) ack 1
       0ms  #2 < .  1:1(0) ack 1
       0ms  #2 accept )");
}

TEST(Listener, accepts_in_order) {
  repeat(listening(), R"(
       0ms  #1 < S  0:0(0) win 64000 <mss 1000>
       0ms  #1 > S. 0:0(0) ack 1
       0ms  #2 < S  0:0(0) win 64000 <mss 1000>
       0ms  #2 > S. 0:0(0) ack 1
       0ms  #3 < S  0:0(0) win 64000 <mss 1000>
       0ms  #3 > S. 0:0(0) ack 1
       0ms  #2 < .  1:1(0) ack 1
       0ms  #3 < .  1:1(0) ack 1
       0ms  #1 < .  1:1(0) ack 1
       0ms  #2 accept
       0ms  #3 accept
       0ms  #1 accept
       0ms  #1 accept again )");
}

// A connection may be reset while it waits to be accepted; accept() still gives it, and its socket tells
TEST(Listener, reset_before_accept) {
  repeat(listening(), R"(
       0ms  < S  0:0(0) win 64000 <mss 1000>
       0ms  > S. 0:0(0) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  < P. 1:11(10) ack 1
       0ms  < R  11:11(0)
       0ms  accept
       0ms  read 10
       0ms  read error ECONNRESET )");
}

// closing the listener resets what nobody will accept
TEST(Listener, close_resets_what_waits) {
  repeat(listening(), R"(
       0ms  #1 < S  0:0(0) win 64000 <mss 1000>
       0ms  #1 > S. 0:0(0) ack 1
       0ms  #2 < S  0:0(0) win 64000 <mss 1000>
       0ms  #2 > S. 0:0(0) ack 1
       0ms  #1 < .  1:1(0) ack 1
       0ms  close listener
       0ms  #1 > R  1:1(0)
       0ms  #2 < .  1:1(0) ack 1
       0ms  #2 > R  1:1(0)
       0ms  expect clean )");
}

}  // namespace
}  // namespace tunic::test
