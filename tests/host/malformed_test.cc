// Packets that lie, through a whole Stack (rows I1, I2, I6, I7, I11, I13): nothing comes of them, and each is dropped
// for a named reason; every one of them is held to the bound of work (law 2).
#include "datagram_host.h"

namespace tunic::test {
namespace {

struct Malformed : DatagramHost {
  SocketId listener(Family f) {
    const SocketId s = *stack().open(f);
    EXPECT_TRUE(stack().bind(s, {us(f), Port{80}}));
    EXPECT_TRUE(stack().listen(s, 8));
    return s;
  }
  static Segment syn(Family f) {
    Segment s{.src = {peer(f), Port{4000}}, .dst = {us(f), Port{80}}, .seq = 77, .flags = flag::syn, .window = 1000};
    s.options.mss = 1400;
    s.options.sack_ok = true;
    s.options.ts = Stamp{1, 0};
    s.options.wscale = 7;
    return s;
  }
};

TEST_F(Malformed, a_flipped_bit_opens_no_connection) {  // I11
  for (const Family f : families) {
    listener(f);
    const Octets good = encode(syn(f));
    ASSERT_GE(8 * good.size(), 480u);
    // No checksum is over the traffic class, the flow label and the hop limit of IPv6.
    const auto covered = [f](std::size_t bit) { return f == Family::v4 || bit < 4 || (bit >= 32 && bit / 8 != 7); };
    std::uint64_t others =
        0;  // not for their checksum: that lie about a length, the version, the protocol or whom it is for
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
      if (!covered(bit)) continue;
      Octets bad = good;
      bad[bit / 8] ^= static_cast<std::byte>(0x80 >> bit % 8);
      const std::uint64_t checksums = dropped(Drop::bad_checksum);
      for (const IpRead& out : answers(bad)) EXPECT_TRUE(f == Family::v6 && out.is_icmp_error()) << "bit " << bit;
      others += dropped(Drop::bad_checksum) == checksums ? 1 : 0;
      EXPECT_EQ(stack().connections(), 0u) << "bit " << bit;
      EXPECT_TRUE(host_.out.empty()) << "bit " << bit;
    }
    EXPECT_LE(others, f == Family::v4 ? 4u + 4u + 16u : 4u + 16u + 8u + 128u + 8u);
    host_.inject(syn(f));
    host_.poll();
    EXPECT_EQ(stack().connections(), 1u) << "and the good one does";
    host_.inject({.src = {peer(f), Port{4000}}, .dst = {us(f), Port{80}}, .seq = 78, .flags = flag::rst});
    host_.poll();
    EXPECT_EQ(stack().connections(), 0u);
    host_.out.clear();
  }
}

TEST_F(Malformed, frames_of_every_first_octet_and_short_length) {  // I2
  for (std::size_t length = 0; length <= 60; ++length)
    for (unsigned first = 0; first < 256; ++first) {
      Octets p(length);
      if (length > 0) p[0] = static_cast<std::byte>(first);
      host_.inject_packet(p);
      if (first % 64 == 63) host_.poll();
    }
  EXPECT_TRUE(host_.record().empty());
  EXPECT_EQ(counters().received, 61u * 256);
  EXPECT_EQ(counters().delivered, 0u);
}

TEST_F(Malformed, octets_beyond_the_length_reach_nobody) {  // I1
  for (const Family f : families) {
    const SocketId s = *stack().open(f, Transport::udp);
    ASSERT_TRUE(stack().bind(s, {us(f), Port{7}}));
    Octets packet = udp_packet({peer(f), Port{9}}, {us(f), Port{7}}, octets("01020304"));
    for (std::size_t more = 0; more <= 40; ++more) {
      EXPECT_TRUE(is_silent(packet));
      std::array<std::byte, 64> room;
      const auto got = stack().receive(s, room, {});
      ASSERT_EQ(got, 4u) << more;
      EXPECT_TRUE(std::ranges::equal(Bytes{room}.first(4), octets("01020304")));
      packet.push_back(std::byte{0xee});
    }
    packet.resize(packet.size() - 42);
    for (; !packet.empty(); packet.pop_back()) EXPECT_TRUE(is_silent(packet)) << "cut off";
    std::array<std::byte, 64> room;
    EXPECT_EQ(stack().receive(s, room, {}).error(), Error::again);
    stack().close(s);
  }
}

TEST_F(Malformed, a_payload_length_that_lies) {  // I1
  const SocketId s = *stack().open(Family::v6, Transport::udp);
  ASSERT_TRUE(stack().bind(s, {us6, Port{7}}));
  const Octets text(12);
  for (std::size_t length = 0; length <= 64; ++length)
    for (std::uint16_t claimed = 0; claimed <= 70; ++claimed) {
      IpPacket p{.src = peer6, .dst = us6, .payload = udp({peer6, Port{9}}, {us6, Port{7}}, text), .length = claimed};
      p.payload.resize(std::min(length, p.payload.size()));
      const std::uint64_t before = counters().delivered;
      EXPECT_TRUE(is_silent(encode(p)));
      const bool sound = length >= 20 && claimed == 20;
      ASSERT_EQ(counters().delivered - before, sound ? 1u : 0u) << length << ' ' << claimed;
      std::array<std::byte, 64> room;
      if (sound) {
        ASSERT_EQ(stack().receive(s, room, {}), 12u);
      }
    }
}

TEST_F(Malformed, land) {  // I6
  for (const Family f : families) {
    listener(f);
    EXPECT_TRUE(is_silent(encode(Segment{.src = {us(f), Port{80}}, .dst = {us(f), Port{80}}, .flags = flag::syn})));
  }
  EXPECT_EQ(stack().connections(), 0u);
  EXPECT_EQ(dropped(Drop::martian_source), 2u);
}

TEST_F(Malformed, chains_of_extension_headers) {  // I7
  for (std::size_t count = 0; count <= 200; ++count) {
    IpPacket p{.src = peer6, .dst = us6, .protocol = 58, .payload = icmp(peer6, us6, 128, 0, 0, {})};
    for (std::size_t i = 0; i < count; ++i)
      p.extensions =
          join(std::move(p.extensions), octets(i + 1 < count ? "3c 00 01 04 00000000" : "3a 00 01 04 00000000"));
    if (count > 0) p.extension = 60;
    EXPECT_EQ(answers(encode(p)).size(), count <= 8 ? 1u : 0u) << count;
  }
  EXPECT_EQ(dropped(Drop::bad_header), 192u);
}

TEST_F(Malformed, a_ttl_of_zero_ends_here_and_that_is_fine) {  // I13
  for (const Family f : families) {
    IpPacket p{.src = peer(f), .dst = us(f), .protocol = icmp_of(f), .ttl = 0};
    p.payload = icmp(p.src, p.dst, f == Family::v4 ? 8 : 128, 0, 0, {});
    EXPECT_EQ(answers(encode(p)).size(), 1u);
    p.dst = neighbour(f, 1);
    EXPECT_TRUE(is_silent(encode(p))) << "of another: not forwarded, and not told of";
  }
}

}  // namespace
}  // namespace tunic::test
