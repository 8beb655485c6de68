// Two ends in one process: what one sends the other receives.
#include "buf/memory_link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tunic {
namespace {

std::vector<std::byte> octets(std::size_t n, int first = 0) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<std::byte>(first + static_cast<int>(i % 251));
  return v;
}

TxPacket packet(std::size_t header, Bytes text = {}) {
  TxPacket p;
  p.end = static_cast<std::uint16_t>(p.begin + header);
  std::fill_n(p.headers.begin() + p.begin, header, std::byte{0x45});
  if (!text.empty()) p.text[p.slices++] = Slice::lent(text);
  return p;
}

struct MemoryLinkTest : testing::Test {
  Pool left_pool{8 << 20}, right_pool{8 << 20};
  MemoryLink link{left_pool, right_pool, 4};
};

TEST_F(MemoryLinkTest, a_packet_arrives_whole_and_copied) {
  const auto a = octets(1000), b = octets(500, 7);
  TxPacket p = packet(52, a);
  p.text[p.slices++] = Slice::lent(b);
  ASSERT_EQ(link.left().send({&p, 1}), 1u);
  EXPECT_TRUE(link.waiting());
  EXPECT_TRUE(link.left().receive().empty()) << "nothing comes back";
  const auto got = link.right().receive();
  ASSERT_EQ(got.size(), 1u);
  ASSERT_EQ(got[0].data.size(), 1552u);
  EXPECT_TRUE(std::equal(a.begin(), a.end(), got[0].data.data() + 52));
  EXPECT_TRUE(std::equal(b.begin(), b.end(), got[0].data.data() + 1052));
  EXPECT_EQ(got[0].data.owner(), Slice::Owner::slab);
  EXPECT_EQ(left_pool.in_use(), 0u);
  EXPECT_NE(right_pool.in_use(), 0u);
  EXPECT_FALSE(got[0].looped);
  EXPECT_FALSE(link.waiting());
}

TEST_F(MemoryLinkTest, order_is_kept_both_ways) {
  for (Link* from : {&link.left(), &link.right()}) {
    std::vector<TxPacket> sent;
    for (std::size_t n : {40, 52, 60}) sent.push_back(packet(n));
    ASSERT_EQ(from->send(sent), 3u);
    const auto got = (from == &link.left() ? link.right() : link.left()).receive();
    ASSERT_EQ(got.size(), 3u);
    EXPECT_EQ(got[0].data.size(), 40u);
    EXPECT_EQ(got[1].data.size(), 52u);
    EXPECT_EQ(got[2].data.size(), 60u);
  }
}

TEST_F(MemoryLinkTest, a_full_end_takes_no_more) {
  std::vector<TxPacket> sent(6, packet(40));
  EXPECT_EQ(link.left().send(sent), 4u);
  EXPECT_EQ(link.left().send(sent), 0u);
  EXPECT_EQ(link.right().receive().size(), 4u);
  EXPECT_EQ(link.left().send(sent), 4u);
  EXPECT_EQ(link.dropped(), 0u);
}

TEST_F(MemoryLinkTest, offload_arrives_as_a_device_would_give_it) {
  const auto text = octets(65'000);
  TxPacket p = packet(52, text);
  p.offload = {.checksum = Offload::Checksum::partial, .gso_size = 1448, .transport = 20, .checksum_field = 16};
  TxPacket complete = packet(40);
  ASSERT_EQ(link.left().send({&p, 1}) + link.left().send({&complete, 1}), 2u);
  const auto got = link.right().receive();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].offload.checksum, Offload::Checksum::verified);
  EXPECT_EQ(got[0].offload.gso_size, 1448);
  EXPECT_EQ(got[1].offload.checksum, Offload::Checksum::unknown);
  EXPECT_EQ(got[1].offload.gso_size, 0);
}

TEST_F(MemoryLinkTest, text_of_a_super_packet_begins_on_a_page) {
  const auto text = octets(65'535 - 72);
  TxPacket p = packet(72, text);
  ASSERT_EQ(link.left().send({&p, 1}), 1u);
  const auto got = link.right().receive();
  ASSERT_EQ(got[0].data.size(), 65'535u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got[0].data.data() + 72) % Pool::page, 0u);
}

TEST_F(MemoryLinkTest, without_memory_a_packet_is_lost_and_counted) {
  TxPacket p = packet(40);
  right_pool.fail_every(1);
  EXPECT_EQ(link.left().send({&p, 1}), 1u);
  EXPECT_EQ(link.dropped(), 1u);
  right_pool.fail_every(0);
  EXPECT_EQ(link.left().send({&p, 1}), 1u);
  EXPECT_EQ(link.right().receive().size(), 1u);
}

TEST_F(MemoryLinkTest, what_is_not_taken_out_is_given_back) {
  TxPacket p = packet(40);
  ASSERT_EQ(link.left().send({&p, 1}), 1u);
  ASSERT_EQ(link.right().receive().size(), 1u);
  EXPECT_TRUE(link.right().receive().empty());
  EXPECT_EQ(right_pool.in_use(), 0u);
}

}  // namespace
}  // namespace tunic
