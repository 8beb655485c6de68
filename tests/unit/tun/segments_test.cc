// A super-packet cut by hand is the segments that a device would send.
#include "tun/segments.h"

#include <gtest/gtest.h>

#include "packets.h"

namespace tunic {
namespace {

class SegmentsTest : public testing::TestWithParam<Family> {
 protected:
  IpAddr address(std::uint8_t host) const {
    if (GetParam() == Family::v4) return IpAddr::v4(0xc6120000u + host);
    std::array<std::byte, 16> a{std::byte{0xfd}};
    a[15] = std::byte{host};
    return IpAddr::v6(a.data());
  }
  Endpoint us{address(2), Port{4000}}, peer{address(1), Port{80}};
};
INSTANTIATE_TEST_SUITE_P(BothFamilies, SegmentsTest, testing::Values(Family::v4, Family::v6),
                         [](const auto& i) { return i.param == Family::v4 ? "v4" : "v6"; });

TEST_P(SegmentsTest, lengths_numbers_flags_and_sums_are_each_segments_own) {
  const auto text = pattern(3500);
  const std::array<std::byte, 12> options{std::byte{1}, std::byte{1}, std::byte{8}, std::byte{10}};
  const TxPacket p = tcp_packet(us, peer, {.seq = {0xffff'ff00}, .ack = {9}, .flags = ACK | PSH | FIN, .window = 500},
                                text, 1000, options);
  const auto whole = flat(p);
  const auto s = Segments::of(whole, whole.size(), 1000);
  ASSERT_TRUE(s);
  ASSERT_EQ(s->count(), 4u);
  EXPECT_EQ(s->header_size(), p.header().size());
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(s->text_begin(i), 1000 * i);
    ASSERT_EQ(s->text_size(i), i == 3 ? 500u : 1000u);
    std::vector<std::byte> segment(s->header_size());
    s->write_headers(i, segment);
    const auto from = text.begin() + static_cast<std::ptrdiff_t>(1000 * i);
    segment.insert(segment.end(), from, from + static_cast<std::ptrdiff_t>(s->text_size(i)));
    EXPECT_TRUE(correct_when_completed(segment)) << "segment " << i;
    const auto tcp = TcpView::parse(read_ip(segment).payload);
    ASSERT_TRUE(tcp);
    EXPECT_EQ(tcp->text().size(), s->text_size(i));
    EXPECT_EQ(tcp->seq().raw, static_cast<std::uint32_t>(0xffff'ff00u + 1000 * i)) << "it wraps";
    EXPECT_EQ(tcp->ack().raw, 9u);
    EXPECT_EQ(tcp->window(), 500);
    EXPECT_EQ(tcp->flags(), i == 3 ? (ACK | PSH | FIN) : ACK);
    EXPECT_TRUE(std::ranges::equal(tcp->options(), options));
    const auto ip = Ipv4View::parse(segment);
    EXPECT_EQ(ip ? ip->id() : i, i) << "IPv4 alone has one";
  }
}

TEST_P(SegmentsTest, urgent_pointer_keeps_its_place) {
  const auto text = pattern(3000);
  const auto whole = flat(tcp_packet(us, peer, {.flags = ACK | URG, .urgent = 1500}, text, 1000));
  const auto s = Segments::of(whole, whole.size(), 1000);
  ASSERT_TRUE(s);
  const std::uint16_t expected[] = {1500, 500, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<std::byte> segment(s->header_size());
    s->write_headers(i, segment);
    const auto tcp = TcpView::parse(Bytes{segment}.subspan(segment.size() - 20));
    ASSERT_TRUE(tcp);
    EXPECT_EQ(tcp->urgent(), expected[i]);
    EXPECT_EQ(tcp->flags().has(URG), i < 2);
  }
}

TEST_P(SegmentsTest, text_may_be_elsewhere) {
  const auto text = pattern(2000);
  const TxPacket p = tcp_packet(us, peer, {.flags = ACK}, text, 1448);
  const auto s = Segments::of(p.header(), p.size(), 1448);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->count(), 2u);
  EXPECT_EQ(s->text_size(1), 552u);
}

TEST_P(SegmentsTest, one_segment_is_not_cut) {
  const auto text = pattern(1000);
  const auto whole = flat(tcp_packet(us, peer, {.flags = ACK}, text, 1000));
  EXPECT_FALSE(Segments::of(whole, whole.size(), 1000));
  EXPECT_FALSE(Segments::of(whole, whole.size(), 0));
  EXPECT_TRUE(Segments::of(whole, whole.size(), 999));
}

TEST_P(SegmentsTest, what_is_not_tcp_or_not_whole_is_not_cut) {
  auto whole = flat(tcp_packet(us, peer, {.flags = ACK}, pattern(1000)));
  for (std::size_t n = 0; n < whole.size() - 1000; ++n)  // I2: each length of a cut header
    EXPECT_FALSE(Segments::of(Bytes{whole}.first(n), whole.size(), 100)) << n;
  whole[GetParam() == Family::v4 ? 9 : 6] = std::byte{protocol::udp};
  EXPECT_FALSE(Segments::of(whole, whole.size(), 100));
}

}  // namespace
}  // namespace tunic
