// Fragments that come to a whole Stack (rows F2 to F8): what becomes whole is delivered, what does not leaves nothing
// behind, and its sender is told where the RFCs say so.
#include "datagram_host.h"

namespace tunic::test {
namespace {

struct FragmentsIn : DatagramHost {
  /// An echo request whose reply shows that it was joined and delivered.
  static Octets question(Family f, std::size_t size = 92) { return echo_request(peer(f), us(f), 7, 9, Octets(size)); }
  std::size_t kept() { return stack().pool().in_use(); }
  static Octets handshake(Family f) {
    Segment syn{.src = {peer(f), Port{1}}, .dst = {us(f), Port{80}}, .flags = flag::syn};
    syn.options.mss = 1460;
    syn.options.wscale = 3;
    return encode(syn);
  }
  SocketId listener(Family f) {
    const SocketId s = *stack().open(f);
    EXPECT_TRUE(stack().bind(s, {us(f), Port{80}}));
    EXPECT_TRUE(stack().listen(s, 8));
    return s;
  }
};

TEST_F(FragmentsIn, become_whole) {  // F2
  for (const Family f : families) {
    const auto parts = fragments(question(f), 24, 5);
    for (std::size_t i = parts.size(); i > 1; --i) EXPECT_TRUE(is_silent(parts[i - 1])) << i;
    const auto out = answers(parts[0]);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].text, Octets(92));
  }
  EXPECT_EQ(counters().reassembled, 2u);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(FragmentsIn, change_the_digest) {
  std::vector<std::uint64_t> seen{stack().digest()};
  for (const auto& part :
       {fragment(question(Family::v4), 0, 48, true, 1), fragment(question(Family::v4), 64, 8, true, 1),
        fragment(question(Family::v6), 64, 8, true, 1)}) {
    answers(part);
    for (const std::uint64_t before : seen) EXPECT_NE(stack().digest(), before);
    seen.push_back(stack().digest());
  }
  lapse(61s);
  EXPECT_EQ(stack().digest(), seen[0]) << "all forgotten";
}

// F4, RFC 1122 section 3.3.2, RFC 8200 section 4.5: with the first fragment the sender is told, once.
TEST_F(FragmentsIn, wait_so_long_and_no_longer) {
  for (const Family f : families) {
    const Duration patience = f == Family::v4 ? 30s : 60s;
    const Octets first = fragment(question(f), 0, 48, true, 1);
    EXPECT_TRUE(is_silent(first));
    EXPECT_TRUE(is_silent(fragment(question(f), 48, 24, true, 1)));
    EXPECT_TRUE(is_silent(fragment(question(f), 48, 24, true, 2))) << "another one without its first";
    lapse(patience - 100ms);
    EXPECT_TRUE(taken().empty());
    EXPECT_GT(kept(), 0u) << "still there";
    lapse(101ms);  // and a tick
    const auto out = taken();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].type << 8 | out[0].code, f == Family::v4 ? 0x0b01 : 0x0301);
    EXPECT_EQ(out[0].dst, peer(f));
    EXPECT_EQ(out[0].src, us(f));
    EXPECT_EQ(out[0].text, first) << "quotes the first fragment as it came";
    EXPECT_EQ(kept(), 0u);
    EXPECT_TRUE(is_silent(fragment(question(f), 72, 28, false, 1))) << "too late";
    lapse(patience + 1ms);
    EXPECT_TRUE(taken().empty());
  }
  EXPECT_EQ(counters().reassembly_timeouts, 6u);
}

TEST_F(FragmentsIn, of_many_datagrams_are_told_of_within_the_limit) {  // F4, C7
  for (std::uint32_t id = 0; id < 16; ++id) EXPECT_TRUE(is_silent(fragment(question(Family::v4), 0, 48, true, id)));
  lapse(30s + 1ms);
  EXPECT_EQ(taken().size(), 6u) << "a burst to one destination";
  EXPECT_EQ(counters().icmp_limited, 10u);
}

TEST_F(FragmentsIn, that_reach_beyond_the_largest_packet) {  // F3
  for (const Family f : families) {
    IpPacket p{.src = peer(f), .dst = us(f), .payload = Octets(1480), .id = 5, .fragment_offset = 8189 * 8};
    if (f == Family::v6) p.extensions = fragment_header(17, 8189 * 8, false, 5), p.extension = 44;
    const auto out = answers(encode(p));
    ASSERT_EQ(out.size(), f == Family::v4 ? 0u : 1u);
    if (f == Family::v6) {
      EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0400);
      EXPECT_EQ(out[0].rest, 42u);
    }
  }
}

// F5, RFC 1858, RFC 3128, RFC 7112: no state comes of a TCP header in pieces, and only IPv6 is told.
TEST_F(FragmentsIn, with_half_a_header_make_no_connection) {
  for (const Family f : families) {
    listener(f);
    for (const std::size_t size : {8u, 16u, 24u}) {
      const auto out = answers(fragment(handshake(f), 0, size, true, 1));
      ASSERT_EQ(out.size(), f == Family::v4 ? 0u : 1u) << size;
      if (f == Family::v6) {
        EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0403);
      }
      EXPECT_TRUE(is_silent(fragment(handshake(f), size, 100, false, 1)));
      EXPECT_EQ(stack().connections(), 0u);
      lapse(61s);
      EXPECT_TRUE(taken().empty()) << "nor is it told of later";
    }
  }
}

TEST_F(FragmentsIn, of_one_piece_leave_the_others_alone) {  // F6, RFC 6946
  const Octets long_one = question(Family::v6), short_one = question(Family::v6, 8);
  EXPECT_TRUE(is_silent(fragment(long_one, 0, 48, true, 77)));
  EXPECT_TRUE(is_silent(fragment(long_one, 48, 24, true, 77)));
  const auto atomic = answers(fragment(short_one, 0, 16, false, 77));
  ASSERT_EQ(atomic.size(), 1u) << "by itself";
  EXPECT_EQ(atomic[0].text, Octets(8));
  const auto rest = answers(fragment(long_one, 72, 28, false, 77));
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].text, Octets(92));
}

TEST_F(FragmentsIn, within_fragments_go_nowhere) {  // F7
  const auto nested = [](std::size_t offset, bool more, std::size_t size) {
    const Octets inner = join(fragment_header(58, 0, true, 2), Octets(size));
    return encode({.src = peer6,
                   .dst = us6,
                   .protocol = 44,
                   .payload = inner,
                   .extensions = fragment_header(44, offset, more, 1),
                   .extension = 44});
  };
  EXPECT_TRUE(is_silent(nested(0, true, 16)));
  EXPECT_TRUE(is_silent(nested(0, false, 16))) << "an atomic one around it";
  EXPECT_EQ(dropped(Drop::fragment), 2u);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(FragmentsIn, of_a_length_that_cannot_be) {  // F8, RFC 8200 section 4.5
  for (const Family f : families)
    for (const std::size_t size : {1u, 7u, 9u, 15u, 47u}) {
      const auto out =
          answers(fragment(udp_packet({peer(f), Port{1}}, {us(f), Port{2}}, Octets(92)), 16, size, true, 1));
      ASSERT_EQ(out.size(), f == Family::v4 ? 0u : 1u);
      if (f == Family::v6) {
        EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0400);
        EXPECT_EQ(out[0].rest, 4u) << "points at the payload length";
      }
    }
}

TEST_F(FragmentsIn, beyond_their_share_of_memory_end_the_oldest) {  // F2
  for (std::uint32_t n = 1; n <= 100; ++n)
    EXPECT_TRUE(is_silent(fragment(echo_request(neighbour(Family::v4, n), us4, 1, 1, Octets(92)), 0, 48, true, n)));
  EXPECT_EQ(counters().reassembly_evicted, 36u);
  EXPECT_LE(kept(), 4u << 20);
  const Octets last = echo_request(neighbour(Family::v4, 100), us4, 1, 1, Octets(92));
  EXPECT_EQ(answers(fragment(last, 48, 52, false, 100)).size(), 1u);
}

struct FewFragments : DatagramHost {
  FewFragments()
      : DatagramHost{[] {
          Config c = config();
          c.ip.ipfrag_time = 3s;
          c.ip.ip6frag_time = 4s;
          c.ip.ipfrag_high_thresh = 2u << 16;
          return c;
        }()} {}
};

TEST_F(FewFragments, as_the_knobs_say) {
  for (std::uint32_t id = 0; id < 5; ++id)
    answers(fragment(udp_packet({peer4, Port{1}}, {us4, Port{2}}, Octets(92)), 0, 48, true, id));
  EXPECT_EQ(counters().reassembly_evicted, 3u);
  lapse(2900ms);
  EXPECT_TRUE(taken().empty());
  lapse(101ms);
  EXPECT_EQ(taken().size(), 2u);
  ASSERT_TRUE(stack().set_sysctl("net.ipv6.ip6frag_time", "1"));
  answers(fragment(udp_packet({peer6, Port{1}}, {us6, Port{2}}, Octets(92)), 0, 48, true, 1));
  lapse(1s + 1ms);
  EXPECT_EQ(taken().size(), 1u);
}

}  // namespace
}  // namespace tunic::test
