// What ICMP may do to a connection: C1, C2, MUST-54 to MUST-56, SHLD-25, SHLD-26.
#include "tcp/network_error.h"

#include <gtest/gtest.h>

#include "buf/slab.h"
#include "tcp/connection.h"

namespace tunic {
namespace {

struct Talk {
  static constexpr std::uint32_t iss = 0xffff'ff00;  // near its wrap
  Talk()
      : connection{
            {{IpAddr::v4(0xc6120002u), Port{5000}}, {IpAddr::v4(0xc6120001u), Port{80}}}, options, settings, 1500} {
    connection.open_active(Seq32{iss}, 0);
    output();
  }
  TcpContext context() { return {settings, counters, pool, replies, parts, 65'535}; }
  void output() {
    TcpContext c = context();
    while (connection.output(now, 0, burst, c)) burst.clear();
    burst.clear();
  }
  void arrives(Flags flags, std::uint32_t ack) {
    Segment seg;
    seg.pair = connection.pair();
    seg.wire_seq = Seq32{flags.has(SYN) ? 7u : 8u};
    seg.wire_ack = Seq32{iss + ack};
    seg.flags = flags;
    seg.window = 65'535;
    seg.options.mss = 1460;
    TcpContext c = context();
    static_cast<void>(connection.segment_arrives(seg, now, false, c));
    output();
  }
  void establish() { arrives(SYN | ACK, 1); }
  void send(std::size_t n) {
    const std::vector<std::byte> text(n);
    TcpContext c = context();
    ASSERT_EQ(connection.send(text, false, false, c).value_or(0), n);
    output();
  }
  /// Lets the retransmission timer run out once.
  void time_out() {
    now = connection.deadline();
    TcpContext c = context();
    connection.timeouts(now, c);
    output();
  }
  std::optional<Drop> hears(std::uint32_t seq, int error, bool hard = false, std::uint32_t mtu = 0) {
    return connection.network_error({.seq = Seq32{iss + seq}, .error = error, .hard = hard, .mtu = mtu}, now, settings);
  }

  TcpSettings settings;
  Counters counters;
  Pool pool{16u << 20};
  Replies replies;
  UserOptions options;
  Parts parts;
  Burst burst;
  Instant now{3600s};
  Connection connection;
};

// C1: before there is a connection the error is believed, if it quotes our SYN.
TEST(NetworkError, ends_a_syn_that_it_quotes) {
  Talk t;
  EXPECT_EQ(t.hears(1, ECONNREFUSED, true), Drop::icmp_unmatched);
  EXPECT_EQ(t.hears(0u - 1, ECONNREFUSED, true), Drop::icmp_unmatched);
  EXPECT_EQ(t.connection.state(), State::syn_sent);
  EXPECT_EQ(t.hears(0, ECONNREFUSED, true), std::nullopt);
  EXPECT_EQ(t.connection.state(), State::closed);
  EXPECT_EQ(t.connection.take_error(), ECONNREFUSED);
}

// C1, MUST-56: a connection lives on, whatever is said; what is not in flight is ignored.
TEST(NetworkError, does_not_end_a_connection) {
  for (const bool hard : {false, true}) {
    Talk t;
    t.establish();
    ASSERT_EQ(t.connection.state(), State::established);
    EXPECT_EQ(t.hears(1, ECONNREFUSED, hard), Drop::icmp_unmatched) << "nothing is in flight";
    t.send(1000);
    EXPECT_EQ(t.hears(0, ECONNREFUSED, hard), Drop::icmp_unmatched);
    EXPECT_EQ(t.hears(1001, ECONNREFUSED, hard), Drop::icmp_unmatched);
    EXPECT_EQ(t.hears(1, ECONNREFUSED, hard), std::nullopt);
    EXPECT_EQ(t.hears(1000, ECONNREFUSED, hard), std::nullopt);
    EXPECT_EQ(t.connection.state(), State::established);
    EXPECT_EQ(t.connection.error(), 0);
  }
}

// SHLD-25: who gives up says why; an acknowledgment in between takes the reason away.
TEST(NetworkError, is_the_reason_told_when_all_else_fails) {
  for (const bool answered : {false, true}) {
    Talk t;
    t.establish();
    t.send(1000);
    EXPECT_EQ(t.hears(1, EHOSTUNREACH), std::nullopt);
    if (answered) t.arrives(ACK, 501);
    while (t.connection.state() == State::established) t.time_out();
    EXPECT_EQ(t.connection.take_error(), answered ? ETIMEDOUT : EHOSTUNREACH);
  }
}

// IP_RECVERR: told at once, and the connection goes on.
TEST(NetworkError, is_told_at_once_to_who_asks) {
  Talk t;
  t.connection.options.receive_errors = true;
  t.establish();
  t.send(1000);
  EXPECT_EQ(t.hears(1, EHOSTUNREACH), std::nullopt);
  EXPECT_EQ(t.connection.state(), State::established);
  EXPECT_EQ(t.connection.take_error(), EHOSTUNREACH);
}

// C2: at the beginning a smaller path MTU is believed at once, and what was lost for its size goes again in smaller
// segments; the congestion window stays as many segments.
TEST(NetworkError, too_big_at_the_beginning_is_believed) {
  Talk t;
  t.establish();
  t.send(14'000);
  const TcpInfo before = t.connection.info(t.settings, t.now);
  EXPECT_EQ(before.snd_mss, 1460u);
  EXPECT_EQ(t.hears(1, 0, false, 1000), std::nullopt);
  t.output();
  const TcpInfo after = t.connection.info(t.settings, t.now);
  EXPECT_EQ(after.snd_mss, 960u);
  EXPECT_EQ(after.pmtu, 1000u);
  EXPECT_EQ(t.connection.take_learned_mtu(), 1000u);
  EXPECT_EQ(after.cwnd / after.snd_mss, before.cwnd / before.snd_mss);
  EXPECT_GT(after.total_retrans, 0u);
  EXPECT_EQ(t.hears(1, 0, false, 1400), std::nullopt);
  EXPECT_EQ(t.connection.path_mtu(), 1000u) << "never raised";
}

// C2: later it waits; progress makes it void, a timeout makes it true.
TEST(NetworkError, too_big_later_waits_for_a_timeout) {
  for (const bool progress : {true, false}) {
    Talk t;
    t.establish();
    t.send(1460);
    t.arrives(ACK, 1461);
    t.send(2920);
    EXPECT_EQ(t.hears(1461, 0, false, 600), std::nullopt);
    EXPECT_EQ(t.connection.path_mtu(), 1500u);
    if (progress) t.arrives(ACK, 2921);
    t.time_out();
    EXPECT_EQ(t.connection.path_mtu(), progress ? 1500u : 600u);
    EXPECT_EQ(t.connection.mss(), progress ? 1460 : 560);
  }
}

}  // namespace
}  // namespace tunic
