#include "wire/text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test_support/values.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp_options.h"
#include "wire/udp.h"

namespace tunic {
namespace {

using test::octets;
using test::Octets;

IpAddr v6(std::string_view hex) { return IpAddr::v6(octets(hex).data()); }
const IpAddr a4 = IpAddr::v4(0xc6120001u), b4 = IpAddr::v4(0xc6120002u);
const IpAddr a6 = v6("fd00 0000 0000 0000 0000 0000 0000 0001"), b6 = v6("fd00 0000 0000 0000 0000 0000 0000 0002");

TEST(Text, ipv4_addresses) {
  EXPECT_EQ(text(b4), "198.18.0.2");
  EXPECT_EQ(text(IpAddr::any(Family::v4)), "0.0.0.0");
  EXPECT_EQ(text(IpAddr::v4(0xffffffffu)), "255.255.255.255");
}

TEST(Text, ipv6_addresses) {  // RFC 5952 sections 4 and 5
  const std::pair<const char*, const char*> rows[] = {
      {"2001 0db8 0000 0000 0000 0000 0000 0001", "2001:db8::1"},
      {"0000 0000 0000 0000 0000 0000 0000 0000", "::"},
      {"0000 0000 0000 0000 0000 0000 0000 0001", "::1"},
      {"fd00 0000 0000 0000 0000 0000 0000 0000", "fd00::"},
      {"2001 0db8 0000 0001 0001 0001 0001 0001", "2001:db8:0:1:1:1:1:1"},  // one group of zeros is written out
      {"2001 0db8 0000 0000 0001 0000 0000 0001", "2001:db8::1:0:0:1"},     // of equals the first
      {"2001 0000 0000 0001 0000 0000 0000 0001", "2001:0:0:1::1"},         // the longest
      {"0001 0002 0003 0004 0005 0006 0000 0000", "1:2:3:4:5:6::"},
      {"0000 0000 0003 0004 0005 0006 0007 0008", "::3:4:5:6:7:8"},
      {"abcd ef01 2345 6789 abcd ef01 2345 6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
  };
  for (const auto& [hex, expected] : rows) EXPECT_EQ(text(v6(hex)), expected);
}

TEST(Text, endpoints_prefixes_and_pairs) {
  EXPECT_EQ(text(Endpoint{b4, Port{80}}), "198.18.0.2:80");
  EXPECT_EQ(text(Endpoint{b6, Port{80}}), "[fd00::2]:80");
  EXPECT_EQ(text(Prefix{b4, 24}), "198.18.0.2/24");
  EXPECT_EQ(text(FourTuple{{b4, Port{80}}, {a4, Port{40'000}}}), "198.18.0.2:80 > 198.18.0.1:40000");
}

TEST(Text, flags) {
  EXPECT_EQ(text(SYN), "S");
  EXPECT_EQ(text(SYN | ACK), "S.");
  EXPECT_EQ(text(FIN | PSH | ACK), "FP.");
  EXPECT_EQ(text(Flags{511}), "SFRPUEWA.");
  EXPECT_EQ(text(Flags{}), "-");
}

Octets segment(const TcpHeader& h, const TcpOptions& o, std::size_t text_size) {
  Octets options(o.size());
  o.emit(options);
  Octets b(20 + options.size() + text_size);
  h.emit(b, options);
  return b;
}

std::string text_of(const Octets& b, SegmentBases bases = {}) { return text(*TcpView::parse(b), bases); }

TEST(Text, segments) {
  const TcpOptions syn_options{
      .mss = 1460, .window_scale = 7, .sack_permitted = true, .timestamps = Timestamps{100, 0}};
  const TcpHeader syn{.seq = {1000}, .ack = {501}, .flags = SYN | ACK, .window = 65'535};
  EXPECT_EQ(text_of(segment(syn, syn_options, 0), {1000, 500}),
            "S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>");
  EXPECT_EQ(text_of(segment({.seq = {1}, .flags = RST}, {}, 0)), "R 1:1(0) win 0");
  EXPECT_EQ(text_of(segment({.seq = {1}, .ack = {7}, .flags = PSH | ACK | URG, .window = 9, .urgent = 3}, {}, 1000)),
            "PU. 1:1001(1000) ack 7 win 9 urg 3");
}

TEST(Text, relative_numbers_wrap) {  // H6
  const TcpHeader h{.seq = {1}, .ack = {0}, .flags = ACK};
  const TcpOptions o{.sack = {{{{3}, {5}}}}, .sack_count = 1};
  EXPECT_EQ(text_of(segment(h, o, 2), {0xffffffff, 0xfffffffe}), ". 2:4(2) ack 2 win 0 <nop,nop,sack 5:7>");
}

TEST(Text, options_as_they_stand) {
  EXPECT_EQ(options_text(octets("01 fd 06 00000000 00 02 04")), "nop,opt 253 len 6,eol");
  EXPECT_EQ(options_text(octets("02 03 05 02 00")), "opt 2 len 3,bad 2 len 0");
  EXPECT_EQ(options_text(octets("05 12 00000001 00000002 00000005 00000006")), "sack 1:2 5:6");
  EXPECT_EQ(options_text(octets("08")), "bad 8 len 0");
  EXPECT_EQ(options_text({}), "");
}

Octets packet(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, const Octets& payload) {
  const std::size_t header = dst.is_v4() ? 20 : 40;
  Octets b(header + payload.size());
  if (dst.is_v4())
    Ipv4Header{.src = src, .dst = dst, .protocol = protocol}.emit(b, payload.size());
  else
    Ipv6Header{.src = src, .dst = dst, .next_header = protocol}.emit(b, payload.size());
  std::ranges::copy(payload, b.begin() + static_cast<std::ptrdiff_t>(header));
  return b;
}

TEST(Text, packets) {
  const Octets syn = segment({Port{40'000}, Port{80}, {100}, {}, SYN, 65'535}, {}, 0);
  EXPECT_EQ(describe(packet(a4, b4, protocol::tcp, syn)), "198.18.0.1:40000 > 198.18.0.2:80 S 100:100(0) win 65535");
  EXPECT_EQ(describe(packet(a6, b6, protocol::tcp, syn)), "[fd00::1]:40000 > [fd00::2]:80 S 100:100(0) win 65535");
  Octets echo(10);
  IcmpEcho{icmp4::echo_request, 0, 7, 3}.emit(echo);
  EXPECT_EQ(describe(packet(a4, b4, protocol::icmp, echo)), "198.18.0.1 > 198.18.0.2 icmp echo request id 7 seq 3 (2)");
  IcmpEcho{icmp6::echo_reply, 0, 7, 3}.emit(echo);
  EXPECT_EQ(describe(packet(a6, b6, protocol::icmpv6, echo)), "fd00::1 > fd00::2 icmp echo reply id 7 seq 3 (2)");
  IcmpEcho{icmp4::unreachable, 3}.emit(echo);
  EXPECT_EQ(describe(packet(a4, b4, protocol::icmp, echo)), "198.18.0.1 > 198.18.0.2 icmp type 3 code 3 (2)");
  Octets datagram(12);
  UdpHeader{Port{1}, Port{2}}.emit(datagram, 4);
  EXPECT_EQ(describe(packet(a4, b4, protocol::udp, datagram)), "198.18.0.1:1 > 198.18.0.2:2 udp (4)");
  EXPECT_EQ(describe(packet(a4, b4, 132, Octets(3))), "198.18.0.1 > 198.18.0.2 protocol 132 (3)");
}

TEST(Text, packets_that_cannot_be_read) {
  EXPECT_EQ(describe({}), "truncated (0)");
  EXPECT_EQ(describe(Octets(1, std::byte{0x45})), "truncated (1)");
  EXPECT_EQ(describe(Octets(60, std::byte{0x60})), "truncated (60)");
  EXPECT_EQ(describe(Octets(60, std::byte{0x15})), "bad_version (60)");
  EXPECT_EQ(describe(packet(a4, b4, protocol::tcp, Octets(19))), "198.18.0.1 > 198.18.0.2 tcp malformed (19)");
  EXPECT_EQ(describe(packet(a4, b4, protocol::udp, Octets(8))), "198.18.0.1 > 198.18.0.2 udp malformed (8)");
  EXPECT_EQ(describe(packet(a4, b4, protocol::icmp, Octets(7))), "198.18.0.1 > 198.18.0.2 icmp truncated");
}

TEST(Text, fragments) {
  Octets b(28);
  Ipv4Header{.src = a4, .dst = b4, .id = 9, .more_fragments = true, .fragment_offset = 16}.emit(b, 8);
  EXPECT_EQ(describe(b), "198.18.0.1 > 198.18.0.2 fragment id 9 16(8)+");
}

}  // namespace
}  // namespace tunic
