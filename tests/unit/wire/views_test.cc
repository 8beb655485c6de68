// Views prove lengths: of malformed packets nothing is read. Each packet stands in a block of exactly its size, so that
// a sanitizer sees every octet read too far.
#include <gtest/gtest.h>

#include "test_support/values.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace tunic {
namespace {

using test::Octets;

TEST(TcpView, data_offset_against_length) {  // H1
  for (std::size_t offset = 0; offset < 16; ++offset)
    for (std::size_t length = 0; length <= 60; ++length) {
      Octets b(length, std::byte{0x55});
      if (length > 12) b[12] = static_cast<std::byte>(offset << 4);
      const auto v = TcpView::parse(b);
      const bool sound = length >= 20 && offset >= 5 && offset * 4 <= length;
      ASSERT_EQ(v.has_value(), sound) << "offset " << offset << " length " << length;
      if (!v) continue;
      EXPECT_EQ(v->options().size(), offset * 4 - 20);
      EXPECT_EQ(v->text().size(), length - offset * 4);
    }
}

TEST(TcpView, reserved_bits_are_not_flags) {  // H4
  Octets b(20);
  b[12] = std::byte{0x5e};
  b[13] = std::byte{0x12};
  EXPECT_EQ(TcpView::parse(b)->flags(), SYN | ACK);
  b[12] = std::byte{0x51};
  EXPECT_EQ(TcpView::parse(b)->flags(), SYN | ACK | AE);
}

TEST(Flags, sets) {
  const Flags f = SYN | ACK;
  EXPECT_TRUE(f.has(SYN));
  EXPECT_TRUE(f.has(SYN | ACK));
  EXPECT_FALSE(f.has(SYN | FIN));
  EXPECT_TRUE(f.any(SYN | FIN));
  EXPECT_FALSE(f.any(FIN | RST));
  EXPECT_EQ(f.without(SYN), ACK);
  EXPECT_EQ(f & ACK, ACK);
}

TEST(Ipv4View, lengths_that_lie) {  // I1
  for (std::size_t length = 0; length <= 64; ++length)
    for (std::size_t ihl = 0; ihl < 16; ++ihl)
      for (std::size_t total = 0; total < 70; ++total) {
        Octets b(length, std::byte{0x55});
        if (length > 0) b[0] = static_cast<std::byte>(0x40 | ihl);
        if (length > 3) store_be(&b[2], static_cast<std::uint16_t>(total));
        const auto v = Ipv4View::parse(b);
        const bool sound = length >= 20 && ihl >= 5 && ihl * 4 <= total && total <= length;
        ASSERT_EQ(v.has_value(), sound) << "length " << length << " ihl " << ihl << " total " << total;
        if (!v) continue;
        EXPECT_EQ(v->options().size(), ihl * 4 - 20);
        EXPECT_EQ(v->payload().size(), total - ihl * 4) << "octets after the total length are not payload";
      }
}

TEST(Ipv6View, lengths_that_lie) {  // I1
  for (std::size_t length = 0; length <= 64; ++length)
    for (std::size_t payload = 0; payload < 70; ++payload) {
      Octets b(length, std::byte{0x66});
      if (length > 5) store_be(&b[4], static_cast<std::uint16_t>(payload));
      const auto v = Ipv6View::parse(b);
      ASSERT_EQ(v.has_value(), length >= 40 && 40 + payload <= length) << "length " << length << " payload " << payload;
      if (v) {
        EXPECT_EQ(v->payload().size(), payload);
      }
    }
}

TEST(IpViews, every_first_octet_and_short_length) {  // I2
  for (std::size_t length = 0; length <= 60; ++length)
    for (unsigned first = 0; first < 256; ++first) {
      Octets b(length);
      if (length > 0) b[0] = static_cast<std::byte>(first);
      const auto v4 = Ipv4View::parse(b);
      const auto v6 = Ipv6View::parse(b);
      EXPECT_FALSE(v4) << "a total length of 0 is no packet";
      EXPECT_EQ(v6.has_value(), length >= 40 && first >> 4 == 6) << "length " << length << " first " << first;
      if (length > 0 && first >> 4 != 4) {
        EXPECT_EQ(v4.error(), Drop::bad_version);
      }
      if (length > 0 && first >> 4 != 6) {
        EXPECT_EQ(v6.error(), Drop::bad_version);
      }
    }
}

TEST(IcmpView, needs_its_eight_octets) {
  for (std::size_t length = 0; length < 12; ++length) {
    const auto v = IcmpView::parse(Octets(length));
    EXPECT_EQ(v.has_value(), length >= 8);
  }
}

TEST(UdpView, length_field_against_length) {  // U1
  for (std::size_t length = 0; length <= 20; ++length)
    for (std::size_t field = 0; field <= 24; ++field) {
      Octets b(length);
      if (length > 5) store_be(&b[4], static_cast<std::uint16_t>(field));
      const auto v = UdpView::parse(b);
      ASSERT_EQ(v.has_value(), length >= 8 && field >= 8 && field <= length)
          << "length " << length << " field " << field;
      if (v) {
        EXPECT_EQ(v->text().size(), field - 8);
      }
    }
}

}  // namespace
}  // namespace tunic
