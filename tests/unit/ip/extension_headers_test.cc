#include "ip/extension_headers.h"

#include <gtest/gtest.h>

#include "base/work.h"
#include "ip/input.h"
#include "packets.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using test::join;
using test::octets;
using test::Octets;

/// One header of `8 * (1 + length)` octets, filled with PadN options, with `next` behind it.
Octets padded_header(std::uint8_t next, std::uint8_t length = 0) {
  Octets h(8u * (1u + length));
  h[0] = std::byte{next};
  h[1] = std::byte{length};
  h[2] = std::byte{1};
  h[3] = std::byte{4};
  return h;
}

/// A destination options header whose options are `options`, which fill it.
Octets header_with(std::uint8_t next, const Octets& options) {
  const auto length = static_cast<std::uint8_t>((options.size() + 2) / 8 - 1);
  return join({std::byte{next}, std::byte{length}}, options);
}

std::optional<Drop> dropped(std::uint8_t first, const Octets& payload) {
  const auto end = skip_extension_headers(first, payload);
  return end ? std::nullopt : std::optional{end.error().why};
}
std::optional<Drop> dropped_options(const Octets& options) {
  return dropped(protocol::destination_options, header_with(protocol::tcp, options));
}

TEST(ExtensionHeaders, none) {
  const auto end = skip_extension_headers(protocol::tcp, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->protocol, protocol::tcp);
  EXPECT_EQ(end->size, 0u);
}

TEST(ExtensionHeaders, chains_of_every_count) {  // I7
  for (std::size_t count = 0; count <= 200; ++count) {
    Octets chain;
    for (std::size_t i = 0; i < count; ++i)
      chain = join(std::move(chain), padded_header(i + 1 < count ? protocol::destination_options : protocol::udp));
    take_work();
    const auto end = skip_extension_headers(count == 0 ? protocol::udp : protocol::destination_options, chain);
    EXPECT_LE(take_work(), 64 + chain.size()) << "law 2";
    ASSERT_EQ(end.has_value(), count <= ExtensionLimits::headers) << count << " headers";
    if (end) {
      EXPECT_EQ(end->protocol, protocol::udp);
      EXPECT_EQ(end->size, 8 * count);
    } else {
      EXPECT_EQ(end.error().why, Drop::bad_header);
    }
  }
}

TEST(ExtensionHeaders, every_length) {  // I7
  for (unsigned length = 0; length < 256; ++length) {
    // Unknown options that may be skipped, as large as they come, so that neither their number nor padding is the
    // limit.
    const std::size_t room = 8 * (1 + length) - 2;
    Octets options(room);
    for (std::size_t at = 0; at < room;) {
      const std::size_t size = std::min<std::size_t>(room - at, 257);
      if (size == 1) break;  // a Pad1
      options[at] = std::byte{0x1e};
      options[at + 1] = static_cast<std::byte>(size - 2);
      at += size;
    }
    Octets h = header_with(protocol::tcp, options);
    take_work();
    const auto why = dropped(protocol::destination_options, h);
    EXPECT_LE(take_work(), 64 + h.size()) << "law 2";
    EXPECT_EQ(why, h.size() <= ExtensionLimits::octets ? std::nullopt : std::optional{Drop::bad_header}) << length;
    h.pop_back();
    EXPECT_EQ(dropped(protocol::destination_options, h), Drop::truncated) << length;
  }
}

TEST(ExtensionHeaders, cut_off) {  // I1
  for (std::size_t n = 0; n < 8; ++n)
    for (const std::uint8_t kind : {protocol::hop_by_hop, protocol::routing, protocol::destination_options})
      EXPECT_EQ(dropped(kind, Octets(n)), Drop::truncated) << n << " octets";
}

TEST(ExtensionHeaders, hop_by_hop_only_first) {  // I7
  EXPECT_EQ(dropped(protocol::hop_by_hop, padded_header(protocol::tcp)), std::nullopt);
  EXPECT_EQ(
      dropped(protocol::destination_options, join(padded_header(protocol::hop_by_hop), padded_header(protocol::tcp))),
      Drop::bad_header);
  const auto end = skip_extension_headers(protocol::destination_options,
                                          join(padded_header(protocol::hop_by_hop), padded_header(protocol::tcp)));
  EXPECT_EQ(end.error().problem, (Problem{4, 1, 40})) << "the field that names it (RFC 8200 section 4)";
}

TEST(ExtensionHeaders, padding_in_a_row) {  // I7
  EXPECT_EQ(dropped_options(octets("00 00 00 00 00 00")), std::nullopt);
  EXPECT_EQ(dropped_options(octets("1e 05 0000000000 00 00 00 00 00 00 00")), std::nullopt) << "seven Pad1";
  EXPECT_EQ(dropped_options(octets("1e 04 00000000 00 00 00 00 00 00 00 00")), Drop::bad_header) << "eight Pad1";
  EXPECT_EQ(dropped_options(octets("1e 05 0000000000 01 05 0000000000")), std::nullopt) << "PadN of seven";
  EXPECT_EQ(dropped_options(octets("1e 04 00000000 01 06 000000000000")), Drop::bad_header) << "PadN of eight";
  EXPECT_EQ(dropped_options(octets("01 04 00000000 1e 00 01 04 00000000")), std::nullopt) << "two runs of six";
}

TEST(ExtensionHeaders, options_beside_padding) {  // I7
  EXPECT_EQ(dropped_options(octets("1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 1e 00")), std::nullopt);
  EXPECT_EQ(dropped_options(octets("1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 01 04 00000000")), std::nullopt);
  EXPECT_EQ(dropped_options(octets("1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 1e 00 01 02 0000")),
            Drop::bad_header)
      << "nine";
}

TEST(ExtensionHeaders, unknown_options_by_their_top_bits) {  // I10, RFC 8200 section 4.2
  EXPECT_EQ(dropped_options(octets("1e 04 00000000")), std::nullopt) << "00: skip";
  const auto answer = [](const char* options) {
    const auto end = skip_extension_headers(protocol::destination_options, header_with(protocol::tcp, octets(options)));
    EXPECT_EQ(end.error().why, Drop::bad_header);
    return end.error().problem;
  };
  EXPECT_EQ(answer("5e 04 00000000"), std::nullopt) << "01: discard";
  EXPECT_EQ(answer("9e 04 00000000"), (Problem{4, 2, 42, true})) << "10: and tell";
  EXPECT_EQ(answer("de 04 00000000"), (Problem{4, 2, 42, false})) << "11: and tell, unless multicast";
  EXPECT_EQ(answer("01 00 1e 01 00 9e 00 00 1e 00 01 02 00 00"), (Problem{4, 2, 47, true})) << "the pointer";
}

TEST(ExtensionHeaders, options_that_overrun) {  // I7
  EXPECT_EQ(dropped_options(octets("1e 05 00000000")), Drop::bad_header);
  EXPECT_EQ(dropped_options(octets("1e 03 000000 1e")), Drop::bad_header);
}

TEST(ExtensionHeaders, routing) {  // I8
  const std::string_view us_twice = " fd000000000000000000000000000002 fd000000000000000000000000000002";
  for (const char* type : {"00", "02", "03", "04", "fd"}) {
    const std::string head = std::string{"06 04 "} + type;
    const auto end = skip_extension_headers(protocol::routing, octets(head + " 01 00000000" + std::string{us_twice}));
    EXPECT_EQ(end.error().why, Drop::source_route);
    EXPECT_EQ(end.error().problem, (Problem{4, 0, 42})) << "points at the type of the header (RFC 8200 section 4.4)";
    EXPECT_EQ(dropped(protocol::routing, octets(head + " 00 00000000" + std::string{us_twice})), std::nullopt);
  }
}

TEST(ExtensionHeaders, jumbograms_are_not_spoken) {  // I9
  std::vector<std::uint32_t> lengths{0, 0xffff'ffff};
  for (unsigned bit = 0; bit < 32; ++bit)
    for (const std::uint32_t off : {0u, 1u}) lengths.push_back((1u << bit) - off);
  for (const std::uint32_t length : lengths) {
    Octets jumbo = octets("06 00 c2 04 00000000");
    store_be(&jumbo[4], length);
    const auto end = skip_extension_headers(protocol::hop_by_hop, jumbo);
    EXPECT_EQ(end.error().why, Drop::bad_header) << length;
    EXPECT_FALSE(end.error().problem) << length;
    Octets packet = test::packet(test::peer6, test::us6, protocol::hop_by_hop, join(jumbo, Octets(20)));
    EXPECT_EQ(accept(packet, {}, {}, test::host()).error().why, Drop::bad_header) << length;
    store_be(&packet[4], std::uint16_t{0});  // the payload length of a jumbogram
    EXPECT_EQ(accept(packet, {}, {}, test::host()).error().why, Drop::truncated) << length;
  }
}

TEST(ExtensionHeaders, no_next_header) {
  EXPECT_EQ(dropped(protocol::no_next_header, Octets(20)), Drop::bad_protocol);
  EXPECT_EQ(dropped(protocol::hop_by_hop, padded_header(protocol::no_next_header)), Drop::bad_protocol);
}

TEST(ExtensionHeaders, a_fragment_header_ends_the_chain) {
  const auto end = skip_extension_headers(protocol::hop_by_hop,
                                          join(padded_header(protocol::fragment), octets("06 00 0011 01020304 0102")));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->protocol, protocol::tcp);
  EXPECT_EQ(end->size, 16u);
  EXPECT_EQ(end->field, 40u) << "where the hop-by-hop header names the fragment header";
  ASSERT_TRUE(end->fragment);
  EXPECT_EQ(end->fragment->id, 0x01020304u);
  EXPECT_EQ(end->fragment->offset, 16u);
  EXPECT_TRUE(end->fragment->more);
}

TEST(ExtensionHeaders, one_fragment_header_at_most) {  // F7
  const Octets atomic = octets("2c 00 0000 00000001"), last = octets("06 00 0000 00000001");
  EXPECT_EQ(dropped(protocol::fragment, join(atomic, last)), Drop::fragment);
  EXPECT_EQ(skip_extension_headers(protocol::fragment, last, true).error().why, Drop::fragment);
  EXPECT_EQ(dropped(protocol::fragment, last), std::nullopt) << "atomic";
}

TEST(ExtensionHeaders, payload_begins_behind_them) {
  const Octets p = test::packet(test::peer6, test::us6, protocol::hop_by_hop,
                                join(padded_header(protocol::tcp), octets("0102030405")));
  const auto d = accept(p, {}, {}, test::host());
  ASSERT_TRUE(d);
  EXPECT_EQ(d->protocol, protocol::tcp);
  EXPECT_EQ(d->header_size, 48);
  EXPECT_TRUE(std::ranges::equal(d->payload, octets("0102030405")));
}

}  // namespace
}  // namespace tunic
