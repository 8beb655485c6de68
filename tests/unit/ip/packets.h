// What the ip tests share: one host, its peer, and packets between them, each in a block of exactly its size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "buf/packet.h"
#include "ip/addresses.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace tunic::testing {

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

inline IpAddr v6(std::string_view hex) { return IpAddr::v6(octets(hex).data()); }

inline const IpAddr us4 = IpAddr::v4(0xc6120002u), peer4 = IpAddr::v4(0xc6120001u);
inline const IpAddr us6 = v6("fd00 0000 0000 0000 0000 0000 0000 0002");
inline const IpAddr peer6 = v6("fd00 0000 0000 0000 0000 0000 0000 0001");
inline const IpAddr& us(Family f) { return f == Family::v4 ? us4 : us6; }
inline const IpAddr& peer(Family f) { return f == Family::v4 ? peer4 : peer6; }
inline const Family families[] = {Family::v4, Family::v6};

/// 198.18.0.2/24 and fd00::2/64.
inline Addresses host() { return Addresses{{{us4, 24}, {us6, 64}}}; }

inline Octets join(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Octets packet(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, const Octets& payload) {
  Octets b(dst.is_v4() ? 20 : 40);
  if (dst.is_v4())
    Ipv4Header{.src = src, .dst = dst, .protocol = protocol}.emit(b, payload.size());
  else
    Ipv6Header{.src = src, .dst = dst, .next_header = protocol}.emit(b, payload.size());
  return join(std::move(b), payload);
}

/// The octets of a packet to send, as a device would get them.
inline Octets flat(const TxPacket& p) {
  Octets b{p.header().begin(), p.header().end()};
  for (std::size_t i = 0; i < p.slices; ++i) b.insert(b.end(), p.text[i].bytes().begin(), p.text[i].bytes().end());
  return b;
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

 private:
  std::mt19937_64 engine_{1};
};

}  // namespace tunic::testing
