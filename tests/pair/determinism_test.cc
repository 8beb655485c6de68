// The same inputs give the same packets: runs from one seed agree packet by packet, and a run replays from its list of
// events.
#include <algorithm>

#include "pair.h"

namespace tunic::test {
namespace {

struct Determinism : Pair {};
INSTANTIATE_TEST_SUITE_P(, Determinism, pair_variants, variant_name);

World::Setup bad_ways(World::Setup s) {
  for (Way& w : s.ways) w.loss = 30, w.reorder = 100, w.duplicate = 30;
  return s;
}

/// Text both ways over bad ways, with chunks of any size; more connections than one.
void converse(World& w) {
  const Plan plan{.write = 200'000, .write_chunk = 9000, .read_chunk = 5000, .random_chunks = true};
  w.serve(World::right, 80, 8, plan);
  for (int i = 0; i < 3; ++i) w.connect(World::left, 80, plan);
  w.run(120s, [&] { return w.users(World::right) == 3 && w.user(World::left, 2).gone(); });
  w.run(200s);
}

TEST_P(Determinism, the_same_seed_gives_the_same_trace_and_another_seed_another) {
  World a{bad_ways(setup(7))}, b{bad_ways(setup(7))}, c{bad_ways(setup(8))};
  converse(a), converse(b), converse(c);
  expect_lawful(a);
  EXPECT_GT(a.seen().size(), 100u);
  EXPECT_EQ(a.trace_hash(), b.trace_hash());
  EXPECT_EQ(a.seen().size(), b.seen().size());
  EXPECT_NE(a.trace_hash(), c.trace_hash());
}

TEST_P(Determinism, the_digests_of_two_runs_agree_after_every_event) {
  World::Setup s = bad_ways(setup(9));
  s.record = true;
  World a{s}, b{s};
  converse(a), converse(b);
  for (int side : {World::left, World::right}) {
    ASSERT_EQ(a.journal(side).size(), b.journal(side).size());
    for (std::size_t i = 0; i < a.journal(side).size(); ++i)
      ASSERT_EQ(a.journal(side)[i].digest, b.journal(side)[i].digest) << "event " << i;
  }
}

TEST_P(Determinism, a_run_replays_from_its_list_of_events) {
  for (const bool slabs : {false, true}) {
    World::Setup s = bad_ways(setup(10));
    s.record = true;
    s.slabs = slabs;
    World w{s};
    converse(w);
    for (int side : {World::left, World::right}) {
      ASSERT_GT(w.journal(side).size(), 100u);
      const auto wrong = replay(w.config(side), w.journal(side), slabs);
      EXPECT_FALSE(wrong) << *wrong;
    }
  }
}

// The replay can fail: another event is noticed.
TEST_P(Determinism, a_changed_event_does_not_replay) {
  World::Setup s = setup(11);
  s.record = true;
  World w{s};
  converse(w);
  Journal journal = w.journal(World::left);
  const auto sends = std::ranges::find(journal, Event::Kind::send, &Event::kind);
  ASSERT_NE(sends, journal.end());
  sends->text.front() ^= std::byte{1};
  EXPECT_TRUE(replay(w.config(World::left), journal).has_value());
}

// Header prediction changes nothing that can be seen.
TEST_P(Determinism, the_fast_path_gives_the_same_packets) {
  World::Setup s = bad_ways(setup(12));
  World with{s};
  s.tcp.prediction = !s.tcp.prediction;
  World without{s};
  converse(with), converse(without);
  EXPECT_EQ(with.trace_hash(), without.trace_hash());
  const auto predicted = [](World& w) { return w.stack(World::left).counters().predicted; };
  EXPECT_NE(predicted(with) == 0, predicted(without) == 0) << "one of them used the fast path";
}

// A link that refuses packets for a while is part of the events too.
TEST_P(Determinism, refused_packets_replay) {
  World::Setup s = setup(13);
  s.record = true;
  World w{s};
  for (int i = 1; i < 40; ++i)
    w.later(i * 7ms, [&w, i] { w.refuses[World::left] = i % 3 == 0, w.refuses[World::right] = i % 5 == 0; });
  converse(w);
  EXPECT_GT(w.stack(World::left).counters().refused, 0u);
  EXPECT_EQ(w.user(World::left).read(), 200'000u);
  expect_lawful(w);
  for (int side : {World::left, World::right}) {
    const auto wrong = replay(w.config(side), w.journal(side));
    EXPECT_FALSE(wrong) << *wrong;
  }
}

}  // namespace
}  // namespace tunic::test
