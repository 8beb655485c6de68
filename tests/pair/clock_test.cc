// Clocks that jump, and a Stack that nobody calls for a while (D10): a process that was stopped, a machine that slept.
#include "pair.h"

namespace tunic::test {
namespace {

struct Clock : Pair {};
INSTANTIATE_TEST_SUITE_P(, Clock, pair_variants, variant_name);

constexpr Duration jumps[] = {1ms, 20ms, 200ms, 1s, 60s, 10min, 1h, 24h, 600h, 1195h + 12min};  // 49.8 days: 2^32 ms

/// A transfer, a quarter of which is done.
struct Transfer {
  static constexpr std::size_t octets = 1'000'000;
  explicit Transfer(World::Setup s) : world{with_rate(s)} {
    world.serve(World::right, 80, 4, {.end = Plan::End::stay});
    user = &world.connect(World::left, 80, {.write = octets, .end = Plan::End::stay});
    EXPECT_TRUE(world.run(10s, [&] { return world.users(1) == 1 && world.user(1).read() > octets / 4; }));
  }
  static World::Setup with_rate(World::Setup s) {
    for (Way& w : s.ways) w.rate = 2'000'000;
    return s;
  }
  TcpInfo info() { return world.stack(World::left).info(user->socket(), world.now()).value(); }
  bool ends(Duration within) {
    return world.run(within, [&] { return world.user(1).read() == octets; });
  }
  World world;
  User* user;
};

// At most one window goes again, and the window collapses at most once: the clock stood still for the segments in
// flight too.
TEST_P(Clock, a_transfer_survives_a_jump) {
  for (const Duration jump : jumps)
    for (const bool timestamps : {false, true}) {
      World::Setup s = setup();
      s.tcp.timestamps = timestamps;
      Transfer t{s};
      const TcpInfo before = t.info();
      t.world.jump(jump);
      t.world.run(10ms);
      EXPECT_LE(t.info().backoff, 1u) << jump / 1ms;
      if (timestamps && jump == 600h) {
        // What was 25 days on the way brings PAWS over half of its range (RFC 7323 section 5.5 knows only of silence):
        // then the sender gives up.
        EXPECT_TRUE(t.ends(600s) || t.user->error() == static_cast<int>(Error::timed_out)) << tail(t.world);
        continue;
      }
      ASSERT_TRUE(t.ends(60s)) << jump / 1ms << " ms, error " << t.user->error() << tail(t.world);
      EXPECT_LE(t.info().total_retrans - before.total_retrans, before.unacked) << jump / 1ms;
      expect_lawful(t.world);
    }
}

// One end is stopped; the other sends, probes, or waits, and what its device has kept is answered at once.
TEST_P(Clock, a_transfer_survives_an_end_that_is_stopped) {
  for (const int side : {World::left, World::right})
    for (const Duration d : std::initializer_list<Duration>{1ms, 200ms, 10s, 120s}) {
      Transfer t{setup()};
      const TcpInfo before = t.info();
      t.world.stop(side, d);
      ASSERT_TRUE(t.ends(d + 120s)) << side << " for " << d / 1ms << " ms, error " << t.user->error() << tail(t.world);
      if (side == World::left) {
        EXPECT_LE(t.info().total_retrans, before.total_retrans + before.unacked) << d / 1ms;
      }
      expect_lawful(t.world);
    }
}

// Longer than the patience of who sends: it ends with the error that the rules have (R2, SHLD-11), and no octet is
// wrong; a sender that was stopped itself goes on.
TEST_P(Clock, an_end_that_is_stopped_for_long) {
  for (const Duration d : std::initializer_list<Duration>{10min, 1h}) {
    Transfer sender{setup()};
    sender.world.stop(World::left, d);
    ASSERT_TRUE(sender.ends(d + 60s)) << sender.user->error() << tail(sender.world);
    expect_lawful(sender.world);

    Transfer receiver{setup()};
    receiver.world.stop(World::right, d);
    ASSERT_TRUE(receiver.world.run(d, [&] { return receiver.user->error() != 0; })) << tail(receiver.world);
    EXPECT_EQ(receiver.user->error(), static_cast<int>(Error::timed_out));
    receiver.world.run(60s);
    expect_lawful(receiver.world);
  }
}

// MUST-37: nothing was heard for an hour because nobody could ask; it is asked now.
TEST_P(Clock, a_shut_window_survives_a_jump) {
  for (const Duration jump : jumps) {
    World w{setup()};
    w.serve(World::right, 80, 4, {.reads = false, .end = Plan::End::stay});
    User& user = w.connect(World::left, 80, {.write = 300'000, .end = Plan::End::stay});
    w.run(10min);
    w.jump(jump);
    w.run(10min);
    User& right = w.user(World::right);
    right.plan.reads = true;
    right.act();
    w.flush(World::right);
    ASSERT_TRUE(w.run(120s, [&] { return right.read() == 300'000; })) << jump / 1ms << " ms, error " << user.error();
    expect_lawful(w);
  }
}

// A thousand connections, all overdue: at most 256 of them in one poll, each sends one segment, and all go on.
TEST_P(Clock, many_timers_are_no_burst) {
  constexpr std::size_t many = 1000;
  World::Setup s = setup();
  s.memory = 128u << 20;
  World w{s};
  w.serve(World::right, 80, 2000, {.end = Plan::End::stay});
  for (std::size_t i = 0; i < many; ++i) w.connect(World::left, 80, {.write = 0, .end = Plan::End::stay});
  ASSERT_TRUE(w.run(10s, [&] { return w.users(World::right) == many; }));
  w.run(1s);
  w.way(World::left).drop = [](const Segment&) { return true; };
  for (std::size_t i = 0; i < many; ++i) {
    w.user(World::left, i).plan.write = 5000;
    w.user(World::left, i).act();
  }
  w.flush(World::left);
  w.way(World::left).drop = nullptr;
  w.jump(1h);
  const auto retransmitted = [&] {
    std::size_t n = 0;
    for (std::size_t i = 0; i < many; ++i) n += w.at(World::left).info(w.user(World::left, i).socket()).total_retrans;
    return n;
  };
  for (std::size_t polls = 0; retransmitted() < many; ++polls) {
    ASSERT_LE(polls, 64u) << retransmitted() << " of " << w.seen().size();
    const std::size_t before = w.seen().size();
    static_cast<void>(w.at(World::left).poll(w.now(), {}));
    EXPECT_LE(w.seen().size() - before, 256u);
  }
  EXPECT_EQ(retransmitted(), many) << "one segment of each";
  const auto all_read = [&] {
    for (std::size_t i = 0; i < many; ++i)
      if (w.user(World::right, i).read() != 5000) return false;
    return true;
  };
  EXPECT_TRUE(w.run(60s, all_read));
  expect_lawful(w);
}

}  // namespace
}  // namespace tunic::test
