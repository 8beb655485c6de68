// TIME-WAIT between two Stacks: bounded, recycled, and used again where timestamps keep old segments out (R10); and
// what initial numbers look like from outside (N1, N2).
#include <algorithm>
#include <set>

#include "pair.h"

namespace tunic::test {
namespace {

struct TimeWait : Pair {};
INSTANTIATE_TEST_SUITE_P(, TimeWait, pair_variants, variant_name);

/// The server writes one octet and closes; the client reads and closes after it: TIME-WAIT is the server's.
constexpr Plan one_octet{.write = 1};

// R10: 70 000 short connections within the 2 MSL of the first.
TEST(TimeWaitTable, seventy_thousand_short_connections_stay_within_the_bound) {
  World::Setup s;
  s.laws = s.remember = false;
  s.ways[0].delay = s.ways[1].delay = 100us;
  World w{s};
  // The end that connects closes first and has the records. Five ports on the other side: one has too few pairs.
  for (std::uint16_t port = 80; port < 85; ++port) w.serve(World::right, port, 64, {});
  constexpr int count = 70'000;
  int made = 0;
  const Instant start = w.now();
  while (made < count) {
    std::vector<User*> batch;
    for (int i = 0; i < 50; ++i, ++made)
      batch.push_back(&w.connect(World::left, static_cast<std::uint16_t>(80 + made % 5), {}));
    ASSERT_TRUE(w.run(10s, [&] { return std::ranges::all_of(batch, &User::gone); })) << made;
    ASSERT_LE(w.stack(World::left).connections(), 65'536u + 50);
    for (const User* user : batch) ASSERT_EQ(user->error(), 0) << made;
  }
  ASSERT_LT(w.now() - start, 60s) << "nothing has expired by itself";
  w.run(100ms);
  EXPECT_EQ(w.stack(World::left).connections(), 65'536u);
  EXPECT_EQ(w.stack(World::left).counters().time_wait_recycled, 70'000u - 65'536u);
  expect_all_given_back(w, 61s);
}

SocketId bound_socket(World& w, Family family) {
  Recorder& left = w.at(World::left);
  const SocketId s = left.open(family).value();
  EXPECT_TRUE(left.set(s, Option::reuse_address, 1));
  EXPECT_TRUE(left.bind(s, w.endpoint(World::left, 5000)));
  return s;
}

// R10, RFC 6191: connect() may use the pair of its own TIME-WAIT record again.
TEST_P(TimeWait, a_pair_with_timestamps_is_free_after_a_second_and_without_them_after_2_msl) {
  for (const bool timestamps : {true, false}) {
    World::Setup setup_now = setup();
    setup_now.tcp.timestamps = timestamps;
    World w{setup_now};
    w.serve(World::right, 80, 8, one_octet);
    const auto connect = [&] {
      const SocketId s = bound_socket(w, GetParam().family);
      const Status connecting = w.at(World::left).connect(s, w.endpoint(World::right, 80), w.now());
      const Error error = connecting ? Error{} : connecting.error();
      if (error != Error::in_progress) {
        static_cast<void>(w.at(World::left).close(s));
        return error;
      }
      User& user = w.use(World::left, s, {});
      w.flush(World::left);
      EXPECT_TRUE(w.run(3s, [&] { return user.gone(); })) << tail(w);
      EXPECT_EQ(user.read(), 1u) << tail(w);
      return error;
    };
    ASSERT_EQ(connect(), Error::in_progress);
    w.run(100ms);
    ASSERT_EQ(w.stack(World::left).connections(), 1u) << "in TIME-WAIT";
    EXPECT_EQ(connect(), Error::not_available) << "too early";
    w.run(1s);
    EXPECT_EQ(connect(), timestamps ? Error::in_progress : Error::not_available);
    w.run(60s);
    EXPECT_EQ(connect(), Error::in_progress);
    expect_all_given_back(w, 61s);
  }
}

// RFC 9293 §3.4.1 (MUST-8, MUST-9, SHLD-1), N1: initial numbers of one pair grow, and a pair that is opened again
// begins beyond where it ended.
TEST_P(TimeWait, a_pair_opened_again_begins_beyond_where_it_ended) {
  World w{setup()};
  w.serve(World::right, 80, 8, {.write = 200'000});
  std::uint32_t end[2] = {};
  for (int round = 0; round < 5; ++round) {
    const SocketId s = bound_socket(w, GetParam().family);
    static_cast<void>(w.at(World::left).connect(s, w.endpoint(World::right, 80), w.now()));
    const std::size_t since = w.seen().size();
    User& user = w.use(World::left, s, {.write = 300'000});
    w.flush(World::left);
    ASSERT_TRUE(w.run(30s, [&] { return user.gone(); }));
    for (int side : {World::left, World::right}) {
      std::uint32_t isn = 0;
      for (std::size_t i = since; i < w.seen().size(); ++i) {
        const auto& seen = w.seen()[i];
        if (seen.from != side) continue;
        if (seen.segment.has(flag::syn)) isn = seen.segment.seq;
        const std::uint32_t after =
            seen.segment.seq + static_cast<std::uint32_t>(seen.size) + seen.segment.has(flag::fin);
        if (static_cast<std::int32_t>(after - isn) > static_cast<std::int32_t>(end[side] - isn)) {
          if (seen.segment.has(flag::syn) && round > 0) {
            EXPECT_GT(static_cast<std::int32_t>(isn - end[side]), 0) << "side " << side;
          }
          end[side] = after;
        }
      }
    }
    w.run(1100ms);
  }
  expect_lawful(w);
}

// N1, N2: what peers see of one Stack tells nothing of its other connections nor of the clock.
TEST_P(TimeWait, numbers_and_timestamps_of_two_connections_have_nothing_in_common) {
  World w{setup()};
  w.serve(World::right, 80, 64, {});
  std::set<std::uint32_t> isns, stamps, apart;
  for (int i = 0; i < 200; ++i) w.connect(World::left, 80, {});
  std::uint32_t last = 0;
  for (const auto& seen : w.seen()) {
    if (seen.from != World::left || !seen.segment.has(flag::syn)) continue;
    isns.insert(seen.segment.seq);
    stamps.insert(seen.segment.options.ts->val >> 8);
    apart.insert(seen.segment.seq - last);
    last = seen.segment.seq;
  }
  EXPECT_EQ(isns.size(), 200u);
  EXPECT_GE(stamps.size(), 199u) << "two stamps within 256 ms of each other by chance";
  EXPECT_EQ(apart.size(), 200u);
}

}  // namespace
}  // namespace tunic::test
