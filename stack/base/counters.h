// What a Stack counts: plain integers, summed on read. Each packet in ends in exactly one place: delivered, or dropped for one
// named reason; Counters::conserved() says so and every test asks it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tunic {

enum class Drop : std::uint8_t {
  truncated,             ///< shorter than a header, or than a length field says
  bad_version,           ///< neither 4 nor 6
  bad_header,            ///< a length field that contradicts itself
  bad_checksum,
  martian_source,        ///< a source no peer can have (RFC 1122 section 3.2.1.3)
  not_ours,              ///< a destination that is not this host
  source_route,          ///< IPv4 source route or IPv6 routing header (RFC 6274, 5095)
  fragment,              ///< a fragment that could not be used
  bad_protocol,          ///< a protocol we do not speak
  bad_icmp,
  icmp_ignored,          ///< a type a host does not act on
  rate_limited,          ///< an answer withheld
  bad_tcp,               ///< data offset out of range
  port_zero,             ///< RFC 9293: ports are 1..65535 on the wire
  closed_port,           ///< no socket: answered by a reset unless it was one
  tcp_unacceptable,      ///< outside the window; answered where the RFC says so
  tcp_paws,              ///< RFC 7323 section 5
  tcp_no_timestamp,      ///< RFC 7323 section 3.2
  tcp_ack,               ///< acknowledgment out of range (RFC 5961 section 5)
  tcp_no_ack,            ///< no ACK flag in a synchronized state
  tcp_syn,               ///< SYN in a synchronized state (RFC 5961 section 4)
  tcp_reset,             ///< a reset that was not exact
  tcp_state,             ///< nothing a segment can do in this state
  listen_overflow,       ///< SYN queue or accept queue full
  no_memory,
  receive_overflow,      ///< more holes than we remember
  loop_overflow,         ///< the loopback queue was full
  count_,
};
inline constexpr std::size_t drops = static_cast<std::size_t>(Drop::count_);
const char* name(Drop d);

struct Counters {
  std::uint64_t received = 0, delivered = 0;
  std::array<std::uint64_t, drops> dropped{};
  std::uint64_t sent = 0, refused = 0;              ///< packets the Link took; packets it did not
  std::uint64_t tcp_in = 0, tcp_out = 0, tcp_resets_out = 0, tcp_retransmits = 0;
  std::uint64_t predicted = 0;                      ///< segments that took the fast path
  std::uint64_t challenge_acks = 0, bad_options = 0;
  std::uint64_t time_wait_recycled = 0, reply_overflow = 0;
  std::uint64_t echo_replies = 0;

  void drop(Drop d) { ++dropped[static_cast<std::size_t>(d)]; }
  std::uint64_t of(Drop d) const { return dropped[static_cast<std::size_t>(d)]; }
  bool conserved() const {
    std::uint64_t sum = delivered;
    for (auto n : dropped) sum += n;
    return sum == received;
  }
};

}  // namespace tunic
