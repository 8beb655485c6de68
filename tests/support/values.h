// Values that tests are made of: octets written as text, and random ones from a fixed seed.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/addr.h"

namespace tunic::test {

using Octets = std::vector<std::byte>;

/// octets("02 04 05b4"): pairs of hexadecimal digits, blanks ignored.
inline Octets octets(std::string_view hex) {
  Octets out;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high >= 0) out.push_back(static_cast<std::byte>(high * 16 + digit));
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

/// The address of 16 octets as octets() reads them.
inline IpAddr v6(std::string_view hex) { return IpAddr::v6(octets(hex).data()); }

inline Octets join(Octets a, Bytes b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Random {
 public:
  template <class T>
  T any() {
    return static_cast<T>(engine_());
  }
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool coin() { return below(2) == 0; }
  Octets bytes(std::size_t n) {
    Octets b(n);
    for (auto& o : b) o = any<std::byte>();
    return b;
  }
  IpAddr v4() { return IpAddr::v4(any<std::uint32_t>()); }
  IpAddr v6() { return IpAddr::v6(bytes(16).data()); }

 private:
  std::mt19937_64 engine_{1};
};

inline constexpr int rounds = 2000;

}  // namespace tunic::test
