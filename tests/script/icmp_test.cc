// What ICMP errors do to a connection (RFC 9293 section 3.9.2.2, RFC 5927): C1, C3.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "test_support/script.h"

namespace tunic::test {
namespace {

/// An error as a script writes it, and what it means to a user; hard: SHLD-26 is for it.
struct Told {
  std::string what;
  std::string error;
  bool hard;
};

/// By the code of destination unreachable, as Linux has them; 4 of IPv4 is path MTU discovery's.
std::vector<Told> errors(Family f) {
  static constexpr std::array<std::pair<const char*, bool>, 16> v4{{{"ENETUNREACH", false},
                                                                    {"EHOSTUNREACH", false},
                                                                    {"ENOPROTOOPT", true},
                                                                    {"ECONNREFUSED", true},
                                                                    {nullptr, false},
                                                                    {"EOPNOTSUPP", false},
                                                                    {"ENETUNREACH", true},
                                                                    {"EHOSTDOWN", true},
                                                                    {"ENONET", true},
                                                                    {"ENETUNREACH", true},
                                                                    {"EHOSTUNREACH", true},
                                                                    {"ENETUNREACH", false},
                                                                    {"EHOSTUNREACH", false},
                                                                    {"EHOSTUNREACH", true},
                                                                    {"EHOSTUNREACH", true},
                                                                    {"EHOSTUNREACH", true}}};
  static constexpr std::array<std::pair<const char*, bool>, 7> v6{{{"ENETUNREACH", false},
                                                                   {"EACCES", true},
                                                                   {"EHOSTUNREACH", false},
                                                                   {"EHOSTUNREACH", false},
                                                                   {"ECONNREFUSED", true},
                                                                   {"EACCES", true},
                                                                   {"EACCES", true}}};
  std::vector<Told> all{{"time_exceeded 0", "EHOSTUNREACH", false},
                        {"time_exceeded 1", "EHOSTUNREACH", false},
                        {"problem 0", "EPROTO", true}};
  const auto add = [&](const auto& codes) {
    for (std::size_t code = 0; code < codes.size(); ++code)
      if (codes[code].first != nullptr)
        all.push_back({"unreachable " + std::to_string(code), codes[code].first, codes[code].second});
  };
  if (f == Family::v4)
    add(v4);
  else
    add(v6);
  return all;
}

std::string tells(const Told& t, int seq) { return "0ms < icmp " + t.what + " seq " + std::to_string(seq) + '\n'; }

// C1: an error that quotes our SYN ends a connect(); one that guesses does nothing.
TEST(IcmpError, ends_a_connect_that_it_quotes) {
  repeat(blank(), [](Script& s) {
    for (const Told& t : errors(s.variant().family)) {
      s.run("0ms connect\n0ms > S 0:0(0)\n" + tells(t, 1) + tells(t, -1) + tells(t, 100'000) +
            "0ms expect state SYN_SENT\n" + tells(t, 0) + "0ms expect state CLOSED\n0ms expect error " + t.error +
            "\n0ms close");
    }
    const auto n = std::to_string(3 * errors(s.variant().family).size());
    s.run("0ms expect drop icmp_unmatched " + n);
  });
}

// What ends a connect() is reported in full to who reads the error queue, as on Linux: over IPv4 asked for or not.
TEST(IcmpError, that_ends_a_connect_is_reported) {
  for (const bool asked : {false, true})
    repeat(blank(), [&](Script& s) {
      const bool v4 = s.variant().family == Family::v4;
      s.run("0ms connect\n0ms > S 0:0(0)");
      ASSERT_TRUE(s.stack().set(s.socket(), Option::receive_errors, asked));
      const auto report = [&](ErrorReport& r) {
        std::array<std::byte, 100> room;
        const MutBytes out{room};
        return s.stack().receive_error(s.socket(), {&out, 1}, r);
      };
      ErrorReport r;
      s.run("0ms < icmp unreachable port seq 1");
      EXPECT_EQ(report(r).error(), Error::again) << "a guess is not reported: C1";
      s.run("0ms < icmp unreachable port seq 0\n0ms expect error ECONNREFUSED");
      if (v4 || asked) {
        EXPECT_NE(s.stack().ready(s.socket()) & ready::error, 0u) << "there is a report";
        EXPECT_EQ(s.stack().error(s.socket()), 0) << "the error was told";
        EXPECT_EQ(report(r), 8u) << "as much as the router quotes";
        EXPECT_EQ(r.error, ECONNREFUSED);
        EXPECT_EQ(r.origin, v4 ? origin::icmp : origin::icmpv6);
        EXPECT_EQ(r.type, v4 ? 3 : 1);
        EXPECT_EQ(r.code, v4 ? 3 : 4);
        EXPECT_EQ(r.offender, neighbour(s.variant().family, 9));
        EXPECT_EQ(r.to.port, Port{40001});
      }
      EXPECT_EQ(report(r).error(), Error::again);
      EXPECT_EQ(s.stack().ready(s.socket()) & ready::error, 0u);
      s.run("0ms connect error ECONNABORTED\n0ms connect\n0ms > S 0:0(0)\n0ms close");
    });
}

// The report that is read takes its error with it; turning the option off forgets what waits.
TEST(IcmpError, goes_with_its_report) {
  repeat(blank(), [](Script& s) {
    for (const bool off : {false, true}) {
      s.run("0ms connect\n0ms > S 0:0(0)\n0ms setsockopt receive_errors 1\n0ms < icmp unreachable port seq 0");
      EXPECT_EQ(s.stack().error(s.socket()), ECONNREFUSED);
      ErrorReport r;
      if (off)
        s.run("0ms setsockopt receive_errors 0");
      else
        EXPECT_TRUE(s.stack().receive_error(s.socket(), {}, r));
      EXPECT_EQ(s.stack().receive_error(s.socket(), {}, r).error(), Error::again);
      s.run(off ? "0ms expect error ECONNREFUSED\n0ms close" : "0ms expect not error\n0ms close");
    }
  });
}

// C1, SHLD-26: a half-open connection of a listener ends on hard errors alone.
TEST(IcmpError, ends_a_half_open_connection_if_hard) {
  repeat(listening(), [](Script& s) {
    for (const Told& t : errors(s.variant().family)) {
      s.run("0ms < S 0:0(0) <mss 1460>\n0ms > S. 0:0(0) ack 1\n" + tells(t, 1) + tells(t, -1) +
            "0ms expect syn_queue 1\n" + tells(t, 0) + "0ms expect syn_queue " + (t.hard ? "0" : "1") +
            "\n10ms < R 1:1(0)\n0ms expect syn_queue 0\n0ms expect connections 0");
    }
  });
}

// C1, MUST-56, RFC 5927 section 5.2: in synchronized states every error is soft, and nobody is told at once.
TEST(IcmpError, ends_no_connection) {
  repeat(established({.mss = 1000}), [](Script& s) {
    int from = 1;
    for (const Told& t : errors(s.variant().family)) {
      const auto seq = [](int n) { return std::to_string(n); };
      s.run("0ms write 1000\n0ms > P. " + seq(from) + ':' + seq(from + 1000) + "(1000) ack 1\n" + tells(t, from - 1) +
            tells(t, from) + tells(t, from + 999) + tells(t, from + 1000) +
            "0ms expect state ESTABLISHED\n0ms expect not error\n"
            "10ms < . 1:1(0) ack " +
            seq(from + 1000));
      from += 1000;
    }
    const auto n = std::to_string(2 * errors(s.variant().family).size());
    s.run("0ms expect drop icmp_unmatched " + n);
  });
}

// The same in the states that close, and of a FIN.
TEST(IcmpError, ends_no_connection_that_closes) {
  repeat(established(), R"(
     0ms  shutdown wr
     0ms  > F. 1:1(0) ack 1
     0ms  < icmp unreachable port seq 1
     0ms  expect state FIN_WAIT_1
    10ms  < . 1:1(0) ack 2
     0ms  < icmp unreachable port seq 1
     0ms  expect state FIN_WAIT_2
     0ms  expect drop icmp_unmatched 1
    10ms  < F. 1:1(0) ack 2
     0ms  > . 2:2(0) ack 2
     0ms  < icmp unreachable port seq 1      // TIME-WAIT has nothing in flight
     0ms  expect drop icmp_unmatched 2
     0ms  expect state TIME_WAIT )");
}

// SHLD-25: a peer that is gone, and the network had said why. IP_RECVERR: who asks is told at once, and goes on.
TEST(IcmpError, is_told_when_the_connection_gives_up) {
  for (const bool asked : {false, true})
    repeat(established({.mss = 1000}), [&](Script& s) {
      if (asked) s.run("0ms setsockopt receive_errors 1");
      s.run(R"(
         0ms  setsockopt user_timeout 3000
         0ms  write 100
         0ms  > P. 1:101(100) ack 1
        10ms  < icmp time_exceeded 0 seq 1 )");
      s.run(asked ? "0ms expect error EHOSTUNREACH\n0ms expect state ESTABLISHED" : "0ms expect not error");
      s.run_loosely("4s nothing");
      s.run("0ms expect state CLOSED");
      if (!asked) s.run("0ms expect error EHOSTUNREACH");
    });
}

// C3, MUST-55: source quench (RFC 6633) does nothing. IPv6 never had it.
TEST(IcmpError, source_quench_does_nothing) {
  repeat(established({.mss = 1000}), [](Script& s) {
    if (s.variant().family == Family::v6) return;
    s.run(R"(
       0ms  write 10000
       0ms  > P. 1:10001(10000) ack 1
       0ms  expect cwnd 10000
       0ms  < icmp quench 0 seq 1
       0ms  expect cwnd 10000
       0ms  expect drop icmp_ignored 1
      10ms  < . 1:1(0) ack 10001
       0ms  expect cwnd 18000 )");
  });
}

// An error about a pair that is not there, or with another peer's port.
TEST(IcmpError, about_no_connection) {
  repeat(established({.mss = 1000}), R"(
     0ms  write 100
     0ms  > P. 1:101(100) ack 1
     0ms  #2 < icmp unreachable port seq 1
     0ms  expect drop icmp_unmatched 1
    10ms  < . 1:1(0) ack 101 )");
}

}  // namespace
}  // namespace tunic::test
