#include "port/demux.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <random>
#include <vector>

namespace tunic {
namespace {

constexpr PrfKey key{9, 8, 7, 6, 5, 4, 3, 2, 1};

// The i-th of many peers of one server.
FourTuple pair(std::uint32_t i) {
  return {{IpAddr::v4(0xc6120001u), Port{80}}, {IpAddr::v4(0xc6130000u + (i >> 15)), Port(1024 + (i & 0x7fff))}};
}

TEST(Demux, finds_what_was_inserted) {
  const Prf prf{key};
  Demux demux{prf};
  EXPECT_FALSE(demux.find(pair(1)));
  EXPECT_TRUE(demux.insert(pair(1), 10));
  EXPECT_FALSE(demux.insert(pair(1), 11)) << "a pair is one connection";
  EXPECT_EQ(demux.find(pair(1)), 10u);
  EXPECT_FALSE(demux.find(pair(1).reversed()));
  EXPECT_TRUE(demux.replace(pair(1), 12));
  EXPECT_FALSE(demux.replace(pair(2), 12));
  EXPECT_EQ(demux.find(pair(1)), 12u);
  EXPECT_TRUE(demux.erase(pair(1)));
  EXPECT_FALSE(demux.erase(pair(1)));
  EXPECT_EQ(demux.size(), 0u);
}

TEST(Demux, each_octet_of_a_pair_counts) {
  const Prf prf{key};
  Demux demux{prf};
  std::array<std::byte, sizeof(FourTuple)> octets{};
  for (std::uint32_t i = 0; i < octets.size(); ++i) {
    octets[i] = std::byte{1};
    EXPECT_TRUE(demux.insert(std::bit_cast<FourTuple>(octets), i));
    octets[i] = std::byte{0};
  }
  for (std::uint32_t i = 0; i < octets.size(); ++i) {
    octets[i] = std::byte{1};
    EXPECT_EQ(demux.find(std::bit_cast<FourTuple>(octets)), i);
    octets[i] = std::byte{0};
  }
}

TEST(Demux, agrees_with_std_map) {
  const Prf prf{key};
  Demux demux{prf};
  std::map<std::uint32_t, std::uint32_t> reference;
  std::mt19937 random{3};
  std::uint32_t range = 64;
  for (std::uint32_t step = 0; step < 400'000; ++step) {
    if (step % 50'000 == 0) range *= 4;
    const auto i = static_cast<std::uint32_t>(random() % range);
    const auto it = reference.find(i);
    switch (random() % 4) {
      case 0:
      case 1:
        ASSERT_EQ(demux.insert(pair(i), step), it == reference.end());
        reference.emplace(i, step);
        break;
      case 2:
        ASSERT_EQ(demux.erase(pair(i)), it != reference.end());
        reference.erase(i);
        break;
      default:
        ASSERT_EQ(demux.find(pair(i)), it == reference.end() ? std::nullopt : std::optional{it->second});
        ASSERT_EQ(demux.replace(pair(i), step), it != reference.end());
        if (it != reference.end()) it->second = step;
    }
    ASSERT_EQ(demux.size(), reference.size());
  }
  for (const auto& [i, value] : reference) ASSERT_EQ(demux.find(pair(i)), value);
}

TEST(Demux, a_million_pairs_and_none_refused) {  // R13 (a)
  const Prf prf{key};
  Demux demux{prf};
  constexpr std::uint32_t count = 1'000'000;
  double highest = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    ASSERT_TRUE(demux.insert(pair(i), i)) << i;
    highest = std::max(highest, double(demux.size()) / double(demux.capacity()));
  }
  EXPECT_GE(highest, 0.75);
  for (std::uint32_t i = 0; i < count; ++i) ASSERT_EQ(demux.find(pair(i)), i);
  for (std::uint32_t i = count; i < count + 1000; ++i) ASSERT_FALSE(demux.find(pair(i)));
  for (std::uint32_t i = 0; i < count; ++i) ASSERT_TRUE(demux.erase(pair(i)));
  EXPECT_LE(demux.capacity(), 64u) << "an empty table holds little";
}

// One who knew the key could fill two buckets and no more: the rest of his pairs are refused, the table does not grow
// for them, and other pairs keep working.
TEST(Demux, pairs_made_to_collide_are_refused) {  // R13 (b)
  const Prf prf{key};
  Demux demux{prf};
  for (std::uint32_t i = 0; i < 500; ++i) ASSERT_TRUE(demux.insert(pair(i), i));
  const std::size_t capacity = demux.capacity();
  std::vector<FourTuple> colliding;
  for (std::uint32_t i = 1000; colliding.size() < 60; ++i) {
    const FourTuple p = pair(i);
    const std::uint64_t h = prf(Purpose::demux, std::bit_cast<std::array<std::byte, sizeof(FourTuple)>>(p));
    if ((h & 0x7f) == 0 && (h >> 32 & 0x7f) == 0) colliding.push_back(p);
  }
  std::size_t accepted = 0;
  for (const FourTuple& p : colliding)
    if (demux.insert(p, 7)) ++accepted;
  EXPECT_LE(accepted, Demux::probes);
  EXPECT_EQ(demux.capacity(), capacity);
  for (std::uint32_t i = 0; i < 500; ++i) ASSERT_EQ(demux.find(pair(i)), i);
  std::size_t honest = 0;
  for (std::uint32_t i = 500; i < 600; ++i) honest += demux.insert(pair(i), i);
  EXPECT_GE(honest, 99u);
}

}  // namespace
}  // namespace tunic
