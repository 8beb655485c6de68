#include "ip/fragment.h"

#include <gtest/gtest.h>

#include "ip/output.h"
#include "packets.h"
#include "wire/checksum.h"
#include "wire/protocol.h"
#include "wire/udp.h"

namespace tunic {
namespace {

using test::families;
using test::flat;
using test::IpRead;
using test::join_fragments;
using test::Octets;
using test::peer;
using test::read_ip;
using test::us;

constexpr std::uint32_t id = 0xabcd1234;

/// A datagram of UDP with `text` in slices of `slice` octets, and a complete checksum.
void make_datagram(TxPacket& p, Family f, const Octets& text, std::size_t slice) {
  UdpHeader{Port{1}, Port{2}}.emit(MutBytes{p.headers}.subspan(p.begin), text.size());
  p.end = static_cast<std::uint16_t>(p.begin + UdpView::header_size);
  for (Bytes rest{text}; !rest.empty();) {
    const std::size_t n = std::min(slice, rest.size());
    p.text[p.slices++] = Slice::lent(rest.first(n));
    rest = rest.subspan(n);
  }
  finish_checksum(p, us(f), peer(f), protocol::udp, UdpView::checksum_offset, {});
}

IpFields fields(Family f) {
  return {.src = us(f), .dst = peer(f), .protocol = protocol::udp, .ttl = 33, .tos = 0x48, .flow_label = 0x54321};
}

/// All fragments, each of which must keep the rules.
std::vector<IpRead> cut(const TxPacket& datagram, Family f, std::uint32_t mtu) {
  std::vector<IpRead> pieces;
  Fragmenter fragmenter{datagram, fields(f), id, mtu};
  for (std::size_t offset = 0; !fragmenter.done();) {
    TxPacket out;
    fragmenter.next(out);
    EXPECT_EQ(out.offload.checksum, Offload::Checksum::unknown) << "nothing is left to the device";
    EXPECT_EQ(out.offload.gso_size, 0);
    const auto p = read_ip(flat(out), out.offload);
    EXPECT_TRUE(p) << p.error();
    if (!p) break;
    EXPECT_LE(p->size, mtu);
    EXPECT_TRUE(p->is_fragment());
    EXPECT_EQ(p->id, f == Family::v4 ? id & 0xffff : id);
    EXPECT_EQ(p->src, us(f));
    EXPECT_EQ(p->dst, peer(f));
    EXPECT_EQ(p->protocol, protocol::udp);
    EXPECT_EQ(p->ttl, 33);
    EXPECT_EQ(p->tos, 0x48);
    EXPECT_EQ(p->flow_label, f == Family::v4 ? 0 : 0x54321u);
    EXPECT_FALSE(p->dont_fragment);
    EXPECT_EQ(p->fragment_offset, offset) << "no hole, no overlap";
    EXPECT_EQ(p->more_fragments, !fragmenter.done());
    EXPECT_FALSE(p->payload.empty());
    if (p->more_fragments) {
      EXPECT_EQ(p->payload.size() % 8, 0u);
      EXPECT_GT(p->size + 8, mtu) << "as large as may be";
    }
    offset += p->payload.size();
    pieces.push_back(*p);
  }
  return pieces;
}

Octets joined(const std::vector<IpRead>& pieces) {
  const auto whole = join_fragments(pieces);
  EXPECT_TRUE(whole);
  return whole ? whole->payload : Octets{};
}

TEST(Fragmenter, the_pieces_make_the_datagram) {  // RFC 791 section 2.3, RFC 8200 section 4.5
  test::Random r;
  for (const Family f : families)
    for (int round = 0; round < 500; ++round) {
      const auto mtu = static_cast<std::uint32_t>((f == Family::v4 ? 68 : 1280) + r.below(1500));
      const Octets text = r.bytes(mtu + r.below(8000));
      TxPacket datagram;
      make_datagram(datagram, f, text, text.size() / (1 + r.below(16)) + 1);
      const auto pieces = cut(datagram, f, mtu);
      EXPECT_GE(pieces.size(), 2u) << "no atomic fragments (F6)";
      EXPECT_EQ(joined(pieces), flat(datagram));
    }
}

TEST(Fragmenter, the_largest_datagrams) {
  for (const Family f : families) {
    const Octets text = test::Random{}.bytes(f == Family::v4 ? 65'507 : 65'527);
    TxPacket datagram;
    make_datagram(datagram, f, text, 16'384);
    const auto pieces = cut(datagram, f, 1500);
    EXPECT_EQ(pieces.size(), f == Family::v4 ? 45u : 46u);
    const Octets whole = joined(pieces);
    EXPECT_EQ(whole, flat(datagram));
    EXPECT_EQ(pseudo_header(us(f), peer(f), protocol::udp, whole.size()).add(whole).checksum(), 0)
        << "the checksum is complete over the whole";
  }
}

TEST(Fragmenter, text_is_shared) {
  const Octets text(3000);
  TxPacket datagram;
  make_datagram(datagram, Family::v4, text, 1000);
  Fragmenter fragmenter{datagram, fields(Family::v4), id, 1500};
  TxPacket first, second;
  fragmenter.next(first);
  fragmenter.next(second);
  ASSERT_EQ(first.slices, 2);
  EXPECT_EQ(first.text[0].data(), text.data());
  EXPECT_EQ(second.text[0].data(), text.data() + 1480 - UdpView::header_size);
}

TEST(Fragmenter, one_octet_too_many_is_a_second_fragment) {
  for (const Family f : families) {
    const std::size_t header = f == Family::v4 ? 20 : 40;
    const Octets text(1501 - header - UdpView::header_size);
    TxPacket datagram;
    make_datagram(datagram, f, text, 2000);
    const auto pieces = cut(datagram, f, 1500);
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(joined(pieces), flat(datagram));
  }
}

}  // namespace
}  // namespace tunic
