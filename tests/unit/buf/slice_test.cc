#include "buf/slice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

#include "buf/packet.h"
#include "buf/slab.h"

namespace tunic {
namespace {

constexpr auto small = Pool::Class::small;

TEST(Slice, nothing) {
  const Slice s;
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.owner(), Slice::Owner::none);
  EXPECT_EQ(s.pinned(), 0u);
  EXPECT_EQ(s.tailroom(), 0u);
  const Slice copy = s;
  EXPECT_TRUE(copy.empty());
}

TEST(Slice, lent_memory_is_only_referred_to) {
  std::array<std::byte, 10> memory{};
  const Slice s = Slice::lent(memory);
  const Slice part = s.subslice(3, 4);
  EXPECT_EQ(part.data(), memory.data() + 3);
  EXPECT_EQ(part.size(), 4u);
  EXPECT_EQ(part.owner(), Slice::Owner::lent);
  EXPECT_EQ(part.pinned(), 4u);
  EXPECT_EQ(part.tailroom(), 0u);
  EXPECT_TRUE(part.is_borrowed());
}

TEST(Slice, a_block_lives_as_long_as_one_slice_of_it) {
  Pool pool{1};
  Slice a = pool.allocate(small);
  {
    const Slice b = a;
    Slice c = std::move(a);
    a = c;
    EXPECT_EQ(pool.in_use(), Pool::block_size(small));
  }
  EXPECT_EQ(pool.in_use(), Pool::block_size(small));
  a = Slice{a};
  EXPECT_EQ(a.size(), Pool::block_size(small));
  a = {};
  EXPECT_EQ(pool.in_use(), 0u);
}

// A range that is cut to nothing points to the end of its block, which is where the next block begins: the count must
// stay with the block that was allocated.
TEST(Slice, cut_to_the_very_end_still_counts_for_its_own_block) {
  Pool pool{1};
  for (const auto c : {Pool::Class::tiny, small, Pool::Class::medium}) {
    Slice first = pool.allocate(c), second = pool.allocate(c);
    ASSERT_EQ(first.data() + first.size(), second.data());
    first.drop_front(first.size());
    EXPECT_TRUE(first.empty());
    EXPECT_EQ(first.pinned(), Pool::block_size(c));
    EXPECT_EQ(first.tailroom(), 0u);
    const Slice end = second.subslice(second.size(), 0);
    second = {};
    EXPECT_EQ(pool.in_use(), 2 * Pool::block_size(c));
    first = {};
    EXPECT_EQ(pool.in_use(), Pool::block_size(c)) << "`end` keeps the second";
  }
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Slice, tailroom_is_for_the_only_holder) {
  Pool pool{1};
  Slice s = pool.allocate(small);
  EXPECT_EQ(s.tailroom(), 0u);
  s.truncate(100);
  EXPECT_EQ(s.tailroom(), Pool::block_size(small) - 100);
  s.drop_front(40);
  EXPECT_EQ(s.tailroom(), Pool::block_size(small) - 100);
  {
    const Slice other = s;
    EXPECT_EQ(s.tailroom(), 0u) << "the other may not see octets change";
  }
  s.grow(s.tailroom());
  EXPECT_EQ(s.size(), Pool::block_size(small) - 40);
  EXPECT_EQ(s.tailroom(), 0u);
}

TEST(TxPacket, clear_lets_go_of_the_text) {
  Pool pool{1};
  TxPacket packet;
  packet.end = TxPacket::room + 20;
  for (int i = 0; i < 2; ++i) packet.text[packet.slices++] = pool.allocate(small);
  EXPECT_EQ(packet.header().size(), 20u);
  EXPECT_EQ(packet.text_size(), 2 * Pool::block_size(small));
  EXPECT_EQ(packet.size(), 20 + packet.text_size());
  packet.clear();
  EXPECT_EQ(packet.size(), 0u);
  EXPECT_EQ(pool.in_use(), 0u);
}

}  // namespace
}  // namespace tunic
