// What the two ends agreed on in their SYNs.
#pragma once

#include <cstdint>

#include "wire/addr.h"

namespace tunic {

struct Negotiated {
  std::uint16_t snd_mss = 536;  // what the peer takes in one segment, options included (RFC 9293 section 3.7.1)
  bool timestamps = false;      // RFC 7323 section 3
  bool sack = false;            // RFC 2018
  bool window_scale = false;    // RFC 7323 section 2
  std::uint8_t snd_scale = 0;   // the peer's shift: of windows that we receive
  std::uint8_t rcv_scale = 0;   // ours: of windows that we send
};

/// What to assume of a peer that sent no MSS option (MUST-15).
constexpr std::uint16_t default_mss(Family f) { return f == Family::v4 ? 536 : 1220; }
/// IP and TCP header without options: MSS = MTU - this (RFC 9293 section 3.7.1, MUST-67, SHLD-5, MAY-3).
constexpr std::uint32_t fixed_headers(Family f) { return f == Family::v4 ? 40 : 60; }
/// Least MSS that we believe (tcp_min_snd_mss of Linux): below it work per octet grows without bound.
inline constexpr std::uint16_t least_mss = 48;

}  // namespace tunic
