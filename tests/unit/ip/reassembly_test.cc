// Rows F1 to F8 on the table of fragments alone; tests/host asks a whole Stack.
#include "ip/reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/work.h"
#include "packets.h"

namespace tunic {
namespace {

using test::families;
using test::fragment;
using test::Octets;
using test::peer;
using test::us;

class ReassemblyTest : public ::testing::Test {
 protected:
  static Octets datagram(const IpAddr& from, const Octets& text) {
    const Endpoint src{from, Port{1}}, dst{us(from.family()), Port{2}};
    return test::udp_packet(src, dst, text);
  }

  /// What comes of a packet: nothing yet, the whole, or why not.
  std::expected<Slice, Rejection> arrives(const Octets& packet) {
    const auto d = accept(packet, {}, {}, own_);
    if (!d) return std::unexpected{d.error()};
    if (!d->fragment) return pool_.copy(packet);  // all of its datagram: whole by itself
    return table_.arrives(packet, *d, pool_, counters_, now_);
  }
  bool is_kept(const Octets& packet) {
    const auto r = arrives(packet);
    return r && r->empty();
  }
  std::optional<Octets> whole(const Octets& packet) {
    const auto r = arrives(packet);
    if (!r || r->empty()) return {};
    return Octets{r->bytes().begin(), r->bytes().end()};
  }
  std::optional<Drop> dropped(const Octets& packet) {
    const auto r = arrives(packet);
    return r ? std::nullopt : std::optional{r.error().why};
  }

  Pool pool_{64u << 20};
  Counters counters_;
  Prf prf_{PrfKey{}};
  Reassembly table_{prf_, {}};
  Addresses own_ = test::host();
  Instant now_{100s};
  test::Random random_;
};

TEST_F(ReassemblyTest, in_any_order) {  // F2
  for (const Family f : families) {
    const Octets text = random_.bytes(1000);
    const Octets packet = datagram(peer(f), text);
    for (int round = 0; round < 200; ++round) {
      auto parts = test::fragments(packet, 8 * (1 + random_.below(30)), static_cast<std::uint32_t>(round));
      for (std::size_t i = parts.size(); i > 1; --i) std::swap(parts[i - 1], parts[random_.below(i)]);
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) ASSERT_TRUE(is_kept(parts[i])) << "round " << round;
      const auto joined = whole(parts.back());
      ASSERT_TRUE(joined) << "round " << round;
      const auto read = test::read_ip(*joined);
      ASSERT_TRUE(read) << read.error();
      EXPECT_EQ(read->text, text);
    }
  }
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(pool_.in_use(), 0u);
}

TEST_F(ReassemblyTest, the_largest_in_120_fragments) {  // F2
  for (const Family f : families) {
    const Octets text = random_.bytes(f == Family::v4 ? 65'507 : 65'527);
    const auto parts = test::fragments(datagram(peer(f), text), 552, 1);
    ASSERT_GE(parts.size(), 119u);
    std::optional<Octets> joined;  // first every second one: as many holes as there can be
    for (std::size_t i = 0; i < parts.size(); i += 2) ASSERT_TRUE(is_kept(parts[i])) << i;
    for (std::size_t i = 1; i < parts.size(); i += 2) joined = whole(parts[i]);
    ASSERT_TRUE(joined);
    EXPECT_EQ(test::read_ip(*joined)->text, text);
  }
}

// All pairs of fragments over 8 blocks, then one each for the blocks that are missing: what comes out holds no octet
// that two fragments gave differently.
TEST_F(ReassemblyTest, overlaps) {  // F1
  constexpr std::size_t blocks = 8;
  std::uint32_t id = 0;
  for (const Family f : families)
    for (const bool same : {false, true}) {
      const Octets one = datagram(peer(f), Octets(blocks * 8 - 8, std::byte{1}));
      Octets other = one;
      const std::size_t header = f == Family::v4 ? 20 : 40;
      if (!same) std::fill(other.begin() + static_cast<std::ptrdiff_t>(header), other.end(), std::byte{2});
      const auto part = [&](const Octets& of, std::size_t begin, std::size_t end) {
        return fragment(of, begin * 8, (end - begin) * 8, end < blocks, id);
      };
      for (std::size_t a = 0; a < blocks; ++a)
        for (std::size_t b = a + 1; b <= blocks; ++b)
          for (std::size_t c = 0; c < blocks; ++c)
            for (std::size_t d = c + 1; d <= blocks; ++d) {
              ++id;
              std::optional<Octets> out = whole(part(one, a, b));
              if (!out) out = whole(part(other, c, d));
              for (std::size_t i = 0; i < blocks && !out; ++i)
                if ((i < a || i >= b) && (i < c || i >= d)) out = whole(part(one, i, i + 1));
              const bool overlap = a < d && c < b;
              if (!overlap) {
                ASSERT_TRUE(out) << a << b << c << d;
              }
              const bool atomic = b - a == blocks || d - c == blocks;  // taken alone (F6)
              if (overlap && !same && !atomic) {
                ASSERT_FALSE(out) << a << b << c << d;
              }
              if (overlap && same && a <= c && d <= b) {
                ASSERT_TRUE(out) << "the same again is ignored: " << a << b << c << d;
              }
              now_ += 61s;
              while (table_.next() <= now_) table_.expire(counters_);
            }
    }
}

TEST_F(ReassemblyTest, what_comes_after_an_overlap_is_dropped_too) {  // F1, RFC 5722
  for (const Family f : families) {
    const Octets p = datagram(peer(f), random_.bytes(92)), q = datagram(peer(f), random_.bytes(92));
    EXPECT_TRUE(is_kept(fragment(p, 0, 40, true, 9)));
    EXPECT_EQ(dropped(fragment(q, 32, 24, true, 9)), Drop::fragment_overlap);
    for (int round = 0; round < 2; ++round)
      for (const auto& part : test::fragments(p, 40, 9)) EXPECT_EQ(dropped(part), Drop::fragment_overlap);
    EXPECT_EQ(counters_.reassembly_overlaps, f == Family::v4 ? 1u : 2u);
    EXPECT_EQ(pool_.in_use(), 0u) << "its memory is free";
  }
}

TEST_F(ReassemblyTest, an_end_that_moves) {  // F1
  for (const Family f : families) {
    const Octets p = datagram(peer(f), Octets(92));
    EXPECT_TRUE(is_kept(fragment(p, 48, 16, false, 1)));
    EXPECT_EQ(dropped(fragment(p, 72, 8, false, 1)), Drop::fragment_overlap);
    EXPECT_TRUE(is_kept(fragment(p, 48, 16, true, 2)));
    EXPECT_EQ(dropped(fragment(p, 24, 8, false, 2)), Drop::fragment_overlap) << "the last one ends before what came";
  }
}

TEST_F(ReassemblyTest, a_flood_of_small_ones) {  // F2
  for (const Family f : families) {
    const IpAddr good = test::neighbour(f, 1);
    const auto parts = test::fragments(datagram(good, random_.bytes(3000)), 1480, 7);
    EXPECT_TRUE(is_kept(parts[0]));
    Octets small = fragment(datagram(peer(f), Octets(5000)), 800, 8, true, 0);
    std::size_t most = 0;
    for (int i = 0; i < 500'000; ++i) {  // of each family
      const std::size_t offset = 8 * random_.below(8000);
      const auto id = static_cast<std::uint32_t>(random_.below(1000));
      Datagram d{.src = peer(f), .dst = us(f), .protocol = 17};
      d.header_size = static_cast<std::uint16_t>(small.size() - 8);
      d.payload = Bytes{small}.last(8);
      d.fragment = {id, offset + 8, true};
      take_work();
      static_cast<void>(table_.arrives(small, d, pool_, counters_, now_));
      if (counts_work) {
        ASSERT_LE(take_work(), 64u) << "law 2";
      }
      most = std::max(most, pool_.in_use());
    }
    EXPECT_LE(most, (Reassembly::per_source + 1) * Reassembly::block) << "a source keeps to its own share";
    EXPECT_TRUE(is_kept(parts[1]));
    EXPECT_TRUE(whole(parts[2])) << "the datagram of another";
    now_ += 61s;
    while (table_.next() <= now_) table_.expire(counters_);
  }
}

TEST_F(ReassemblyTest, a_full_source_loses_its_oldest) {  // F2
  for (const Family f : families) {
    const Octets p = datagram(peer(f), Octets(92));
    for (std::uint32_t id = 0; id <= Reassembly::per_source; ++id) EXPECT_TRUE(is_kept(fragment(p, 0, 48, true, id)));
    EXPECT_EQ(table_.size(), Reassembly::per_source);
    EXPECT_TRUE(whole(fragment(p, 48, 100, false, 1)));
    EXPECT_FALSE(whole(fragment(p, 48, 100, false, 0))) << "the first one had to go";
    now_ += 61s;
    while (table_.next() <= now_) table_.expire(counters_);
  }
}

TEST_F(ReassemblyTest, never_more_than_64_datagrams_in_4_mebibytes) {  // F2
  for (std::uint32_t n = 0; n < 500; ++n) {
    const Family f = n % 2 == 0 ? Family::v4 : Family::v6;
    EXPECT_TRUE(is_kept(fragment(datagram(test::neighbour(f, n), Octets(92)), 0, 48, true, n)));
    EXPECT_LE(table_.size(), Reassembly::datagrams);
    EXPECT_LE(pool_.in_use(), 4u << 20);
  }
  EXPECT_EQ(counters_.reassembly_evicted, 500 - Reassembly::datagrams);
}

TEST_F(ReassemblyTest, more_holes_than_are_remembered) {  // F2
  const Octets p = datagram(peer(Family::v4), Octets(2000));
  for (std::size_t i = 1; i < Reassembly::holes; ++i) EXPECT_TRUE(is_kept(fragment(p, i * 16, 8, true, 1))) << i;
  EXPECT_EQ(dropped(fragment(p, 1600, 8, true, 1)), Drop::fragment);
  EXPECT_TRUE(is_kept(fragment(p, 24, 8, true, 1))) << "one that closes a hole is taken";
  EXPECT_TRUE(is_kept(fragment(p, 1600, 8, true, 1)));
}

TEST_F(ReassemblyTest, the_ping_of_death) {  // F3
  constexpr std::size_t offset = 8189 * 8;
  for (const Family f : families) {
    EXPECT_TRUE(is_kept(fragment(datagram(peer(f), Octets(92)), 0, 48, true, 5)));
    for (std::size_t size = 24; size <= 1480; size += 8) {
      test::IpPacket p{.src = peer(f), .dst = us(f), .payload = Octets(size), .id = 5, .fragment_offset = offset};
      if (f == Family::v6) p.extensions = test::fragment_header(17, offset, false, 5), p.extension = 44;
      const auto r = arrives(test::encode(p));
      ASSERT_FALSE(r) << size;
      EXPECT_EQ(r.error().why, Drop::fragment);
      const auto told = f == Family::v6 ? std::optional{problem::bad_fragment(42)} : std::nullopt;
      EXPECT_EQ(r.error().problem, told) << "points at the offset (RFC 8200 section 4.5)";
    }
    EXPECT_EQ(dropped(fragment(datagram(peer(f), Octets(92)), 48, 60, false, 5)), Drop::fragment_overlap)
        << "the datagram is gone";
  }
  EXPECT_EQ(pool_.in_use(), 0u);
}

TEST_F(ReassemblyTest, time_runs_out) {  // F4
  for (const Family f : families) {
    const Duration patience = f == Family::v4 ? 30s : 60s;
    const Octets p = datagram(peer(f), Octets(92));
    const Instant begin = now_;
    const Octets first = fragment(p, 0, 48, true, 1);
    EXPECT_TRUE(is_kept(fragment(p, 48, 8, true, 1)));
    now_ += 5s;
    EXPECT_TRUE(is_kept(first));
    EXPECT_TRUE(is_kept(fragment(p, 48, 8, true, 2)));
    EXPECT_EQ(table_.next(), begin + patience) << "from the first that came";
    const Slice quote = table_.expire(counters_);
    EXPECT_TRUE(std::ranges::equal(quote.bytes(), first)) << "the first fragment as it came";
    EXPECT_EQ(table_.next(), begin + 5s + patience);
    EXPECT_TRUE(table_.expire(counters_).empty()) << "without fragment zero";
    EXPECT_EQ(table_.next(), never);
  }
  EXPECT_EQ(counters_.reassembly_timeouts, 4u);
}

TEST_F(ReassemblyTest, headers_cut_off) {  // F5, RFC 7112
  for (const Family f : families) {
    const Octets tcp = test::encode({.src = peer(f),
                                     .dst = us(f),
                                     .protocol = 6,
                                     .payload = test::octets("0001000200000000000000006002000000000000 02040500")});
    for (const std::size_t size : {8u, 16u}) {
      const auto r = arrives(fragment(tcp, 0, size, true, 1));
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error().why, Drop::fragment);
      EXPECT_EQ(r.error().problem, f == Family::v6 ? std::optional{problem::headers_cut_off()} : std::nullopt);
    }
    EXPECT_TRUE(is_kept(fragment(tcp, 0, 24, true, 2))) << "all of the header";
  }
  Octets chain = test::encode({.src = peer(Family::v6),
                               .dst = us(Family::v6),
                               .protocol = 60,
                               .payload = test::octets("11 01 1e 0c 000000000000000000000000 0001000200080000")});
  EXPECT_EQ(arrives(fragment(chain, 0, 8, true, 3)).error().problem, problem::headers_cut_off()) << "within options";
  EXPECT_EQ(arrives(fragment(chain, 0, 16, true, 3)).error().problem, problem::headers_cut_off()) << "UDP is missing";
}

TEST_F(ReassemblyTest, a_fragment_in_a_fragment) {  // F7
  const Octets p = test::encode({.src = peer(Family::v6),
                                 .dst = us(Family::v6),
                                 .protocol = 44,
                                 .payload = test::octets("11 00 0001 00000001 0001000200080000")});
  EXPECT_EQ(dropped(fragment(p, 0, 16, true, 4)), Drop::fragment);
}

TEST_F(ReassemblyTest, malformed_ones) {  // F8
  for (const Family f : families) {
    const Octets p = datagram(peer(f), Octets(92));
    for (const std::size_t size : {1u, 7u, 9u, 47u, 49u}) {
      const auto r = arrives(fragment(p, 16, size, true, 1));
      ASSERT_FALSE(r) << size;
      EXPECT_EQ(r.error().why, Drop::fragment);
      EXPECT_EQ(r.error().problem, f == Family::v6 ? std::optional{problem::bad_fragment(4)} : std::nullopt)
          << "points at the payload length";
    }
    EXPECT_EQ(dropped(fragment(p, 16, 0, true, 1)), Drop::fragment) << "empty, and more to come";
    EXPECT_EQ(dropped(fragment(p, 16, 0, false, 1)), Drop::fragment) << "empty, and the last";
  }
  EXPECT_EQ(pool_.in_use(), 0u);
}

TEST_F(ReassemblyTest, congestion_marks_are_merged) {  // RFC 3168 section 5.3
  struct Row {
    std::uint8_t first, second;
    int whole;  // -1: dropped
  };
  for (const Family f : families)
    for (const Row& row : {Row{0, 0, 0}, Row{1, 1, 1}, Row{2, 2, 2}, Row{3, 3, 3}, Row{2, 3, 3}, Row{3, 1, 3},
                           Row{1, 2, 1}, Row{0, 3, -1}, Row{3, 0, -1}, Row{0, 2, -1}}) {
      const Octets p = datagram(peer(f), Octets(40));
      const auto marked = [&](std::size_t offset, bool more, std::uint8_t ecn) {
        test::IpPacket q{.src = peer(f), .dst = us(f), .tos = static_cast<std::uint8_t>(0xb8 | ecn)};
        const Octets whole_one = fragment(p, offset, 24, more, 3);
        q.payload.assign(whole_one.begin() + (f == Family::v4 ? 20 : 48), whole_one.end());
        q.id = 3;
        q.more_fragments = more;
        q.fragment_offset = offset;
        if (f == Family::v6) q.extensions = test::fragment_header(17, offset, more, 3), q.extension = 44;
        return test::encode(q);
      };
      EXPECT_TRUE(is_kept(marked(0, true, row.first)));
      const auto out = whole(marked(24, false, row.second));
      ASSERT_EQ(out.has_value(), row.whole >= 0) << int{row.first} << int{row.second};
      if (out) {
        EXPECT_EQ(test::read_ip(*out)->tos, 0xb8 | row.whole);
      }
    }
}

TEST_F(ReassemblyTest, extension_headers_before_the_fragments_stay) {
  const auto part = [](std::size_t offset, bool more, const Octets& payload) {
    return test::encode(
        {.src = peer(Family::v6),
         .dst = us(Family::v6),
         .payload = payload,
         .extensions = test::join(test::octets("2c 00 01 04 00000000"), test::fragment_header(17, offset, more, 5)),
         .extension = 0});
  };
  const Octets udp = test::udp({peer(Family::v6), Port{1}}, {us(Family::v6), Port{2}}, random_.bytes(24));
  EXPECT_TRUE(is_kept(part(16, false, {udp.begin() + 16, udp.end()})));
  const auto out = whole(part(0, true, {udp.begin(), udp.begin() + 16}));
  ASSERT_TRUE(out);
  const auto d = accept(*out, {.reassembled = true}, {}, own_);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->protocol, 17);
  EXPECT_EQ(d->header_size, 48);
  EXPECT_TRUE(std::ranges::equal(d->payload, udp));
  EXPECT_TRUE(transport_checksum_ok(*d, {}));
}

TEST_F(ReassemblyTest, no_memory) {
  pool_.fail_every(1);
  for (const Family f : families)
    EXPECT_EQ(dropped(fragment(datagram(peer(f), Octets(92)), 0, 48, true, 1)), Drop::no_memory);
  EXPECT_EQ(table_.size(), 0u);
}

}  // namespace
}  // namespace tunic
