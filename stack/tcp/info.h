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

/// What the sender believes of the network; the values are Linux's TCP_CA_Open.. numbers.
enum class CongestionState : std::uint8_t {
  open = 0,      ///< nothing is wrong
  disorder = 1,  ///< duplicate acknowledgments, fewer than say loss
  cwr = 2,       ///< congestion was told of (ECN); not in use yet
  recovery = 3,  ///< fast recovery (RFC 5681 section 3.2)
  loss = 4,      ///< after a timeout, or a smaller path MTU, until what was in flight then is acknowledged
};

/// A snapshot of one connection, or of a listener. The window scale, timestamps and SACK are what both SYNs offered.
struct TcpInfo {
  State state = State::closed;  ///< LISTEN of a listener, CLOSED of a blank socket
  bool timestamps = false;      ///< RFC 7323 section 3
  bool sack = false;            ///< RFC 2018
  bool window_scale = false;    ///< RFC 7323 section 2
  std::uint8_t snd_scale = 0;   ///< Snd.Wind.Shift, 0..14
  std::uint8_t rcv_scale = 0;   ///< Rcv.Wind.Shift, 0..14
  std::uint32_t snd_mss = 0;    ///< Eff.snd.MSS: octets of text in a segment (RFC 9293 section 3.7.1)
  std::uint32_t rcv_mss = 0;    ///< octets of text in the largest segment received; 536 before any
  std::uint32_t advmss = 0;     ///< what our SYN told the peer, less the options of every segment
  std::uint32_t pmtu = 0;       ///< MTU of the way to the peer, octets of an IP packet

  CongestionState congestion = CongestionState::open;  ///< what the sender believes of the network
  std::int64_t cwnd = 0;                               ///< congestion window, octets (RFC 5681)
  std::int64_t ssthresh = 0;      ///< slow start threshold, octets; the largest number before any loss
  std::int64_t snd_wnd = 0;       ///< SND.WND, octets
  std::int64_t rcv_wnd = 0;       ///< RCV.WND, octets
  std::int64_t rcv_ssthresh = 0;  ///< the largest window that we would offer now, octets
  std::int64_t rcv_space = 0;     ///< the most that the user has read in a round trip, octets
  std::uint32_t unacked = 0;      ///< wire segments in flight, SYN and FIN with them
  std::uint32_t sacked = 0;       ///< of these: the peer has them, after a hole
  std::uint32_t lost = 0;         ///< of these: lost, and not yet acknowledged, sent again or not
  std::uint32_t retrans = 0;      ///< of these: sent again
  std::int64_t notsent = 0;       ///< octets queued that were never sent

  Duration rto{};                 ///< retransmission timeout with its backoff (RFC 6298)
  Duration srtt{};                ///< smoothed round-trip time; 0 before a sample
  Duration rttvar{};              ///< its variation; 0 before a sample
  Duration min_rtt{};             ///< the least round-trip time of some minutes; 0 before a sample
  Duration rcv_rtt{};             ///< round-trip time as a receiver sees it; 0 before a window of text has come
  Duration delayed_ack{};         ///< how long an acknowledgment may wait
  std::uint32_t retransmits = 0;  ///< timeouts since the last acknowledgment
  std::uint32_t probes = 0;       ///< unanswered probes of a closed window or an idle peer
  std::uint32_t backoff = 0;      ///< how often the timeout, or the time between probes, was doubled

  std::uint64_t total_retrans = 0;   ///< wire segments sent again, all in all
  std::uint64_t segs_in = 0;         ///< wire segments received
  std::uint64_t segs_out = 0;        ///< wire segments sent
  std::uint64_t data_segs_in = 0;    ///< of these: with text
  std::uint64_t data_segs_out = 0;   ///< of these: with text
  std::uint64_t delivered = 0;       ///< wire segments that were acknowledged
  std::uint64_t bytes_acked = 0;     ///< octets of text that the peer has acknowledged
  std::uint64_t bytes_received = 0;  ///< octets of text received in order
  std::uint64_t bytes_sent = 0;      ///< octets of text sent, those sent again too
  std::uint64_t bytes_retrans = 0;   ///< octets of text sent again
  std::uint32_t rcv_ooopack = 0;     ///< wire segments that came before their turn
  std::uint32_t dsack_dups = 0;      ///< D-SACKs received (RFC 2883)
  std::uint32_t reord_seen = 0;      ///< acknowledgments of what was sent once and had been overtaken
  std::int64_t delivery_rate = 0;    ///< octets a second that the path delivered last; 0: unknown
  bool app_limited = false;          ///< delivery_rate is what the user gave, not what the path can do

  Duration busy_time{};       ///< something was queued or in flight
  Duration rwnd_limited{};    ///< of this: the peer's window held the rest back
  Duration sndbuf_limited{};  ///< of this: the send buffer held the user back
  Duration last_data_sent{};  ///< since text was sent; 0 before any
  Duration last_data_recv{};  ///< since text was received; 0 before any
  Duration last_ack_recv{};   ///< since an acknowledgment was received; 0 before any

  std::uint32_t accept_queue = 0;  ///< of a listener: established, not yet accepted
  std::uint32_t backlog = 0;       ///< of a listener: room in the accept queue
  std::uint32_t syn_queue = 0;     ///< of a listener: in SYN-RECEIVED
};

}  // namespace tunic
