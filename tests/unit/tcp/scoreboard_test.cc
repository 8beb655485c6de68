// The ranges in flight against a reference that has one record an octet.
#include "tcp/scoreboard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace tunic {
namespace {

Seq at(std::int64_t n) { return Seq::first({0xffff'f000u}) + n; }
Instant time(int n) { return Instant{n * 1ms}; }

SentRange range(std::int64_t begin, std::int64_t end, int when = 0) {
  return {.begin = at(begin), .end = at(end), .first_sent_at = time(when), .sent_at = time(when)};
}

TEST(Scoreboard, begins_empty) {
  const Scoreboard s;
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.lost(), 0);
  EXPECT_FALSE(s.first_lost());
}

TEST(Scoreboard, an_acknowledgment_trims_the_range_it_ends_in) {
  Scoreboard s;
  s.on_sent(range(0, 100, 1));
  s.on_sent(range(100, 200, 2));
  const auto acked = s.on_ack(at(150));
  EXPECT_EQ(acked.sent_at, time(2));
  ASSERT_EQ(s.size(), 1u);
  EXPECT_EQ(s.front().begin, at(150));
  EXPECT_EQ(s.front().end, at(200));
}

TEST(Scoreboard, karn_no_sample_of_what_was_sent_twice) {
  Scoreboard s;
  s.on_sent(range(0, 100, 1));
  s.on_sent(range(100, 200, 2));
  s.mark_lost(at(0), at(100));
  s.on_retransmitted(at(0), at(100), time(5));
  EXPECT_FALSE(s.on_ack(at(200)).sent_at);
}

TEST(Scoreboard, a_loss_in_the_middle_splits_a_super_packet) {
  Scoreboard s;
  s.on_sent(range(0, 1000));
  s.mark_lost(at(200), at(300));
  EXPECT_EQ(s.size(), 3u);
  EXPECT_EQ(s.lost(), 100);
  const auto lost = s.first_lost();
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->begin, at(200));
  EXPECT_EQ(lost->end, at(300));
  s.on_retransmitted(at(200), at(300), time(3));
  EXPECT_EQ(s.lost(), 0);
  EXPECT_FALSE(s.first_lost());
}

TEST(Scoreboard, refused_by_the_link_is_never_sent) {
  Scoreboard s;
  s.on_sent(range(0, 100));
  s.on_sent(range(100, 200));
  s.undo_sent(at(100));
  ASSERT_EQ(s.size(), 1u);
  EXPECT_EQ(s.front().end, at(100));
  s.undo_sent(at(40));
  EXPECT_EQ(s.front().end, at(40));
  s.undo_sent(at(0));
  EXPECT_TRUE(s.empty());
}

struct Octet {
  bool lost = false, retransmitted = false;
  int sent = 0;
};

/// The same with one record an octet.
struct Reference {
  std::deque<Octet> octets;
  std::int64_t una = 0;
  std::int64_t nxt() const { return una + static_cast<std::int64_t>(octets.size()); }
  std::int64_t lost() const {
    return std::ranges::count_if(octets, [](const Octet& o) { return o.lost; });
  }
  std::int64_t first_lost() const {
    for (std::size_t i = 0; i < octets.size(); ++i)
      if (octets[i].lost) return una + static_cast<std::int64_t>(i);
    return -1;
  }
  template <class F>
  void each(std::int64_t begin, std::int64_t end, F f) {
    for (std::int64_t i = std::max(begin, una); i < std::min(end, nxt()); ++i)
      f(octets[static_cast<std::size_t>(i - una)]);
  }
};

void expect_same(const Scoreboard& s, const Reference& r) {
  ASSERT_EQ(s.lost(), r.lost());
  std::int64_t next = r.una;
  for (std::size_t i = 0; i < s.size(); ++i) {  // in order, without gaps
    ASSERT_EQ(s[i].begin, at(next));
    ASSERT_LT(s[i].begin, s[i].end);
    next += s[i].end - s[i].begin;
    for (std::int64_t k = s[i].begin - at(0); k < s[i].end - at(0); ++k) {
      const Octet& o = r.octets[static_cast<std::size_t>(k - r.una)];
      ASSERT_EQ(s[i].lost, o.lost) << k;
      ASSERT_EQ(s[i].retransmitted, o.retransmitted) << k;
      ASSERT_EQ(s[i].sent_at, time(o.sent)) << k;
    }
  }
  ASSERT_EQ(next, r.nxt());
  const auto lost = s.first_lost();
  ASSERT_EQ(lost.has_value(), r.first_lost() >= 0);
  if (lost) {
    ASSERT_EQ(lost->begin, at(r.first_lost()));
    for (std::int64_t k = lost->begin - at(0); k < lost->end - at(0); ++k)
      ASSERT_TRUE(r.octets[static_cast<std::size_t>(k - r.una)].lost) << k;
  }
}

TEST(Scoreboard, agrees_with_a_record_an_octet_under_random_operations) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random{seed};
    const auto pick = [&](std::int64_t least, std::int64_t most) {
      return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
    };
    Scoreboard s;
    Reference r;
    for (int step = 1; step < 300; ++step) {
      const std::int64_t outstanding = r.nxt() - r.una;
      switch (pick(0, 6)) {
        case 0:
        case 1:
          if (outstanding < 400) {
            const std::int64_t n = pick(1, 60);
            s.on_sent(range(r.nxt(), r.nxt() + n, step));
            for (std::int64_t i = 0; i < n; ++i) r.octets.push_back({false, false, step});
          }
          break;
        case 2: {
          const std::int64_t n = pick(0, std::min<std::int64_t>(outstanding, 50));
          bool twice = false;
          for (std::int64_t i = 0; i < n; ++i) twice |= r.octets[static_cast<std::size_t>(i)].retransmitted;
          const auto acked = s.on_ack(at(r.una + n));
          if (n > 0) {
            // Ranges are whole or split where losses were: what was sent once as one is judged as one.
            if (!twice) {
              ASSERT_EQ(acked.sent_at, time(r.octets[static_cast<std::size_t>(n - 1)].sent));
            } else {
              ASSERT_FALSE(acked.sent_at);
            }
          }
          r.octets.erase(r.octets.begin(), r.octets.begin() + n);
          r.una += n;
          break;
        }
        case 3: {
          if (outstanding == 0) break;
          const std::int64_t begin = r.una + pick(0, outstanding - 1), end = begin + pick(1, 80);
          s.mark_lost(at(begin), at(end));
          r.each(begin, end, [](Octet& o) { o.lost = true; });
          break;
        }
        case 4:
          if (pick(0, 9) != 0) break;
          s.mark_all_lost();
          r.each(r.una, r.nxt(), [](Octet& o) { o.lost = true; });
          break;
        case 5: {
          const auto lost = s.first_lost();
          if (!lost) break;
          const std::int64_t begin = lost->begin - at(0), end = begin + pick(1, lost->end - lost->begin);
          s.on_retransmitted(at(begin), at(end), time(step));
          r.each(begin, end, [step](Octet& o) { o = {false, true, step}; });
          break;
        }
        case 6:
          if (outstanding == 0 || pick(0, 4) != 0) break;
          const std::int64_t begin = r.nxt() - pick(1, std::min<std::int64_t>(outstanding, 30));
          s.undo_sent(at(begin));
          r.octets.resize(static_cast<std::size_t>(begin - r.una));
          break;
      }
      expect_same(s, r);
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace tunic
