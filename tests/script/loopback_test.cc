// A Stack that speaks to itself: over its own addresses and over loopback, without the Link.
#include <gtest/gtest.h>

#include <vector>

#include "test_support/host.h"

namespace tunic::test {
namespace {

Config config() {
  Config c;
  c.addresses = {{IpAddr::v4(0xc612'0002u), 24}};
  std::array<std::byte, 16> six{std::byte{0xfd}, {}, {}, std::byte{7}};
  six[15] = std::byte{2};
  c.addresses.push_back({IpAddr::v6(six.data()), 64});
  c.memory = 16u << 20;
  c.max_sockets = 32;
  c.tcp.time_wait_records = 16;
  return c;
}

std::vector<IpAddr> destinations(const Config& c) {
  return {c.addresses[0].addr, c.addresses[1].addr, IpAddr::loopback(Family::v4), IpAddr::loopback(Family::v6),
          IpAddr::v4(0x7f01'0203u)};
}

struct Loop {
  Host host{config()};
  SocketId listener, client, server;

  explicit Loop(const IpAddr& to) {
    auto& stack = host.stack();
    listener = *stack.open(to.family());
    EXPECT_TRUE(stack.bind(listener, {to, Port{80}}));
    EXPECT_TRUE(stack.listen(listener, 4));
    client = *stack.open(to.family());
    EXPECT_EQ(stack.connect(client, {to, Port{80}}, host.now()).error(), Error::in_progress);
    host.flush();
    EXPECT_TRUE(stack.connect(client, {to, Port{80}}, host.now()));
    server = *stack.accept(listener);
  }
};

TEST(Loopback, both_ends_see_the_same_pair_reversed) {
  for (const auto& to : destinations(config())) {
    Loop l{to};
    auto& stack = l.host.stack();
    EXPECT_EQ(*stack.local(l.client), *stack.remote(l.server));
    EXPECT_EQ(*stack.local(l.server), *stack.remote(l.client));
    EXPECT_TRUE(l.host.record().empty()) << "a packet to ourselves on the Link";
  }
}

TEST(Loopback, text_flows_and_all_is_given_back) {
  constexpr std::int64_t all = 1 << 20;
  for (const auto& to : destinations(config())) {
    Loop l{to};
    auto& stack = l.host.stack();
    std::int64_t sent = 0, got = 0;
    std::vector<std::byte> out(40'000);
    for (int turns = 0; got < all && turns < 10'000; ++turns) {
      const auto n = std::min<std::int64_t>(30'000, all - sent);
      if (const auto put = stack.send(l.client, pattern_text(sent, static_cast<std::size_t>(n), ours)))
        sent += static_cast<std::int64_t>(*put);
      l.host.flush();
      if (const auto n_read = stack.receive(l.server, out)) {
        for (std::size_t i = 0; i < *n_read; ++i) ASSERT_EQ(out[i], pattern(static_cast<std::uint64_t>(got) + i, ours));
        got += static_cast<std::int64_t>(*n_read);
      }
      l.host.flush();
      l.host.advance(l.host.now() + 1ms);
    }
    EXPECT_EQ(got, all);
    EXPECT_TRUE(stack.close(l.client));
    l.host.flush();
    EXPECT_EQ(stack.receive(l.server, out), Result<std::size_t>{0u});
    EXPECT_TRUE(stack.close(l.server));
    EXPECT_TRUE(stack.close(l.listener));
    l.host.flush();
    l.host.advance(l.host.now() + 120s);
    EXPECT_EQ(stack.connections(), 0u);
    EXPECT_EQ(stack.pool().in_use(), 0u);
    EXPECT_TRUE(stack.counters().conserved());
    EXPECT_TRUE(l.host.record().empty());
    for (const auto& b : l.host.broken()) ADD_FAILURE() << b;
  }
}

TEST(Loopback, refused) {
  Host host{config()};
  auto& stack = host.stack();
  const auto s = *stack.open(Family::v4);
  const Endpoint nobody{IpAddr::loopback(Family::v4), Port{81}};
  EXPECT_EQ(stack.connect(s, nobody, host.now()).error(), Error::in_progress);
  host.flush();
  EXPECT_EQ(stack.connect(s, nobody, host.now()).error(), Error::refused);
}

// A socket may connect to itself: one SYN that crosses itself (RFC 9293 §3.5, MUST-10)
TEST(Loopback, self_connect) {
  Host host{config()};
  auto& stack = host.stack();
  const auto s = *stack.open(Family::v4);
  const Endpoint self{IpAddr::loopback(Family::v4), Port{7000}};
  ASSERT_TRUE(stack.bind(s, self));
  EXPECT_EQ(stack.connect(s, self, host.now()).error(), Error::in_progress);
  host.flush();
  host.advance(host.now() + 5s);
  EXPECT_TRUE(stack.connect(s, self, host.now()));
  ASSERT_TRUE(stack.send(s, pattern_text(0, 10, ours)));
  host.flush();
  std::vector<std::byte> text(20);
  EXPECT_EQ(stack.receive(s, text), Result<std::size_t>{10u});
  EXPECT_TRUE(stack.close(s));
  host.flush();
  host.advance(host.now() + 200s);
  EXPECT_EQ(stack.connections(), 0u);
}

// From the device such addresses are martians (I5): nobody out there is 127.0.0.1
TEST(Loopback, is_not_reached_from_outside) {
  Loop l{IpAddr::loopback(Family::v4)};
  Segment syn;
  syn.src = {IpAddr::v4(0xc612'0001u), Port{40'000}};
  syn.dst = {IpAddr::loopback(Family::v4), Port{80}};
  syn.flags = flag::syn;
  l.host.inject(syn);
  l.host.poll();
  EXPECT_TRUE(l.host.record().empty());
}

}  // namespace
}  // namespace tunic::test
