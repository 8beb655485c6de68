// What the ip tests share: one host, and packets to it.
#pragma once

#include <cstdint>

#include "ip/addresses.h"
#include "test_support/packets.h"

namespace tunic::test {

/// 198.18.0.2/24 and fd00::2/64.
inline Addresses host() { return Addresses{{{us4, 24}, {us6, 64}}}; }

inline Octets packet(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, const Octets& payload) {
  return encode({.src = src, .dst = dst, .protocol = protocol, .payload = payload, .dont_fragment = true});
}

}  // namespace tunic::test
