/// @file
/// What a connection tells of itself: the fields of Linux's struct tcp_info that we know, in our own units.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace tunic {

/// RFC 9293 section 3.3.2; the values are Linux's TCP_ESTABLISHED.. numbers.
enum class State : std::uint8_t {
  established = 1,  ///< both SYNs are acknowledged, no FIN yet
  syn_sent,         ///< after connect()
  syn_received,     ///< half-open: of a listener, or a simultaneous open
  fin_wait_1,       ///< our FIN is not acknowledged
  fin_wait_2,       ///< our FIN is acknowledged, the peer's not yet here
  time_wait,        ///< both are closed; old segments must die out
  closed,           ///< no connection
  close_wait,       ///< the peer's FIN is here, ours not yet sent
  last_ack,         ///< after CLOSE-WAIT, our FIN is not acknowledged
  listen,           ///< waits for connections
  closing,          ///< both FINs crossed, ours is not acknowledged
};

/// "SYN-SENT", as the RFC writes it.
const char* name(State s);

/// A snapshot of one connection, or of a listener. The window scale, timestamps and SACK are what both SYNs offered.
struct TcpInfo {
  State state = State::closed;       ///< LISTEN of a listener, CLOSED of a blank socket
  bool timestamps = false;           ///< RFC 7323 section 3
  bool sack = false;                 ///< RFC 2018
  bool window_scale = false;         ///< RFC 7323 section 2
  std::uint8_t snd_scale = 0;        ///< Snd.Wind.Shift, 0..14
  std::uint8_t rcv_scale = 0;        ///< Rcv.Wind.Shift, 0..14
  std::uint32_t snd_mss = 0;         ///< Eff.snd.MSS: octets of text in a segment (RFC 9293 section 3.7.1)
  std::uint32_t rcv_mss = 0;         ///< octets of text in the largest segment received; 536 before any
  std::int64_t cwnd = 0;             ///< congestion window, octets (RFC 5681)
  std::int64_t ssthresh = 0;         ///< slow start threshold, octets; the largest number before any loss
  std::int64_t snd_wnd = 0;          ///< SND.WND, octets
  std::int64_t rcv_wnd = 0;          ///< RCV.WND, octets
  std::int64_t unacked = 0;          ///< SND.NXT - SND.UNA: sequence numbers in flight
  Duration rto{};                    ///< retransmission timeout with its backoff (RFC 6298)
  Duration srtt{};                   ///< smoothed round-trip time; 0 before a sample
  Duration rttvar{};                 ///< its variation; 0 before a sample
  std::uint64_t retransmits = 0;     ///< segments sent again, all in all
  std::uint64_t segments_in = 0;     ///< segments received; a super-packet is one
  std::uint64_t segments_out = 0;    ///< segments sent; a super-packet is one
  std::uint64_t bytes_acked = 0;     ///< octets of text that the peer has acknowledged
  std::uint64_t bytes_received = 0;  ///< octets of text received in order
  std::uint32_t accept_queue = 0;    ///< of a listener: established, not yet accepted
  std::uint32_t syn_queue = 0;       ///< of a listener: in SYN-RECEIVED
};

}  // namespace tunic
