#include "buf/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace tunic {
namespace {

using Class = Pool::Class;
constexpr Class all_classes[] = {Class::tiny, Class::small, Class::medium, Class::receive};
constexpr std::size_t one_chunk = Pool::chunk_size;

std::vector<std::byte> octets(std::size_t n, unsigned seed = 0) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<std::byte>(seed + i * 7);
  return v;
}

bool equal(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

// What is reserved is there for who reserved it, whatever the others take.
TEST(Pool, a_reservation_is_kept) {
  Pool pool{4 * one_chunk};
  ASSERT_TRUE(pool.reserve(2));
  EXPECT_FALSE(pool.reserve(3));
  EXPECT_TRUE(pool.has_spare(2));
  std::vector<Slice> taken;
  for (Slice s = pool.allocate(Class::receive); !s.empty(); s = pool.allocate(Class::receive))
    taken.push_back(std::move(s));
  EXPECT_EQ(taken.size(), 2u);
  EXPECT_FALSE(pool.has_spare(4));
  EXPECT_THROW(pool.allocate_reserved(Class::receive), std::bad_alloc) << "it has not ended";
  pool.fail_every(1);
  pool.unreserve(2);
  for (int i = 0; i < 2; ++i) taken.push_back(pool.allocate_reserved(Class::receive));
  EXPECT_THROW(pool.allocate_reserved(Class::tiny), std::bad_alloc);
  taken.clear();
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Pool, gives_blocks_of_each_class) {
  Pool pool{16 * one_chunk};
  for (const Class c : all_classes) {
    Slice s = pool.allocate(c);
    EXPECT_EQ(s.size(), Pool::block_size(c));
    EXPECT_EQ(s.owner(), Slice::Owner::slab);
    EXPECT_EQ(s.pinned(), Pool::block_size(c));
    EXPECT_EQ(pool.in_use(), Pool::block_size(c));
    s = {};
    EXPECT_EQ(pool.in_use(), 0u);
  }
}

TEST(Pool, class_for_is_the_smallest_that_holds) {
  for (const std::size_t n : {1, 256, 257, 2048, 2049, 16384, 16385, 65536}) {
    const Class c = Pool::class_for(n);
    EXPECT_GE(Pool::block_size(c), n);
    if (c != Class::tiny) {
      EXPECT_LT(Pool::block_size(static_cast<Class>(static_cast<int>(c) - 1)), n);
    }
  }
}

TEST(Pool, blocks_do_not_overlap_and_a_full_pool_gives_empty_slices) {
  for (const Class c : all_classes) {
    Pool pool{3 * one_chunk + 1};
    EXPECT_EQ(pool.limit(), 3 * one_chunk);
    std::vector<Slice> slices;
    std::set<const std::byte*> begins;
    for (Slice s = pool.allocate(c); !s.empty(); s = pool.allocate(c)) {
      begins.insert(s.data());
      slices.push_back(s);
    }
    EXPECT_EQ(slices.size(), 3 * Pool::payload / Pool::block_size(c));
    EXPECT_EQ(pool.in_use(), 3 * Pool::payload);
    for (auto a = begins.begin(), b = std::next(a); b != begins.end(); ++a, ++b)
      ASSERT_GE(static_cast<std::size_t>(*b - *a), Pool::block_size(c));
    EXPECT_TRUE(pool.copy(octets(10)).empty());
    EXPECT_TRUE(pool.allocate_receive(0).empty());
    slices.pop_back();
    EXPECT_FALSE(pool.allocate(c).empty()) << "what came back is there again";
    slices.clear();
    EXPECT_EQ(pool.in_use(), 0u);
  }
}

TEST(Pool, a_chunk_that_is_all_free_serves_any_class) {
  Pool pool{1};
  EXPECT_EQ(pool.limit(), one_chunk) << "at least one";
  for (int round = 0; round < 3; ++round)
    for (const Class c : all_classes) {
      std::vector<Slice> slices;
      for (Slice s = pool.allocate(c); !s.empty(); s = pool.allocate(c)) slices.push_back(s);
      ASSERT_EQ(slices.size(), Pool::payload / Pool::block_size(c));
    }
}

TEST(Pool, the_block_freed_last_is_reused_first) {
  Pool pool{one_chunk};
  const Slice keep = pool.allocate(Class::small);
  Slice a = pool.allocate(Class::small), b = pool.allocate(Class::small);
  const std::byte *at_a = a.data(), *at_b = b.data();
  a = {};
  b = {};
  a = pool.allocate(Class::small);
  b = pool.allocate(Class::small);
  EXPECT_EQ(a.data(), at_b);
  EXPECT_EQ(b.data(), at_a);
}

TEST(Pool, receive_slabs_end_with_a_page_aligned_payload) {
  Pool pool{8 * one_chunk};
  for (const std::size_t front :
       {std::size_t{0}, std::size_t{54}, std::size_t{94}, Pool::headroom, Pool::headroom + 1000}) {
    const std::size_t given = std::min(front, Pool::headroom);
    Slice s = pool.allocate_receive(front);
    ASSERT_EQ(s.size(), Pool::payload + given);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(s.data() + given) % Pool::page, 0u);
    std::fill_n(s.mutable_data(), s.size(), std::byte{0xff});  // must not reach what the pool knows of the block
    EXPECT_EQ(s.tailroom(), 0u);
    EXPECT_EQ(pool.in_use(), Pool::payload);
    Slice other = s;
    s = {};
    EXPECT_EQ(pool.in_use(), Pool::payload);
    other = {};
    EXPECT_EQ(pool.in_use(), 0u);
  }
}

TEST(Pool, copy_takes_the_smallest_class) {
  Pool pool{8 * one_chunk};
  for (const std::size_t n : {1, 256, 257, 2048, 16384, 16385, 65536}) {
    const auto text = octets(n);
    const Slice s = pool.copy(text);
    EXPECT_TRUE(equal(s.bytes(), text));
    EXPECT_EQ(s.pinned(), Pool::block_size(Pool::class_for(n)));
  }
  EXPECT_TRUE(pool.copy({}).empty());
  EXPECT_TRUE(pool.copy(octets(Pool::payload + 1)).empty());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Pool, fails_on_demand) {
  Pool pool{one_chunk};
  pool.fail_every(3);
  for (int i = 1; i <= 9; ++i) EXPECT_EQ(pool.allocate(Class::tiny).empty(), i % 3 == 0);
  pool.fail_every(0);
  for (int i = 1; i <= 9; ++i) EXPECT_FALSE(pool.allocate(Class::tiny).empty());
}

// Slices are made, copied, cut, moved and dropped at random: each keeps its octets, and in_use() is the blocks referred
// to.
TEST(Pool, random_use_keeps_the_octets_and_the_account) {
  std::mt19937 random{11};
  Pool pool{24 * one_chunk};
  struct Held {
    Slice slice;
    std::vector<std::byte> octets;
    unsigned block;
  };
  std::vector<Held> held;
  std::map<unsigned, std::pair<int, std::size_t>> blocks;  // slices of it, its size
  std::size_t expected = 0;
  unsigned made = 0, refused = 0;
  for (int step = 0; step < 100'000; ++step) {
    const auto what = random() % 10;
    if (what < 4) {
      const Class c = all_classes[random() % 4];
      const std::size_t front = c == Class::receive ? random() % Pool::headroom : 0;
      Slice s = c == Class::receive ? pool.allocate_receive(front) : pool.allocate(c);
      if (s.empty()) {
        ++refused;
        continue;
      }
      s.truncate(1 + random() % std::min<std::size_t>(s.size(), 300));
      auto text = octets(s.size(), ++made);
      std::copy(text.begin(), text.end(), s.mutable_data());
      blocks[made] = {1, Pool::block_size(c)};
      expected += Pool::block_size(c);
      held.push_back({std::move(s), std::move(text), made});
    } else if (!held.empty()) {
      const std::size_t i = random() % held.size();
      Held& h = held[i];
      ASSERT_TRUE(equal(h.slice.bytes(), h.octets));
      if (blocks[h.block].first > 1) {
        ASSERT_EQ(h.slice.tailroom(), 0u);
      }
      if (what < 6) {
        const std::size_t from = random() % (h.octets.size() + 1), size = random() % (h.octets.size() - from + 1);
        const auto begin = h.octets.begin() + static_cast<std::ptrdiff_t>(from);
        Held part{h.slice.subslice(from, size), {begin, begin + static_cast<std::ptrdiff_t>(size)}, h.block};
        ++blocks[h.block].first;
        held.push_back(std::move(part));
      } else if (what == 6) {
        const std::size_t n = random() % (h.octets.size() + 1);
        h.slice.drop_front(n);
        h.octets.erase(h.octets.begin(), h.octets.begin() + static_cast<std::ptrdiff_t>(n));
      } else {
        if (--blocks[h.block].first == 0) expected -= blocks[h.block].second;
        held[i] = std::move(held.back());
        held.pop_back();
      }
    }
    ASSERT_EQ(pool.in_use(), expected);
  }
  EXPECT_GT(refused, 100u) << "the pool was full at times";
  held.clear();
  EXPECT_EQ(pool.in_use(), 0u);
}

}  // namespace
}  // namespace tunic
