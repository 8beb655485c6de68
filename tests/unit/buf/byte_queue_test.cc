// A queue of octets against a string.
#include "buf/byte_queue.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tunic {
namespace {

Bytes bytes(const std::string& s) { return std::as_bytes(std::span{s}); }

std::string text_of(const ByteQueue& q, std::size_t offset, std::size_t size) {
  std::string s(size, '?');
  q.copy_out(offset, std::as_writable_bytes(std::span{s}));
  return s;
}

std::string text_of(const TxPacket& p) {
  std::string s;
  for (std::size_t i = 0; i < p.slices; ++i)
    s.append(reinterpret_cast<const char*>(p.text[i].data()), p.text[i].size());
  return s;
}

TEST(ByteQueue, small_writes_share_a_block) {
  Pool pool{8u << 20};
  ByteQueue q;
  for (int i = 0; i < 200; ++i) ASSERT_EQ(q.append(pool, bytes("x")), 1u);
  EXPECT_EQ(pool.in_use(), Pool::block_size(Pool::Class::tiny));
  EXPECT_EQ(q.pinned(), pool.in_use());
}

TEST(ByteQueue, keeps_a_slice_that_fills_half_its_block_and_copies_less) {
  Pool pool{8u << 20};
  ByteQueue q;
  Slice full = pool.allocate(Pool::Class::small);
  ASSERT_TRUE(q.append(pool, full.subslice(0, 1024)));
  EXPECT_EQ(pool.in_use(), 2048u);
  ASSERT_TRUE(q.append(pool, pool.allocate(Pool::Class::medium).subslice(0, 100)));
  EXPECT_LT(pool.in_use(), 16'384u) << "the large block is free again";
}

TEST(ByteQueue, lent_text_is_copied) {
  Pool pool{8u << 20};
  ByteQueue q;
  std::string text(3000, 'a');
  ASSERT_TRUE(q.append(pool, Slice::lent(bytes(text))));
  text.assign(3000, 'b');
  EXPECT_EQ(text_of(q, 0, 3000), std::string(3000, 'a'));
}

// What is borrowed is referred to, and is ours from take_over() on; what another owner lends stays where it is.
TEST(ByteQueue, takes_over_what_is_borrowed_from_one_owner) {
  for (const std::size_t dropped : {0u, 1u, 5'000u, 20'100u, 150'000u}) {
    Pool pool{8u << 20};
    ByteQueue q;
    std::string lent(150'000, 'a'), external(20'000, 'b'), whole;
    q.append(pool, bytes("begin"));
    q.borrow(Slice::borrowed(bytes(lent), Slice::Owner::lent));
    q.borrow(Slice::borrowed(bytes(external), Slice::Owner::external));
    q.append(pool, bytes("middle"));
    q.borrow(Slice::borrowed(bytes(lent).first(70'000), Slice::Owner::lent));
    q.borrow({});
    whole = "begin" + lent + external + "middle" + lent.substr(0, 70'000);
    EXPECT_EQ(q.borrowed(Slice::Owner::lent), 220'000u);
    EXPECT_EQ(q.borrowed(Slice::Owner::external), 20'000u);
    EXPECT_EQ(q.places(), 3u + 1 + 2);
    TxPacket packet;
    EXPECT_EQ(q.gather(4, 60'000, packet), 60'000u);
    EXPECT_EQ(packet.text[1].data(), reinterpret_cast<const std::byte*>(lent.data()));
    packet.clear();
    q.drop_front(dropped);
    whole.erase(0, dropped);
    const std::size_t used = pool.in_use();
    q.take_over(pool, Slice::Owner::lent);
    EXPECT_LE(pool.in_use() - used, 5 * Pool::payload);
    lent.assign(lent.size(), 'x');
    EXPECT_EQ(q.borrowed(Slice::Owner::lent), 0u);
    EXPECT_EQ(q.places(), 1u);
    EXPECT_EQ(text_of(q, 0, q.size()), whole);
    q.take_over(pool, Slice::Owner::external);
    external.assign(external.size(), 'y');
    EXPECT_EQ(q.places(), 0u);
    EXPECT_EQ(text_of(q, 0, q.size()), whole);
    EXPECT_EQ(q.gather(0, 60'000, packet), 60'000u);
    EXPECT_EQ(text_of(packet), whole.substr(0, 60'000));
    packet.clear();
    q.drop_front(q.size());
    EXPECT_EQ(pool.in_use(), 0u);
  }
}

TEST(ByteQueue, an_empty_queue_holds_no_memory) {
  Pool pool{8u << 20};
  ByteQueue q;
  q.append(pool, bytes(std::string(100'000, 'a')));
  q.drop_front(100'000);
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.pinned(), 0u);
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(ByteQueue, gather_stops_where_a_packet_has_no_room_for_slices) {
  Pool pool{8u << 20};
  ByteQueue q;
  for (int i = 0; i < 30; ++i) {
    Slice s = pool.allocate(Pool::Class::tiny);
    s.truncate(200);
    ASSERT_TRUE(q.append(pool, std::move(s)));
  }
  TxPacket p;
  EXPECT_EQ(q.gather(0, 6000, p), 200u * TxPacket::max_slices);
}

TEST(ByteQueue, when_memory_is_out_what_is_there_stays) {
  Pool pool{1};  // one chunk
  ByteQueue q;
  const std::string text(200'000, 'z');
  const std::size_t n = q.append(pool, bytes(text));
  EXPECT_LT(n, text.size());
  EXPECT_GT(n, 0u);
  EXPECT_EQ(q.size(), n);
  EXPECT_EQ(text_of(q, 0, n), text.substr(0, n));
  EXPECT_FALSE(q.append(pool, Slice::lent(bytes(text).first(60'000)))) << "all or nothing";
  EXPECT_EQ(q.size(), n);
}

TEST(ByteQueue, agrees_with_a_string_under_random_operations) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random{seed};
    const auto pick = [&](std::size_t least, std::size_t most) { return least + random() % (most - least + 1); };
    Pool pool{4u << 20};
    if (seed % 3 == 2) pool.fail_every(4);
    ByteQueue q;
    std::string reference;
    char next = 0;
    const auto fresh = [&](std::size_t n) {
      std::string s(n, 0);
      for (char& c : s) c = next++;
      return s;
    };
    for (int step = 0; step < 500; ++step) {
      switch (pick(0, 5)) {
        case 0:
        case 1: {
          const std::string s = fresh(pick(1, step % 7 == 0 ? 40'000 : 900));
          const std::size_t n = q.append(pool, bytes(s));
          ASSERT_LE(n, s.size());
          if (seed % 3 != 2) {
            ASSERT_EQ(n, s.size());
          }
          reference += s.substr(0, n);
          break;
        }
        case 2: {
          const std::string s = fresh(pick(1, 3000));
          Slice slice = pick(0, 1) != 0 ? Slice::lent(bytes(s)) : pool.copy(bytes(s));
          if (slice.empty()) break;
          if (q.append(pool, slice)) reference += s;
          break;
        }
        case 3: {
          if (reference.empty()) break;
          const std::size_t n = pick(1, reference.size());
          q.drop_front(n);
          reference.erase(0, n);
          break;
        }
        default: {
          if (reference.empty()) break;
          const std::size_t offset = pick(0, reference.size() - 1), size = pick(1, reference.size() - offset);
          ASSERT_EQ(text_of(q, offset, size), reference.substr(offset, size)) << "seed " << seed;
          TxPacket p;
          const std::size_t n = q.gather(offset, size, p);
          ASSERT_TRUE(n == size || p.slices == TxPacket::max_slices);
          ASSERT_EQ(text_of(p), reference.substr(offset, n)) << "seed " << seed;
          p.clear();
        }
      }
      ASSERT_EQ(q.size(), reference.size());
    }
    q.clear();
    ASSERT_EQ(pool.in_use(), 0u);
  }
}

}  // namespace
}  // namespace tunic
