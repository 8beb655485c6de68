// The knobs of TCP with their defaults; each says why it differs from an RFC where it does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace tunic {

struct TcpSettings {
  // RFC 6298: initial 1 s (2.1); minimum 200 ms as Linux, below the SHOULD of 1 s (2.4); maximum 60 s (2.5).
  Duration rto_initial = 1s, rto_min = 200ms, rto_max = 60s;
  // RFC 9293 section 3.8.3: R2 of a SYN at least 3 minutes (MUST-22, MUST-23); of data at least 100 s (SHLD-11). R1 has
  // no act of its own: there is one way out of the host, and nothing to advise IP of (MUST-20).
  Duration syn_give_up = 180s, data_give_up = 300s;
  int syn_ack_retries = 5;
  Duration time_wait = 60s;              ///< 2 MSL
  std::uint32_t time_wait_records = 65'536;
  Duration fin_wait_2 = 60s;             ///< an orphan's patience, as Linux's tcp_fin_timeout
  Duration orphan_give_up = 60s;         ///< an orphan without progress in FIN-WAIT-1, CLOSING, LAST-ACK
  Duration delayed_ack = 40ms;           ///< MUST-40: < 0.5 s; Linux's minimum
  Duration keep_idle = 7200s, keep_interval = 75s;   ///< MUST-27, MUST-28
  int keep_count = 9;
  std::uint32_t max_backlog = 4096;
  std::uint32_t syn_queue = 1024;        ///< SYN-RECEIVED of one listener
  // Initial, octets of text; Linux counts its overhead too and shows twice as much.
  std::size_t receive_buffer = 64u << 10, send_buffer = 64u << 10;
  std::size_t max_buffer = 4u << 20;     ///< what autotuning and SO_RCVBUF may reach
  int initial_window = 10;               ///< segments, RFC 6928
  bool timestamps = true, sack = true, window_scale = true;
  bool prediction = true;                ///< the fast path; the same packets come out without it
  std::uint16_t port_first = 32'768, port_last = 65'535;   ///< RFC 6056 section 3.2; below, 1024.. when these are used up
  std::uint8_t ttl = 64;
  std::optional<std::uint32_t> test_isn;  ///< test door: every initial sequence number
};

}  // namespace tunic
