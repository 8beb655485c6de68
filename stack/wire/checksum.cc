#include "wire/checksum.h"

#include <bit>

namespace tunic {
namespace {

/// Ones-complement addition: the carry out of the top comes in again at the bottom (end-around carry).
std::uint64_t add_carrying(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t s = a + b;
  return s + (s < b);
}

std::uint64_t load_native(const std::byte* p) {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// The last 0..7 octets, as if zeros followed them.
std::uint64_t load_tail(Bytes b) {
  std::uint64_t v = 0;
  if (!b.empty()) std::memcpy(&v, b.data(), b.size());
  return v;
}

std::uint16_t fold(std::uint64_t s) {
  s = (s & 0xffffffff) + (s >> 32);
  s = (s & 0xffff) + (s >> 16);
  s = (s & 0xffff) + (s >> 16);
  s = (s & 0xffff) + (s >> 16);
  return static_cast<std::uint16_t>(s);
}

/// The sum of `b` from an even position. Two chains, because each addition waits for the carry before it.
std::uint64_t sum_even(Bytes b) {
  std::uint64_t s = 0, t = 0;
  for (; b.size() >= 32; b = b.subspan(32)) {
    s = add_carrying(s, load_native(b.data()));
    t = add_carrying(t, load_native(b.data() + 8));
    s = add_carrying(s, load_native(b.data() + 16));
    t = add_carrying(t, load_native(b.data() + 24));
  }
  for (; b.size() >= 8; b = b.subspan(8)) s = add_carrying(s, load_native(b.data()));
  return add_carrying(add_carrying(s, t), load_tail(b));
}

std::uint16_t to_host(std::uint16_t w) { return std::endian::native == std::endian::little ? std::byteswap(w) : w; }

}  // namespace

Sum& Sum::add(Bytes b) {
  const std::uint64_t s = sum_even(b);
  sum_ = add_carrying(sum_, odd_ ? std::byteswap(fold(s)) : s);  // RFC 1071 section 2(B): swapped octets, swapped sum
  odd_ ^= b.size() % 2 != 0;
  return *this;
}

Sum& Sum::add_word(std::uint16_t w) {
  sum_ = add_carrying(sum_, to_host(w));
  return *this;
}

std::uint16_t Sum::folded() const { return to_host(fold(sum_)); }

Sum pseudo_header(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::size_t length) {
  Sum sum;
  sum.add(src.bytes()).add(dst.bytes()).add_word(protocol);
  sum.add_word(static_cast<std::uint16_t>(length >> 16)).add_word(static_cast<std::uint16_t>(length));
  return sum;
}

std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) {
  Sum sum;
  sum.add_word(static_cast<std::uint16_t>(~checksum)).add_word(static_cast<std::uint16_t>(~before)).add_word(after);
  return sum.checksum();
}

}  // namespace tunic
