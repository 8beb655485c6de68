#include "wire/tcp_options.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test_support/values.h"

namespace tunic {
namespace {

using test::octets;
using test::Octets;
using test::Random;

constexpr std::size_t area = TcpOptions::max_size;

Octets emitted(const TcpOptions& o) {
  Octets b(area);
  b.resize(o.emit(b));
  return b;
}

bool is_right_size(std::uint8_t kind, std::size_t length) {
  switch (kind) {
    case option_kind::mss:
      return length == 4;
    case option_kind::window_scale:
      return length == 3;
    case option_kind::sack_permitted:
      return length == 2;
    case option_kind::timestamps:
      return length == 10;
    case option_kind::sack:
      return length == 10 || length == 18 || length == 26 || length == 34;
    default:
      return true;
  }
}

/// What one option of `kind` and `length`, all of whose value is 0x01, makes of the area it stands in.
TcpOptions expected_alone(std::uint8_t kind, std::size_t length, std::size_t room) {
  TcpOptions o;
  if (kind <= option_kind::nop) return o;
  o.malformed = length < 2 || length > room || !is_right_size(kind, length);
  if (o.malformed) return o;
  constexpr std::uint32_t ones = 0x01010101;
  if (kind == option_kind::mss) o.mss = 0x0101;
  if (kind == option_kind::window_scale) o.window_scale = 1;
  if (kind == option_kind::sack_permitted) o.sack_permitted = true;
  if (kind == option_kind::timestamps) o.timestamps = Timestamps{ones, ones};
  if (kind == option_kind::sack)
    while (o.sack_count < length / 8) o.sack[o.sack_count++] = {{ones}, {ones}};
  return o;
}

TEST(TcpOptions, every_kind_and_length_at_every_offset) {  // H2, RFC 9293 §3.1 (MUST-6, MUST-7, MUST-64)
  for (unsigned kind = 0; kind < 256; ++kind)
    for (std::size_t length = 0; length <= 41; ++length)
      for (std::size_t offset = 0; offset < area; ++offset) {
        Octets b(area, std::byte{option_kind::nop});
        b[offset] = static_cast<std::byte>(kind);
        if (offset + 1 < area) b[offset + 1] = static_cast<std::byte>(length);
        // NOP at the offset: what stands behind it is one more option, of kind `length`, that has no length of its own.
        if (kind == option_kind::nop && length > option_kind::nop) continue;
        const std::size_t claimed = offset + 1 < area ? length : 0;
        const auto expected = expected_alone(static_cast<std::uint8_t>(kind), claimed, area - offset);
        ASSERT_EQ(TcpOptions::parse(b), expected) << "kind " << kind << " length " << length << " offset " << offset;
      }
}

TEST(TcpOptions, anything_ends) {  // H2
  Random r;
  for (int round = 0; round < 100 * test::rounds; ++round) {
    Octets b = r.bytes(r.below(area + 1));
    for (auto& o : b) o &= std::byte{r.coin() ? std::uint8_t{0x0f} : std::uint8_t{0xff}};  // small kinds, small lengths
    const TcpOptions o = TcpOptions::parse(b);
    ASSERT_LE(o.sack_count, 4) << "round " << round;
    ASSERT_LE(o.window_scale.value_or(0), 14) << "round " << round;
  }
}

struct Row {
  const char* what;
  const char* options;
  TcpOptions expected;
};

TcpOptions mss(std::uint16_t v) { return {.mss = v}; }
TcpOptions scale(std::uint8_t v) { return {.window_scale = v}; }
TcpOptions bad(TcpOptions o = {}) {
  o.malformed = true;
  return o;
}
const TcpOptions stamps{.timestamps = Timestamps{0x01020304, 0x05060708}};
const TcpOptions one_block{.sack = {{{{1}, {2}}}}, .sack_count = 1};
const TcpOptions full_syn{.mss = 1460, .window_scale = 7, .sack_permitted = true, .timestamps = Timestamps{100, 0}};

const Row rows[] = {
    // H3
    {"no options", "", {}},
    {"end alone", "00", {}},
    {"nothing counts after end", "00 02 04 05b4", {}},
    {"end, then what would be illegal", "01 00 02 00", {}},
    {"NOPs only", "01 01 01 01", {}},
    {"MSS", "02 04 05b4", mss(1460)},
    {"MSS 0 is a value", "02 04 0000", mss(0)},
    {"MSS 65535", "02 04 ffff", mss(65'535)},
    {"MSS of length 3", "02 03 05", bad()},
    {"MSS of length 3, then another", "02 03 05 02 04 05b4", bad(mss(1460))},
    {"MSS of length 5", "02 05 05b4 00 01", bad()},
    {"MSS of length 2", "02 02", bad()},
    {"MSS twice: the first", "02 04 05b4 02 04 0218", mss(1460)},
    {"MSS cut off", "02 04 05", bad()},
    {"MSS without a length", "02", bad()},
    {"MSS of length 0", "02 00 05b4", bad()},
    {"MSS of length 1", "02 01 05b4", bad()},
    {"MSS that overruns", "02 28 05b4", bad()},
    {"what stands before an illegal length is kept", "02 04 05b4 03 00 07", bad(mss(1460))},
    {"what stands after an illegal length is not", "03 00 07 02 04 05b4", bad()},
    {"window scale 0", "03 03 00", scale(0)},
    {"window scale 14", "03 03 0e", scale(14)},
    {"window scale 15 is 14", "03 03 0f", scale(14)},
    {"window scale 255 is 14", "03 03 ff", scale(14)},
    {"window scale twice: the first", "03 03 02 03 03 09", scale(2)},
    {"window scale of length 4", "03 04 02 00", bad()},
    {"window scale of length 2", "03 02", bad()},
    {"SACK permitted", "04 02", {.sack_permitted = true}},
    {"SACK permitted twice", "04 02 04 02", {.sack_permitted = true}},
    {"SACK permitted of length 3", "04 03 00", bad()},
    {"timestamps", "08 0a 01020304 05060708", stamps},
    {"timestamps, odd place", "01 08 0a 01020304 05060708", stamps},
    {"timestamps behind two NOPs", "01 01 08 0a 01020304 05060708", stamps},
    {"timestamps before two NOPs", "08 0a 01020304 05060708 01 01", stamps},
    {"timestamps twice: the first", "08 0a 01020304 05060708 08 0a 00000009 00000009", stamps},
    {"timestamps of length 9", "08 09 01020304 050607", bad()},
    {"timestamps of length 11", "08 0b 01020304 05060708 00", bad()},
    {"two NOPs and timestamps cut off", "01 01 08 0a 01020304 0506", bad()},
    {"a SACK block", "05 0a 00000001 00000002", one_block},
    {"SACK without a block", "05 02", bad()},
    {"SACK of length 9", "05 09 00000001 000002", bad()},
    {"SACK of one and a half blocks", "05 0e 00000001 00000002 00000003", bad()},
    {"SACK twice: the first", "05 0a 00000001 00000002 05 0a 00000003 00000004", one_block},
    {"four SACK blocks",
     "05 22 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008",
     {.sack = {{{{1}, {2}}, {{3}, {4}}, {{5}, {6}}, {{7}, {8}}}}, .sack_count = 4}},
    {"MD5 signature (kind 19) is skipped", "13 12 00000000 00000000 00000000 00000000 02 04 05b4", mss(1460)},
    {"authentication (kind 29) is skipped", "1d 04 0000 02 04 05b4", mss(1460)},
    {"unknown kind with the least length", "fd 02 02 04 05b4", mss(1460)},
    {"unknown kind of length 1", "fd 01 02 04 05b4", bad()},
    {"unknown kind that overruns", "02 04 05b4 fd 05 0000", bad(mss(1460))},
    {"the SYN of Linux", "02 04 05b4 04 02 08 0a 00000064 00000000 01 03 03 07", full_syn},
    {"the SYN of others, odd places", "03 03 07 02 04 05b4 04 02 08 0a 00000064 00000000 00", full_syn},
};

TEST(TcpOptions, table) {  // H3
  for (const Row& row : rows) EXPECT_EQ(TcpOptions::parse(octets(row.options)), row.expected) << row.what;
}

TcpOptions random_options(Random& r) {
  TcpOptions o;
  if (r.coin()) o.mss = r.any<std::uint16_t>();
  if (r.coin()) o.window_scale = static_cast<std::uint8_t>(r.below(15));
  o.sack_permitted = r.coin();
  if (r.coin()) o.timestamps = Timestamps{r.any<std::uint32_t>(), r.any<std::uint32_t>()};
  o.sack_count = static_cast<std::uint8_t>(r.below(5));
  for (std::size_t i = 0; i < o.sack_count; ++i) o.sack[i] = {{r.any<std::uint32_t>()}, {r.any<std::uint32_t>()}};
  return o;
}

TEST(TcpOptions, parse_of_emit) {
  Random r;
  for (int round = 0; round < 10 * test::rounds; ++round) {
    TcpOptions o = random_options(r);
    const Octets b = emitted(o);
    EXPECT_EQ(b.size(), o.size());
    EXPECT_EQ(b.size() % 4, 0u);
    ASSERT_LE(b.size(), area);
    const TcpOptions read = TcpOptions::parse(b);
    EXPECT_TRUE(read.sack_count == o.sack_count || b.size() + 8 > area) << "a block that fits is written";
    for (; o.sack_count > read.sack_count; --o.sack_count) o.sack[o.sack_count - 1u] = {};
    EXPECT_EQ(read, o) << "round " << round;
  }
}

TEST(TcpOptions, layouts_of_linux) {
  const Timestamps ts{0x01020304, 0x05060708};
  EXPECT_EQ(emitted({.mss = 1460, .window_scale = 7, .sack_permitted = true, .timestamps = ts}),
            octets("020405b4 0402 080a01020304 05060708 01 030307"));
  EXPECT_EQ(emitted({.mss = 1460, .window_scale = 7, .sack_permitted = true}), octets("020405b4 01010402 01030307"));
  EXPECT_EQ(emitted({.mss = 1460, .timestamps = ts}), octets("020405b4 0101 080a 01020304 05060708"));
  EXPECT_EQ(emitted({.timestamps = ts}), octets("0101080a 01020304 05060708"));
  EXPECT_EQ(emitted({.timestamps = ts, .sack = one_block.sack, .sack_count = 1}),
            octets("0101080a 01020304 05060708 0101050a 00000001 00000002"));
  EXPECT_EQ(emitted({}), octets(""));
}

TEST(TcpOptions, three_sack_blocks_beside_timestamps_four_without) {  // RFC 2018 section 3
  TcpOptions o{.sack_count = 4};
  EXPECT_EQ(TcpOptions::parse(emitted(o)).sack_count, 4);
  o.timestamps = Timestamps{};
  EXPECT_EQ(TcpOptions::parse(emitted(o)).sack_count, 3);
}

}  // namespace
}  // namespace tunic
