#include "ip/output.h"

#include <gtest/gtest.h>

#include "ip/input.h"
#include "packets.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace tunic {
namespace {

using test::families;
using test::flat;
using test::Octets;
using test::peer;
using test::us;

const Addresses own = test::host();
const Octets five = test::octets("0102030405"), none;
constexpr LinkTraits plain{}, offloading{.checksum = true, .max_gso = 65'535};

/// A segment with a header and `text` in slices of at most `piece` octets, which the caller keeps.
void make_segment(TxPacket& p, const Octets& text, std::size_t piece) {
  TcpHeader{Port{1}, Port{2}, {3}, {4}, PSH | ACK, 5}.emit(MutBytes{p.headers}.subspan(p.begin));
  p.end = static_cast<std::uint16_t>(p.begin + TcpView::min_size);
  for (Bytes rest{text}; !rest.empty();) {
    const std::size_t n = std::min(piece, rest.size());
    p.text[p.slices++] = Slice::lent(rest.first(n));
    rest = rest.subspan(n);
  }
}

void make_segment(TxPacket&, Octets&&, std::size_t) = delete;  // it would be gone before it is sent

TEST(Output, what_is_sent_is_accepted) {  // accept(prepend(x)) == x
  test::Random r;
  for (int round = 0; round < 2000; ++round) {
    SCOPED_TRACE(round);
    const Family f = families[r.below(2)];
    const Octets text = r.bytes(r.below(400));
    const auto ttl = r.any<std::uint8_t>(), tos = r.any<std::uint8_t>();
    TxPacket p;
    make_segment(p, text, 1 + r.below(200) + text.size() / 10);
    const Octets segment = flat(p);
    finish_checksum(p, peer(f), us(f), protocol::tcp, TcpView::checksum_offset, plain);
    prepend(p, peer(f), us(f), protocol::tcp, ttl, tos, 0xabcde);
    const Octets sent = flat(p);
    EXPECT_EQ(p.offload.checksum, Offload::Checksum::unknown);
    EXPECT_EQ(p.offload.transport, sent.size() - segment.size());
    const auto d = accept(sent, {}, {}, own);
    ASSERT_TRUE(d);
    EXPECT_EQ(d->src, peer(f));
    EXPECT_EQ(d->dst, us(f));
    EXPECT_EQ(d->protocol, protocol::tcp);
    EXPECT_EQ(d->ttl, ttl);
    EXPECT_EQ(d->tos, tos);
    EXPECT_EQ(d->header_size, p.offload.transport);
    EXPECT_TRUE(transport_checksum_ok(*d, {}));
    Octets payload{d->payload.begin(), d->payload.end()};
    store_be(&payload[TcpView::checksum_offset], std::uint16_t{0});
    EXPECT_EQ(payload, segment);
  }
}

TEST(Output, a_wrong_octet_anywhere_is_noticed) {  // I11
  for (const Family f : families) {
    TxPacket p;
    make_segment(p, five, 2);
    finish_checksum(p, peer(f), us(f), protocol::tcp, TcpView::checksum_offset, plain);
    prepend(p, peer(f), us(f), protocol::tcp, 64, 0);
    const Octets good = flat(p);
    for (std::size_t bit = 8 * p.offload.transport; bit < 8 * good.size(); ++bit) {
      Octets b = good;
      b[bit / 8] ^= static_cast<std::byte>(0x80 >> bit % 8);
      const auto d = accept(b, {}, {}, own);
      ASSERT_TRUE(d) << "bit " << bit;
      EXPECT_FALSE(transport_checksum_ok(*d, {})) << "bit " << bit;
      EXPECT_TRUE(transport_checksum_ok(*d, {.checksum = Offload::Checksum::verified}));
    }
  }
}

TEST(Output, a_device_completes_a_partial_checksum) {
  for (const Family f : families) {
    TxPacket p;
    make_segment(p, five, 3);
    finish_checksum(p, peer(f), us(f), protocol::tcp, TcpView::checksum_offset, offloading);
    prepend(p, peer(f), us(f), protocol::tcp, 64, 0);
    EXPECT_EQ(p.offload.checksum, Offload::Checksum::partial);
    Octets b = flat(p);
    const auto partial = accept(b, {}, p.offload, own);
    ASSERT_TRUE(partial);
    EXPECT_TRUE(transport_checksum_ok(*partial, p.offload)) << "it never crossed a wire";
    EXPECT_FALSE(transport_checksum_ok(*partial, {}));
    // What a device does: sum from the transport header on, put the complement where it was told to.
    const std::uint16_t sum = Sum{}.add(Bytes{b}.subspan(p.offload.transport)).checksum();
    store_be(&b[p.offload.transport + p.offload.checksum_field], sum);
    const auto complete = accept(b, {}, {}, own);
    ASSERT_TRUE(complete);
    EXPECT_TRUE(transport_checksum_ok(*complete, {}));
  }
}

TEST(Output, ipv4_is_never_fragmented) {  // F9, RFC 6864 section 4.1
  TxPacket p;
  make_segment(p, none, 1);
  prepend(p, test::us4, test::peer4, protocol::tcp, 64, 0);
  const auto v = Ipv4View::parse(p.header());
  ASSERT_TRUE(v);
  EXPECT_TRUE(v->dont_fragment());
  EXPECT_FALSE(v->is_fragment());
  EXPECT_EQ(v->id(), 0);
}

TEST(Output, flow_label) {
  TxPacket p;
  make_segment(p, none, 1);
  prepend(p, test::us6, test::peer6, protocol::tcp, 64, 0, 0xabcde);
  EXPECT_EQ(Ipv6View::parse(p.header())->flow_label(), 0xabcdeu);
  EXPECT_EQ(p.begin, 0) << "the largest header that the room is for";
}

TEST(Output, a_udp_checksum_is_never_zero) {  // RFC 768, RFC 8200 section 8.1
  for (const Family f : families) {
    TxPacket p;
    const MutBytes rest = UdpHeader{Port{1}, Port{2}}.emit(MutBytes{p.headers}.subspan(p.begin), 2);
    store_be(rest.data(), std::uint16_t{0});
    p.end = static_cast<std::uint16_t>(p.begin + UdpView::header_size + 2);
    // Text that makes the sum all ones, and so its complement zero.
    store_be(rest.data(), pseudo_header(us(f), peer(f), protocol::udp, p.size()).add(p.header()).checksum());
    finish_checksum(p, us(f), peer(f), protocol::udp, UdpView::checksum_offset, plain);
    EXPECT_EQ(UdpView::parse(p.header())->checksum(), 0xffff);
  }
}

}  // namespace
}  // namespace tunic
