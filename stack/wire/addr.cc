#include "wire/addr.h"

namespace tunic {

bool Prefix::contains(const IpAddr& a) const {
  if (a.is_v4() != addr.is_v4()) return false;
  if (addr.is_v4()) {  // asked several times of each packet
    if (length > 32) return false;
    return length == 0 || (addr.v4_bits() ^ a.v4_bits()) >> (32 - length) == 0;
  }
  const Bytes mine = addr.bytes(), other = a.bytes();
  const std::size_t whole = length / 8, rest = length % 8;
  if (whole > mine.size()) return false;
  if (std::memcmp(mine.data(), other.data(), whole) != 0) return false;
  if (rest == 0 || whole == mine.size()) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00u >> rest);
  return ((byte_at(mine, whole) ^ byte_at(other, whole)) & mask) == 0;
}

}  // namespace tunic
