// Text in both directions over bad ways: every octet arrives, in order, in time, and nothing stays behind.
#include "pair.h"

namespace tunic::test {
namespace {

struct Transfer : Pair {};
INSTANTIATE_TEST_SUITE_P(, Transfer, pair_variants, variant_name);

void expect_transfer(const World::Setup& s, std::size_t octets, Duration within, const Plan& chunks = {}) {
  Plan plan = chunks;
  plan.write = octets;
  World w{s};
  w.serve(World::right, 80, 4, plan);
  User& user = w.connect(World::left, 80, plan);
  const std::string what = "seed " + std::to_string(s.seed) + " loss " + std::to_string(s.ways[0].loss) + " reorder " +
                           std::to_string(s.ways[0].reorder) + " mtu " + std::to_string(s.mtu);
  const bool done =
      w.run(within, [&] { return user.gone() && w.users(World::right) == 1 && w.user(World::right).gone(); });
  if (!done) {
    ADD_FAILURE() << what << ": only " << user.read() << " octets arrived left, "
                  << (w.users(World::right) != 0 ? w.user(World::right).read() : 0) << " right" << tail(w);
    expect_lawful(w, what);
    return;
  }
  EXPECT_EQ(user.read(), octets) << what;
  EXPECT_EQ(w.user(World::right).read(), octets) << what;
  EXPECT_EQ(user.error() + w.user(World::right).error(), 0) << what;
  expect_all_given_back(w, 130s, what);
}

void make_bad(World::Setup& s, std::uint32_t loss, std::uint32_t reorder, std::uint32_t duplicate) {
  for (Way& w : s.ways) w.loss = loss, w.reorder = reorder, w.duplicate = duplicate;
}

TEST_P(Transfer, a_mebibyte_each_way) {
  for (const std::uint32_t loss : {0u, 10u, 50u, 200u})
    for (const std::uint32_t other : {0u, 100u}) {
      World::Setup s = setup(loss + other);
      make_bad(s, loss, other, other);
      s.tcp.orphan_give_up = 4h;  // three losses in a row are an orphan's end otherwise
      expect_transfer(s, 1u << 20, loss == 0 ? 60s : loss == 10 ? 300s : loss == 50 ? 1800s : 4h);
      if (HasFailure()) return;
    }
}

// Everything small or odd that the settings allow, by seed.
TEST_P(Transfer, many_seeds) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Seeded r{seed};
    World::Setup s = setup(seed);
    const std::uint32_t losses[] = {0, 10, 50, 200};
    make_bad(s, losses[r.in(0, 3)], static_cast<std::uint32_t>(r.in(0, 2) * 100),
             static_cast<std::uint32_t>(r.in(0, 2) * 50));
    s.gso = r.in(0, 3) != 0;
    s.whole = r.in(0, 2) == 0;
    s.slabs = r.in(0, 3) == 0;
    s.mtu = GetParam().family == Family::v6 ? 1280 + static_cast<std::uint32_t>(r.in(0, 400))
                                            : 576 + static_cast<std::uint32_t>(r.in(0, 1000));
    s.tcp.orphan_give_up = 4h;
    s.tcp.timestamps = r.in(0, 1) != 0;
    s.tcp.sack = r.in(0, 1) != 0;
    s.tcp.window_scale = r.in(0, 1) != 0;
    s.tcp.receive_buffer = r.in(0, 1) != 0 ? 64u << 10 : r.in(2304, 20'000);
    s.tcp.send_buffer = r.in(0, 1) != 0 ? 64u << 10 : r.in(4608, 20'000);
    if (r.in(0, 2) == 0) s.tcp.test_isn = 0xffff'ff00u;  // the numbers wrap in the first segments
    Plan chunks{.write_chunk = r.in(100, 30'000), .read_chunk = r.in(100, 30'000), .random_chunks = true};
    expect_transfer(s, r.in(1000, 60'000), 30min, chunks);
    if (HasFailure()) return;
  }
}

// The least MSS there is, and the least buffers.
TEST_P(Transfer, tiny_segments_and_tiny_buffers) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    World::Setup s = setup(seed);
    make_bad(s, 30, 50, 30);
    World w{s};
    const Plan plan{.write = 20'000, .write_chunk = 700, .read_chunk = 300, .random_chunks = true};
    Recorder& right = w.at(World::right);
    const SocketId listener = w.serve(World::right, 80, 4, plan);
    ASSERT_TRUE(right.set(listener, Option::max_segment, 88));
    ASSERT_TRUE(right.set(listener, Option::receive_buffer, 1));
    ASSERT_TRUE(right.set(listener, Option::send_buffer, 1));
    User& user = w.connect(World::left, 80, plan);
    ASSERT_TRUE(w.run(30min, [&] { return user.gone() && w.users(World::right) == 1 && w.user(World::right).gone(); }))
        << tail(w);
    EXPECT_EQ(user.read() + w.user(World::right).read(), 40'000u);
    for (const auto& seen : w.seen()) ASSERT_LE(seen.size, seen.from == World::left ? 88u : 1460u);
    static_cast<void>(right.close(listener));
    expect_all_given_back(w, 130s);
  }
}

// X6: with every packet out of order there is no livelock, and no flood of retransmissions.
TEST_P(Transfer, everything_out_of_order) {
  World::Setup s = setup(3);
  make_bad(s, 0, 1000, 0);
  World w{s};
  w.serve(World::right, 80, 4, {});
  w.connect(World::left, 80, {.write = 300'000});
  ASSERT_TRUE(w.run(300s, [&] { return w.users(World::right) == 1 && w.user(World::right).ended(); })) << tail(w);
  EXPECT_EQ(w.user(World::right).read(), 300'000u);
  const auto& c = w.stack(World::left).counters();
  EXPECT_LE(c.tcp_retransmits, 3 * 300'000 / 1440u);
  expect_lawful(w);
}

// M3: only the answer to a probe tells that the window opened.
TEST_P(Transfer, finishes_though_every_window_update_is_lost) {
  World::Setup s = setup(5);
  World w{s};
  // An update: a pure ACK that only moves the window. One that comes within a round trip of a probe is its answer.
  auto last = std::make_shared<std::uint32_t>(0);
  auto asked = std::make_shared<Instant>();
  auto lost = std::make_shared<int>(0);
  w.way(World::left).drop = [&w, asked](const Segment& seg) {
    if (!seg.text.empty()) *asked = w.now();
    return false;
  };
  w.way(World::right).drop = [&w, last, asked, lost](const Segment& seg) {
    const bool update = seg.flags == flag::ack && seg.text.empty() && seg.ack == *last && w.now() - *asked > 10ms;
    *last = seg.ack;
    *lost += update;
    return update;
  };
  Plan slow{.read_chunk = 2000};
  slow.reads = false;
  ASSERT_TRUE(w.at(World::right).set(w.serve(World::right, 80, 4, slow), Option::receive_buffer, 12'000));
  w.connect(World::left, 80, {.write = 100'000});
  // The reader looks now and then, and takes everything.
  for (int i = 1; i < 100; ++i)
    w.later(i * 2700ms, [&w] {
      if (w.users(World::right) == 0) return;
      User& right = w.user(World::right);
      right.plan.reads = true;
      right.act();
      right.plan.reads = false;
    });
  ASSERT_TRUE(w.run(280s, [&] { return w.users(World::right) == 1 && w.user(World::right).ended(); })) << tail(w);
  EXPECT_EQ(w.user(World::right).read(), 100'000u);
  EXPECT_GT(*lost, 3) << "there were updates to lose";
  expect_lawful(w);
}

// M7: an acknowledgment comes within 200 ms of the text, and in the steady state not more often than for each second
// segment.
TEST_P(Transfer, acknowledgments_are_neither_late_nor_many) {
  for (const bool gso : {false, true}) {
    World::Setup s = setup(6);
    s.gso = gso;
    for (Way& way : s.ways) way.rate = 2'000'000;
    World w{s};
    w.serve(World::right, 80, 4, {});
    w.connect(World::left, 80, {.write = 2'000'000});
    ASSERT_TRUE(w.run(60s, [&] { return w.users(World::right) == 1 && w.user(World::right).ended(); })) << tail(w);
    std::size_t segments = 0, acks = 0;
    for (const auto& seen : w.seen()) {
      if (seen.from == World::left && seen.size != 0) ++segments;
      if (seen.from == World::right && seen.segment.flags == flag::ack) ++acks;
    }
    EXPECT_LE(acks, segments / 2 + 10) << segments;
    EXPECT_GE(acks, segments / 60);
  }
}

TEST_P(Transfer, a_lonely_segment_is_acknowledged_within_200_ms) {
  World w{setup(7)};
  w.serve(World::right, 80, 4, {.end = Plan::End::stay});
  User& user = w.connect(World::left, 80, {.write = 10, .end = Plan::End::stay});
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(w.run(
        5s, [&] { return w.at(World::left).info(user.socket()).unacked == 0 && user.written() == user.plan.write; }));
    w.run(1s);
    user.plan.write += 10;
    user.act();
    const Instant sent = w.now();
    ASSERT_TRUE(w.run(5s, [&] { return w.at(World::left).info(user.socket()).unacked == 0; }));
    EXPECT_LE(w.now() - sent, 10ms + 200ms);
  }
}

}  // namespace
}  // namespace tunic::test
