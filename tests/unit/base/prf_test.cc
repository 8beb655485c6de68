#include "base/prf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

namespace tunic {
namespace {

constexpr PrfKey counting{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

std::vector<std::byte> counting_octets(std::size_t n) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<std::byte>(i);
  return v;
}

TEST(SipHash, published_vectors) {
  const std::pair<std::size_t, std::uint64_t> cases[] = {
      {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
      {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
  };
  for (const auto& [length, value] : cases) EXPECT_EQ(siphash(counting, counting_octets(length)), value) << length;
}

TEST(Prf, value_is_siphash_of_purpose_numbers_and_input) {
  const auto message = counting_octets(63);
  std::uint64_t words[3];
  std::memcpy(words, message.data(), sizeof words);
  const Prf prf{counting};
  for (std::size_t n = 24; n <= message.size(); ++n)
    EXPECT_EQ(prf(static_cast<Purpose>(words[0]), Bytes{message}.subspan(24, n - 24), words[1], words[2]),
              siphash(counting, Bytes{message}.first(n)));
}

TEST(Prf, every_argument_matters) {
  const auto octets = counting_octets(37);
  const Bytes input{octets};
  PrfKey other = counting;
  other[15] ^= 1;
  const Prf prf{counting};
  const std::set<std::uint64_t> values{
      prf(Purpose::port, input),           prf(Purpose::isn, input),
      prf(Purpose::port, input, 1),        prf(Purpose::port, input, 0, 1),
      prf(Purpose::port, input.first(36)), Prf{other}(Purpose::port, input),
  };
  EXPECT_EQ(values.size(), 6u);
}

TEST(Prf, wipe_forgets_the_key) {
  Prf prf{counting};
  prf.wipe();
  EXPECT_EQ(prf(Purpose::isn, {}), Prf{PrfKey{}}(Purpose::isn, {}));
}

TEST(Prf, scale_covers_the_range_evenly) {
  EXPECT_EQ(scale(0, 10), 0u);
  EXPECT_EQ(scale(~0ull, 10), 9u);
  EXPECT_EQ(scale(~0ull, 1), 0u);
  EXPECT_EQ(scale(~0ull, 0xffffffff), 0xfffffffeu);
  EXPECT_EQ(scale(1ull << 63, 64'512), 32'256u);
}

}  // namespace
}  // namespace tunic
