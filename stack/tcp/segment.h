// A TCP segment on its way in, and the answers that belong to no connection.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ring.h"
#include "base/seq.h"
#include "buf/slice.h"
#include "wire/addr.h"
#include "wire/tcp.h"
#include "wire/tcp_options.h"

namespace tunic {

/// SEG.* of RFC 9293 section 3.3.1. `seq`, `ack` and `wnd` are widened by the connection that the segment enters.
struct Segment {
  FourTuple pair;  // local is the destination: the pair as this end sees it
  Seq32 wire_seq, wire_ack;
  Flags flags;
  std::uint16_t window = 0, urgent = 0;
  TcpOptions options;
  Slice text;
  std::uint16_t gso_size = 0;  // text octets per wire segment of a super-packet, 0: it is one segment
  Seq seq, ack;
  std::int64_t wnd = 0;  // SEG.WND in octets, scaled by the connection: unsigned and wide (MUST-1, REC-1)

  /// SEG.LEN: text, SYN and FIN each count.
  std::int64_t len() const {
    return static_cast<std::int64_t>(text.size()) + (flags.has(SYN) ? 1 : 0) + (flags.has(FIN) ? 1 : 0);
  }
  Seq end() const { return seq + len(); }
  /// How many wire segments this was: what ACK policy and RFC 5681 count.
  std::int64_t wire_segments() const {
    return gso_size == 0 || text.empty() ? 1 : static_cast<std::int64_t>((text.size() + gso_size - 1) / gso_size);
  }
};

/// A segment without text that answers one without a connection: a reset, or an ACK from TIME-WAIT.
struct Reply {
  FourTuple pair;
  Seq32 seq, ack;
  Flags flags;
  std::uint16_t window = 0;
  bool timestamps = false;
  Timestamps ts;
  std::uint8_t ttl = 0, tos = 0;  // of the IP header; ttl 0: the host's own
};

/// The answers of one burst: a short queue; what does not fit is counted by whoever pushed it.
class Replies {
 public:
  static constexpr std::size_t capacity = 256;
  bool push(const Reply& r) {
    if (queue_.size() == capacity) return false;
    queue_.push_back(r);
    return true;
  }
  bool empty() const { return queue_.empty(); }
  Reply pop() { return queue_.pop_front(); }
  const Reply& front() const { return queue_.front(); }

 private:
  Ring<Reply> queue_;
};

/// The reset that answers a segment no connection takes: RFC 9293 section 3.10.7.1. Not for a segment that is one
/// itself.
inline Reply reset_for(const Segment& seg) {
  if (seg.flags.has(ACK)) return {.pair = seg.pair, .seq = seg.wire_ack, .ack = {}, .flags = RST};
  return {.pair = seg.pair,
          .seq = {},
          .ack = {seg.wire_seq.raw + static_cast<std::uint32_t>(seg.len())},  // wraps, as numbers on the wire do
          .flags = RST | ACK};
}

}  // namespace tunic
