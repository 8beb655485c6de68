// What a connection tells of itself: the fields of Linux's struct tcp_info that we know, in our own units.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace tunic {

/// RFC 9293 section 3.3.2; the values are Linux's TCP_ESTABLISHED.. numbers.
enum class State : std::uint8_t {
  established = 1, syn_sent, syn_received, fin_wait_1, fin_wait_2, time_wait, closed, close_wait, last_ack, listen, closing,
};

const char* name(State s);   ///< "SYN-SENT", as the RFC writes it

struct TcpInfo {
  State state = State::closed;
  bool timestamps = false, sack = false, window_scale = false;
  std::uint8_t snd_scale = 0, rcv_scale = 0;
  std::uint32_t snd_mss = 0, rcv_mss = 0;      ///< octets of text
  std::int64_t cwnd = 0, ssthresh = 0;         ///< octets
  std::int64_t snd_wnd = 0, rcv_wnd = 0;       ///< octets
  std::int64_t unacked = 0;                    ///< octets in flight
  Duration rto{}, srtt{}, rttvar{};
  std::uint64_t retransmits = 0;               ///< segments sent again, all in all
  std::uint64_t segments_in = 0, segments_out = 0, bytes_acked = 0, bytes_received = 0;
  std::uint32_t accept_queue = 0, syn_queue = 0;   ///< of a listener
};

}  // namespace tunic
