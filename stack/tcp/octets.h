// A number of octets that a connection remembers: in four octets of memory, because there are many connections. In
// arithmetic it is the std::int64_t that it was made from, which must lie in 0..2^32-1 (no window or buffer is wider).
#pragma once

#include <cstdint>

namespace tunic {

class Octets {
 public:
  constexpr Octets() = default;
  constexpr Octets(std::int64_t n) : n_{static_cast<std::uint32_t>(n)} {}
  constexpr operator std::int64_t() const { return n_; }
  constexpr Octets& operator+=(std::int64_t n) { return *this = *this + n; }
  constexpr Octets& operator-=(std::int64_t n) { return *this = *this - n; }

 private:
  std::uint32_t n_ = 0;
};

}  // namespace tunic
