// How large segments are when the path, the device, or somebody, says that packets are too big (RFC 1191, RFC 8201,
// RFC 5927 section 7.2): C2, F9. The strict reader asks for DF in every packet.
#include <gtest/gtest.h>

#include <string>

#include "test_support/script.h"

namespace tunic::test {
namespace {

const Setup begun = established({.mss = 1400, .rtt = 100ms});

bool is_v4(const Script& s) { return s.variant().family == Family::v4; }

/// "Packet too big" about the segment at `seq`: it leaves room for `mss` octets of text.
std::string too_big(const Script& s, int mss, int seq) {
  return "0ms < icmp too_big " + std::to_string(mss + (is_v4(s) ? 40 : 60)) + " seq " + std::to_string(seq) + '\n';
}

/// 1400 octets in one segment have gone through.
constexpr std::string_view carried = R"(
     0ms  write 1400
     0ms  > P. 1:1401(1400) ack 1
   100ms  < .  1:1(0) ack 1401
     0ms  write 2800
     0ms  > P. 1401:4201(2800) ack 1
    10ms  nothing )";

// What path MTU discovery is for: the first segments do not get through, and go again at once, smaller; the window is
// as many segments as before (RFC 8201 section 5.4). C2: never raised by a word.
TEST(PathMtu, is_believed_at_the_beginning) {
  repeat(begun, [](Script& s) {
    s.run("0ms write 4200\n0ms > P. 1:4201(4200) ack 1\n20ms nothing\n" + too_big(s, 1240, 1) + R"(
       0ms  > P. 1:4201(4200) ack 1
       0ms  expect mss 1240
       0ms  expect cwnd 12400 )");
    s.run(too_big(s, 1240, 1241) + too_big(s, 1300, 1241) + too_big(s, 8000, 1241) + "0ms expect mss 1240");
    s.run("100ms < . 1:1(0) ack 4201\n0ms write 1400\n0ms > P. 4201:5601(1400) ack 1\n100ms < . 1:1(0) ack 5601");
  });
}

// C2: what denies that more went through waits, and acknowledgments prove it wrong.
TEST(PathMtu, later_is_not_believed_while_acknowledgments_come) {
  repeat(begun, [](Script& s) {
    s.run("0ms write 1400\n0ms > P. 1:1401(1400) ack 1\n100ms < . 1:1(0) ack 1401");
    for (int n = 1401; n < 20'000; n += 2800) {
      const auto at = [](int v) { return std::to_string(v); };
      s.run("0ms write 2800\n0ms > P. " + at(n) + ':' + at(n + 2800) + "(2800) ack 1\n10ms nothing\n" +
            too_big(s, 1240, n) + too_big(s, 1240, n + 1400) + "0ms expect mss 1400\n90ms < . 1:1(0) ack " +
            at(n + 2800));
    }
    s.run("1s nothing\n0ms expect retransmits 0\n0ms expect mss 1400");
  });
}

// C2: a timeout proves it right; the text goes again in segments that fit.
TEST(PathMtu, later_is_believed_after_a_timeout) {
  repeat(begun, [](Script& s) {
    s.run(carried);
    s.run(too_big(s, 1240, 1401) + R"(
         0ms  expect mss 1400
       240ms  > .  1401:2641(1240) ack 1
         0ms  expect mss 1240
       100ms  < .  1:1(0) ack 2641
         0ms  > P. 2641:4201(1560) ack 1
       100ms  < .  1:1(0) ack 4201 )");
  });
}

// C1, C2: what is not in flight, or as large as nothing that was sent, changes nothing, timeout or not.
TEST(PathMtu, guesses_are_ignored) {
  repeat(begun, [](Script& s) {
    s.run(carried);
    s.run(too_big(s, 1240, 1400) + too_big(s, 1240, 4201) + too_big(s, 1240, 0) + too_big(s, 1405, 1401) + R"(
         0ms  expect drop icmp_unmatched 3
       240ms  > .  1401:2801(1400) ack 1
         0ms  expect mss 1400
       100ms  < .  1:1(0) ack 4201 )");
  });
}

// C2, F9: the floor is 552 octets for IPv4, and below it DF stays; no IPv6 link carries less than 1280.
TEST(PathMtu, has_a_floor) {
  for (const int mtu : {68, 100, 551, 552})
    repeat(begun, [&](Script& s) {
      s.run("0ms write 2800\n0ms > P. 1:2801(2800) ack 1\n0ms < icmp too_big " + std::to_string(mtu) + " seq 1\n" +
            (is_v4(s) ? "0ms > P. 1:2801(2800) ack 1\n0ms expect mss 512"
                      : "0ms expect drop icmp_ignored 1\n0ms expect mss 1400"));
      s.run("100ms < . 1:1(0) ack 2801\n0ms write 1024\n0ms > P. 2801:3825(1024) ack 1\n10ms < . 1:1(0) ack 3825");
    });
}

// RFC 1191 section 5: a router that does not know of it says 0: the next plateau below what it refused.
TEST(PathMtu, of_an_old_router) {
  repeat(begun, [](Script& s) {
    if (!is_v4(s)) return;
    s.run(R"(
         0ms  write 2800
         0ms  > P. 1:2801(2800) ack 1
        10ms  < icmp too_big 0 seq 1 size 1400
         0ms  > P. 1:2801(2800) ack 1
         0ms  expect mss 966
       100ms  < .  1:1(0) ack 2801 )");
  });
}

// The MTU of our own device is known for certain.
TEST(PathMtu, follows_the_device) {
  repeat(established({.mss = 8900, .rtt = 100ms}), [](Script& s) {
    const auto mss = [&](int mtu) { return std::to_string(mtu - (is_v4(s) ? 40 : 60)); };
    s.run("0ms expect mss " + mss(1500) + "\n0ms write 5000\n0ms > P. 1:5001(5000) ack 1");
    const int low = is_v4(s) ? 600 : 1280;
    s.stack().set_mtu(static_cast<std::uint32_t>(low));
    s.run("100ms < . 1:1(0) ack 5001\n0ms write 2000\n0ms > P. 5001:7001(2000) ack 1\n0ms expect mss " + mss(low));
    s.stack().set_mtu(9000);
    s.run(
        "100ms < . 1:1(0) ack 7001\n0ms write 8900\n0ms > P. 7001:15901(8900) ack 1\n0ms expect mss 8900\n"
        "100ms < . 1:1(0) ack 15901");
  });
}

}  // namespace
}  // namespace tunic::test
