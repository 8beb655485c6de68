// The front door: handles, names, what calls refuse, edges, and a Stack that speaks to itself.
#include "core/stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace tunic {
namespace {

/// Takes every packet and gives none.
struct Sink final : Link {
  std::span<RxPacket> receive(const ReadHint*) override { return {}; }
  std::size_t send(std::span<TxPacket> packets) override {
    sent += packets.size();
    return packets.size();
  }
  std::size_t sent = 0;
};

Config config(std::uint32_t max_sockets = 64) {
  Config c;
  c.addresses = {{IpAddr::v4(0xc6120002u), 24}};
  c.memory = 8u << 20;
  c.max_sockets = max_sockets;
  return c;
}

template <class T>
Error error_of(const Result<T>& r) {
  return r ? Error{} : r.error();
}

struct StackTest : testing::Test {
  SocketId open() { return stack.open(Family::v4).value(); }
  SocketId listener(std::uint16_t port, int backlog = 4) {
    const SocketId s = open();
    EXPECT_TRUE(stack.bind(s, {IpAddr::any(Family::v4), Port{port}}));
    EXPECT_TRUE(stack.listen(s, backlog));
    return s;
  }
  Stack stack{config()};
  Sink link;
  Instant now{100s};
  const IpAddr us = IpAddr::v4(0xc6120002u), peer = IpAddr::v4(0xc6120001u);
};

TEST_F(StackTest, a_blank_socket_is_bound_to_nothing_and_joined_to_nobody) {
  const SocketId s = open();
  EXPECT_EQ(stack.local(s).value(), (Endpoint{IpAddr::any(Family::v4), {}}));
  EXPECT_EQ(error_of(stack.remote(s)), Error::not_connected);
  EXPECT_EQ(error_of(stack.accept(s)), Error::invalid);
  EXPECT_EQ(error_of(stack.shutdown(s, Shutdown::both)), Error::not_connected);
  EXPECT_EQ(stack.ready(s), ready::writable | ready::hangup);
  EXPECT_EQ(stack.connections(), 0u);
}

TEST_F(StackTest, a_closed_handle_is_a_bad_handle_everywhere) {
  const SocketId s = open();
  ASSERT_TRUE(stack.close(s));
  const SocketId again = open();  // takes the same place
  EXPECT_EQ(again.index, s.index);
  std::byte octet{};
  EXPECT_EQ(error_of(stack.bind(s, {us, Port{80}})), Error::bad_handle);
  EXPECT_EQ(error_of(stack.listen(s, 1)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.accept(s)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.connect(s, {peer, Port{80}}, now)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.send(s, {&octet, 1})), Error::bad_handle);
  EXPECT_EQ(error_of(stack.receive(s, {&octet, 1})), Error::bad_handle);
  EXPECT_EQ(error_of(stack.shutdown(s, Shutdown::both)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.close(s)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.abort(s)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.local(s)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.set(s, Option::no_delay, 1)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.get(s, Option::no_delay)), Error::bad_handle);
  EXPECT_EQ(error_of(stack.info(s)), Error::bad_handle);
  EXPECT_EQ(stack.ready(s), ready::error);
  EXPECT_EQ(error_of(stack.close({12345, 1})), Error::bad_handle);
}

TEST_F(StackTest, bind_gives_an_address_once_and_only_ours) {
  const SocketId s = open();
  EXPECT_EQ(error_of(stack.bind(s, {peer, Port{80}})), Error::not_available);
  ASSERT_TRUE(stack.bind(s, {us, Port{80}}));
  EXPECT_EQ(error_of(stack.bind(s, {us, Port{81}})), Error::invalid);
  EXPECT_EQ(error_of(stack.bind(open(), {us, Port{80}})), Error::in_use);
  const SocketId any = open();
  ASSERT_TRUE(stack.bind(any, {us, Port{}}));
  EXPECT_GE(static_cast<std::uint16_t>(stack.local(any)->port), 32'768);
}

TEST_F(StackTest, connect_binds_to_an_ephemeral_port_and_sends_a_syn) {
  const SocketId s = open();
  EXPECT_EQ(error_of(stack.connect(s, {peer, Port{80}}, now)), Error::in_progress);
  EXPECT_EQ(stack.local(s)->addr, us);
  EXPECT_NE(stack.local(s)->port, Port{});
  EXPECT_EQ(link.sent, 0u) << "calls only change state";
  stack.flush(now, link);
  EXPECT_EQ(link.sent, 1u);
  EXPECT_EQ(error_of(stack.connect(s, {peer, Port{80}}, now)), Error::already);
  EXPECT_EQ(stack.connections(), 1u);
  ASSERT_TRUE(stack.close(s));
  stack.flush(now, link);
  EXPECT_EQ(stack.connections(), 0u);
  EXPECT_EQ(link.sent, 1u) << "a connection that was not made ends in silence";
}

TEST_F(StackTest, connect_refuses_what_can_be_no_peer) {
  EXPECT_EQ(error_of(stack.connect(open(), {IpAddr::v4(0xe0000001u), Port{80}}, now)), Error::unreachable);  // MUST-46
  EXPECT_EQ(error_of(stack.connect(open(), {IpAddr::v4(0xffffffffu), Port{80}}, now)), Error::unreachable);
  EXPECT_EQ(error_of(stack.connect(open(), {peer, Port{}}, now)), Error::refused);  // H8
  EXPECT_EQ(error_of(stack.connect(open(), {IpAddr::loopback(Family::v6), Port{80}}, now)), Error::family);
}

TEST_F(StackTest, there_are_at_most_as_many_sockets_as_configured_again_and_again) {  // R15
  for (int round = 0; round < 1000; ++round) {
    std::vector<SocketId> all;
    while (const auto s = stack.open(Family::v4)) all.push_back(*s);
    ASSERT_EQ(all.size(), 64u) << round;
    EXPECT_EQ(error_of(stack.open(Family::v4)), Error::too_many);
    for (const SocketId s : all) ASSERT_TRUE(stack.close(s));
  }
}

// A packet to ourselves never meets the link, and is answered in the same call.
TEST_F(StackTest, speaks_to_itself) {
  for (const IpAddr& address : {us, IpAddr::loopback(Family::v4)}) {
    const SocketId server = listener(80), client = open();
    static_cast<void>(stack.connect(client, {address, Port{80}}, now));
    stack.flush(now, link);
    const SocketId child = stack.accept(server).value();
    EXPECT_EQ(stack.remote(child).value(), stack.local(client).value()) << "one pair, seen from both ends";
    EXPECT_EQ(stack.local(child).value(), stack.remote(client).value());
    const std::vector<std::byte> text(200'000, std::byte{42});
    std::vector<std::byte> room(200'000);
    std::size_t sent = 0, got = 0;
    for (int turn = 0; turn < 1000 && got < text.size(); ++turn) {
      if (const auto n = stack.send(client, Bytes{text}.subspan(sent))) sent += *n;
      now = std::max(now, stack.flush(now, link) < now + 1s ? now + 1ms : now);
      stack.poll(now, link);
      if (const auto n = stack.receive(child, MutBytes{room}.subspan(got))) got += *n;
    }
    EXPECT_EQ(got, text.size());
    EXPECT_EQ(room, text);
    for (const SocketId s : {client, child, server}) ASSERT_TRUE(stack.close(s));
    for (int i = 0; i < 200; ++i) stack.poll(now += 1s, link);
    EXPECT_EQ(stack.connections(), 0u);
    EXPECT_EQ(stack.pool().in_use(), 0u);
  }
  EXPECT_EQ(link.sent, 0u);
  EXPECT_TRUE(stack.counters().conserved());
}

TEST_F(StackTest, tells_when_text_arrived_if_that_was_asked) {
  const SocketId l = listener(80), c = open();
  ASSERT_TRUE(stack.set(c, Option::no_delay, 1));
  EXPECT_EQ(error_of(stack.connect(c, {us, Port{80}}, now)), Error::in_progress);
  for (int i = 0; i < 4; ++i) stack.poll(now, link);
  const SocketId s = stack.accept(l).value();
  const auto say = [&](std::string_view text) {
    ASSERT_TRUE(stack.send(c, std::as_bytes(std::span{text})));
    stack.flush(now, link);
    for (int i = 0; i < 4; ++i) stack.poll(now, link);
  };
  say("ab");
  ASSERT_TRUE(stack.set(s, Option::receive_times, 1));
  const Instant first = now += 7ms;
  say("cd");
  const Instant second = now += 1s;
  say("e");
  now += 1h;
  EXPECT_EQ(stack.arrival(s, 2), std::nullopt);
  EXPECT_EQ(stack.arrival(s, 3), first);
  EXPECT_EQ(stack.arrival(s, 4), first);
  EXPECT_EQ(stack.arrival(s, 5), second);
  EXPECT_EQ(stack.arrival(s, 99), second);
  std::array<std::byte, 3> out;
  ASSERT_EQ(stack.receive(s, out).value(), 3u);
  EXPECT_EQ(stack.arrival(s, 1), first);
  EXPECT_EQ(stack.arrival(s, 2), second);
  ASSERT_EQ(stack.receive(s, out).value(), 2u);
  EXPECT_EQ(stack.arrival(s, 1), std::nullopt);
}

TEST_F(StackTest, an_edge_is_told_once_and_not_of_closed_sockets) {
  const SocketId server = listener(80), client = open();
  static_cast<void>(stack.connect(client, {us, Port{80}}, now));
  stack.flush(now, link);
  std::vector<SocketId> edges;
  while (const auto s = stack.take_edge()) edges.push_back(*s);
  EXPECT_NE(std::find(edges.begin(), edges.end(), server), edges.end());
  EXPECT_NE(std::find(edges.begin(), edges.end(), client), edges.end());
  EXPECT_FALSE(stack.take_edge());
  const SocketId child = stack.accept(server).value();
  std::byte octet{1};
  ASSERT_TRUE(stack.send(child, {&octet, 1}));
  stack.flush(now, link);
  ASSERT_TRUE(stack.abort(client));
  while (const auto s = stack.take_edge()) EXPECT_NE(*s, client);
}

TEST_F(StackTest, listening_again_changes_the_backlog_and_shutdown_ends_it) {
  const SocketId server = listener(80, 1);
  ASSERT_TRUE(stack.listen(server, 8));
  const SocketId client = open();
  static_cast<void>(stack.connect(client, {us, Port{80}}, now));
  stack.flush(now, link);
  EXPECT_EQ(stack.info(server)->accept_queue, 1u);
  ASSERT_TRUE(stack.shutdown(server, Shutdown::read));
  stack.flush(now, link);
  EXPECT_EQ(error_of(stack.accept(server)), Error::invalid);
  EXPECT_NE(stack.ready(client) & ready::error, 0u) << "nobody will accept it: reset";
  EXPECT_EQ(stack.take_error(client), static_cast<int>(Error::reset));
}

TEST_F(StackTest, equal_calls_give_equal_digests_and_others_do_not) {
  Stack twin{config()};
  EXPECT_EQ(stack.digest(), twin.digest());
  const SocketId a = open(), b = twin.open(Family::v4).value();
  EXPECT_EQ(stack.digest(), twin.digest());
  static_cast<void>(stack.connect(a, {peer, Port{80}}, now));
  EXPECT_NE(stack.digest(), twin.digest());
  static_cast<void>(twin.connect(b, {peer, Port{80}}, now));
  EXPECT_EQ(stack.digest(), twin.digest());
}

// N5
TEST_F(StackTest, the_key_is_in_one_place_and_can_be_wiped) {
  Config c = config();
  c.key.fill(0x77);
  Stack secret{c};
  const auto holds_key = [&] {
    return std::ranges::search(secret.secrets(), std::as_bytes(std::span{c.key})).begin() != secret.secrets().end();
  };
  EXPECT_EQ(secret.config().key, (std::array<std::uint8_t, 16>{}));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(secret.secrets().data()) % Pool::page, 0u);
  EXPECT_EQ(secret.secrets().size() % Pool::page, 0u);
  EXPECT_TRUE(holds_key());
  secret.wipe_secrets();
  EXPECT_FALSE(holds_key());
}

TEST_F(StackTest, a_link_that_refuses_loses_nothing) {
  struct Stubborn final : Link {
    std::span<RxPacket> receive(const ReadHint*) override { return {}; }
    std::size_t send(std::span<TxPacket> packets) override {
      if (refusals > 0) return --refusals, 0;
      sent += packets.size();
      return packets.size();
    }
    int refusals = 5;
    std::size_t sent = 0;
  } stubborn;
  static_cast<void>(stack.connect(open(), {peer, Port{80}}, now));
  Instant wake = stack.flush(now, stubborn);
  for (int i = 0; i < 20 && stubborn.sent == 0; ++i) {
    EXPECT_LE(wake - now, 1ms) << "asks again soon";
    EXPECT_GT(wake, now) << "and not at once";
    now = wake;
    wake = stack.poll(now, stubborn);
  }
  EXPECT_EQ(stubborn.sent, 1u);
  EXPECT_EQ(stack.counters().refused, 5u);
}

}  // namespace
}  // namespace tunic
