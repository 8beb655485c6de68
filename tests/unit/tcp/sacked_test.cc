// What the peer tells that it has beyond holes: the scoreboard against a record of each segment, and the work that a
// hostile peer can make (R2).
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "base/work.h"
#include "tcp/scoreboard.h"

namespace tunic {
namespace {

constexpr std::int64_t mss = 1460, super_packet = 44 * mss;
Seq at(std::int64_t n) { return Seq::first({0xffff'f000u}) + n; }
SeqRange segments(std::int64_t first, std::int64_t beyond) { return {at(first * mss), at(beyond * mss)}; }

/// So many octets are in flight, in super-packets.
void send(Scoreboard& s, std::int64_t octets) {
  for (std::int64_t n = 0; n < octets; n += super_packet)
    s.on_sent({.begin = at(n), .end = at(std::min(n + super_packet, octets)), .gso_size = mss});
}
bool sack(Scoreboard& s, std::initializer_list<SeqRange> blocks, std::size_t most = 4096) {
  return s.on_sack({blocks.begin(), blocks.size()}, most);
}

TEST(Sacked, counts_are_of_whole_segments_also_across_super_packets) {
  Scoreboard s;
  send(s, 3 * super_packet - 100);
  EXPECT_FALSE(sack(s, {segments(10, 20)}));
  EXPECT_FALSE(sack(s, {segments(40, 50)})) << "the end of one and the begin of the next";
  EXPECT_EQ(s.counts().sacked, 20);
  EXPECT_FALSE(sack(s, {{at(130 * mss), at(132 * mss - 100)}})) << "the last one is short";
  EXPECT_EQ(s.counts().sacked, 22);
  sack(s, {{at(60 * mss + 1), at(62 * mss - 1)}});
  EXPECT_EQ(s.counts().sacked, 22) << "no whole segment";
  EXPECT_EQ(s.counts().all, 132);
}

TEST(Sacked, of_what_is_lost_is_not_lost) {
  Scoreboard s;
  send(s, super_packet);
  sack(s, {segments(1, 4)});
  s.mark_all_lost();
  EXPECT_TRUE(s.sacked().empty()) << "RFC 2018 section 8";
  EXPECT_EQ(s.counts().lost, 44);
  sack(s, {segments(1, 4)});
  EXPECT_EQ(s.counts().lost, 41);
  EXPECT_EQ(s.lost(), super_packet) << "what goes again is for recovery to say";
}

TEST(Sacked, text_too_large_for_the_path_that_has_arrived_is_not_lost) {
  Scoreboard s;
  for (const std::int64_t n : {0, 1, 2}) s.on_sent({.begin = at(n * mss), .end = at((n + 1) * mss)});
  sack(s, {segments(1, 2)});
  EXPECT_TRUE(s.mark_larger_lost(1000));
  EXPECT_EQ(s.lost(), 2 * mss);
}

/// One record a segment.
struct Reference {
  struct Record {
    bool sacked = false, retransmitted = false;
  };
  std::vector<Record> all;
  std::size_t una = 0;
  std::size_t highest() const {
    std::size_t h = 0;
    for (std::size_t i = una; i < all.size(); ++i)
      if (all[i].sacked) h = i + 1;
    return h;
  }
  std::int64_t sacked() const {
    return std::count_if(all.begin() + static_cast<std::ptrdiff_t>(una), all.end(), [](auto& r) { return r.sacked; });
  }
};

TEST(Sacked, agrees_with_a_record_a_segment) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random{seed};
    const auto pick = [&](std::size_t least, std::size_t most) { return least + random() % (most - least + 1); };
    Scoreboard s;
    Reference r;
    for (int n = 0; n < 200; ++n) {
      const std::size_t end = r.all.size();
      const auto number = [](std::size_t i) { return static_cast<std::int64_t>(i); };
      if (end - r.una < 100) {
        const std::size_t more = pick(1, 20);
        s.on_sent({.begin = at(number(end) * mss), .end = at(number(end + more) * mss), .gso_size = mss});
        r.all.resize(end + more);
      } else if (pick(0, 3) == 0) {  // as an honest peer: up to the next hole
        std::size_t to = r.una + pick(1, 30);
        while (to < end && r.all[to].sacked) ++to;
        const std::size_t highest = r.highest();
        bool reordered = false;
        for (std::size_t i = r.una; i < to; ++i)
          reordered |= i < highest && !r.all[i].sacked && !r.all[i].retransmitted;
        ASSERT_EQ(s.on_ack(at(number(to) * mss)).reordered, reordered) << "seed " << seed;
        r.una = to;
      } else if (pick(0, 3) == 0) {
        const std::size_t i = pick(r.una, end - 1);
        s.mark_lost(at(number(i) * mss), at(number(i + 1) * mss));
        s.on_retransmitted(at(number(i) * mss), at(number(i + 1) * mss), Instant{});
        r.all[i].retransmitted = true;
      } else {
        std::vector<SeqRange> blocks;
        const std::size_t highest = r.highest();
        bool reordered = false;
        for (std::size_t k = pick(1, 4); k != 0; --k) {
          const std::size_t first = pick(r.una + 1, end - 1), beyond = std::min(end, first + pick(1, 9));
          blocks.push_back(segments(number(first), number(beyond)));
          bool news = false;
          for (std::size_t i = first; i < beyond; ++i) {
            if (!r.all[i].sacked && !std::exchange(news, true)) reordered |= i < highest && !r.all[i].retransmitted;
            r.all[i].sacked = true;
          }
        }
        ASSERT_EQ(s.on_sack(blocks, 4096), reordered) << "seed " << seed;
      }
      ASSERT_EQ(s.counts().sacked, r.sacked()) << "seed " << seed << " step " << n;
    }
  }
}

// R2: each block splits what is in flight anew, in the order that is worst to keep; and then one that spans all.
TEST(Sacked, work_and_memory_are_bounded_whatever_the_peer_tells) {
  if (!counts_work) GTEST_SKIP() << "this build does not count";
  constexpr std::int64_t octets = 64 << 20, count = octets / mss - 1;
  constexpr std::size_t most = 4096, octets_of_packet = 84;
  for (const std::int64_t stride : {2, 3, 7}) {
    Scoreboard s;
    send(s, octets);
    std::uint64_t worst = 0;
    const auto tell = [&](std::span<const SeqRange> blocks) {
      take_work();
      s.on_sack(blocks, most);
      worst = std::max(worst, take_work());
      ASSERT_LE(s.sacked().size(), most);
    };
    for (std::int64_t i = count - 4 * stride; i > stride; i -= 4 * stride) {
      std::array<SeqRange, 4> blocks;
      for (int k = 0; k < 4; ++k) blocks[static_cast<std::size_t>(k)] = segments(i + k * stride, i + k * stride + 1);
      tell(blocks);
    }
    EXPECT_EQ(s.sacked().size(), most);
    tell(std::array{segments(1, count), segments(2, count), segments(1, count - 1), segments(1, 2)});
    EXPECT_EQ(s.sacked().size(), 1u);
    EXPECT_LE(worst, 64 + octets_of_packet) << "law 2";
  }
}

// An acknowledgment of one segment against many ranges takes no more than against a few.
TEST(Sacked, an_acknowledgment_does_not_walk_the_ranges) {
  if (!counts_work) GTEST_SKIP() << "this build does not count";
  const auto work_with = [](std::int64_t holes) {
    Scoreboard s;
    send(s, 8 << 20);
    for (std::int64_t i = 0; i < holes; ++i) sack(s, {segments(10 + 2 * i, 11 + 2 * i)});
    take_work();
    s.on_ack(at(mss));
    return take_work();
  };
  EXPECT_LE(work_with(2000), work_with(4) + 20) << "a search, not a walk";
}

}  // namespace
}  // namespace tunic
