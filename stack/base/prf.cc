#include "base/prf.h"

#include <bit>
#include <cstring>

namespace tunic {
namespace {

std::uint64_t load_le(const void* p) {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return std::endian::native == std::endian::little ? v : std::byteswap(v);
}

class SipHash {
 public:
  explicit SipHash(const PrfKey& key) {
    const std::uint64_t k0 = load_le(key.data()), k1 = load_le(key.data() + 8);
    v0_ = k0 ^ 0x736f6d6570736575u, v1_ = k1 ^ 0x646f72616e646f6du;
    v2_ = k0 ^ 0x6c7967656e657261u, v3_ = k1 ^ 0x7465646279746573u;
  }
  void word(std::uint64_t m) {
    v3_ ^= m;
    round();
    round();
    v0_ ^= m;
    length_ += 8;
  }
  /// The last octets; the value.
  std::uint64_t finish(Bytes input) {
    for (; input.size() >= 8; input = input.subspan(8)) word(load_le(input.data()));
    const std::uint64_t length = length_ + input.size();
    std::array<std::byte, 8> last{};
    if (!input.empty()) std::memcpy(last.data(), input.data(), input.size());
    last[7] = static_cast<std::byte>(length);
    word(load_le(last.data()));
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_, v1_ = std::rotl(v1_, 13) ^ v0_, v0_ = std::rotl(v0_, 32);
    v2_ += v3_, v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_, v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_, v1_ = std::rotl(v1_, 17) ^ v2_, v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_, length_ = 0;
};

}  // namespace

std::uint64_t siphash(const PrfKey& key, Bytes input) { return SipHash{key}.finish(input); }

std::uint64_t Prf::operator()(Purpose purpose, Bytes input, std::uint64_t a, std::uint64_t b) const {
  SipHash h{key_};
  h.word(static_cast<std::uint64_t>(purpose));
  h.word(a);
  h.word(b);
  return h.finish(input);
}

void Prf::wipe() {
  for (volatile std::uint8_t& octet : key_) octet = 0;  // volatile: a store to a dying object would be left out
}

}  // namespace tunic
