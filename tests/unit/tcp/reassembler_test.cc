// Text out of order against a bitmap: every octet that was kept comes out once, and nothing else does.
#include "tcp/reassembler.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tunic {
namespace {

Seq at(std::int64_t n) { return Seq::first({0xffff'ff00u}) + n; }
std::byte octet(std::int64_t n) { return static_cast<std::byte>(n * 7 + n / 251); }

std::vector<std::byte> octets(std::int64_t begin, std::int64_t end) {
  std::vector<std::byte> v;
  for (std::int64_t i = begin; i < end; ++i) v.push_back(octet(i));
  return v;
}

struct ReassemblerTest : testing::Test {
  Reassembler::Result insert(std::int64_t begin, std::int64_t end, std::size_t most = 64) {
    return r.insert(pool, at(begin), pool.copy(octets(begin, end)), most);
  }
  Pool pool{8u << 20};
  Reassembler r;
};

TEST_F(ReassemblerTest, gives_a_piece_once_the_hole_before_it_is_filled) {
  EXPECT_EQ(insert(10, 20).kept, Reassembler::Kept::kept);
  EXPECT_FALSE(r.take(at(5)));
  const auto piece = r.take(at(10));
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->size(), 10u);
  EXPECT_TRUE(r.empty());
  EXPECT_EQ(r.pinned(), 0u);
}

TEST_F(ReassemblerTest, cuts_a_piece_that_begins_before_the_next_octet) {
  insert(10, 20);
  const auto piece = r.take(at(15));
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->size(), 5u);
  EXPECT_EQ(*piece->data(), octet(15));
}

TEST_F(ReassemblerTest, drops_a_piece_that_has_come_by_another_way) {
  insert(10, 20);
  EXPECT_FALSE(r.take(at(20)));
  EXPECT_TRUE(r.empty());
}

TEST_F(ReassemblerTest, tells_what_came_twice) {  // RFC 2883
  insert(10, 20);
  const auto twice = insert(12, 18);
  EXPECT_EQ(twice.kept, Reassembler::Kept::duplicate);
  EXPECT_EQ(twice.duplicate, (SeqRange{at(12), at(18)}));
  const auto partly = insert(15, 30);
  EXPECT_EQ(partly.kept, Reassembler::Kept::kept);
  EXPECT_EQ(partly.duplicate, (SeqRange{at(15), at(20)}));
}

TEST_F(ReassemblerTest, the_first_block_holds_the_newest_text) {  // RFC 2018 section 4
  insert(10, 20);
  insert(30, 40);
  insert(50, 60);
  insert(32, 45);
  std::array<SeqRange, 4> blocks;
  ASSERT_EQ(r.blocks(blocks, 4), 3u);
  EXPECT_EQ(blocks[0], (SeqRange{at(30), at(45)}));
  EXPECT_EQ(blocks[1], (SeqRange{at(50), at(60)}));
  EXPECT_EQ(blocks[2], (SeqRange{at(10), at(20)}));
  EXPECT_EQ(r.blocks(blocks, 2), 2u);
}

TEST_F(ReassemblerTest, blocks_that_touch_are_one) {
  insert(10, 20);
  insert(30, 40);
  insert(20, 30);
  std::array<SeqRange, 4> blocks;
  ASSERT_EQ(r.blocks(blocks, 4), 1u);
  EXPECT_EQ(blocks[0], (SeqRange{at(10), at(40)}));
}

// R1: beyond the limit a new piece is refused; none that was told of is given up.
TEST_F(ReassemblerTest, refuses_more_islands_than_it_may_have) {
  for (std::int64_t i = 0; i < 64; ++i) ASSERT_EQ(insert(10 * i + 10, 10 * i + 15).kept, Reassembler::Kept::kept);
  EXPECT_EQ(insert(1000, 1005).kept, Reassembler::Kept::refused);
  EXPECT_EQ(r.islands(), 64u);
  EXPECT_EQ(r.size(), 320u);
  for (std::int64_t i = 0; i < 64; ++i) EXPECT_TRUE(r.take(at(10 * i + 10)));
}

TEST_F(ReassemblerTest, without_memory_nothing_is_kept_and_nothing_is_lost) {
  insert(100, 200);
  const Slice text = pool.copy(octets(300, 400));  // less than half of a block of its own: it would be copied
  pool.fail_every(1);
  EXPECT_EQ(r.insert(pool, at(300), text.subslice(0, 20), 64).kept, Reassembler::Kept::refused);
  pool.fail_every(0);
  EXPECT_EQ(r.size(), 100u);
  EXPECT_TRUE(r.take(at(100)));
}

TEST_F(ReassemblerTest, agrees_with_a_bitmap_under_random_operations) {
  for (unsigned seed = 0; seed < 80; ++seed) {
    std::mt19937 random{seed};
    const auto pick = [&](std::int64_t least, std::int64_t most) {
      return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
    };
    r.clear();
    std::vector<bool> here(4000);
    std::int64_t next = 1;  // octet 0 is missing, so all is out of order at first
    if (seed % 4 == 3) pool.fail_every(5);
    for (int step = 0; step < 400; ++step) {
      if (pick(0, 9) != 0) {
        const std::int64_t begin = next + pick(1, 500), end = std::min<std::int64_t>(4000, begin + pick(1, 120));
        if (begin >= end) continue;
        const auto text = octets(begin, end);
        const Slice slice = pick(0, 1) != 0 ? Slice::lent(text) : pool.copy(text);
        if (slice.empty()) continue;
        const std::size_t before = r.size();
        const auto result = r.insert(pool, at(begin), slice, 64);
        if (result.kept == Reassembler::Kept::refused) {
          ASSERT_EQ(r.size(), before);
        }
        std::int64_t missing = 0;
        for (std::int64_t i = begin; i < end; ++i) missing += !here[static_cast<std::size_t>(i)];
        if (result.kept == Reassembler::Kept::duplicate) {
          ASSERT_EQ(missing, 0);
        }
        // What is reported is what is kept: the blocks tell how far the text came.
        std::int64_t left = static_cast<std::int64_t>(r.size() - before);
        ASSERT_LE(left, missing);
        for (std::int64_t i = begin; i < end && left > 0; ++i)
          if (!here[static_cast<std::size_t>(i)]) here[static_cast<std::size_t>(i)] = true, --left;
      } else {
        next += pick(1, 200);  // the hole was filled up to here
        if (next >= 4000) break;
        while (auto piece = r.take(at(next))) {
          for (std::size_t i = 0; i < piece->size(); ++i) {
            ASSERT_TRUE(here[static_cast<std::size_t>(next)]) << "seed " << seed;
            ASSERT_EQ(piece->data()[i], octet(next)) << "seed " << seed;
            ++next;
          }
        }
        ASSERT_TRUE(next >= 4000 || !here[static_cast<std::size_t>(next)])
            << "seed " << seed << ": kept, and not given";
      }
      std::array<SeqRange, 4> blocks;
      const std::size_t n = r.blocks(blocks, 4);
      ASSERT_EQ(n == 0, r.empty());
      for (std::size_t b = 0; b < n; ++b)
        for (std::int64_t i = std::max(blocks[b].begin - at(0), next); i < blocks[b].end - at(0); ++i)
          ASSERT_TRUE(here[static_cast<std::size_t>(i)]) << "told of, and not kept";
    }
    pool.fail_every(0);
    r.clear();
    ASSERT_EQ(pool.in_use(), 0u);
  }
}

}  // namespace
}  // namespace tunic
