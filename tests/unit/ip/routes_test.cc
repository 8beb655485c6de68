#include "ip/routes.h"

#include <gtest/gtest.h>

#include "packets.h"

namespace tunic {
namespace {

using test::v6;
using Kind = Route::Kind;

IpAddr v4(std::uint32_t bits) { return IpAddr::v4(bits); }

const IpAddr ours_a = v4(0xc6120002), ours_b = v4(0xc6130002), ours_c = v4(0xc6130102);
const IpAddr ours_6 = v6("fd00 0007 0000 0000 0000 0000 0000 0002");
const IpAddr ours_6b = v6("2001 0db8 0000 0000 0000 0000 0000 0002");
const IpAddr far = v4(0x08080808), far_6 = v6("2001 4860 0000 0000 0000 0000 0000 0001");
const Addresses own{{{ours_a, 24}, {ours_b, 16}, {ours_c, 24}, {ours_6, 64}, {ours_6b, 64}}};

Prefix net(std::uint32_t bits, std::uint8_t length) { return {v4(bits), length}; }
const Prefix default_4 = net(0, 0), default_6{IpAddr::any(Family::v6), 0};

IpAddr source(const Routes& r, const IpAddr& dst) { return r.source_to(dst, own).value_or(IpAddr{}); }
Error refused(const Routes& r, const IpAddr& dst) {
  const Status s = r.check(dst, own);
  return s ? Error{} : s.error();
}
constexpr Error goes{};

TEST(Routes, the_device_carries_whatever_is_not_said) {
  const Routes r{{}, own};
  EXPECT_EQ(refused(r, far), goes);
  EXPECT_EQ(refused(r, far_6), goes);
  EXPECT_EQ(r.mtu_to(far, 1500), 1500u);
}

TEST(Routes, each_kind_has_its_error) {
  const std::pair<Kind, Error> kinds[] = {{Kind::unicast, goes},
                                          {Kind::unreachable, Error::host_unreachable},
                                          {Kind::blackhole, Error::invalid},
                                          {Kind::prohibit, Error::denied},
                                          {Kind::none, Error::unreachable}};
  for (const auto& [kind, error] : kinds) {
    const Routes r{{{.destination = default_4, .kind = kind}, {.destination = default_6, .kind = kind}}, own};
    EXPECT_EQ(refused(r, far), error);
    EXPECT_EQ(refused(r, far_6), error);
    EXPECT_EQ(refused(r, IpAddr::v4(0xffffffff)), error) << "on no network of ours";
    for (const IpAddr& here : {ours_a, ours_6, v4(0x7f000001), IpAddr::loopback(Family::v6), v4(0xc61200ff)})
      EXPECT_EQ(refused(r, here), goes) << "local, or broadcast";
    EXPECT_EQ(refused(r, v4(0xc6120009)), goes) << "our network is the longer prefix";
  }
}

TEST(Routes, a_family_without_its_own_is_left_alone) {
  const Routes r{{{.destination = default_4, .kind = Kind::none}}, own};
  EXPECT_EQ(refused(r, far), Error::unreachable);
  EXPECT_EQ(refused(r, far_6), goes);
}

TEST(Routes, the_longest_prefix_then_the_least_metric_then_the_first) {
  const Routes r{{{.destination = net(0x0a000000, 8), .mtu = 1000},
                  {.destination = net(0x0a010000, 16), .mtu = 1100, .metric = 2},
                  {.destination = net(0x0a010000, 16), .mtu = 1200, .metric = 1},
                  {.destination = net(0x0a010000, 16), .mtu = 1300, .metric = 1},
                  {.destination = net(0x0a010101, 32), .mtu = 9000}},
                 own};
  EXPECT_EQ(r.mtu_to(v4(0x0a020001), 1500), 1000u);
  EXPECT_EQ(r.mtu_to(v4(0x0a010001), 1500), 1200u);
  EXPECT_EQ(r.mtu_to(v4(0x0a010101), 1500), 1500u) << "never more than the device's";
  EXPECT_EQ(r.mtu_to(far, 1500), 1500u);
  EXPECT_EQ(r.mtu_to(v6("0000 0000 0000 0000 0000 0000 0a01 0001"), 1500), 1500u) << "of the other family";
}

TEST(Routes, what_is_said_of_our_own_network_holds) {
  const Routes r{{{.destination = net(0xc6120000, 24), .mtu = 1400}}, own};
  EXPECT_EQ(r.mtu_to(v4(0xc6120009), 1500), 1400u);
  const Routes later{{{.destination = net(0xc6120000, 24), .mtu = 1400, .metric = 1}}, own};
  EXPECT_EQ(later.mtu_to(v4(0xc6120009), 1500), 1500u);
}

// As the kernel chose them, asked with the same addresses and routes
TEST(Routes, the_source_over_ipv4) {
  const Routes r{{{.destination = net(0x0a000000, 8), .source = ours_b},
                  {.destination = net(0x0a090000, 16), .mtu = 1400},
                  {.destination = net(0x0b000000, 8), .source = v4(0x01020304)},
                  {.destination = default_4, .gateway = v4(0xc6130001)}},
                 own};
  EXPECT_EQ(source(r, v4(0x0a010101)), ours_b) << "the route's";
  EXPECT_EQ(source(r, v4(0x0a090101)), ours_a) << "the first";
  EXPECT_EQ(source(r, v4(0x0b000001)), ours_a) << "not ours: not spoken from";
  EXPECT_EQ(source(r, v4(0xc6120009)), ours_a);
  EXPECT_EQ(source(r, v4(0xc6130009)), ours_b);
  EXPECT_EQ(source(r, v4(0xc6130109)), ours_c) << "of two prefixes the longer";
  EXPECT_EQ(source(r, far), ours_b) << "that of the gateway's network";
  EXPECT_EQ(source(Routes({}, own), far), ours_a);
}

TEST(Routes, the_source_over_ipv6) {
  const Prefix net_6{v6("2001 0db8 0010 0000 0000 0000 0000 0000"), 48};
  const Routes r{{{.destination = net_6, .source = ours_6},
                  {.destination = default_6, .gateway = v6("fd00 0007 0000 0000 0000 0000 0000 0001")}},
                 own};
  EXPECT_EQ(source(r, v6("2001 0db8 0010 0000 0000 0000 0000 0001")), ours_6) << "the route's";
  EXPECT_EQ(source(r, far_6), ours_6b) << "RFC 6724, whoever forwards";
  EXPECT_EQ(source(r, v6("fd01 0000 0000 0000 0000 0000 0000 0001")), ours_6);
}

TEST(Routes, to_ourselves_from_ourselves) {
  const Routes r{{{.destination = default_4, .source = ours_b}}, own};
  EXPECT_EQ(source(r, v4(0x7f000009)), v4(0x7f000001));  // as Linux: the whole of 127/8 is one host
  EXPECT_EQ(source(r, ours_c), ours_c);
  EXPECT_EQ(source(r, IpAddr::loopback(Family::v6)), IpAddr::loopback(Family::v6));
}

TEST(Routes, no_source_without_an_address_of_the_family) {
  const Addresses only_v4{{{ours_a, 24}}}, nobody{{}};
  EXPECT_EQ(Routes({}, only_v4).source_to(far_6, only_v4).error(), Error::unreachable);
  EXPECT_EQ(Routes({}, nobody).source_to(far, nobody).error(), Error::unreachable);
}

}  // namespace
}  // namespace tunic
