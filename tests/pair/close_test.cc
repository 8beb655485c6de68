// Closes of two Stacks: whatever is lost, both ends come to CLOSED and give everything back (M1, M5, M6).
#include "pair.h"

namespace tunic::test {
namespace {

struct Close : Pair {};
INSTANTIATE_TEST_SUITE_P(, Close, pair_variants, variant_name);

constexpr Duration until_forgotten = 60s + 130s;  // TIME-WAIT, and an orphan's patience before it

/// Both ends of a connection that is established and idle; users only when the test makes them.
struct Established {
  explicit Established(const World::Setup& s) : world{s} {
    const SocketId listener = world.serve(World::right, 80, 8, {.end = Plan::End::stay});
    user = &world.connect(World::left, 80, {.end = Plan::End::stay}, 5000);  // bound: TIME-WAIT holds the port
    up = world.run(10s, [&] { return world.users(World::right) == 1 && left_state() == State::established; });
    world.run(1s);
    static_cast<void>(world.at(World::right).close(listener));
    world.flush(World::right);
  }
  State left_state() { return world.at(World::left).info(left()).state; }
  SocketId left() { return user->socket(); }
  SocketId right() { return world.user(World::right).socket(); }
  SocketId socket(int side) { return side == World::left ? left() : right(); }
  void close(int side) {
    world.user(side).plan.reads = false;
    static_cast<void>(world.at(side).close(socket(side)));
    world.flush(side);
  }
  World world;
  User* user = nullptr;
  bool up = false;
};

/// Loses those of the next six packets, in the order in which they leave, whose bits are set.
void lose_pattern(World& w, unsigned pattern) {
  auto count = std::make_shared<unsigned>(0);
  for (int side : {World::left, World::right})
    w.way(side).drop = [count, pattern](const Segment&) {
      const unsigned n = (*count)++;
      return n < 6 && (pattern >> n & 1) != 0;
    };
}

// M1
TEST_P(Close, every_pattern_of_six_lost_packets_and_either_side_first) {
  for (unsigned pattern = 0; pattern < 64; ++pattern)
    for (int first : {World::left, World::right}) {
      Established e{setup()};
      ASSERT_TRUE(e.up);
      lose_pattern(e.world, pattern);
      e.close(first);
      e.world.run(200ms);
      e.close(1 - first);
      expect_all_given_back(e.world, until_forgotten,
                            "pattern " + std::to_string(pattern) + " side " + std::to_string(first));
      if (HasFailure()) return;
    }
}

// M1: figure 13 of RFC 9293
TEST_P(Close, every_pattern_of_lost_packets_in_a_simultaneous_close) {
  for (unsigned pattern = 0; pattern < 64; ++pattern)
    for (Duration apart : {0ms, 3ms}) {
      Established e{setup()};
      ASSERT_TRUE(e.up);
      lose_pattern(e.world, pattern);
      e.close(World::left);
      e.world.run(apart);
      e.close(World::right);
      expect_all_given_back(e.world, until_forgotten, "pattern " + std::to_string(pattern));
      if (HasFailure()) return;
    }
}

// M1: the FIN carries text, and text and FIN come out of order.
TEST_P(Close, text_before_the_fin_arrives_whole_whatever_is_lost) {
  for (unsigned pattern = 0; pattern < 64; ++pattern) {
    World::Setup s = setup();
    World w{s};
    w.serve(World::right, 80, 4, {.write = 3000});
    User& user = w.connect(World::left, 80, {.write = 5000});
    auto count = std::make_shared<unsigned>(0);
    for (int side : {World::left, World::right})
      w.way(side).drop = [count, pattern](const Segment& seg) {
        if (seg.text.empty() && !seg.has(flag::fin)) return false;
        const unsigned n = (*count)++;
        return n < 6 && (pattern >> n & 1) != 0;
      };
    ASSERT_TRUE(w.run(60s, [&] { return user.gone() && w.users(World::right) == 1 && w.user(World::right).gone(); }))
        << pattern << tail(w);
    EXPECT_EQ(user.read(), 3000u) << pattern;
    EXPECT_EQ(w.user(World::right).read(), 5000u) << pattern;
    w.run(60s);
    expect_lawful(w);
  }
}

// The side that closes first keeps TIME-WAIT, for 2 MSL, and the port with it; the other keeps nothing.
TEST_P(Close, only_the_first_to_close_keeps_time_wait) {
  Established e{setup()};
  ASSERT_TRUE(e.up);
  const Endpoint local = e.world.stack(World::left).local(e.left()).value();
  e.close(World::left);
  e.world.run(100ms);
  e.close(World::right);
  e.world.run(1s);
  EXPECT_EQ(e.world.stack(World::left).connections(), 1u);
  EXPECT_EQ(e.world.stack(World::right).connections(), 0u);
  Recorder& left = e.world.at(World::left);
  const SocketId held = left.open(GetParam().family).value();
  const Status early = left.bind(held, local);
  EXPECT_TRUE(!early && early.error() == Error::in_use);
  e.world.run(60s);
  EXPECT_EQ(e.world.stack(World::left).connections(), 0u);
  EXPECT_TRUE(left.bind(held, local)) << "the port is free again";
  static_cast<void>(left.close(held));
  expect_all_given_back(e.world, 1s);
}

// M5: FIN-WAIT-2 has no timer while a user owns the socket.
TEST_P(Close, a_half_closed_connection_carries_text_the_other_way_for_a_day) {
  Established e{setup()};
  ASSERT_TRUE(e.up);
  ASSERT_TRUE(e.world.at(World::left).shutdown(e.left(), Shutdown::write));
  e.world.flush(World::left);
  User& right = e.world.user(World::right);
  for (int hour = 1; hour <= 24; ++hour) {
    e.world.run(3600s);
    right.plan.write += 1000;
    right.act();
    e.world.flush(World::right);
    ASSERT_TRUE(e.world.run(2s, [&] { return e.user->read() == right.plan.write; })) << hour;
    EXPECT_EQ(e.left_state(), State::fin_wait_2);
  }
  e.close(World::right);
  e.world.run(1s);
  e.close(World::left);
  expect_all_given_back(e.world, until_forgotten);
}

}  // namespace
}  // namespace tunic::test
