// A narrow place on the way: what its router says makes segments fit (RFC 1191, RFC 8201), and costs little.
#include "pair.h"

namespace tunic::test {
namespace {

struct PathMtuOfPair : Pair {
  static std::uint32_t narrow() { return GetParam().family == Family::v4 ? 600 : 1280; }
  static TcpInfo info(World& w) { return w.stack(World::left).info(w.user(World::left).socket(), w.now()).value(); }
  /// With timestamps in each segment.
  static std::uint32_t mss_of(std::uint32_t mtu) { return mtu - (GetParam().family == Family::v4 ? 52 : 72); }
};
INSTANTIATE_TEST_SUITE_P(, PathMtuOfPair, pair_variants, variant_name);

bool read_all(World& w, Duration within, std::size_t n) {
  return w.run(within, [&] { return w.users(World::right) == 1 && w.user(World::right).read() == n; });
}

void write_more(World& w, std::size_t n) {
  User& user = w.user(World::left);
  user.plan.write += n;
  user.act();
  w.flush(World::left);
}

// The way is narrow from the first: no timeout is needed to learn it.
TEST_P(PathMtuOfPair, is_learned_at_the_beginning) {
  World::Setup s = setup();
  s.ways[World::left].mtu = narrow();
  World w{s};
  w.serve(World::right, 80, 4, {.end = Plan::End::stay});
  w.connect(World::left, 80, {.write = 1'000'000, .end = Plan::End::stay});
  ASSERT_TRUE(read_all(w, 10s, 1'000'000)) << tail(w);
  EXPECT_EQ(info(w).snd_mss, mss_of(narrow()));
  EXPECT_LE(info(w).total_retrans, 64u) << "the first window, cut anew";
  std::size_t refused = 0;
  for (const auto& seen : w.seen()) refused += seen.from == World::left && seen.lost;
  EXPECT_LE(refused, 10u) << "the first window";
  expect_lawful(w);
}

// C2: 1500 octets, then 600 (1280), then 9000: a way that turns narrower costs a timeout; one that turns wider is
// noticed when what was learned has expired, ten minutes later (RFC 1191 section 6.3).
TEST_P(PathMtuOfPair, follows_the_way_down_and_up) {
  World::Setup s = setup();
  s.mtu = 9000;
  s.ways[World::left].mtu = 1500;
  World w{s};
  w.serve(World::right, 80, 4, {.end = Plan::End::stay});
  w.connect(World::left, 80, {.write = 2'000'000, .end = Plan::End::stay});
  ASSERT_TRUE(w.run(10s, [&] { return w.users(1) == 1 && w.user(World::right).read() > 1'000'000; })) << tail(w);
  EXPECT_EQ(info(w).snd_mss, mss_of(1500));
  w.way(World::left).mtu = narrow();
  ASSERT_TRUE(read_all(w, 10s, 2'000'000)) << tail(w);
  EXPECT_EQ(info(w).snd_mss, mss_of(narrow()));
  w.way(World::left).mtu = 0;
  w.run(601s);
  write_more(w, 1'000'000);
  ASSERT_TRUE(read_all(w, 10s, 3'000'000)) << tail(w);
  EXPECT_EQ(info(w).snd_mss, mss_of(9000));
  expect_lawful(w);
}

// The devices' own MTU changes under way: nothing is lost.
TEST_P(PathMtuOfPair, follows_the_device) {
  World::Setup s = setup();
  World w{s};
  w.serve(World::right, 80, 4, {.end = Plan::End::stay});
  w.connect(World::left, 80, {.write = 3'000'000, .end = Plan::End::stay});
  const auto reads_until = [&](std::size_t n) {
    return w.run(10s, [&] { return w.users(1) == 1 && w.user(World::right).read() >= n; });
  };
  ASSERT_TRUE(reads_until(1'000'000)) << tail(w);
  w.stack(World::left).set_mtu(narrow());
  ASSERT_TRUE(reads_until(2'000'000)) << tail(w);
  EXPECT_EQ(info(w).snd_mss, mss_of(narrow()));
  w.stack(World::left).set_mtu(9000);
  ASSERT_TRUE(reads_until(3'000'000)) << tail(w);
  EXPECT_EQ(info(w).snd_mss, mss_of(1500)) << "the peer takes no more";
  EXPECT_EQ(info(w).total_retrans, 0u);
  expect_lawful(w);
}

}  // namespace
}  // namespace tunic::test
