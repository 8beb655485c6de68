#include "ip/source_address.h"

#include <gtest/gtest.h>

#include <vector>

#include "packets.h"

namespace tunic {
namespace {

using test::v6;

const IpAddr db8_1_1 = v6("2001 0db8 0001 0000 0000 0000 0000 0001");
const IpAddr db8_1_2 = v6("2001 0db8 0001 0000 0000 0000 0000 0002");
const IpAddr db8_2_1 = v6("2001 0db8 0002 0000 0000 0000 0000 0001");
const IpAddr db8_3_1 = v6("2001 0db8 0003 0000 0000 0000 0000 0001");
const IpAddr db8_3_2 = v6("2001 0db8 0003 0000 0000 0000 0000 0002");
const IpAddr link_1 = v6("fe80 0000 0000 0000 0000 0000 0000 0001");
const IpAddr link_2 = v6("fe80 0000 0000 0000 0000 0000 0000 0002");
const IpAddr site_1 = v6("fec0 0000 0000 0000 0000 0000 0000 0001");
const IpAddr site_group = v6("ff05 0000 0000 0000 0000 0000 0000 0001");
const IpAddr six_to_four_1 = v6("2002 c633 6401 0000 0000 0000 0000 0001");
const IpAddr six_to_four_2 = v6("2002 c633 6401 0000 d5e3 7953 13eb 22e8");
const IpAddr local_1 = v6("fd00 0007 0000 0000 0000 0000 0000 0002");

/// What is chosen must not depend on the order in which the candidates are named.
IpAddr chosen(const IpAddr& dst, const IpAddr& a, const IpAddr& b) {
  const std::vector<Prefix> one{{a, 64}, {b, 64}}, other{{b, 64}, {a, 64}};
  const Prefix* const first = select_source(dst, one);
  const Prefix* const second = select_source(dst, other);
  EXPECT_EQ(first->addr, second->addr);
  return first->addr;
}

TEST(SourceAddress, examples_of_rfc_6724) {  // section 10.1
  EXPECT_EQ(chosen(db8_1_1, db8_3_1, link_1), db8_3_1) << "appropriate scope";
  EXPECT_EQ(chosen(site_group, db8_3_1, link_1), db8_3_1) << "appropriate scope";
  EXPECT_EQ(chosen(db8_1_1, db8_1_1, db8_2_1), db8_1_1) << "same address";
  EXPECT_EQ(chosen(link_1, link_2, db8_1_1), link_2) << "appropriate scope";
  EXPECT_EQ(chosen(db8_1_1, db8_1_2, db8_3_2), db8_1_2) << "longest matching prefix";
  EXPECT_EQ(chosen(six_to_four_1, six_to_four_2, db8_1_2), six_to_four_2) << "matching label";
}

TEST(SourceAddress, rule_2_takes_the_smallest_scope_that_reaches) {
  EXPECT_EQ(chosen(site_1, link_1, db8_1_1), db8_1_1);
  EXPECT_EQ(chosen(site_group, site_1, db8_1_1), site_1);
  EXPECT_EQ(chosen(db8_1_1, link_1, site_1), site_1) << "none reaches: the largest";
}

TEST(SourceAddress, rule_6_comes_before_rule_8) {
  const IpAddr global = v6("2001 4860 0000 0000 0000 0000 0000 0001");
  const IpAddr other_local = v6("fd01 0000 0000 0000 0000 0000 0000 0001");
  EXPECT_EQ(chosen(global, db8_1_1, local_1), db8_1_1);
  EXPECT_EQ(chosen(other_local, db8_1_1, local_1), local_1);
  const IpAddr near = v6("fc00 0000 0000 0000 0000 0000 0000 0001");
  EXPECT_EQ(chosen(v6("fe00 0000 0000 0000 0000 0000 0000 0001"), near, db8_1_1), db8_1_1)
      << "longer in common, but of another label";
}

TEST(SourceAddress, a_prefix_counts_as_far_as_it_goes) {  // section 2.2
  EXPECT_EQ(common_prefix_length({db8_1_1, 64}, db8_1_2), 64u);
  EXPECT_EQ(common_prefix_length({db8_1_1, 128}, db8_1_2), 126u);
  EXPECT_EQ(common_prefix_length({db8_1_1, 128}, db8_1_1), 128u);
  EXPECT_EQ(common_prefix_length({db8_1_1, 64}, db8_3_1), 46u);
  const std::vector<Prefix> own{{db8_1_2, 32}, {db8_3_1, 128}};
  EXPECT_EQ(select_source(db8_1_1, own)->addr, db8_3_1) << "46 bits against 32";
}

TEST(SourceAddress, the_first_of_equals_and_none_of_ipv4) {
  const std::vector<Prefix> own{{test::us4, 24}, {db8_2_1, 32}, {db8_3_1, 32}};
  EXPECT_EQ(select_source(db8_1_1, own)->addr, db8_2_1);
  EXPECT_EQ(select_source(db8_1_1, std::span{own}.first(1)), nullptr);
}

TEST(SourceAddress, scopes) {
  EXPECT_EQ(scope_of(IpAddr::loopback(Family::v6)), 2);
  EXPECT_EQ(scope_of(link_1), 2);
  EXPECT_EQ(scope_of(v6("febf 0000 0000 0000 0000 0000 0000 0001")), 2);
  EXPECT_EQ(scope_of(site_1), 5);
  EXPECT_EQ(scope_of(local_1), 14);
  EXPECT_EQ(scope_of(v6("ff02 0000 0000 0000 0000 0000 0000 0001")), 2);
  EXPECT_EQ(scope_of(v6("ff0e 0000 0000 0000 0000 0000 0000 0001")), 14);
}

TEST(SourceAddress, labels_of_the_default_policy_table) {  // section 2.1
  EXPECT_EQ(label_of(IpAddr::loopback(Family::v6)), 0);
  EXPECT_EQ(label_of(db8_1_1), 1);
  EXPECT_EQ(label_of(six_to_four_1), 2);
  EXPECT_EQ(label_of(v6("0000 0000 0000 0000 0000 0000 c612 0001")), 3);
  EXPECT_EQ(label_of(v6("2001 0000 0000 0000 0000 0000 0000 0001")), 5);
  EXPECT_EQ(label_of(site_1), 11);
  EXPECT_EQ(label_of(v6("3ffe 0000 0000 0000 0000 0000 0000 0001")), 12);
  EXPECT_EQ(label_of(local_1), 13);
  EXPECT_EQ(label_of(v6("fe00 0000 0000 0000 0000 0000 0000 0001")), 1);
}

}  // namespace
}  // namespace tunic
