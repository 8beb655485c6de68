#include "ip/icmp_echo.h"

#include <gtest/gtest.h>

#include "ip/output.h"
#include "packets.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using test::families;
using test::flat;
using test::Octets;
using test::packet;
using test::peer;
using test::us;

constexpr LinkTraits plain{};

std::uint8_t icmp_of(Family f) { return f == Family::v4 ? protocol::icmp : protocol::icmpv6; }

Octets message(Family f, std::uint8_t type, const Octets& data) {
  Octets b(IcmpView::header_size);
  IcmpEcho{type, 0, 0x1234, 0x5678}.emit(b);
  b = test::join(std::move(b), data);
  Sum sum = f == Family::v4 ? Sum{} : pseudo_header(peer(f), us(f), protocol::icmpv6, b.size());
  store_be(&b[IcmpView::checksum_offset], sum.add(b).checksum());
  return b;
}
Octets request(Family f, const Octets& data) { return message(f, echo_request_type(f), data); }

class Echo : public ::testing::Test {
 protected:
  std::expected<void, Drop> answer(Family f, const Octets& m, const Offload& offload = {},
                                   const LinkTraits& link = plain) {
    const Octets p = packet(peer(f), us(f), icmp_of(f), m);
    const auto d = accept(p, false, offload, own_);
    EXPECT_TRUE(d);
    return answer_echo(*d, offload, pool_, link, reply_);
  }

  const Addresses own_ = test::host();
  Pool pool_{4u << 20};
  TxPacket reply_;
};

TEST_F(Echo, comes_back_with_the_same_data) {
  test::Random r;
  for (const Family f : families)
    for (const std::size_t n : {0u, 1u, 2u, 56u, 1472u, 3000u, 65'507u}) {
      const Octets data = r.bytes(n);
      reply_.clear();
      ASSERT_TRUE(answer(f, request(f, data))) << n << " octets";
      const Octets sent = flat(reply_);
      EXPECT_EQ(sent.size(), packet(peer(f), us(f), icmp_of(f), request(f, data)).size()) << "not longer: C8";
      const auto d = accept(sent, false, {}, Addresses{{{peer(f), 24}}});
      ASSERT_TRUE(d) << name(d.error());
      EXPECT_EQ(d->src, us(f));
      EXPECT_EQ(d->dst, peer(f));
      EXPECT_TRUE(transport_checksum_ok(*d, {}));
      const auto m = IcmpView::parse(d->payload);
      EXPECT_EQ(m->type(), echo_reply_type(f));
      EXPECT_EQ(m->code(), 0);
      EXPECT_EQ(m->id(), 0x1234);
      EXPECT_EQ(m->sequence(), 0x5678);
      EXPECT_TRUE(std::ranges::equal(m->body(), data));
    }
}

TEST_F(Echo, keeps_nothing_when_the_reply_is_gone) {
  for (const Family f : families) {
    ASSERT_TRUE(answer(f, request(f, Octets(100))));
    EXPECT_GT(pool_.in_use(), 0u);
    reply_.clear();
    EXPECT_EQ(pool_.in_use(), 0u);
  }
}

TEST_F(Echo, partial_checksum_where_the_link_completes_it) {
  for (const Family f : families) {
    reply_.clear();
    ASSERT_TRUE(answer(f, request(f, test::octets("010203")), {}, {.checksum = true}));
    EXPECT_EQ(reply_.offload.checksum, Offload::Checksum::partial);
    Octets b = flat(reply_);
    const Offload& o = reply_.offload;
    const std::uint16_t sum = Sum{}.add(Bytes{b}.subspan(o.transport)).checksum();
    store_be(&b[std::size_t{o.transport} + o.checksum_field], sum);
    const auto d = accept(b, false, {}, Addresses{{{peer(f), 24}}});
    ASSERT_TRUE(d);
    EXPECT_TRUE(transport_checksum_ok(*d, {}));
  }
}

TEST_F(Echo, wrong_checksum) {  // I11
  for (const Family f : families) {
    const Octets good = request(f, test::octets("01020304"));
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
      Octets m = good;
      m[bit / 8] ^= static_cast<std::byte>(0x80 >> bit % 8);
      EXPECT_EQ(answer(f, m).error(), Drop::bad_checksum) << "bit " << bit;
    }
    Octets m = good;
    m[2] ^= std::byte{1};
    EXPECT_EQ(reply_.size(), 0u) << "stays clear";
    EXPECT_TRUE(answer(f, m, {.checksum = Offload::Checksum::verified})) << "the device has verified it";
    reply_.clear();
  }
}

TEST_F(Echo, only_requests_are_answered) {  // C3, C4, C6
  for (const Family f : families)
    for (unsigned type = 0; type < 256; ++type) {
      const auto answered = answer(f, message(f, static_cast<std::uint8_t>(type), Octets(20)));
      EXPECT_EQ(answered.has_value(), type == echo_request_type(f)) << "type " << type;
      if (!answered) {
        EXPECT_EQ(answered.error(), Drop::icmp_ignored);
      }
      reply_.clear();
    }
}

TEST_F(Echo, too_short) {
  for (const Family f : families)
    for (std::size_t n = 0; n < 8; ++n) EXPECT_EQ(answer(f, Octets(n)).error(), Drop::bad_icmp);
}

TEST_F(Echo, the_icmp_of_the_other_family_is_not_ours) {
  for (const Family f : families) {
    Datagram d{.src = peer(f), .dst = us(f), .protocol = icmp_of(f == Family::v4 ? Family::v6 : Family::v4)};
    const Octets m = request(f, {});
    d.payload = m;
    EXPECT_EQ(answer_echo(d, {}, pool_, plain, reply_).error(), Drop::bad_protocol);
  }
}

TEST_F(Echo, no_memory) {
  pool_.fail_every(1);
  for (const Family f : families) {
    EXPECT_EQ(answer(f, request(f, Octets(10))).error(), Drop::no_memory);
    EXPECT_EQ(reply_.size(), 0u) << "stays clear";
  }
}

TEST_F(Echo, broadcast_and_multicast_get_no_answer) {  // I12
  for (const IpAddr& dst : {IpAddr::v4(0xffffffffu), IpAddr::v4(0xc61200ffu), IpAddr::v4(0xe0000001u)}) {
    const Octets p = packet(test::peer4, dst, protocol::icmp, request(Family::v4, Octets(8)));
    EXPECT_EQ(accept(p, false, {}, own_).error(), Drop::not_ours);
  }
  const IpAddr all_nodes = test::v6("ff02 0000 0000 0000 0000 0000 0000 0001");
  const Octets p = packet(test::peer6, all_nodes, protocol::icmpv6, request(Family::v6, Octets(8)));
  EXPECT_EQ(accept(p, false, {}, own_).error(), Drop::not_ours);
}

TEST_F(Echo, keeps_the_type_of_service) {  // RFC 1122 section 3.2.2
  const Octets m = request(Family::v4, {});
  const Datagram d{.src = test::peer4, .dst = test::us4, .protocol = protocol::icmp, .tos = 0x48, .payload = m};
  ASSERT_TRUE(answer_echo(d, {}, pool_, plain, reply_));
  EXPECT_EQ(Ipv4View::parse(reply_.header())->tos(), 0x48);
}

}  // namespace
}  // namespace tunic
