/// @file
/// What a Stack counts: plain integers, summed on read. Each packet in ends in exactly one place: delivered, or dropped
/// for one named reason; Counters::conserved() says so and every test asks it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tunic {

/// Why a received packet went no further.
enum class Drop : std::uint8_t {
  truncated,         ///< shorter than a header, or than a length field says
  bad_version,       ///< neither 4 nor 6
  bad_header,        ///< a length field that contradicts itself
  bad_checksum,      ///< of IPv4, TCP or ICMP (RFC 9293 MUST-3)
  martian_source,    ///< a source no peer can have (RFC 1122 section 3.2.1.3)
  not_ours,          ///< a destination that is not this host
  source_route,      ///< IPv4 source route or IPv6 routing header (RFC 6274, 5095)
  fragment,          ///< a fragment that contradicts itself or others, or that there is no room for
  fragment_overlap,  ///< a fragment of a datagram in which two gave different octets to one place (RFC 5722)
  bad_protocol,      ///< a protocol we do not speak
  bad_icmp,          ///< an ICMP message shorter than its header
  icmp_ignored,      ///< a type a host does not act on
  icmp_unmatched,    ///< an ICMP error about nothing that is in flight (RFC 5927)
  rate_limited,      ///< an answer withheld: too many of them, or the Link takes no more
  bad_tcp,           ///< data offset out of range
  bad_udp,           ///< a length below 8, or beyond the packet
  port_zero,         ///< RFC 9293: ports are 1..65535 on the wire
  closed_port,       ///< no socket: answered by a reset unless it was one
  tcp_unacceptable,  ///< outside the window; answered where the RFC says so
  tcp_paws,          ///< RFC 7323 section 5
  tcp_no_timestamp,  ///< RFC 7323 section 3.2
  tcp_ack,           ///< acknowledgment out of range (RFC 5961 section 5)
  tcp_no_ack,        ///< no ACK flag in a synchronized state
  tcp_syn,           ///< SYN in a synchronized state (RFC 5961 section 4)
  tcp_reset,         ///< a reset that was not exact, or was sent to a listener
  tcp_state,         ///< nothing a segment can do in this state
  listen_overflow,   ///< SYN queue or accept queue full
  accept_deferred,   ///< an ACK without text for a listener that wants text first
  no_memory,         ///< the packet pool, Config::max_sockets or a table is exhausted
  receive_overflow,  ///< more holes than we remember
  receive_full,      ///< a datagram for a socket whose buffer is full, or that reads no more
  loop_overflow,     ///< the loopback queue was full
  count_,            ///< how many reasons there are
};
/// How many reasons there are.
inline constexpr std::size_t drops = static_cast<std::size_t>(Drop::count_);
/// The enumerator's own name: "bad_checksum".
const char* name(Drop d);

/// Packets, unless another unit is said; all since the Stack was made.
struct Counters {
  std::uint64_t received = 0;                  ///< from the Link, and from ourselves over the loopback
  std::uint64_t delivered = 0;                 ///< acted upon
  std::array<std::uint64_t, drops> dropped{};  ///< by reason; of() reads it
  std::uint64_t sent = 0;                      ///< taken by the Link, or looped back
  std::uint64_t refused = 0;                   ///< not taken: they are made again later
  std::uint64_t tcp_in = 0;                    ///< TCP segments with a good checksum
  std::uint64_t tcp_out = 0;                   ///< TCP packets made; a super-packet is one
  std::uint64_t tcp_resets_out = 0;            ///< of these, resets
  std::uint64_t tcp_retransmits = 0;           ///< of these, with text or SYN or FIN that was sent before
  std::uint64_t text_taken_over = 0;           ///< octets copied because a loan ended before they were acknowledged
  std::uint64_t predicted = 0;                 ///< segments that took the fast path
  std::uint64_t challenge_acks = 0;            ///< answers to what may be an attack (RFC 5961)
  std::uint64_t bad_options = 0;               ///< segments whose TCP options contradict themselves
  std::uint64_t time_wait_recycled = 0;        ///< records that ended early, at TcpSettings::time_wait_records
  std::uint64_t reply_overflow = 0;            ///< resets and ACKs without a connection that found no room
  std::uint64_t udp_in = 0;                    ///< UDP datagrams with a good checksum
  std::uint64_t udp_out = 0;                   ///< datagrams made, echo requests too
  std::uint64_t udp_unsent = 0;                ///< that had become too long for the way before they left
  std::uint64_t fragmented = 0;                ///< datagrams cut into fragments
  std::uint64_t fragments_out = 0;             ///< and how many those were
  std::uint64_t repeated_ids = 0;              ///< IDs of them that came again within a minute
  std::uint64_t echo_replies = 0;              ///< ICMP and ICMPv6
  std::uint64_t icmp_errors_in = 0;            ///< that were read, whether a socket is concerned or not
  std::uint64_t icmp_errors_out = 0;           ///< made
  std::uint64_t icmp_limited = 0;              ///< errors and echo replies withheld: too many, or no memory
  std::uint64_t resets_limited = 0;            ///< resets withheld: too many to one destination
  std::uint64_t reassembled = 0;               ///< datagrams joined of fragments
  std::uint64_t reassembly_overlaps = 0;       ///< datagrams ended by fragments that contradict each other
  std::uint64_t reassembly_timeouts = 0;       ///< datagrams of which a part never came
  std::uint64_t reassembly_evicted = 0;        ///< incomplete datagrams that made room for others

  /// Counts a drop.
  void drop(Drop d) { ++dropped[static_cast<std::size_t>(d)]; }
  /// How many were dropped for this reason.
  std::uint64_t of(Drop d) const { return dropped[static_cast<std::size_t>(d)]; }
  /// Whether every packet received is delivered or dropped; false only within a call.
  bool conserved() const {
    std::uint64_t sum = delivered;
    for (auto n : dropped) sum += n;
    return sum == received;
  }
};

}  // namespace tunic
