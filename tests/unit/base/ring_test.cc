#include "base/ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace tunic {
namespace {

TEST(Ring, is_a_queue_from_both_ends) {
  Ring<int> ring;
  EXPECT_EQ(ring.capacity(), 0u);
  for (int i = 0; i < 10; ++i) ring.push_back(i);
  EXPECT_EQ(ring.pop_front(), 0);
  EXPECT_EQ(ring.pop_back(), 9);
  EXPECT_EQ(ring.front(), 1);
  EXPECT_EQ(ring.back(), 8);
  EXPECT_EQ(ring[3], 4);
  EXPECT_EQ(ring.size(), 8u);
}

TEST(Ring, capacity_is_a_power_of_two_and_goes_back_when_empty) {
  Ring<int> ring;
  for (int i = 0; i < 100; ++i) ring.push_back(i);
  EXPECT_EQ(ring.capacity(), 128u);
  ring.shrink();
  EXPECT_EQ(ring.size(), 100u) << "only an empty ring gives its memory back";
  ring.clear();
  EXPECT_EQ(ring.capacity(), 128u);
  ring.shrink();
  EXPECT_EQ(ring.capacity(), 0u);
  ring.push_back(7);
  EXPECT_EQ(ring.front(), 7);
}

TEST(Ring, a_moved_ring_is_empty) {
  Ring<int> a;
  a.push_back(1);
  Ring<int> b{std::move(a)};
  EXPECT_EQ(b.front(), 1);
  a.push_back(2);
  EXPECT_EQ(a.size(), 1u);
  a = std::move(b);
  EXPECT_EQ(a.front(), 1);
  EXPECT_TRUE(b.empty());
}

TEST(Ring, lets_go_of_what_is_popped) {
  auto counted = std::make_shared<int>(5);
  Ring<std::shared_ptr<int>> ring;
  for (int i = 0; i < 9; ++i) ring.push_back(counted);
  EXPECT_EQ(counted.use_count(), 10);
  ring.pop_front();
  ring.pop_back();
  EXPECT_EQ(counted.use_count(), 8);
  ring.clear();
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(Ring, agrees_with_std_deque) {
  std::mt19937 random{2};
  Ring<int> ring;
  std::deque<int> reference;
  for (int step = 0; step < 100'000; ++step) {
    const auto what = random() % 8;
    if (what < 4 && reference.size() < 300) {
      ring.push_back(step);
      reference.push_back(step);
    } else if (what < 6 && !reference.empty()) {
      ASSERT_EQ(ring.pop_front(), reference.front());
      reference.pop_front();
    } else if (what == 6 && !reference.empty()) {
      ASSERT_EQ(ring.pop_back(), reference.back());
      reference.pop_back();
    } else if (what == 7) {
      ring.shrink();
    }
    ASSERT_EQ(ring.size(), reference.size());
    if (reference.empty()) continue;
    const std::size_t i = random() % reference.size();
    ASSERT_EQ(ring[i], reference[i]);
  }
}

}  // namespace
}  // namespace tunic
