/// @file
/// The knobs of TCP with their defaults; each says why it differs from an RFC where it does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace tunic {

/// TCP's part of a Config; the same for every socket of a Stack. Options of a socket go before it.
struct TcpSettings {
  Duration rto_initial = 1s;  ///< before the first sample (RFC 6298 section 2.1)
  Duration rto_min = 200ms;   ///< as Linux, below the SHOULD of 1 s (RFC 6298 section 2.4)
  Duration rto_max = 60s;     ///< RFC 6298 section 2.5

  // R1 has no act of its own: there is one way out of the host, and nothing to advise IP of (MUST-20).
  /// R2 of our SYN: at least 3 minutes (RFC 9293 section 3.8.3, MUST-23).
  Duration syn_give_up = 180s;
  /// Retransmissions of our SYN after which it ends, 0..127, 0: syn_give_up; TCP_SYNCNT goes before it.
  int syn_retries = 0;
  /// R2 of text and FIN: at least 100 s (SHLD-11). Option::user_timeout goes before it.
  Duration data_give_up = 300s;
  int syn_ack_retries = 5;  ///< a half-open connection ends after so many retransmissions of its SYN-ACK

  Duration time_wait = 60s;                  ///< 2 MSL (RFC 9293 section 3.4.2)
  std::uint32_t time_wait_records = 65'536;  ///< TIME-WAIT connections that are remembered; then the oldest makes room
  Duration fin_wait_2 = 60s;                 ///< an orphan's patience, as Linux's tcp_fin_timeout
  Duration orphan_give_up = 60s;             ///< an orphan without progress in FIN-WAIT-1, CLOSING, LAST-ACK
  Duration delayed_ack = 40ms;               ///< MUST-40: < 0.5 s; Linux's minimum

  Duration keep_idle = 7200s;    ///< idle time before the first keep-alive: at least 2 hours (MUST-27, MUST-28)
  Duration keep_interval = 75s;  ///< between unanswered keep-alives
  int keep_count = 9;            ///< unanswered keep-alives after which the peer is gone, 1..127 (MUST-29)

  std::uint32_t max_backlog = 4096;  ///< what listen() may ask for
  std::uint32_t syn_queue = 1024;    ///< SYN-RECEIVED of one listener; a SYN beyond is dropped

  std::size_t receive_buffer = 64u << 10;     ///< initial, octets of text; Linux shows twice as much, with its overhead
  std::size_t send_buffer = 64u << 10;        ///< initial, octets of text
  std::size_t max_receive_buffer = 4u << 20;  ///< octets that autotuning may reach
  std::size_t max_send_buffer = 4u << 20;     ///< octets that autotuning may reach

  int initial_window = 10;   ///< segments (RFC 6928)
  bool timestamps = true;    ///< offered and accepted (RFC 7323 section 3)
  bool sack = true;          ///< offered and accepted (RFC 2018)
  bool window_scale = true;  ///< offered and accepted (RFC 7323 section 2)
  bool prediction = true;    ///< the fast path; the same packets come out without it
  /// Text given in pieces of so many octets may be sent from where it is; what is smaller is copied as it is given. At
  /// least 4096; from 2^32 on everything is copied. The same packets come out.
  std::size_t borrow_from = 16u << 10;

  std::uint16_t port_first = 32'768;  ///< lowest ephemeral port (RFC 6056 section 3.2); 1024.. when none is left
  std::uint16_t port_last = 65'535;   ///< highest ephemeral port, >= port_first
  std::uint8_t ttl = 64;              ///< IPv4's TTL, 1..255; Option::ttl goes before it
  std::uint8_t hop_limit = 64;        ///< IPv6's hop limit, 1..255; Option::ttl goes before it

  std::optional<std::uint32_t> test_isn;  ///< test door: every initial sequence number
};

}  // namespace tunic
