// What the user of a socket may choose, with Linux's defaults. A listener's choices pass to the sockets it accepts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace tunic {

struct UserOptions {
  bool reuse_address = false, reuse_port = false, v6_only = false;
  bool keep_alive = false;  // MUST-24, MUST-25
  bool no_delay = false;    // MUST-17
  bool cork = false;
  bool oob_inline = false;
  std::optional<bool> quick_ack;  // unset: the receiver decides
  bool interactive = false;       // text has answered text: acknowledgments ride on answers
  bool receive_errors = false;    // IP_RECVERR: what the network says, at once
  bool broadcast = false, bind_no_port = false, no_checksum = false, free_bind = false;
  std::uint8_t mtu_discover = 1;                             // want
  bool receive_buffer_set = false, send_buffer_set = false;  // by the user: no autotuning
  std::uint8_t ttl = 64, tos = 0;                            // MUST-49, MUST-48
  std::uint16_t max_segment = 0;                             // 0: by the MTU
  int keep_count = 9, syn_count = 0;                         // 0: by time (TcpSettings::syn_give_up)
  int linger = -1;                                           // seconds; -1: off
  int defer_accept = 0;                                      // retransmissions of SYN-ACK
  std::uint8_t congestion = 0;                               // index of its name
  int linger2 = 0;                                           // seconds; 0: default
  Duration keep_idle{}, keep_interval{};
  Duration user_timeout{};  // 0: TcpSettings::data_give_up (MUST-21)
  std::size_t receive_buffer = 0, send_buffer = 0;
  std::size_t receive_low = 1;
  std::int64_t window_clamp = 0, not_sent_low = 0;  // 0: none
};

}  // namespace tunic
