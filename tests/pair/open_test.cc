// Opens of two Stacks: simultaneous ones, old duplicates, and ends that remember what the other forgot (S5, S6, M6,
// R11).
#include <algorithm>

#include "pair.h"

namespace tunic::test {
namespace {

struct Open : Pair {};
INSTANTIATE_TEST_SUITE_P(, Open, pair_variants, variant_name);

constexpr std::uint16_t a_port = 5000, b_port = 6000;
constexpr Plan talk{.write = 2000};

/// Both ends connect to each other at the same moment.
void open_both(World& w, const Plan& plan = talk) {
  w.connect(World::left, b_port, plan, a_port);
  w.connect(World::right, a_port, plan, b_port);
}

bool both_done(World& w) { return w.user(World::left).gone() && w.user(World::right).gone(); }

void expect_both_read(World& w, const std::string& what) {
  for (int side : {World::left, World::right}) {
    EXPECT_EQ(w.user(side).read(), talk.write) << what << tail(w);
    EXPECT_EQ(w.user(side).error(), 0) << what;
  }
}

// S5: RFC 9293 figure 7
TEST_P(Open, two_stacks_that_connect_to_each_other_have_one_connection) {
  World w{setup()};
  open_both(w, {.write = 2000, .end = Plan::End::stay});
  ASSERT_TRUE(w.run(3s, [&] { return w.user(World::left).read() == 2000 && w.user(World::right).read() == 2000; }))
      << tail(w);
  for (int side : {World::left, World::right}) EXPECT_EQ(w.stack(side).connections(), 1u);
  expect_lawful(w);
}

// S5: every order in which the first four packets can arrive, those of one direction overtaking each other too.
TEST_P(Open, simultaneous_open_in_all_orders_of_the_four_packets) {
  std::array<int, 4> order{0, 1, 2, 3};  // when each packet arrives: left's first two, right's first two
  do {
    World::Setup s = setup();
    for (int side : {World::left, World::right})
      s.ways[static_cast<std::size_t>(side)].held = [order, side](std::size_t number) {
        return number < 2 ? order[static_cast<std::size_t>(2 * side) + number] * 50ms : Duration{};
      };
    World w{s};
    open_both(w);
    std::string what;
    for (int i : order) what += std::to_string(i);
    ASSERT_TRUE(w.run(4s, [&] { return both_done(w); })) << what << tail(w);  // 3 s and an RTO
    expect_both_read(w, what);
    expect_all_given_back(w, 70s, what);
  } while (std::next_permutation(order.begin(), order.end()));
}

// S5: the loss of each of them, and of each two.
TEST_P(Open, simultaneous_open_with_losses) {
  for (unsigned pattern = 1; pattern < 16; ++pattern) {
    World::Setup s = setup();
    for (unsigned bit = 0; bit < 4; ++bit)
      if ((pattern >> bit & 1) != 0) s.ways[bit / 2].lose.insert(bit % 2);
    World w{s};
    open_both(w);
    const std::string what = "pattern " + std::to_string(pattern);
    ASSERT_TRUE(w.run(20s, [&] { return both_done(w); })) << what << tail(w);
    expect_both_read(w, what);
    expect_all_given_back(w, 70s, what);
  }
}

// M6: the user ends its stream before the connection is established: the FIN waits for ESTABLISHED.
TEST_P(Open, a_close_in_syn_received_becomes_a_fin) {
  for (unsigned pattern = 0; pattern < 64; ++pattern) {
    World::Setup s = setup();
    for (unsigned bit = 0; bit < 6; ++bit)
      if ((pattern >> bit & 1) != 0) s.ways[bit / 3].lose.insert(bit % 3);
    World w{s};
    open_both(w, {.end = Plan::End::stay});
    User& left = w.user(World::left);
    const bool reached = w.run(10s, [&] { return w.at(World::left).info(left.socket()).state == State::syn_received; });
    const bool established = w.at(World::left).info(left.socket()).state == State::established;
    ASSERT_TRUE(reached || established) << pattern << tail(w);
    EXPECT_TRUE(w.at(World::left).shutdown(left.socket(), Shutdown::write));
    w.flush(World::left);
    ASSERT_TRUE(w.run(20s, [&] { return w.user(World::right).ended(); })) << pattern << tail(w);
    static_cast<void>(w.at(World::right).close(w.user(World::right).socket()));
    w.flush(World::right);
    ASSERT_TRUE(w.run(20s, [&] { return left.ended(); })) << pattern << tail(w);
    static_cast<void>(w.at(World::left).close(left.socket()));
    expect_all_given_back(w, 130s, "pattern " + std::to_string(pattern));
    if (HasFailure()) return;
  }
}

TEST_P(Open, handshakes_survive_every_pattern_of_lost_packets) {
  for (unsigned pattern = 0; pattern < 64; ++pattern) {
    World::Setup s = setup();
    for (unsigned bit = 0; bit < 6; ++bit)
      if ((pattern >> bit & 1) != 0) s.ways[bit / 3].lose.insert(bit % 3);
    World w{s};
    w.serve(World::right, 80, 4, talk);
    User& user = w.connect(World::left, 80, talk);
    const std::string what = "pattern " + std::to_string(pattern);
    ASSERT_TRUE(w.run(60s, [&] { return user.gone() && w.users(World::right) == 1 && w.user(World::right).gone(); }))
        << what << tail(w);
    expect_both_read(w, what);
    expect_all_given_back(w, 130s, what);
  }
}

/// A SYN as the left end would send it, from its port 5000.
Segment old_syn(World& w, std::uint32_t seq) {
  Segment s;
  s.src = w.endpoint(World::left, a_port);
  s.dst = w.endpoint(World::right, 80);
  s.seq = seq;
  s.flags = flag::syn;
  s.window = 65'535;
  s.options.mss = 1460;
  return s;
}

// S6: RFC 9293 figure 8, an old duplicate SYN arrives before the new one; and after it.
TEST_P(Open, an_old_duplicate_syn_does_not_keep_a_connection_from_being_made) {
  for (const Duration when : {0ms, 4ms, 6ms, 9ms, 12ms})
    for (const Duration others : {5ms, 30ms}) {
      World::Setup s = setup();
      s.ways[World::left].delay = others;
      World w{s};
      w.serve(World::right, 80, 4, talk);
      User& user = w.connect(World::left, 80, talk, a_port);
      w.run(when);
      w.inject(World::right, old_syn(w, 90'000));
      ASSERT_TRUE(w.run(10s, [&] { return user.gone(); })) << when / 1ms << tail(w);
      EXPECT_EQ(user.error(), 0) << when / 1ms << tail(w);
      EXPECT_EQ(user.read(), talk.write);
      expect_all_given_back(w, 200s);
    }
}

/// A connection of which one end is then forgotten: a reset that the network loses takes it away.
struct HalfOpen {
  explicit HalfOpen(const World::Setup& s) : world{s} {
    world.serve(World::right, 80, 4, {.end = Plan::End::stay});
    user = &world.connect(World::left, 80, {.end = Plan::End::stay}, a_port);
    up = world.run(5s, [&] { return world.users(World::right) == 1; });
    world.run(1s);
  }
  void crash(int side) {
    world.way(side).drop = [](const Segment&) { return true; };
    static_cast<void>(world.at(side).abort(world.user(side).socket()));
    world.flush(side);
    world.run(10ms);
    world.way(side).drop = nullptr;
    EXPECT_EQ(world.stack(side).connections(), 0u);
  }
  World world;
  User* user = nullptr;
  bool up = false;
};

// R11, RFC 9293 section 3.5.1, figure 9: the end that forgot opens anew from the same port; the other end's ACK is out
// of place, is reset, and the second SYN succeeds.
TEST_P(Open, half_open_discovered_by_a_new_syn) {
  HalfOpen h{setup()};
  ASSERT_TRUE(h.up);
  h.crash(World::left);
  User& again = h.world.connect(World::left, 80, {.write = 100, .end = Plan::End::stay}, a_port);
  ASSERT_TRUE(h.world.run(3 * 10ms + 1s + 100ms, [&] {
    return h.world.at(World::left).info(again.socket()).state != State::syn_sent;
  })) << tail(h.world);  // 3 RTT and an RTO
  EXPECT_EQ(h.world.at(World::left).info(again.socket()).state, State::established);
  EXPECT_EQ(h.world.user(World::right).error(), static_cast<int>(Error::reset)) << "the old connection";
}

// R11, figure 10: the other end sends text, and is told.
TEST_P(Open, half_open_discovered_by_text) {
  HalfOpen h{setup()};
  ASSERT_TRUE(h.up);
  h.crash(World::left);
  User& right = h.world.user(World::right);
  right.plan.write = 100;
  right.act();
  h.world.flush(World::right);
  ASSERT_TRUE(h.world.run(100ms, [&] { return right.gone(); })) << tail(h.world);
  EXPECT_EQ(right.error(), static_cast<int>(Error::reset));
  expect_lawful(h.world);
}

// R11, figure 11: both ends listen; an old SYN makes one answer, the other resets, and it listens again.
TEST_P(Open, an_old_syn_to_a_listener_ends_in_a_reset_and_nothing_stays) {
  World w{setup()};
  w.serve(World::right, 80, 4, talk);
  w.serve(World::left, a_port, 4, talk);
  w.inject(World::right, old_syn(w, 7));
  w.run(50ms);
  EXPECT_EQ(w.stack(World::right).connections(), 0u) << tail(w);
  EXPECT_EQ(w.stack(World::left).connections(), 0u);
  EXPECT_EQ(w.seen().size(), 2u) << "a SYN-ACK and a reset";
  EXPECT_EQ(w.users(World::right), 0u);
  User& user = w.connect(World::left, 80, talk, 0);
  ASSERT_TRUE(w.run(3s, [&] { return user.gone(); }));
  EXPECT_EQ(user.read(), talk.write);
}

// S4: a full accept queue loses no octet.
TEST_P(Open, a_small_backlog_delays_connections_and_loses_nothing) {
  World w{setup()};
  Recorder& right = w.at(World::right);
  const SocketId listener = right.open(GetParam().family).value();
  ASSERT_TRUE(right.bind(listener, w.endpoint(World::right, 80)));
  ASSERT_TRUE(right.listen(listener, 1));
  for (int i = 0; i < 3; ++i) w.connect(World::left, 80, talk);
  w.run(500ms);
  EXPECT_EQ(right.info(listener).accept_queue, 1u);
  for (std::size_t i = 0; i < 3; ++i) {
    Result<SocketId> child = fail(Error::again);
    ASSERT_TRUE(w.run(30s, [&] { return (child = right.accept(listener)).has_value(); })) << i << tail(w);
    User& served = w.use(World::right, *child, talk);
    served.act();
    w.flush(World::right);
    ASSERT_TRUE(w.run(30s, [&] { return served.gone(); })) << i << tail(w);
    EXPECT_EQ(served.read(), talk.write);
  }
  static_cast<void>(right.close(listener));
  expect_all_given_back(w, 130s);
}

}  // namespace
}  // namespace tunic::test
