// Datagrams that are larger than the path MTU, out of a whole Stack (RFC 791 section 2.3, RFC 8200 section 4.5).
#include <set>

#include "datagram_host.h"

namespace tunic::test {
namespace {

struct FragmentsOut : DatagramHost {
  SocketId open_socket(Family f, MtuDiscover discover = MtuDiscover::want) {
    const SocketId s = *stack().open(f, Transport::udp);
    EXPECT_TRUE(stack().set(s, Option::mtu_discover, static_cast<int>(discover)));
    EXPECT_TRUE(stack().set(s, Option::send_buffer, 1 << 20));
    return s;
  }
  Result<std::size_t> give(SocketId s, Family f, const Octets& text) {
    const std::array<Bytes, 1> pieces{text};
    return stack().send_datagram(s, pieces, {.to = Endpoint{peer(f), Port{7}}});
  }
  std::vector<IpRead> send(SocketId s, Family f, const Octets& text) {
    EXPECT_EQ(give(s, f, text), text.size());
    host_.flush();
    return taken();
  }
  Random random;
};

TEST_F(FragmentsOut, the_largest_datagrams) {
  for (const Family f : families) {
    const SocketId s = open_socket(f);
    const Octets text = random.bytes(f == Family::v4 ? 65'507 : 65'527);
    const auto parts = send(s, f, text);
    EXPECT_EQ(parts.size(), f == Family::v4 ? 45u : 46u);
    for (const IpRead& p : parts) EXPECT_LE(p.size, stack().config().mtu);
    const auto whole = join_fragments(parts);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->text, text);
    EXPECT_TRUE(stack().close(s));
  }
  EXPECT_EQ(counters().fragmented, 2u);
  EXPECT_EQ(counters().fragments_out, 91u);
}

TEST_F(FragmentsOut, large_ones_after_crumbs) {  // the slices of a packet are few
  for (const Family f : families) {
    const SocketId s = open_socket(f);
    for (int n = 0; n < 40; ++n) EXPECT_TRUE(give(s, f, random.bytes(3)));
    const Octets text = random.bytes(60'000);
    ASSERT_TRUE(give(s, f, text));
    host_.flush();
    auto out = taken();
    ASSERT_GT(out.size(), 40u);
    out.erase(out.begin(), out.begin() + 40);
    const auto whole = join_fragments(out);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->text, text);
    EXPECT_TRUE(stack().close(s));
  }
}

TEST_F(FragmentsOut, what_fits_is_not_cut_and_what_must_not_be_cut_is_refused) {
  const SocketId s = open_socket(Family::v4);
  const auto whole = send(s, Family::v4, Octets(1472));
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_TRUE(whole[0].dont_fragment);
  EXPECT_EQ(whole[0].id, 0u) << "atomic (RFC 6864 section 4.1)";
  EXPECT_EQ(send(s, Family::v4, Octets(1473)).size(), 2u);
  const SocketId strict = open_socket(Family::v4, MtuDiscover::require);
  EXPECT_TRUE(give(strict, Family::v4, Octets(1472)));
  EXPECT_EQ(give(strict, Family::v4, Octets(1473)), fail(Error::too_long));
  const SocketId loose = open_socket(Family::v4, MtuDiscover::dont);
  const auto open = send(loose, Family::v4, Octets(100));
  ASSERT_EQ(open.size(), 2u) << "that of the strict one too";
  EXPECT_FALSE(open[1].dont_fragment);
  for (const SocketId one : {s, strict, loose}) EXPECT_TRUE(stack().close(one));
}

TEST_F(FragmentsOut, no_id_comes_again_within_a_minute_at_100_datagrams_a_second) {  // N4
  for (const Family f : families) {
    const SocketId s = open_socket(f);
    const Octets text(1500);
    std::set<std::uint32_t> ids;
    for (int n = 0; n < 6000; ++n, host_.lapse(10ms)) {
      const auto parts = send(s, f, text);
      ASSERT_EQ(parts.size(), 2u);
      EXPECT_EQ(parts[0].id, parts[1].id);
      EXPECT_TRUE(ids.insert(parts[0].id).second);
    }
    EXPECT_TRUE(stack().close(s));
  }
  EXPECT_EQ(counters().repeated_ids, 0u);
}

TEST_F(FragmentsOut, what_the_link_refuses_of_a_datagram_waits) {
  for (const Family f : families) {
    const SocketId s = open_socket(f);
    const Octets text = random.bytes(30'000);
    ASSERT_TRUE(give(s, f, text));
    host_.refuses = true;
    host_.flush();
    EXPECT_TRUE(taken().empty());
    host_.refuses = false;
    ASSERT_TRUE(give(s, f, Octets(5)));
    host_.flush();
    auto parts = taken();
    ASSERT_FALSE(parts.empty());
    EXPECT_EQ(parts.back().text.size(), 5u) << "in order";
    parts.pop_back();
    const auto whole = join_fragments(parts);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->text, text);
    EXPECT_TRUE(stack().close(s));
  }
}

}  // namespace
}  // namespace tunic::test
