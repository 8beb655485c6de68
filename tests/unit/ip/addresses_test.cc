#include "ip/addresses.h"

#include <gtest/gtest.h>

#include "packets.h"

namespace tunic {
namespace {

using test::v6;

IpAddr v4(std::uint32_t bits) { return IpAddr::v4(bits); }

const Addresses own{{{v4(0x0a000001u), 8},
                     {v4(0x0a010001u), 16},
                     {v4(0x0a010201u), 31},
                     {v6("fd00 0000 0000 0000 0000 0000 0000 0002"), 64}}};

TEST(Addresses, own_and_local) {
  EXPECT_TRUE(own.is_own(v4(0x0a010001u)));
  EXPECT_FALSE(own.is_own(v4(0x0a010002u))) << "a neighbour";
  EXPECT_FALSE(own.is_own(v4(0x7f000001u)));
  EXPECT_TRUE(own.is_local(v4(0x7f000001u)));
  EXPECT_TRUE(own.is_local(IpAddr::loopback(Family::v6)));
  EXPECT_TRUE(own.is_local(v4(0x0a000001u)));
  EXPECT_FALSE(own.is_local(v4(0x0a000002u)));
}

TEST(Addresses, broadcast) {  // I12
  EXPECT_TRUE(own.is_broadcast(v4(0xffffffffu)));
  EXPECT_TRUE(own.is_broadcast(v4(0x0affffffu)));
  EXPECT_TRUE(own.is_broadcast(v4(0x0a01ffffu)));
  EXPECT_FALSE(own.is_broadcast(v4(0x0a010201u))) << "a network of two has none (RFC 3021)";
  EXPECT_FALSE(own.is_broadcast(v4(0x0a010063u)));
  EXPECT_FALSE(own.is_broadcast(v6("ff02 0000 0000 0000 0000 0000 0000 0001")));
}

}  // namespace
}  // namespace tunic
