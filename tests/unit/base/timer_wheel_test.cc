#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

namespace tunic {
namespace {

Instant at(Duration d) { return Instant{d}; }

// The number of the tick at which a node may come out first.
std::int64_t due_tick(Instant when) {
  const auto t = when.time_since_epoch().count(), g = TimerWheel::granularity.count();
  return t / g + (t % g > 0);
}

// The same queue, slowly: ordered by tick, then by the time of arming.
class Reference {
 public:
  void arm(std::uint32_t owner, Instant when) {
    cancel(owner);
    where_[owner] = queue_.emplace(due_tick(when), owner);
  }
  void cancel(std::uint32_t owner) {
    const auto it = where_.find(owner);
    if (it == where_.end()) return;
    queue_.erase(it->second);
    where_.erase(it);
  }
  const std::uint32_t* due(Instant now) const {
    if (queue_.empty() || queue_.begin()->first * TimerWheel::granularity > now.time_since_epoch()) return nullptr;
    return &queue_.begin()->second;
  }
  Instant first() const { return queue_.empty() ? never : at(queue_.begin()->first * TimerWheel::granularity); }
  std::size_t size() const { return queue_.size(); }

 private:
  std::multimap<std::int64_t, std::uint32_t> queue_;
  std::map<std::uint32_t, std::multimap<std::int64_t, std::uint32_t>::iterator> where_;
};

TEST(TimerWheel, fires_at_the_tick_after_its_time) {
  TimerWheel wheel;
  TimerNode node;
  EXPECT_EQ(wheel.next(), never);
  EXPECT_EQ(wheel.pop_due(at(1h)), nullptr);
  const Instant when = at(1h + 200ms);
  wheel.arm(node, when);
  EXPECT_TRUE(node.is_armed());
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(node.when, when);
  EXPECT_EQ(wheel.pop_due(when - 1ns), nullptr);
  EXPECT_EQ(wheel.pop_due(when + TimerWheel::granularity), &node);
  EXPECT_FALSE(node.is_armed());
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.next(), never);
}

TEST(TimerWheel, an_exact_tick_is_not_late) {
  TimerWheel wheel;
  TimerNode node;
  wheel.arm(node, at(1000 * TimerWheel::granularity));
  EXPECT_EQ(wheel.next(), node.when);
  EXPECT_EQ(wheel.pop_due(node.when - 1ns), nullptr);
  EXPECT_EQ(wheel.pop_due(node.when), &node);
}

TEST(TimerWheel, rearms_and_cancels) {
  TimerWheel wheel;
  TimerNode node;
  wheel.cancel(node);
  wheel.arm(node, at(1s));
  wheel.arm(node, at(3s));
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(wheel.pop_due(at(2s)), nullptr);
  wheel.arm(node, at(2500ms));
  EXPECT_EQ(wheel.pop_due(at(2600ms)), &node);
  wheel.arm(node, at(4s));
  wheel.cancel(node);
  EXPECT_EQ(wheel.pop_due(at(5s)), nullptr);
  wheel.arm(node, at(6s));
  wheel.arm(node, never);
  EXPECT_FALSE(node.is_armed());
  EXPECT_EQ(wheel.next(), never);
  wheel.arm(node, at(1s));
  EXPECT_EQ(wheel.pop_due(at(6s)), &node) << "a time that is past is due at once";
}

TEST(TimerWheel, one_tick_is_first_in_first_out) {
  TimerWheel wheel;
  std::vector<TimerNode> nodes(5000);
  for (std::size_t i = 0; i < 2500; ++i) wheel.arm(nodes[i], at(90s));
  EXPECT_EQ(wheel.pop_due(at(89s)), nullptr);
  for (std::size_t i = 2500; i < 5000; ++i) wheel.arm(nodes[i], at(90s));
  std::size_t popped = 0;
  while (wheel.next() <= at(91s))
    if (TimerNode* node = wheel.pop_due(at(91s))) {
      ASSERT_EQ(node, &nodes[popped++]);
    }
  EXPECT_EQ(popped, nodes.size());
}

TEST(TimerWheel, nodes_armed_while_a_slot_cascades_keep_the_order) {
  TimerWheel wheel;
  std::vector<TimerNode> nodes(3 * TimerWheel::moves);
  for (TimerNode& node : nodes) wheel.arm(node, at(100s));
  ASSERT_EQ(wheel.pop_due(at(101s)), nullptr) << "more than one call may move";
  ASSERT_LE(wheel.next(), at(101s));
  TimerNode same_tick, later, far;
  wheel.arm(same_tick, at(100s));
  wheel.arm(later, at(100s) + 2 * TimerWheel::granularity);
  wheel.arm(far, at(300s));
  std::vector<TimerNode*> order;
  while (wheel.next() <= at(101s))
    if (TimerNode* node = wheel.pop_due(at(101s))) order.push_back(node);
  ASSERT_EQ(order.size(), nodes.size() + 2);
  for (std::size_t i = 0; i < nodes.size(); ++i) ASSERT_EQ(order[i], &nodes[i]);
  EXPECT_EQ(order[nodes.size()], &same_tick);
  EXPECT_EQ(order.back(), &later);
  EXPECT_EQ(wheel.pop_due(at(301s)), &far);
}

TEST(TimerWheel, a_cascading_slot_may_be_cancelled_empty) {
  TimerWheel wheel;
  std::vector<TimerNode> nodes(3 * TimerWheel::moves);
  for (std::size_t i = 0; i < nodes.size(); ++i) wheel.arm(nodes[i], at(100s));
  ASSERT_EQ(wheel.pop_due(at(101s)), nullptr);
  TimerNode later;
  for (std::size_t i = 1; i < nodes.size(); ++i) wheel.cancel(nodes[i]);
  wheel.arm(later, at(105s));
  TimerNode* first = nullptr;
  while (wheel.next() <= at(101s) && first == nullptr) first = wheel.pop_due(at(101s));
  EXPECT_EQ(first, &nodes[0]);
  EXPECT_EQ(wheel.pop_due(at(106s)), &later);
}

TEST(TimerWheel, idle_until_the_deadline) {
  TimerWheel wheel;
  TimerNode node;
  wheel.pop_due(at(1h));
  wheel.arm(node, at(1h + 7200s));
  EXPECT_GE(wheel.next(), node.when) << "no call is needed before the node is due";
  EXPECT_LT(wheel.next(), node.when + TimerWheel::granularity);
  EXPECT_EQ(wheel.pop_due(wheel.next()), &node);
}

TEST(TimerWheel, centuries) {
  for (const Instant start : {Instant::min(), at(-1s), at(0s), at(24h * 365 * 200)}) {
    TimerWheel wheel;
    TimerNode near, far;
    wheel.pop_due(start);
    wheel.arm(far, start + 24h * 365 * 91);
    wheel.arm(near, start + 1ms);
    Instant now = start;
    std::vector<TimerNode*> order;
    for (int calls = 0; calls < 100 && wheel.next() != never; ++calls) {
      now = std::max(now, wheel.next());
      if (TimerNode* node = wheel.pop_due(now)) {
        EXPECT_LE(node->when, now);
        EXPECT_LT(now - node->when, TimerWheel::granularity);
        order.push_back(node);
      }
    }
    EXPECT_EQ(order, (std::vector{&near, &far}));
  }
  TimerWheel wheel;
  TimerNode last;
  wheel.arm(last, never - 1ns);
  EXPECT_EQ(wheel.next(), never) << "the tick after it is past the end of time";
  EXPECT_EQ(wheel.pop_due(never), nullptr);
  wheel.cancel(last);
}

// Random deadlines from nanoseconds to days, jumps of the time included: the same nodes in the same order as the
// reference, and next() never later than the first of them.
void agrees_with_reference(std::uint64_t seed, Instant start) {
  SCOPED_TRACE(seed);
  std::mt19937_64 random{seed};
  TimerWheel wheel;
  Reference reference;
  std::vector<TimerNode> nodes(500);
  for (std::uint32_t i = 0; i < nodes.size(); ++i) nodes[i].owner = i;
  const auto span = [&] { return Duration{1 + static_cast<std::int64_t>(random() >> (64 - random() % 48 - 1))}; };
  Instant now = start;
  for (int step = 0; step < 100'000; ++step) {
    TimerNode& node = nodes[random() % nodes.size()];
    const auto what = random() % 16;
    if (what < 9) {
      const Instant when = now + span();
      wheel.arm(node, when);
      reference.arm(node.owner, when);
    } else if (what < 11) {
      wheel.cancel(node);
      reference.cancel(node.owner);
    } else {
      if (what < 13)
        now += span() / 1000;
      else if (what == 13)
        now += span();
      else
        now = std::max(now, std::min(wheel.next(), now + 1h));
      for (;;) {
        TimerNode* popped = wheel.pop_due(now);
        if (popped == nullptr && wheel.next() <= now) continue;
        const std::uint32_t* expected = reference.due(now);
        ASSERT_EQ(popped == nullptr, expected == nullptr) << step;
        if (popped == nullptr) break;
        ASSERT_EQ(popped->owner, *expected) << step;
        ASSERT_LE(popped->when, now);
        reference.cancel(popped->owner);
      }
    }
    ASSERT_EQ(wheel.size(), reference.size());
    ASSERT_LE(wheel.next(), reference.first()) << step;
  }
  for (TimerNode& node : nodes) wheel.cancel(node);
  EXPECT_EQ(wheel.next(), never);
}

TEST(TimerWheel, agrees_with_reference) {
  agrees_with_reference(1, at(0s));
  agrees_with_reference(2, at(1'700'000'000s));
  agrees_with_reference(3, at(-24h * 365 * 200));
}

TEST(TimerWheel, sleeping_until_next_never_spins) {
  std::mt19937_64 random{7};
  TimerWheel wheel;
  std::vector<TimerNode> nodes(2000);
  for (TimerNode& node : nodes) wheel.arm(node, at(Duration{static_cast<std::int64_t>(random() >> 20)}));
  for (std::size_t i = 0; i < nodes.size(); i += 2) wheel.cancel(nodes[i]);
  std::size_t popped = 0, moved = 0;
  Instant now = at(0s);
  while (wheel.next() != never) {
    const Instant next = wheel.next();
    now = std::max(now, next);
    if (wheel.pop_due(now) != nullptr)
      ++popped;
    else if (wheel.next() <= next)
      moved += TimerWheel::moves;
  }
  EXPECT_EQ(popped, nodes.size() / 2);
  EXPECT_LE(moved, 7 * popped) << "each node moves at most 7 times";
}

TEST(TimerWheel, a_million_nodes_on_one_tick_come_out_in_bounded_calls) {  // R14
  constexpr std::size_t count = 1'000'000;
  const auto nodes = std::make_unique<TimerNode[]>(count);
  TimerWheel wheel;
  wheel.pop_due(at(1h));
  for (std::size_t i = 0; i < count; ++i) wheel.arm(nodes[i], at(1h + 60s));
  const Instant now = at(1h + 61s);
  std::size_t polls = 0, popped = 0;
  for (; wheel.size() != 0; ++polls)
    for (int i = 0; i < 256 && wheel.next() <= now; ++i)
      if (TimerNode* node = wheel.pop_due(now)) {
        ASSERT_EQ(node, &nodes[popped++]);
      }
  EXPECT_EQ(popped, count);
  EXPECT_LE(polls, 4000u);
}

}  // namespace
}  // namespace tunic
