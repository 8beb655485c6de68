/// @file
/// Bytes: ranges of octets, and loads and stores of big-endian integers (network byte order, RFC 791 appendix B).
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

/// Everything that C++ sees of Tunic.
namespace tunic {

/// Octets to read; owned by someone else.
using Bytes = std::span<const std::byte>;
/// Octets to write; owned by someone else.
using MutBytes = std::span<std::byte>;

/// The big-endian integer at `p`; `p` need not be aligned.
template <std::unsigned_integral T>
T load_be(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  if constexpr (sizeof v > 1 && std::endian::native == std::endian::little) v = std::byteswap(v);
  return v;
}

/// Writes `v` big-endian at `p`; `p` need not be aligned.
template <std::unsigned_integral T>
void store_be(std::byte* p, T v) {
  if constexpr (sizeof v > 1 && std::endian::native == std::endian::little) v = std::byteswap(v);
  std::memcpy(p, &v, sizeof v);
}

/// The octet at `i`, which must be below b.size(), as a number.
inline std::uint8_t byte_at(Bytes b, std::size_t i) { return std::to_integer<std::uint8_t>(b[i]); }

}  // namespace tunic
