// Options of TCP as Linux has them: deferred accept, the clamp of the window, the mark of text not sent; and a socket
// that lets go of its peer.
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// TCP_DEFER_ACCEPT: the ACK of the handshake is not enough; text is.
TEST(DeferAccept, waits_for_text) {
  repeat(listening(), R"(
     0ms  setsockopt defer_accept 5
     0ms  < S 0:0(0) <mss 1460>
     0ms  > S. 0:0(0) ack 1
    10ms  < . 1:1(0) ack 1
     0ms  accept again
     0ms  expect not readable
     0ms  expect syn_queue 1
   500ms  < P. 1:101(100) ack 1
    40ms  > . 1:1(0) ack 101
     0ms  accept
     0ms  expect state ESTABLISHED
     0ms  expect inq 100 )");
}

// It keeps silent while it waits, for 7 s, and then asks once more; a second ACK is enough.
TEST(DeferAccept, ends) {
  repeat(listening(), R"(
     0ms  setsockopt defer_accept 5
     0ms  < S 0:0(0) <mss 1460>
     0ms  > S. 0:0(0) ack 1
    10ms  < . 1:1(0) ack 1
  6990ms  > S. 0:0(0) ack 1
    10ms  < . 1:1(0) ack 1
     0ms  accept
     0ms  expect state ESTABLISHED )");
}

// A FIN is as good as text.
TEST(DeferAccept, a_fin_ends_the_wait) {
  repeat(listening(), R"(
     0ms  setsockopt defer_accept 5
     0ms  < S 0:0(0) <mss 1460>
     0ms  > S. 0:0(0) ack 1
    10ms  < F. 1:1(0) ack 1
     0ms  > . 1:1(0) ack 2
     0ms  accept
     0ms  expect state CLOSE_WAIT )");
}

// A SYN-ACK that nobody answers is sent as without the option.
TEST(DeferAccept, a_silent_peer_is_forgotten) {
  repeat(listening(), R"(
     0ms  setsockopt defer_accept 5
     0ms  < S 0:0(0) <mss 1460>
     0ms  > S. 0:0(0) ack 1
  1000ms  > S. 0:0(0) ack 1
  2000ms  > S. 0:0(0) ack 1
     4s   > S. 0:0(0) ack 1
     8s   > S. 0:0(0) ack 1
    16s   > S. 0:0(0) ack 1
    33s   nothing
     0ms  expect connections 0 )");
}

// TCP_WINDOW_CLAMP: from the SYN-ACK on, and after reading again.
TEST(WindowClamp, no_larger_window_is_offered) {
  repeat(listening(), R"(
     0ms  setsockopt window_clamp 4000
     0ms  < S 0:0(0) <mss 1000>
     0ms  > S. 0:0(0) ack 1 win 4000
    10ms  < . 1:1(0) ack 1
     0ms  accept
     0ms  < . 1:1001(1000) ack 1
     &    < . 1001:2001(1000) ack 1
     0ms  > . 1:1(0) ack 2001 win 4000
     0ms  read 2000 )");
}

// What is not sent makes a socket unwritable, long before its buffer is full.
TEST(NotSentLow, is_the_mark_of_writable) {
  repeat(established({.mss = 1000, .peer_window = 4000, .rtt = 100ms}), R"(
     0ms  setsockopt not_sent_low 5000
     0ms  expect writable
     0ms  write 8000
     0ms  > . 1:4001(4000) ack 1
     0ms  expect not writable
     0ms  write 4000
     0ms  write 1 again
   100ms  < . 1:1(0) ack 4001
     0ms  > . 4001:8001(4000) ack 1
     0ms  expect not writable
   100ms  < . 1:1(0) ack 8001
     0ms  > P. 8001:12001(4000) ack 1
     0ms  expect writable
   100ms  < . 1:1(0) ack 12001 )");
}

// connect() with AF_UNSPEC.
TEST(Disconnect, resets_and_leaves_a_blank_socket) {
  repeat(established({.active = true}), R"(
     0ms  write 100
     0ms  > P. 1:101(100) ack 1
     0ms  disconnect
     0ms  > R 101:101(0)
     0ms  expect error ECONNRESET
     0ms  expect connections 0
     0ms  write 1 error EPIPE
     0ms  read error ENOTCONN
     0ms  disconnect
     0ms  nothing )");
  repeat(connecting(), R"(
     0ms  > S 0:0(0)
     0ms  disconnect
     0ms  nothing
     0ms  expect connections 0 )");
}

}  // namespace
}  // namespace tunic::test
