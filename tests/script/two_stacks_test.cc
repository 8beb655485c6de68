// Two Stacks and a wire that loses and delays chosen packets: every loss pattern of a close, every order of a simultaneous open.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "test_support/host.h"

namespace tunic::test {
namespace {

constexpr Duration one_way = 10ms;

IpAddr address(Family f, std::uint8_t host) {
  if (f == Family::v4) return IpAddr::v4(0xc612'0000u + host);
  std::array<std::byte, 16> a{std::byte{0xfd}, {}, {}, std::byte{7}};
  a[15] = std::byte{host};
  return IpAddr::v6(a.data());
}

Config config(Family f, std::uint8_t host) {
  Config c;
  c.addresses = {{address(f, host), static_cast<std::uint8_t>(f == Family::v4 ? 24 : 64)}};
  c.link = {.checksum = true, .max_gso = 65'535};
  c.memory = 8u << 20;
  c.max_sockets = 16;
  c.tcp.time_wait_records = 16;
  c.key.fill(host);
  return c;
}

class TwoStacks {
 public:
  explicit TwoStacks(Family f) : family{f}, left{config(f, 1)}, right{config(f, 2)} {}

  /// Of the n-th packet from now on: how long it takes, or nothing if it is lost.
  std::function<std::optional<Duration>(int)> fate = [](int) { return std::optional{one_way}; };
  int packets = 0;

  /// Lets time pass until `stop` holds or the deadline has come.
  bool run(Duration d, const std::function<bool()>& stop) {
    const Instant end = now() + d;
    for (carry(); !stop(); carry()) {
      const Instant next = std::min({left.wake(), right.wake(), wire_.empty() ? never : wire_.begin()->first});
      if (next > end) {
        step(end);
        return stop();
      }
      step(next);
    }
    return true;
  }
  Instant now() const { return left.now(); }
  std::size_t connections() { return left.stack().connections() + right.stack().connections(); }

  /// A connection between `client` of the left Stack and `server` of the right one.
  void establish() {
    const auto listener = *right.stack().open(family);
    ASSERT_TRUE(right.stack().bind(listener, {address(family, 2), Port{80}}));
    ASSERT_TRUE(right.stack().listen(listener, 1));
    client = *left.stack().open(family);
    EXPECT_EQ(left.stack().connect(client, {address(family, 2), Port{80}}, now()).error(), Error::in_progress);
    left.flush();
    ASSERT_TRUE(run(1s, [&] { return right.stack().ready(listener) != 0; }));
    server = *right.stack().accept(listener);
    ASSERT_TRUE(right.stack().close(listener));
  }

  State state(Host& h, SocketId s) { return h.stack().info(s).value_or(TcpInfo{}).state; }

  void expect_lawful() {
    for (auto* h : {&left, &right}) {
      for (const auto& b : h->broken()) ADD_FAILURE() << b;
      EXPECT_TRUE(h->stack().counters().conserved());
      EXPECT_EQ(h->stack().pool().in_use(), 0u);
    }
  }

  Family family;
  Host left, right;
  SocketId client, server;

 private:
  struct Flying {
    Host* to;
    Segment segment;
  };
  void step(Instant t) {
    left.advance(t);
    right.advance(t);
    while (!wire_.empty() && wire_.begin()->first <= t) {
      const auto f = std::move(wire_.begin()->second);
      wire_.erase(wire_.begin());
      f.to->inject(f.segment);
      f.to->poll();
    }
  }
  void carry() {
    for (auto [from, to] : {std::pair{&left, &right}, std::pair{&right, &left}})
      for (; !from->out.empty(); from->out.pop_front())
        if (const auto delay = fate(packets++)) wire_.emplace(now() + *delay, Flying{to, from->out.front().segment});
  }

  std::multimap<Instant, Flying> wire_;
};

// M1, RFC 9293 §3.6: whichever of the first six packets of a close are lost, both ends come to CLOSED
TEST(TwoStacks, close_under_every_loss) {
  for (const auto family : {Family::v4, Family::v6})
    for (const bool both_at_once : {false, true})
      for (int pattern = 0; pattern < 64; ++pattern) {
        SCOPED_TRACE("pattern " + std::to_string(pattern) + (both_at_once ? ", both at once" : ", one after the other"));
        TwoStacks t{family};
        t.establish();
        t.packets = 0;
        t.fate = [&](int n) { return n < 6 && (pattern >> n & 1) != 0 ? std::nullopt : std::optional{one_way}; };
        ASSERT_TRUE(t.left.stack().close(t.client));
        t.left.flush();
        const auto heard = [&] { return both_at_once || (t.right.stack().ready(t.server) & ready::read_hangup) != 0; };
        ASSERT_TRUE(t.run(30s, heard));
        ASSERT_TRUE(t.right.stack().close(t.server));
        t.right.flush();
        EXPECT_TRUE(t.run(200s, [&] { return t.connections() == 0; })) << t.connections() << " connections are left";
        t.expect_lawful();
        if (testing::Test::HasFailure()) return;
      }
}

// S5, RFC 9293 §3.5 figure 7: whatever the order of the four packets, and whichever of them is lost
TEST(TwoStacks, simultaneous_open_in_every_order) {
  for (const auto family : {Family::v4, Family::v6}) {
    std::array<int, 4> order{1, 2, 3, 4};
    do {
      for (int lost = -1; lost < 4; ++lost) {
        SCOPED_TRACE("order " + std::to_string(order[0]) + std::to_string(order[1]) + std::to_string(order[2]) +
                     std::to_string(order[3]) + ", lost " + std::to_string(lost));
        TwoStacks t{family};
        t.fate = [&](int n) -> std::optional<Duration> {
          if (n == lost) return {};
          return n < 4 ? order[static_cast<std::size_t>(n)] * 3ms : one_way;
        };
        const Endpoint left{address(family, 1), Port{1000}}, right{address(family, 2), Port{2000}};
        const auto a = *t.left.stack().open(family), b = *t.right.stack().open(family);
        ASSERT_TRUE(t.left.stack().bind(a, left));
        ASSERT_TRUE(t.right.stack().bind(b, right));
        EXPECT_EQ(t.left.stack().connect(a, right, t.now()).error(), Error::in_progress);
        EXPECT_EQ(t.right.stack().connect(b, left, t.now()).error(), Error::in_progress);
        t.left.flush();
        t.right.flush();
        EXPECT_TRUE(t.run(4s, [&] {
          return t.state(t.left, a) == State::established && t.state(t.right, b) == State::established;
        })) << name(t.state(t.left, a)) << " and " << name(t.state(t.right, b));
        EXPECT_TRUE(lost >= 0 || t.packets <= 8) << t.packets;   // four from each
        ASSERT_TRUE(t.left.stack().close(a));
        ASSERT_TRUE(t.right.stack().close(b));
        t.left.flush();
        t.right.flush();
        EXPECT_TRUE(t.run(200s, [&] { return t.connections() == 0; }));
        t.expect_lawful();
        if (testing::Test::HasFailure()) return;
      }
    } while (std::ranges::next_permutation(order).found);
  }
}

// R11, RFC 9293 §3.5.1: the peer forgets the connection; whoever speaks first learns it
TEST(TwoStacks, peer_without_memory) {
  for (const auto family : {Family::v4, Family::v6}) {
    TwoStacks t{family};
    t.establish();
    Host reborn{config(family, 2)};
    reborn.advance(t.now());
    ASSERT_TRUE(t.left.stack().send(t.client, pattern_text(0, 100, ours)));
    t.left.flush();
    ASSERT_EQ(t.left.out.size(), 1u);
    reborn.inject(t.left.out.front().segment);
    reborn.poll();
    ASSERT_EQ(reborn.out.size(), 1u);
    t.left.inject(reborn.out.front().segment);
    t.left.poll();
    EXPECT_EQ(t.left.stack().take_error(t.client), ECONNRESET);
  }
}

}  // namespace
}  // namespace tunic::test
