#include "ip/input.h"

#include <gtest/gtest.h>

#include "packets.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using test::families;
using test::octets;
using test::Octets;
using test::packet;
using test::peer;
using test::peer4;
using test::peer6;
using test::us;
using test::us4;
using test::us6;
using test::v6;

constexpr bool looped = true;
const Addresses own = test::host();

std::expected<Datagram, Rejection> from_device(const Octets& p) { return accept(p, {}, {}, own); }

/// The reason, or none for a packet that was accepted.
std::optional<Drop> dropped(const Octets& p, bool loop = false) {
  const auto d = accept(p, {.looped = loop}, {}, own);
  return d ? std::nullopt : std::optional{d.error().why};
}

void set_checksum(Octets& p) {
  const std::size_t header = std::to_integer<std::size_t>(p[0] & std::byte{15}) * 4;
  store_be(&p[10], std::uint16_t{0});
  store_be(&p[10], Sum{}.add(Bytes{p}.first(std::min(header, p.size()))).checksum());
}

TEST(Accept, a_packet_for_us) {
  for (const Family f : families) {
    const Octets text = octets("0102030405");
    const Octets p = packet(peer(f), us(f), protocol::tcp, text);
    const auto d = from_device(p);
    ASSERT_TRUE(d);
    EXPECT_EQ(d->src, peer(f));
    EXPECT_EQ(d->dst, us(f));
    EXPECT_EQ(d->protocol, protocol::tcp);
    EXPECT_EQ(d->ttl, 64);
    EXPECT_EQ(d->header_size, p.size() - text.size());
    EXPECT_TRUE(std::ranges::equal(d->payload, text));
  }
}

TEST(Accept, lengths_that_lie) {  // I1
  for (std::size_t length = 0; length <= 64; ++length)
    for (std::size_t ihl = 0; ihl < 16; ++ihl)
      for (std::size_t total = 0; total < 70; ++total) {
        Octets p(length);
        if (length >= 20) Ipv4Header{.src = peer4, .dst = us4, .protocol = protocol::tcp}.emit(p, 0);
        if (length > 0) p[0] = static_cast<std::byte>(0x40 | ihl);
        if (length > 3) store_be(&p[2], static_cast<std::uint16_t>(total));
        if (length >= 20) set_checksum(p);
        const auto d = from_device(p);
        const bool sound = length >= 20 && ihl >= 5 && ihl * 4 <= total && total <= length;
        ASSERT_EQ(d.has_value(), sound) << "length " << length << " ihl " << ihl << " total " << total;
        if (d) {
          EXPECT_EQ(d->payload.size(), total - ihl * 4);
        }
      }
}

TEST(Accept, octets_behind_the_packet_are_ignored) {  // I1
  for (const Family f : families) {
    Octets p = packet(peer(f), us(f), protocol::tcp, octets("0102"));
    p.resize(p.size() + 9, std::byte{0xee});
    const auto d = from_device(p);
    ASSERT_TRUE(d);
    EXPECT_TRUE(std::ranges::equal(d->payload, octets("0102")));
    p.resize(p.size() - 10);
    EXPECT_EQ(dropped(p), Drop::truncated);
  }
}

TEST(Accept, short_frames_of_every_version) {  // I2
  for (std::size_t length = 0; length <= 60; ++length)
    for (unsigned first = 0; first < 256; ++first) {
      Octets p(length);
      if (length > 0) p[0] = static_cast<std::byte>(first);
      const auto why = dropped(p);
      ASSERT_TRUE(why) << "length " << length << " first " << first;
      if (length > 0 && first >> 4 != 4 && first >> 4 != 6) {
        EXPECT_EQ(why, Drop::bad_version);
      }
    }
}

TEST(Accept, each_bit_of_an_ipv4_header_is_covered) {  // I11
  const Octets good = packet(peer4, us4, protocol::tcp, octets("01020304"));
  for (std::size_t bit = 0; bit < 160; ++bit) {
    Octets p = good;
    p[bit / 8] ^= static_cast<std::byte>(0x80 >> bit % 8);
    EXPECT_TRUE(dropped(p)) << "bit " << bit;
  }
  Octets p = good;
  p[8] = std::byte{63};  // the TTL alone, which no other check looks at
  EXPECT_EQ(dropped(p), Drop::bad_checksum);
  EXPECT_TRUE(accept(p, {}, {.checksum = Offload::Checksum::verified}, own)) << "the device has verified it";
  EXPECT_FALSE(accept(p, {}, {.checksum = Offload::Checksum::partial}, own)) << "partial is about the transport";
}

Octets with_options(const Octets& options) {
  Octets p(20 + options.size());
  Ipv4Header{.src = peer4, .dst = us4, .protocol = protocol::tcp}.emit(p, 0, options);
  return p;
}

TEST(Accept, every_ipv4_option_and_length) {  // I3, RFC 9293 §3.9.2 (MUST-50)
  constexpr unsigned loose = 131, strict = 137;
  for (unsigned kind = 0; kind < 256; ++kind)
    for (unsigned length = 0; length <= 41; ++length) {
      Octets options(40, std::byte{1});
      options[0] = static_cast<std::byte>(kind);
      options[1] = static_cast<std::byte>(length);
      if (kind == 1) options[1] = std::byte{1};
      const auto why = dropped(with_options(options));
      if (kind == loose || kind == strict)
        EXPECT_EQ(why, Drop::source_route) << "kind " << kind << " length " << length;
      else if (kind > 1 && (length < 2 || length > 40))
        EXPECT_EQ(why, Drop::bad_header) << "kind " << kind << " length " << length;
      else
        EXPECT_EQ(why, std::nullopt) << "kind " << kind << " length " << length;
    }
}

TEST(Accept, ipv4_options_wherever_they_stand) {  // I3
  EXPECT_EQ(dropped(with_options(octets("01 83 07 04 c6120001"))), Drop::source_route);
  EXPECT_EQ(dropped(with_options(octets("44 04 05 00 89 03 04 00"))), Drop::source_route);
  EXPECT_EQ(dropped(with_options(octets("00 83 07 00"))), std::nullopt) << "nothing counts after the end";
  EXPECT_EQ(dropped(with_options(octets("01 01 01 44"))), Drop::bad_header) << "no octet left for the length";
  const auto d = from_device(with_options(octets("94 04 0000")));  // router alert
  ASSERT_TRUE(d);
  EXPECT_EQ(d->header_size, 24);
}

TEST(Accept, martian_sources_from_the_device) {  // I5, RFC 9293 §3.9.2.3 (MUST-63), §3.9.2.3 (MUST-57)
  const IpAddr martians4[] = {us4,
                              IpAddr::v4(0x00000000u),
                              IpAddr::v4(0x00ffffffu),
                              IpAddr::v4(0x7f000001u),
                              IpAddr::v4(0x7fffffffu),
                              IpAddr::v4(0xe0000001u),
                              IpAddr::v4(0xefffffffu),
                              IpAddr::v4(0xf0000001u),
                              IpAddr::v4(0xfffffffeu),
                              IpAddr::v4(0xffffffffu),
                              IpAddr::v4(0xc61200ffu)};  // our network's broadcast address
  const IpAddr martians6[] = {us6,
                              IpAddr{},
                              IpAddr::loopback(Family::v6),
                              v6("ff02 0000 0000 0000 0000 0000 0000 0001"),
                              v6("0000 0000 0000 0000 0000 ffff c612 0001"),
                              us4};
  for (const std::uint8_t protocol : {protocol::tcp, protocol::udp, protocol::icmp, protocol::icmpv6}) {
    for (const IpAddr& a : martians4) EXPECT_EQ(dropped(packet(a, us4, protocol, Octets(40))), Drop::martian_source);
    for (const IpAddr& a : martians6) EXPECT_EQ(dropped(packet(a, us6, protocol, Octets(40))), Drop::martian_source);
  }
}

TEST(Accept, mapped_addresses_never_stand_in_ipv6) {  // I5
  Octets p(40);
  Ipv6Header{.src = peer6, .dst = us4, .next_header = protocol::tcp}.emit(p, 0);
  EXPECT_EQ(dropped(p), Drop::martian_source) << "::ffff:198.18.0.2 is not 198.18.0.2";
}

TEST(Accept, land) {  // I6
  for (const Family f : families)
    EXPECT_EQ(dropped(packet(us(f), us(f), protocol::tcp, Octets(20))), Drop::martian_source);
}

TEST(Accept, what_we_sent_to_ourselves) {  // I5
  for (const Family f : families) {
    const IpAddr loopback = IpAddr::loopback(f);
    EXPECT_EQ(dropped(packet(us(f), us(f), protocol::tcp, Octets(20)), looped), std::nullopt);
    EXPECT_EQ(dropped(packet(loopback, loopback, protocol::tcp, Octets(20)), looped), std::nullopt);
    EXPECT_EQ(dropped(packet(peer(f), loopback, protocol::tcp, Octets(20))), Drop::not_ours) << "from the device";
    EXPECT_EQ(dropped(packet(IpAddr::any(f), us(f), protocol::tcp, Octets(20)), looped), Drop::martian_source);
  }
  EXPECT_EQ(dropped(packet(IpAddr::v4(0x7f000009u), IpAddr::v4(0x7f010203u), protocol::tcp, {}), looped), std::nullopt);
}

TEST(Accept, destinations_that_are_not_ours) {  // I12, I13, MUST-57
  const IpAddr others4[] = {peer4,
                            IpAddr::v4(0xffffffffu),
                            IpAddr::v4(0xc61200ffu),
                            IpAddr::v4(0xe0000001u),
                            IpAddr::any(Family::v4),
                            IpAddr::v4(0x08080808u)};
  const IpAddr others6[] = {v6("fd00 0000 0000 0000 0000 0000 0000 0003"),
                            v6("ff02 0000 0000 0000 0000 0000 0000 0001"), IpAddr{}};
  for (const bool loop : {false, true}) {
    for (const IpAddr& a : others4)
      EXPECT_EQ(dropped(packet(peer4, a, protocol::icmp, Octets(8)), loop), Drop::not_ours);
    for (const IpAddr& a : others6)
      EXPECT_EQ(dropped(packet(peer6, a, protocol::icmpv6, Octets(8)), loop), Drop::not_ours);
  }
}

TEST(Accept, a_ttl_of_zero_is_for_us) {  // I13
  Octets p4(20), p6(40);
  Ipv4Header{.src = peer4, .dst = us4, .ttl = 0}.emit(p4, 0);
  Ipv6Header{.src = peer6, .dst = us6, .next_header = protocol::tcp, .hop_limit = 0}.emit(p6, 0);
  EXPECT_EQ(dropped(p4), std::nullopt);
  EXPECT_EQ(dropped(p6), std::nullopt);
}

TEST(Accept, a_fragment_says_where_it_belongs) {
  for (const Family f : families) {
    const Octets whole = packet(peer(f), us(f), protocol::udp, Octets(64));
    const auto d = from_device(test::fragment(whole, 24, 16, true, 0x1234));
    ASSERT_TRUE(d);
    ASSERT_TRUE(d->fragment);
    EXPECT_EQ(d->fragment->id, 0x1234u);
    EXPECT_EQ(d->fragment->offset, 24u);
    EXPECT_TRUE(d->fragment->more);
    EXPECT_EQ(d->protocol, protocol::udp);
    EXPECT_EQ(d->payload.size(), 16u);
    EXPECT_FALSE(from_device(test::fragment(whole, 48, 16, false, 1))->fragment->more);
  }
}

TEST(Accept, a_fragment_that_may_not_be_one) {  // F8
  Octets p(28);
  for (const bool more : {false, true}) {
    Ipv4Header{.src = peer4, .dst = us4, .protocol = protocol::udp, .more_fragments = more, .fragment_offset = 8}.emit(
        p, 8);
    EXPECT_EQ(dropped(p), Drop::fragment) << "DF is set";
  }
}

TEST(Accept, an_atomic_fragment_is_whole) {  // F6, RFC 6946
  const auto d = from_device(test::fragment(packet(peer6, us6, protocol::udp, Octets(9)), 0, 9, false, 7));
  ASSERT_TRUE(d);
  EXPECT_FALSE(d->fragment);
  EXPECT_EQ(d->protocol, protocol::udp);
  EXPECT_EQ(d->header_size, 48);
}

TEST(Accept, what_was_reassembled_is_no_fragment_again) {  // F7
  const Octets atomic = test::fragment(packet(peer6, us6, protocol::udp, Octets(9)), 0, 9, false, 7);
  EXPECT_EQ(accept(atomic, {.reassembled = true}, {}, own).error().why, Drop::fragment);
}

TEST(Accept, broadcasts_are_for_udp_alone) {  // I12
  for (const IpAddr& dst : {IpAddr::v4(0xffffffffu), IpAddr::v4(0xc61200ffu)})
    for (unsigned protocol = 0; protocol < 256; ++protocol) {
      const auto d = from_device(packet(peer4, dst, static_cast<std::uint8_t>(protocol), Octets(8)));
      EXPECT_EQ(d.has_value(), protocol == protocol::udp) << protocol;
      if (d) {
        EXPECT_TRUE(d->broadcast);
      }
    }
  EXPECT_FALSE(from_device(packet(peer4, us4, protocol::udp, Octets(8)))->broadcast);
}

TEST(Accept, a_bad_option_is_pointed_at) {  // I3, RFC 1122 section 3.2.2.5
  const auto d = from_device(with_options(octets("01 94 04 0000 07 01 00")));
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().problem, (Problem{12, 0, 25u << 24}));
  EXPECT_FALSE(from_device(with_options(octets("83 07 04 c6120001 00"))).error().problem) << "source routes silently";
}

TEST(Accept, any_octets_at_all) {  // I1, I3, I7
  test::Random r;
  for (int round = 0; round < 50'000; ++round) {
    const bool six = r.coin();
    Octets p = packet(six ? peer6 : peer4, six ? us6 : us4, r.coin() ? protocol::tcp : r.any<std::uint8_t>(),
                      r.bytes(r.below(60)));
    for (std::size_t flips = r.below(4); flips > 0; --flips) p[r.below(p.size())] = r.any<std::byte>();
    p.resize(p.size() - (r.coin() ? 0 : r.below(p.size())));
    p.shrink_to_fit();
    const auto d = accept(p, {.looped = r.coin()}, {.checksum = Offload::Checksum::verified}, own);
    if (!d) continue;
    ASSERT_LE(d->header_size + d->payload.size(), p.size()) << "round " << round;
    ASSERT_EQ(d->payload.data(), p.data() + d->header_size) << "round " << round;
  }
}

}  // namespace
}  // namespace tunic
