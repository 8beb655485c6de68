// Ranges of the sequence space against a set of single octets.
#include "tcp/seq_ranges.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tunic {
namespace {

Seq at(std::int64_t n) { return Seq::first({0xffff'ff00u}) + n; }

TEST(SeqRanges, join_what_they_touch) {
  SeqRanges s;
  EXPECT_EQ(s.add({at(10), at(20)}), at(10));
  EXPECT_EQ(s.add({at(30), at(40)}), at(30));
  EXPECT_EQ(s.add({at(20), at(25)}), at(20)) << "touches";
  EXPECT_EQ(s.size(), 2u);
  EXPECT_EQ(s.add({at(12), at(18)}), std::nullopt) << "is there";
  EXPECT_EQ(s.add({at(5), at(50)}), at(5));
  ASSERT_EQ(s.size(), 1u);
  EXPECT_EQ(s.front(), (SeqRange{at(5), at(50)}));
}

TEST(SeqRanges, agree_with_a_set_of_octets) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random{seed};
    const auto pick = [&](int least, int most) {
      return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
    };
    SeqRanges ranges;
    std::set<int> octets;
    for (int n = 0; n < 200; ++n) {
      const int begin = pick(0, 400), end = begin + pick(1, pick(0, 4) == 0 ? 100 : 6);
      const SeqRange r{at(begin), at(end)};
      int there = 0;
      for (int i = begin; i < end; ++i) there += octets.contains(i);
      ASSERT_EQ(ranges.covers(r), there == end - begin);
      ASSERT_EQ(ranges.touches(r), there != 0 || octets.contains(begin - 1) || octets.contains(end));
      if (pick(0, 9) == 0) {
        ranges.drop_below(at(begin));
        octets.erase(octets.begin(), octets.lower_bound(begin));
      } else {
        std::optional<Seq> news;
        for (int i = begin; i < end; ++i)
          if (octets.insert(i).second && !news) news = at(i);
        ASSERT_EQ(ranges.add(r), news);
      }
      std::size_t count = 0;
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        ASSERT_LT(ranges[i].begin, ranges[i].end);
        if (i != 0) {
          ASSERT_LT(ranges[i - 1].end, ranges[i].begin) << "neither overlap nor touch";
        }
        count += static_cast<std::size_t>(ranges[i].end - ranges[i].begin);
        for (int k = static_cast<int>(ranges[i].begin - at(0)); k < ranges[i].end - at(0); ++k)
          ASSERT_TRUE(octets.contains(k));
      }
      ASSERT_EQ(count, octets.size()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace tunic
