// Options of sockets: what they are, what they may be, and what they do on the wire.
#include <gtest/gtest.h>

#include <set>

#include "test_support/script.h"

namespace tunic::test {
namespace {

struct Row {
  Option option;
  std::int64_t initial;            // what getsockopt says of a new socket
  std::vector<std::int64_t> good;  // what it may be set to, and then is
  std::vector<std::int64_t> bad;   // what gives EINVAL
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {Option::reuse_address, 0, {1, 0}, {}},
      {Option::reuse_port, 0, {1, 0}, {}},
      {Option::keep_alive, 0, {1, 0}, {}},
      {Option::keep_idle, 7200, {1, 32'767}, {0, 32'768, -1}},
      {Option::keep_interval, 75, {1, 32'767}, {0, 32'768, -1}},
      {Option::keep_count, 9, {1, 127}, {0, 128, -1}},
      {Option::no_delay, 0, {1, 0}, {}},
      {Option::cork, 0, {1, 0}, {}},
      {Option::linger, -1, {0, 5, -1}, {}},
      {Option::oob_inline, 0, {1, 0}, {}},
      {Option::receive_low, 1, {1, 100}, {}},
      {Option::max_segment, 536, {88, 32'767}, {1, 87, 32'768}},
      {Option::user_timeout, 0, {1, 30'000, 0}, {-1}},
      {Option::syn_count, 6, {1, 127}, {0, 128}},
      {Option::ttl, 64, {1, 255}, {0, 256}},
      {Option::tos, 0, {0x10, 0}, {-1, 256}},
  };
  return table;
}

// RFC 9293 §3.8.3 (MUST-21), §3.8.4 (MUST-24, MUST-25, MUST-27, MUST-28), §3.7.4 (MUST-17), §3.9.1.9 (MUST-48), §3.9.2
// (MUST-49)
TEST(Options, ranges_and_defaults) {
  Script s{blank()};
  for (const auto& row : rows()) {
    SCOPED_TRACE("option " + std::to_string(static_cast<int>(row.option)));
    const auto socket = *s.stack().open(Family::v4);
    EXPECT_EQ(s.stack().get(socket, row.option), Result<std::int64_t>{row.initial});
    for (const auto value : row.good) {
      EXPECT_TRUE(s.stack().set(socket, row.option, value)) << value;
      EXPECT_EQ(s.stack().get(socket, row.option), Result<std::int64_t>{value});
    }
    for (const auto value : row.bad) {
      const auto status = s.stack().set(socket, row.option, value);
      ASSERT_FALSE(status) << value;
      EXPECT_EQ(status.error(), Error::invalid) << value;
    }
    EXPECT_TRUE(s.stack().close(socket));
  }
}

TEST(Options, v6_only) {
  Script s{blank()};
  const auto four = *s.stack().open(Family::v4), six = *s.stack().open(Family::v6);
  EXPECT_FALSE(s.stack().get(four, Option::v6_only));
  EXPECT_FALSE(s.stack().set(four, Option::v6_only, 1));
  EXPECT_EQ(s.stack().get(six, Option::v6_only), Result<std::int64_t>{0});
  EXPECT_TRUE(s.stack().set(six, Option::v6_only, 1));
  EXPECT_TRUE(s.stack().bind(six, {IpAddr::any(Family::v6), Port{80}}));
  EXPECT_FALSE(s.stack().set(six, Option::v6_only, 0));  // too late
  EXPECT_TRUE(s.stack().close(four));
  EXPECT_TRUE(s.stack().close(six));
}

TEST(Options, of_a_closed_socket) {
  Script s{blank()};
  const auto socket = *s.stack().open(Family::v4);
  EXPECT_TRUE(s.stack().close(socket));
  EXPECT_EQ(s.stack().get(socket, Option::ttl), Result<std::int64_t>{fail(Error::bad_handle)});
  EXPECT_EQ(s.stack().set(socket, Option::ttl, 1).error(), Error::bad_handle);
  EXPECT_EQ(s.stack().close(socket).error(), Error::bad_handle);
  EXPECT_EQ(s.stack().ready(socket), ready::error);
}

// RFC 9293 §3.9.2 (MUST-49), §3.9.1.9 (MUST-48, SHLD-21, SHLD-22): also of an open connection
TEST(Options, ttl_and_tos_are_on_the_wire) {
  repeat(established({.mss = 1000}), [](Script& s) {
    s.run("0ms setsockopt ttl 7\n 0ms setsockopt tos 40");
    s.host().ttl = 7;
    s.host().tos = 40;
    s.run(
        "0ms write 1000\n 0ms > P. 1:1001(1000) ack 1\n 10ms < . 1:1(0) ack 1001\n 0ms close\n 0ms > F. 1001:1001(0) "
        "ack 1");
    s.run("10ms < F. 1:1(0) ack 1002\n 0ms > . 1002:1002(0) ack 2");
    s.run("10ms < F. 1:1(0) ack 1002\n 0ms > . 1002:1002(0) ack 2");  // TIME-WAIT's own answer
  });
}

// TCP_MAXSEG: what we announce, and what we send
TEST(Options, max_segment) {
  repeat(blank(), R"(
       0ms  bind 5000
       0ms  setsockopt max_segment 500
       0ms  connect
       0ms  > S  0:0(0) <mss 500,sackOK,TS val 0 ecr 0,wscale 7>
       0ms  < S. 0:0(0) ack 1 <mss 1460>
       0ms  > .  1:1(0) ack 1
       0ms  connected
       0ms  expect mss 500
       0ms  write 1000
       0ms  > P. 1:1001(1000) ack 1
      10ms  < .  1:1(0) ack 1001 )");
}

// SO_RCVLOWAT
TEST(Options, receive_low_water_mark) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt receive_low 150
       0ms  < P. 1:101(100) ack 1
       0ms  expect not readable
       0ms  < P. 101:151(50) ack 1
       0ms  expect readable
       0ms  read 150
      40ms  > .  1:1(0) ack 151
       0ms  expect not readable
       0ms  < F. 151:151(0) ack 1              // the end is always news
       0ms  > .  1:1(0) ack 152
       0ms  expect readable )");
}

// TCP_LINGER2: the patience of an orphan in FIN-WAIT-2
TEST(Options, linger2) {
  repeat(established({.mss = 1000}), R"(
       0ms  setsockopt linger2 5
       0ms  close
       0ms  > F. 1:1(0) ack 1
      10ms  < .  1:1(0) ack 2
    4900ms  expect connections 1
     200ms  expect connections 0 )");
}

// What a listener chose holds for what it accepts
TEST(Options, are_inherited) {
  repeat(listening(), R"(
       0ms  setsockopt no_delay 1
       0ms  < S  0:0(0) <mss 1000>
       0ms  > S. 0:0(0) ack 1
       0ms  < .  1:1(0) ack 1
       0ms  accept
       0ms  write 10
       0ms  > P. 1:11(10) ack 1
       0ms  write 10
       0ms  > P. 11:21(10) ack 1
       0ms  < .  1:1(0) ack 21 )");
}

// ---- take_edge(): who may have news ----

TEST(Edges, name_the_sockets_that_changed) {
  Script s{listening()};
  const auto edges = [&] {
    std::set<std::uint32_t> found;
    while (const auto id = s.stack().take_edge()) found.insert(id->index);
    return found;
  };
  (void)edges();
  s.run("0ms < S 0:0(0) <mss 1000>\n 0ms > S. 0:0(0) ack 1");
  EXPECT_TRUE(edges().empty());
  s.run("0ms < . 1:1(0) ack 1");
  EXPECT_EQ(edges().size(), 1u);  // the listener
  s.run("0ms accept");
  (void)edges();
  s.run("0ms < P. 1:11(10) ack 1");
  EXPECT_EQ(edges(), std::set{s.socket().index});
  EXPECT_TRUE(edges().empty());
  s.run("0ms read 10\n 40ms > . 1:1(0) ack 11\n 0ms < R 11:11(0)");
  EXPECT_EQ(edges(), std::set{s.socket().index});
}

}  // namespace
}  // namespace tunic::test
