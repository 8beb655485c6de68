// Text that is sent from the writer's memory: the same packets come out as if it had been copied at once, whatever
// becomes of the memory when the loan is over, and no octet is another.
#include "pair.h"

namespace tunic::test {
namespace {

struct Loans : Pair {
  static World::Setup bad(std::uint64_t seed, std::uint32_t loss) {
    World::Setup s = setup(seed);
    for (Way& w : s.ways) w.loss = loss, w.reorder = 50, w.duplicate = 30;
    s.tcp.orphan_give_up = 4h;
    return s;
  }
  static Plan plan(std::size_t octets) {
    return {.write = octets, .write_chunk = 300'000, .read_chunk = 100'000, .random_chunks = true, .loan = 40ms};
  }
  static void converse(World& w, const Plan& p) {
    w.serve(World::right, 80, 4, p);
    User& user = w.connect(World::left, 80, p);
    const bool done =
        w.run(4h, [&] { return user.gone() && w.users(World::right) == 1 && w.user(World::right).gone(); });
    EXPECT_TRUE(done) << user.read() << " octets arrived left" << tail(w);
    EXPECT_EQ(user.read(), p.write);
    EXPECT_EQ(w.user(World::right).read(), p.write);
  }
  static std::uint64_t copied(World& w) { return w.stack(World::left).counters().text_taken_over; }
};
INSTANTIATE_TEST_SUITE_P(, Loans, pair_variants, variant_name);

TEST_P(Loans, nothing_is_lost_where_much_is) {
  for (const std::uint32_t loss : {0u, 50u}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      World w{bad(seed, loss)};
      converse(w, plan(1u << 20));
      EXPECT_NE(copied(w), 0u) << "loans ended too late to need a copy";
      EXPECT_LT(copied(w), 1u << 20) << "loans ended too early to save one";
      expect_all_given_back(w, 130s);
      if (HasFailure()) return;
    }
  }
}

TEST_P(Loans, the_same_packets_come_out_as_of_copies) {
  for (std::uint64_t seed = 20; seed < 22; ++seed) {
    World::Setup s = bad(seed, 50);
    World lent{s};
    s.tcp.borrow_from = std::size_t{1} << 32;
    World copied_at_once{s};
    converse(lent, plan(1u << 20)), converse(copied_at_once, plan(1u << 20));
    EXPECT_EQ(lent.trace_hash(), copied_at_once.trace_hash());
    EXPECT_NE(copied(lent), 0u);
    EXPECT_EQ(copied(copied_at_once), 0u);
  }
}

TEST_P(Loans, a_replay_that_copies_at_once_agrees) {
  World::Setup s = bad(30, 50);
  s.record = true;
  World w{s};
  converse(w, plan(1u << 20));
  for (int side : {World::left, World::right}) {
    const auto wrong = replay(w.config(side), w.journal(side));
    EXPECT_FALSE(wrong) << *wrong;
  }
}

// Where the peer acknowledges before the call is over nothing is copied at all.
TEST_P(Loans, what_is_acknowledged_in_time_is_never_copied) {
  World::Setup s = setup(40);
  for (Way& w : s.ways) w.delay = 10us;
  World w{s};
  const SocketId door = w.serve(World::right, 80, 4, {.reads = true, .end = Plan::End::stay});
  static_cast<void>(door);
  User& user = w.connect(World::left, 80, {.end = Plan::End::stay});
  w.run(1s);
  Stack& stack = w.stack(World::left);
  std::vector<std::byte> text(64u << 10);
  for (int i = 0; i < 100; ++i) {
    const Bytes wanted = World::stream(static_cast<std::size_t>(i) * text.size(), text.size());
    std::copy(wanted.begin(), wanted.end(), text.begin());
    ASSERT_EQ(stack.send(user.socket(), text, {.loan = Loan::call}), text.size());
    EXPECT_EQ(stack.lent_bytes(user.socket()), text.size());
    EXPECT_EQ(stack.pool().in_use(), 0u);
    w.flush(World::left);
    w.run(100ms);
    ASSERT_EQ(stack.lent_bytes(user.socket()), 0u);
    ASSERT_TRUE(stack.end_loan(user.socket()));
  }
  EXPECT_EQ(copied(w), 0u);
  EXPECT_EQ(w.user(World::right).read(), 100 * text.size());
  expect_lawful(w);
}

// However little memory there is when the loan ends: a copy of what is lent has its place from the beginning.
TEST_P(Loans, a_copy_finds_room_when_all_memory_is_taken) {
  World w{setup(50)};
  w.serve(World::right, 80, 4, {.end = Plan::End::stay});
  User& user = w.connect(World::left, 80, {.end = Plan::End::stay});
  w.run(1s);
  Stack& stack = w.stack(World::left);
  const Bytes wanted = World::stream(0, 60'000);
  std::vector<std::byte> text{wanted.begin(), wanted.end()};
  ASSERT_EQ(stack.send(user.socket(), text, {.loan = Loan::call}), text.size());
  std::vector<Slice> hoard;
  for (Slice s = stack.pool().allocate(Pool::Class::receive); !s.empty();
       s = stack.pool().allocate(Pool::Class::receive))
    hoard.push_back(std::move(s));
  ASSERT_GT(hoard.size(), 100u);
  stack.pool().fail_every(1);
  ASSERT_TRUE(stack.end_loan(user.socket()));
  stack.pool().fail_every(0);
  std::ranges::fill(text, std::byte{0xee});
  hoard.clear();
  w.flush(World::left);
  w.run(10s);
  EXPECT_EQ(w.user(World::right).read(), text.size());
  expect_lawful(w);
}

// close() and abort() end the loan themselves: nobody could do it afterwards.
TEST_P(Loans, closing_ends_a_loan) {
  for (const bool aborts : {false, true}) {
    World w{setup(60)};
    w.serve(World::right, 80, 4, {});
    User& user = w.connect(World::left, 80, {.end = Plan::End::stay});
    w.run(1s);
    Stack& stack = w.stack(World::left);
    const Bytes wanted = World::stream(0, 60'000);
    std::vector<std::byte> text{wanted.begin(), wanted.end()};
    ASSERT_EQ(stack.send(user.socket(), text, {.loan = Loan::call}), text.size());
    ASSERT_TRUE(aborts ? stack.abort(user.socket()) : stack.close(user.socket()));
    EXPECT_EQ(stack.end_loan(user.socket()).error(), Error::bad_handle);
    std::ranges::fill(text, std::byte{0xee});
    w.flush(World::left);
    w.run(10s);
    EXPECT_EQ(w.user(World::right).read(), aborts ? 0u : text.size());
    expect_all_given_back(w, 130s);
  }
}

// Sends that stay where they are until they are acknowledged are reported in order, each once, and none before.
TEST_P(Loans, sends_without_a_copy_are_reported_when_they_are_acknowledged) {
  for (std::uint64_t seed = 80; seed < 83; ++seed) {
    World w{bad(seed, 50)};
    w.serve(World::right, 80, 4, {.end = Plan::End::stay});
    User& user = w.connect(World::left, 80, {.end = Plan::End::stay});
    w.run(10s);
    Stack& stack = w.stack(World::left);
    std::vector<std::vector<std::byte>> texts;
    std::vector<std::size_t> ends;
    std::size_t at = 0, reported = 0;
    const auto hear = [&] {
      ErrorReport r;
      while (stack.receive_error(user.socket(), {}, r)) {
        ASSERT_EQ(r.origin, origin::zero_copy);
        ASSERT_EQ(r.info, reported);
        for (; reported <= r.data; ++reported) {
          EXPECT_LE(ends[reported] + *stack.unacknowledged_bytes(user.socket()), at);
          std::ranges::fill(texts[reported], std::byte{0xee});
          texts[reported] = {};
        }
      }
    };
    while (at < 1u << 20) {
      const Bytes wanted = World::stream(at, w.random().in(1, 100'000));
      texts.emplace_back(wanted.begin(), wanted.end());
      const auto n = stack.send(user.socket(), texts.back(), {.loan = Loan::acknowledged});
      if (n) {
        ends.push_back(at += *n);
        ASSERT_TRUE(stack.end_zero_copy(user.socket()));
      } else {
        texts.pop_back();
      }
      w.flush(World::left);
      w.run(std::chrono::milliseconds{w.random().in(0, 30)});
      hear();
    }
    EXPECT_TRUE(w.run(4h, [&] { return *stack.unacknowledged_bytes(user.socket()) == 0; }));
    w.flush(World::left);
    hear();
    EXPECT_EQ(reported, texts.size());
    EXPECT_EQ(copied(w), 0u);
    EXPECT_EQ(w.user(World::right).read(), at);
    expect_lawful(w);
    if (HasFailure()) return;
  }
}

// A reset takes the text away, and with it the loan and the place for a copy.
TEST_P(Loans, a_reset_ends_what_is_lent) {
  World w{setup(70)};
  w.serve(World::right, 80, 4, {.reads = false, .end = Plan::End::stay});
  User& user = w.connect(World::left, 80, {.reads = false, .end = Plan::End::stay});
  w.run(1s);
  Stack& stack = w.stack(World::left);
  const Bytes wanted = World::stream(0, 60'000);
  ASSERT_EQ(stack.send(user.socket(), wanted, {.loan = Loan::call}), wanted.size());
  ASSERT_TRUE(w.stack(World::right).abort(w.user(World::right).socket()));
  w.flush(World::right);
  w.run(1s);
  EXPECT_EQ(stack.lent_bytes(user.socket()), 0u);
  ASSERT_TRUE(stack.end_loan(user.socket()));
  EXPECT_EQ(copied(w), 0u);
  ASSERT_TRUE(stack.close(user.socket()));
  w.flush(World::left);
  expect_all_given_back(w, 130s);
}

}  // namespace
}  // namespace tunic::test
