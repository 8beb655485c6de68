#include "wire/addr.h"

#include <gtest/gtest.h>

#include "test_support/values.h"

namespace tunic {
namespace {

using test::octets;

IpAddr v6(std::string_view hex) { return IpAddr::v6(octets(hex).data()); }

TEST(IpAddr, the_family_is_part_of_the_value) {
  EXPECT_TRUE(IpAddr::v4(0u).is_v4());
  EXPECT_NE(IpAddr::any(Family::v4), IpAddr::any(Family::v6));
  EXPECT_EQ(IpAddr::v4(0xc6120002u).bytes().size(), 4u);
  EXPECT_EQ(IpAddr{}.bytes().size(), 16u);
  EXPECT_EQ(IpAddr::v4(0xc6120002u).v4_bits(), 0xc6120002u);
}

TEST(IpAddr, kinds) {
  EXPECT_TRUE(IpAddr::v4(0x7fffffffu).is_loopback());
  EXPECT_FALSE(IpAddr::v4(0x80000000u).is_loopback());
  EXPECT_TRUE(IpAddr::loopback(Family::v6).is_loopback());
  EXPECT_TRUE(IpAddr::v4(0xe0000001u).is_multicast());
  EXPECT_TRUE(IpAddr::v4(0xefffffffu).is_multicast());
  EXPECT_FALSE(IpAddr::v4(0xf0000000u).is_multicast());
  EXPECT_TRUE(v6("ff02 0000 0000 0000 0000 0000 0000 0001").is_multicast());
  EXPECT_TRUE(IpAddr::v4(0xffffffffu).is_broadcast());
  EXPECT_TRUE(IpAddr::any(Family::v4).is_any());
  EXPECT_TRUE(IpAddr{}.is_any());
}

TEST(Prefix, contains_by_its_first_bits) {
  const IpAddr a = IpAddr::v4(0xc6120002u);
  for (std::uint8_t length = 0; length <= 32; ++length) {
    const Prefix p{a, length};
    EXPECT_TRUE(p.contains(a)) << int{length};
    for (unsigned bit = 0; bit < 32; ++bit)
      EXPECT_EQ(p.contains(IpAddr::v4(0xc6120002u ^ 0x80000000u >> bit)), bit >= length) << int{length} << " " << bit;
  }
  EXPECT_FALSE((Prefix{a, 0}.contains(IpAddr{}))) << "the other family";
  const Prefix p6{v6("fd00 0000 0000 0000 0000 0000 0000 0002"), 61};
  EXPECT_TRUE(p6.contains(v6("fd00 0000 0000 0007 0000 0000 0000 0009")));
  EXPECT_FALSE(p6.contains(v6("fd00 0000 0000 0008 0000 0000 0000 0002")));
}

TEST(FourTuple, the_other_end_sees_it_reversed) {
  const FourTuple t{{IpAddr::v4(1u), Port{1}}, {IpAddr::v4(2u), Port{2}}};
  EXPECT_EQ(t.reversed().local, t.remote);
  EXPECT_EQ(t.reversed().reversed(), t);
}

}  // namespace
}  // namespace tunic
