// What the user of a socket may choose, with Linux's defaults. A listener's choices pass to the sockets it accepts.
// Every connection holds all of them, so they are no wider than what setsockopt() takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace tunic {

/// A time that a user chooses: up to 49 days.
using Milliseconds32 = std::chrono::duration<std::uint32_t, std::milli>;
constexpr Milliseconds32 to_milliseconds(Duration d) {
  return d >= Milliseconds32::max() ? Milliseconds32::max() : std::chrono::duration_cast<Milliseconds32>(d);
}

/// The length of a buffer, as far as a user can choose it.
constexpr std::uint32_t to_octets(std::size_t n) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(n, 0x7fff'ffff));
}

struct UserOptions {
  bool reuse_address : 1 = false, reuse_port : 1 = false, v6_only : 1 = false;
  bool keep_alive : 1 = false;  // MUST-24, MUST-25
  bool no_delay : 1 = false;    // MUST-17
  bool cork : 1 = false;
  bool oob_inline : 1 = false;
  bool interactive : 1 = false;     // text has answered text: acknowledgments ride on answers
  bool receive_errors : 1 = false;  // IP_RECVERR: what the network says, at once
  bool receive_times : 1 = false;   // SO_TIMESTAMP: when text arrived
  bool broadcast : 1 = false, bind_no_port : 1 = false, no_checksum : 1 = false, free_bind : 1 = false;
  bool receive_buffer_set : 1 = false, send_buffer_set : 1 = false;  // by the user: no autotuning
  std::optional<bool> quick_ack;                                     // unset: the receiver decides
  std::uint8_t mtu_discover = 1;                                     // want
  std::uint8_t ttl = 64, tos = 0;                                    // MUST-49, MUST-48
  std::uint8_t congestion = 0;                                       // index of its name
  std::uint8_t keep_count = 9, syn_count = 0;                        // 0: by time (TcpSettings::syn_give_up)
  std::uint8_t defer_accept = 0;                                     // retransmissions of SYN-ACK
  std::int8_t linger2 = 0;                                           // seconds; 0: default
  std::uint16_t max_segment = 0;                                     // 0: by the MTU
  std::int32_t linger = -1;                                          // seconds; -1: off
  Milliseconds32 keep_idle{}, keep_interval{};
  Milliseconds32 user_timeout{};                      // 0: TcpSettings::data_give_up (MUST-21)
  std::uint32_t receive_buffer = 0, send_buffer = 0;  // octets
  std::uint32_t receive_low = 1;                      // octets
  std::int32_t window_clamp = 0, not_sent_low = 0;    // octets; 0: none
};

}  // namespace tunic
