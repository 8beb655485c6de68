#include "wire/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test_support/values.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using test::octets;
using test::Octets;
using test::Random;

/// RFC 1071 as its section 4.1 says it, one word at a time.
std::uint16_t plain_sum(Bytes b) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{byte_at(b, i)} << 8 : byte_at(b, i);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

TEST(Checksum, example_of_rfc_1071) {  // section 3
  const Octets data = octets("00 01 f2 03 f4 f5 f6 f7");
  EXPECT_EQ(Sum{}.add(data).folded(), 0xddf2);
  EXPECT_EQ(Sum{}.add(data).checksum(), 0x220d);
}

TEST(Checksum, example_of_an_ipv4_header) {
  const Octets header = octets("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
  EXPECT_EQ(Sum{}.add(header).checksum(), 0);
  Octets blank = header;
  blank[10] = blank[11] = {};
  EXPECT_EQ(Sum{}.add(blank).checksum(), 0xb861);
}

TEST(Checksum, every_length_agrees_with_the_plain_sum) {
  Random r;
  for (std::size_t n = 0; n < 300; ++n) {
    const Octets b = r.bytes(n);
    EXPECT_EQ(Sum{}.add(b).folded(), plain_sum(b)) << n << " octets";
  }
}

TEST(Checksum, carries_out_of_the_top_come_in_again) {
  for (std::size_t n : {2u, 4u, 8u, 40u, 1500u, 65'534u}) {
    const Octets ones(n, std::byte{0xff});
    EXPECT_EQ(Sum{}.add(ones).folded(), 0xffff) << n << " octets";
  }
  EXPECT_EQ(Sum{}.add(Octets(64, std::byte{})).folded(), 0);
}

TEST(Checksum, pieces_of_any_parity_equal_the_whole) {
  Random r;
  for (int round = 0; round < test::rounds; ++round) {
    const Octets b = r.bytes(r.below(200));
    Sum pieces;
    for (Bytes rest{b}; !rest.empty();) {
      const std::size_t n = std::min(rest.size(), r.below(9));
      pieces.add(rest.first(n));
      rest = rest.subspan(n);
    }
    EXPECT_EQ(pieces.folded(), plain_sum(b)) << "round " << round;
  }
}

TEST(Checksum, unaligned_octets) {
  Random r;
  const Octets b = r.bytes(100);
  for (std::size_t from = 0; from < 16; ++from) {
    const Bytes part = Bytes{b}.subspan(from);
    EXPECT_EQ(Sum{}.add(part).folded(), plain_sum(part)) << "from " << from;
  }
}

TEST(Checksum, pseudo_headers) {
  const IpAddr a = IpAddr::v4(0xc6120001u), b = IpAddr::v4(0xc6120002u);
  EXPECT_EQ(pseudo_header(a, b, protocol::tcp, 40).folded(), plain_sum(octets("c6120001 c6120002 00 06 0028")));
  Random r;
  const Octets src = r.bytes(16), dst = r.bytes(16);
  Octets expected = src;
  expected.insert(expected.end(), dst.begin(), dst.end());
  const Octets rest = octets("00012345 000000 3a");  // a length beyond 16 bits (RFC 8200 section 8.1)
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(pseudo_header(IpAddr::v6(src.data()), IpAddr::v6(dst.data()), protocol::icmpv6, 0x12345).folded(),
            plain_sum(expected));
}

TEST(Checksum, one_word_changed) {  // RFC 1624 section 4: equation 2 would give 0xffff here
  EXPECT_EQ(update_checksum(0xdd2f, 0x5555, 0x3285), 0x0000);
  Random r;
  for (int round = 0; round < test::rounds; ++round) {
    Octets b = r.bytes(40);
    const std::uint16_t before = Sum{}.add(b).checksum();
    const std::size_t at = 2 * r.below(20);
    const auto old_word = load_be<std::uint16_t>(&b[at]), new_word = r.any<std::uint16_t>();
    store_be(&b[at], new_word);
    EXPECT_EQ(update_checksum(before, old_word, new_word), Sum{}.add(b).checksum()) << "round " << round;
  }
}

}  // namespace
}  // namespace tunic
