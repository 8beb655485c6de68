// libtins as an independent reader and writer: it must read what we emit, and we what it serialises.
#include <gtest/gtest.h>
#include <tins/tins.h>

#include <algorithm>

#include "test_support/values.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp.h"
#include "wire/tcp_options.h"
#include "wire/text.h"
#include "wire/udp.h"

namespace tunic {
namespace {

using test::Octets;
using test::Random;

const IpAddr a4 = IpAddr::v4(0xc6120001u), b4 = IpAddr::v4(0xc6120002u);
const IpAddr a6 = IpAddr::v6(test::octets("fd00 0000 0000 0000 0000 0000 0000 0001").data());
const IpAddr b6 = IpAddr::v6(test::octets("fd00 0000 0000 0000 0000 0000 0000 0002").data());

const std::uint8_t* raw(const Octets& b) { return reinterpret_cast<const std::uint8_t*>(b.data()); }
std::uint32_t size(const Octets& b) { return static_cast<std::uint32_t>(b.size()); }
Octets bytes_of(const std::vector<std::uint8_t>& v) {
  const auto b = std::as_bytes(std::span{v});
  return {b.begin(), b.end()};
}
Octets serialised(Tins::PDU& p) { return bytes_of(p.serialize()); }

/// A whole packet of ours, with the transport checksum at `field` of `transport`.
Octets packet(bool v6, std::uint8_t protocol, Octets transport, std::size_t field) {
  const IpAddr &src = v6 ? a6 : a4, &dst = v6 ? b6 : b4;
  Sum sum = protocol == protocol::icmp ? Sum{} : pseudo_header(src, dst, protocol, transport.size());
  store_be(&transport[field], sum.add(transport).checksum());
  Octets b(v6 ? 40 : 20);
  if (v6)
    Ipv6Header{src, dst, protocol, 61, 0x20, 0x12345}.emit(b, transport.size());
  else
    Ipv4Header{.src = src, .dst = dst, .protocol = protocol, .ttl = 61, .tos = 0x20}.emit(b, transport.size());
  b.insert(b.end(), transport.begin(), transport.end());
  return b;
}

/// libtins writes the right checksums whatever it read: what it writes again must be what we wrote.
template <class Ip>
void expect_same_again(Ip& ip, const Octets& ours) {
  EXPECT_EQ(serialised(ip), ours);
}

TcpOptions random_options(Random& r) {
  TcpOptions o;
  if (r.coin()) o.mss = r.any<std::uint16_t>();
  if (r.coin()) o.window_scale = static_cast<std::uint8_t>(r.below(15));
  o.sack_permitted = r.coin();
  if (r.coin()) o.timestamps = Timestamps{r.any<std::uint32_t>(), r.any<std::uint32_t>()};
  if (!o.mss && !o.window_scale) o.sack_count = static_cast<std::uint8_t>(r.below(3));
  for (std::size_t i = 0; i < o.sack_count; ++i) o.sack[i] = {{r.any<std::uint32_t>()}, {r.any<std::uint32_t>()}};
  return o;
}

TcpHeader random_tcp(Random& r) {
  return {Port{r.any<std::uint16_t>()},
          Port{r.any<std::uint16_t>()},
          {r.any<std::uint32_t>()},
          {r.any<std::uint32_t>()},
          {static_cast<std::uint16_t>(r.below(512))},
          r.any<std::uint16_t>(),
          r.any<std::uint16_t>()};
}

void expect_equal(const Tins::TCP& theirs, const TcpHeader& h, const TcpOptions& o) {
  EXPECT_EQ(Port{theirs.sport()}, h.src);
  EXPECT_EQ(Port{theirs.dport()}, h.dst);
  EXPECT_EQ(theirs.seq(), h.seq.raw);
  EXPECT_EQ(theirs.ack_seq(), h.ack.raw);
  EXPECT_EQ(std::uint16_t{theirs.flags()}, h.flags.bits);
  EXPECT_EQ(theirs.window(), h.window);
  EXPECT_EQ(theirs.urg_ptr(), h.urgent);
  EXPECT_EQ(theirs.has_sack_permitted(), o.sack_permitted);
  if (o.mss) {
    EXPECT_EQ(theirs.mss(), *o.mss);
  }
  if (o.window_scale) {
    EXPECT_EQ(theirs.winscale(), *o.window_scale);
  }
  if (o.timestamps) {
    EXPECT_EQ(theirs.timestamp(), std::pair(o.timestamps->value, o.timestamps->echo));
  }
  if (o.sack_count == 0) return;
  Tins::TCP::sack_type edges;
  for (std::size_t i = 0; i < o.sack_count; ++i) {
    edges.push_back(o.sack[i].begin.raw);
    edges.push_back(o.sack[i].end.raw);
  }
  EXPECT_EQ(theirs.sack(), edges);
}

TEST(Libtins, reads_our_tcp) {
  Random r;
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    const bool v6 = r.coin();
    const TcpHeader h = random_tcp(r);
    const TcpOptions o = random_options(r);
    Octets options(o.size());
    o.emit(options);
    Octets segment(20 + options.size());
    h.emit(segment, options);
    const Octets text = r.bytes(1 + r.below(50));
    segment.insert(segment.end(), text.begin(), text.end());
    const Octets ours = packet(v6, protocol::tcp, segment, TcpView::checksum_offset);
    if (v6) {
      Tins::IPv6 ip(raw(ours), size(ours));
      EXPECT_EQ(ip.src_addr().to_string(), tunic::text(a6));
      EXPECT_EQ(ip.dst_addr().to_string(), tunic::text(b6));
      EXPECT_EQ(std::uint32_t{ip.flow_label()}, 0x12345u);
      EXPECT_EQ(ip.traffic_class(), 0x20);
      EXPECT_EQ(ip.hop_limit(), 61);
      expect_equal(ip.rfind_pdu<Tins::TCP>(), h, o);
      expect_same_again(ip, ours);
    } else {
      Tins::IP ip(raw(ours), size(ours));
      EXPECT_EQ(ip.src_addr().to_string(), tunic::text(a4));
      EXPECT_EQ(ip.dst_addr().to_string(), tunic::text(b4));
      EXPECT_EQ(ip.tot_len(), ours.size());
      EXPECT_EQ(ip.flags(), Tins::IP::DONT_FRAGMENT);
      EXPECT_EQ(ip.id(), 0);
      EXPECT_EQ(ip.tos(), 0x20);
      EXPECT_EQ(ip.ttl(), 61);
      expect_equal(ip.rfind_pdu<Tins::TCP>(), h, o);
      expect_same_again(ip, ours);
    }
  }
}

TEST(Libtins, reads_our_icmp) {
  for (const bool v6 : {false, true}) {
    Octets echo(12, std::byte{0x33});
    IcmpEcho{echo_request_type(v6 ? Family::v6 : Family::v4), 0, 0x1234, 0x5678}.emit(echo);
    const Octets ours = packet(v6, v6 ? protocol::icmpv6 : protocol::icmp, echo, IcmpView::checksum_offset);
    if (v6) {
      Tins::IPv6 ip(raw(ours), size(ours));
      const auto& icmp = ip.rfind_pdu<Tins::ICMPv6>();
      EXPECT_EQ(icmp.type(), Tins::ICMPv6::ECHO_REQUEST);
      EXPECT_EQ(icmp.identifier(), 0x1234);
      EXPECT_EQ(icmp.sequence(), 0x5678);
      expect_same_again(ip, ours);
    } else {
      Tins::IP ip(raw(ours), size(ours));
      const auto& icmp = ip.rfind_pdu<Tins::ICMP>();
      EXPECT_EQ(icmp.type(), Tins::ICMP::ECHO_REQUEST);
      EXPECT_EQ(icmp.id(), 0x1234);
      EXPECT_EQ(icmp.sequence(), 0x5678);
      expect_same_again(ip, ours);
    }
  }
}

TEST(Libtins, reads_our_udp) {
  Octets datagram(13, std::byte{0x33});
  UdpHeader{Port{1111}, Port{2222}}.emit(datagram, 5);
  const Octets ours = packet(false, protocol::udp, datagram, UdpView::checksum_offset);
  Tins::IP ip(raw(ours), size(ours));
  EXPECT_EQ(ip.rfind_pdu<Tins::UDP>().sport(), 1111);
  EXPECT_EQ(ip.rfind_pdu<Tins::UDP>().dport(), 2222);
  EXPECT_EQ(ip.rfind_pdu<Tins::UDP>().length(), 13);
  expect_same_again(ip, ours);
}

Tins::TCP their_tcp(Random& r, const TcpHeader& h, const TcpOptions& o) {
  Tins::TCP tcp{std::to_underlying(h.dst), std::to_underlying(h.src)};
  tcp.seq(h.seq.raw);
  tcp.ack_seq(h.ack.raw);
  tcp.flags(h.flags.bits);
  tcp.window(h.window);
  tcp.urg_ptr(h.urgent);
  if (o.timestamps) tcp.timestamp(o.timestamps->value, o.timestamps->echo);
  if (o.window_scale) tcp.winscale(*o.window_scale);
  if (o.sack_permitted) tcp.sack_permitted();
  if (o.mss) tcp.mss(*o.mss);
  Tins::TCP::sack_type edges;
  for (std::size_t i = 0; i < o.sack_count; ++i) {
    edges.push_back(o.sack[i].begin.raw);
    edges.push_back(o.sack[i].end.raw);
  }
  if (!edges.empty()) tcp.sack(edges);
  const Octets text = r.bytes(1 + r.below(50));
  tcp.inner_pdu(Tins::RawPDU(raw(text), size(text)));
  return tcp;
}

void expect_read(Bytes payload, const IpAddr& src, const IpAddr& dst, const TcpHeader& h, const TcpOptions& o) {
  const auto v = TcpView::parse(payload);
  ASSERT_TRUE(v);
  const TcpHeader read{v->src(), v->dst(), v->seq(), v->ack(), v->flags(), v->window(), v->urgent()};
  EXPECT_EQ(read, h);
  EXPECT_EQ(TcpOptions::parse(v->options()), o);
  EXPECT_EQ(pseudo_header(src, dst, protocol::tcp, payload.size()).add(payload).checksum(), 0);
}

TEST(Libtins, we_read_its_tcp) {
  Random r;
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    const TcpHeader h = random_tcp(r);
    const TcpOptions o = random_options(r);
    if (r.coin()) {
      Tins::IPv6 ip = Tins::IPv6(tunic::text(b6), tunic::text(a6)) / their_tcp(r, h, o);
      const Octets theirs = serialised(ip);
      const auto v = Ipv6View::parse(theirs);
      ASSERT_TRUE(v);
      EXPECT_EQ(v->src(), a6);
      EXPECT_EQ(v->dst(), b6);
      EXPECT_EQ(v->next_header(), protocol::tcp);
      expect_read(v->payload(), a6, b6, h, o);
    } else {
      Tins::IP ip = Tins::IP(tunic::text(b4), tunic::text(a4)) / their_tcp(r, h, o);
      ip.id(r.any<std::uint16_t>());
      ip.tos(0x7c);
      ip.ttl(9);
      const Octets theirs = serialised(ip);
      const auto v = Ipv4View::parse(theirs);
      ASSERT_TRUE(v);
      EXPECT_TRUE(v->checksum_ok());
      EXPECT_EQ(v->src(), a4);
      EXPECT_EQ(v->dst(), b4);
      EXPECT_EQ(v->id(), ip.id());
      EXPECT_EQ(v->tos(), 0x7c);
      EXPECT_EQ(v->ttl(), 9);
      EXPECT_EQ(v->protocol(), protocol::tcp);
      expect_read(v->payload(), a4, b4, h, o);
    }
  }
}

TEST(Libtins, we_read_its_icmp) {
  Tins::ICMP echo;
  echo.set_echo_request(0x1234, 0x5678);
  Tins::IP ip4 = Tins::IP(tunic::text(b4), tunic::text(a4)) / echo / Tins::RawPDU("abc");
  const Octets four = serialised(ip4);
  const auto v4 = Ipv4View::parse(four);
  ASSERT_TRUE(v4);
  const auto m4 = IcmpView::parse(v4->payload());
  ASSERT_TRUE(m4);
  EXPECT_EQ(m4->type(), icmp4::echo_request);
  EXPECT_EQ(m4->id(), 0x1234);
  EXPECT_EQ(m4->sequence(), 0x5678);
  EXPECT_EQ(m4->body().size(), 3u);
  EXPECT_EQ(Sum{}.add(m4->message()).checksum(), 0);

  Tins::ICMPv6 echo6(Tins::ICMPv6::ECHO_REQUEST);
  echo6.identifier(0x1234);
  echo6.sequence(0x5678);
  Tins::IPv6 ip6 = Tins::IPv6(tunic::text(b6), tunic::text(a6)) / echo6 / Tins::RawPDU("abc");
  const Octets six = serialised(ip6);
  const auto v6 = Ipv6View::parse(six);
  ASSERT_TRUE(v6);
  const auto m6 = IcmpView::parse(v6->payload());
  ASSERT_TRUE(m6);
  EXPECT_EQ(m6->type(), icmp6::echo_request);
  EXPECT_EQ(m6->id(), 0x1234);
  EXPECT_EQ(m6->sequence(), 0x5678);
  EXPECT_EQ(pseudo_header(a6, b6, protocol::icmpv6, m6->message().size()).add(m6->message()).checksum(), 0);
}

}  // namespace
}  // namespace tunic
