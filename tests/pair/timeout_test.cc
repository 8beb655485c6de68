// How long a connection hopes: the thresholds of RFC 9293 section 3.8.3, user timeouts, and keep-alive (M8).
#include "pair.h"

namespace tunic::test {
namespace {

struct Timeout : Pair {};
INSTANTIATE_TEST_SUITE_P(, Timeout, pair_variants, variant_name);

constexpr Plan idle{.end = Plan::End::stay};

void cut_off(World& w) {
  for (int side : {World::left, World::right}) w.way(side).drop = [](const Segment&) { return true; };
}

/// How long until the user is told, and that it is told ETIMEDOUT.
Duration until_timed_out(World& w, User& user, Duration at_most) {
  const Instant from = w.now();
  EXPECT_TRUE(w.run(at_most, [&] { return user.error() != 0; })) << tail(w);
  EXPECT_EQ(user.error(), static_cast<int>(Error::timed_out));
  return w.now() - from;
}

std::size_t packets_from_left(const World& w, std::size_t since) {
  std::size_t n = 0;
  for (std::size_t i = since; i < w.seen().size(); ++i) n += w.seen()[i].from == World::left;
  return n;
}

struct Connected {
  explicit Connected(const World::Setup& s) : world{s} {
    world.serve(World::right, 80, 4, idle);
    user = &world.connect(World::left, 80, idle);
    world.run(2s, [&] { return world.users(World::right) == 1; });
    world.run(1s);
    EXPECT_EQ(world.users(World::right), 1u);
  }
  void write(std::size_t n) {
    user->plan.write += n;
    user->act();
    world.flush(World::left);
  }
  World world;
  User* user;
};

// M8: R2 of a SYN is at least 3 minutes (MUST-23), and not much more.
TEST_P(Timeout, a_syn_without_answer_fails_after_three_to_four_minutes) {
  World w{setup()};
  cut_off(w);
  User& user = w.connect(World::left, 80, idle);
  const Duration d = until_timed_out(w, user, 300s);
  EXPECT_GE(d, 180s);
  EXPECT_LE(d, 240s);
  EXPECT_EQ(w.stack(World::left).connections(), 0u);
}

// M8: TCP_SYNCNT n sends n SYNs again, and then waits once more: 1 + 2 + ... seconds.
TEST_P(Timeout, syn_count_says_how_often_a_syn_is_sent_again) {
  for (const int count : {1, 2, 3, 5}) {
    World w{setup()};
    cut_off(w);
    Recorder& left = w.at(World::left);
    const SocketId s = left.open(GetParam().family).value();
    ASSERT_TRUE(left.set(s, Option::syn_count, count));
    static_cast<void>(left.connect(s, w.endpoint(World::right, 80), w.now()));
    User& user = w.use(World::left, s, idle);
    w.flush(World::left);
    const Duration d = until_timed_out(w, user, 300s);
    EXPECT_EQ(packets_from_left(w, 0), static_cast<std::size_t>(count) + 1);
    EXPECT_NEAR(static_cast<double>(d / 1ms), 1000.0 * ((1 << (count + 1)) - 1), 20.0);
  }
}

// M8: R2 of text is at least 100 s (SHLD-11); ours is 300 s, noticed when the timer runs out after that.
TEST_P(Timeout, text_without_answer_fails_after_five_minutes) {
  Connected c{setup()};
  cut_off(c.world);
  c.write(5000);
  const std::size_t since = c.world.seen().size();
  const Duration d = until_timed_out(c.world, *c.user, 500s);
  EXPECT_GE(d, 300s);
  EXPECT_LE(d, 300s + 60s + 1s);
  EXPECT_GT(packets_from_left(c.world, since), 8u) << "and it tried";
  EXPECT_EQ(c.world.stack(World::left).pool().in_use(), 0u);
}

// M8, MUST-21: the user may say how long.
TEST_P(Timeout, user_timeout_is_kept_to) {
  for (const std::int64_t ms : {500, 5000, 100'000, 1'000'000}) {
    Connected c{setup()};
    ASSERT_TRUE(c.world.at(World::left).set(c.user->socket(), Option::user_timeout, ms));
    cut_off(c.world);
    c.write(100);
    const Duration d = until_timed_out(c.world, *c.user, 2000s);
    EXPECT_GE(d / 1ms, ms - 1);
    EXPECT_LE(d / 1ms, ms + 1000);
  }
}

// A peer that answers in time starts the clock again.
TEST_P(Timeout, progress_starts_the_user_timeout_anew) {
  Connected c{setup()};
  ASSERT_TRUE(c.world.at(World::left).set(c.user->socket(), Option::user_timeout, 3000));
  for (int i = 0; i < 10; ++i) {
    c.world.way(World::left).drop = [](const Segment&) { return true; };
    c.write(100);
    c.world.run(1000ms);
    c.world.way(World::left).drop = nullptr;
    c.world.run(2s);
    ASSERT_EQ(c.user->error(), 0) << i << tail(c.world);
  }
  EXPECT_EQ(c.world.user(World::right).read(), 1000u);
}

// MUST-37, R6: a window that stays shut is no reason to give up, as long as probes are answered.
TEST_P(Timeout, a_shut_window_is_probed_for_a_week) {
  World w{setup()};
  Plan unread = idle;
  unread.reads = false;
  w.serve(World::right, 80, 4, unread);
  User& user = w.connect(World::left, 80, {.write = 300'000, .end = Plan::End::stay});
  w.run(10min);
  const std::size_t before = w.seen().size();
  w.run(7 * 24h);
  EXPECT_EQ(user.error(), 0);
  EXPECT_LE(packets_from_left(w, before), 7u * 24 * 60 + 10) << "at most one probe a minute";
  User& right = w.user(World::right);
  right.plan.reads = true;
  right.act();
  w.flush(World::right);
  ASSERT_TRUE(w.run(120s, [&] { return right.read() == 300'000; })) << right.read() << tail(w);
  expect_lawful(w);
}

// A peer that is gone while its window is shut is noticed as one that is gone.
TEST_P(Timeout, probes_without_answer_end) {
  World w{setup()};
  Plan unread = idle;
  unread.reads = false;
  w.serve(World::right, 80, 4, unread);
  User& user = w.connect(World::left, 80, {.write = 300'000, .end = Plan::End::stay});
  w.run(10min);
  cut_off(w);
  const Duration d = until_timed_out(w, user, 1000s);
  EXPECT_GE(d, 100s);
  EXPECT_LE(d, 300s + 120s);
}

// MUST-24 to MUST-29: off by default; when on, a dead peer is noticed after idle + count * interval.
TEST_P(Timeout, keep_alive_notices_a_dead_peer) {
  Connected c{setup()};
  Recorder& left = c.world.at(World::left);
  ASSERT_TRUE(left.set(c.user->socket(), Option::keep_alive, 1));
  ASSERT_TRUE(left.set(c.user->socket(), Option::keep_idle, 100));
  ASSERT_TRUE(left.set(c.user->socket(), Option::keep_interval, 10));
  ASSERT_TRUE(left.set(c.user->socket(), Option::keep_count, 4));
  c.world.flush(World::left);
  c.world.run(1h);
  EXPECT_EQ(c.user->error(), 0) << "a peer that answers lives";
  cut_off(c.world);
  const std::size_t since = c.world.seen().size();
  const Duration d = until_timed_out(c.world, *c.user, 1000s);
  EXPECT_LE(d, 100s + 4 * 10s + 1s);
  EXPECT_GE(d, 4 * 10s - 1s);
  EXPECT_EQ(packets_from_left(c.world, since), 4u + 1) << "the probes, and a reset";
}

TEST_P(Timeout, without_keep_alive_silence_lasts) {
  Connected c{setup()};
  const std::size_t since = c.world.seen().size();
  cut_off(c.world);
  c.world.run(30 * 24h);
  EXPECT_EQ(c.user->error(), 0);
  EXPECT_EQ(packets_from_left(c.world, since), 0u);
}

// R7, R8: an orphan's patience.
TEST_P(Timeout, an_orphan_whose_peer_is_silent_is_forgotten) {
  for (const bool acknowledged : {true, false}) {
    Connected c{setup()};
    if (!acknowledged) cut_off(c.world);
    static_cast<void>(c.world.at(World::left).close(c.user->socket()));
    c.world.flush(World::left);
    c.world.run(50s);
    EXPECT_EQ(c.world.stack(World::left).connections(), 1u);
    c.world.run(70s);
    EXPECT_EQ(c.world.stack(World::left).connections(), 0u) << acknowledged;
    EXPECT_EQ(c.world.stack(World::left).pool().in_use(), 0u);
  }
}

}  // namespace
}  // namespace tunic::test
