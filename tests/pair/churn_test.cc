// Connections that come and go, many at a time, with users that reset and networks that lose: nothing is left behind.
#include <algorithm>

#include "pair.h"

namespace tunic::test {
namespace {

struct Churn : Pair {};
INSTANTIATE_TEST_SUITE_P(, Churn, pair_variants, variant_name);

Plan any_plan(Seeded& r) {
  Plan p{.write = r.in(0, 6000), .write_chunk = r.in(1, 3000), .read_chunk = r.in(1, 3000)};
  const auto end = r.in(0, 9);
  p.end = end < 6 ? Plan::End::half_close : end < 8 ? Plan::End::close : Plan::End::abort;
  return p;
}

TEST_P(Churn, two_thousand_connections_leave_nothing_behind) {
  World::Setup s = setup(21);
  for (Way& w : s.ways) w.loss = 20, w.reorder = 50, w.duplicate = 20, w.delay = 1ms;
  s.tcp.time_wait = 2s;
  World w{s};
  Seeded r{99};
  SocketId listener = w.serve(World::right, 80, 3, any_plan(r));
  std::vector<User*> users;
  for (int i = 0; i < 2000; ++i) {
    users.push_back(&w.connect(World::left, 80, any_plan(r)));
    if (r.in(0, 19) == 0) {  // one that gives up at once
      static_cast<void>(w.at(World::left).abort(users.back()->socket()));
      users.pop_back();
    }
    w.run(std::chrono::microseconds{r.in(0, 8000)});
    if (i % 200 == 199) {  // the listener goes away with all that waits in it, and comes back
      static_cast<void>(w.at(World::right).close(listener));
      w.flush(World::right);
      listener = w.serve(World::right, 80, 1 + static_cast<int>(r.in(0, 7)), any_plan(r));
    }
  }
  w.run(400s, [&] { return std::ranges::all_of(users, &User::gone); });
  static_cast<void>(w.at(World::right).close(listener));
  std::size_t whole = 0, stuck = 0;
  for (User* user : users) {
    whole += user->error() == 0 && user->ended();
    stuck += !user->gone();
    if (!user->gone()) static_cast<void>(w.at(World::left).close(user->socket()));
  }
  // A user waits for ever only where the peer was reset and its reset was lost: it has nothing to send that would tell
  // it.
  EXPECT_LE(stuck, users.size() / 50);
  EXPECT_GT(whole, users.size() / 4);
  for (std::size_t i = 0; i < w.users(World::right); ++i)
    if (User& user = w.user(World::right, i); !user.gone()) static_cast<void>(w.at(World::right).close(user.socket()));
  w.flush(World::left);
  w.flush(World::right);
  expect_all_given_back(w, 200s);
  for (int side : {World::left, World::right}) EXPECT_FALSE(w.stack(side).unfinished());
}

// Reports come once: a handle that is closed names nothing, also when its place is used again.
TEST_P(Churn, old_handles_stay_dead) {
  World w{setup()};
  Recorder& left = w.at(World::left);
  std::vector<SocketId> old;
  for (int i = 0; i < 100; ++i) {
    const SocketId s = left.open(GetParam().family).value();
    for (const SocketId dead : old) {
      EXPECT_NE(dead, s);
      EXPECT_EQ(left.close(dead).error(), Error::bad_handle);
    }
    ASSERT_TRUE(left.close(s));
    old.push_back(s);
  }
}

}  // namespace
}  // namespace tunic::test
