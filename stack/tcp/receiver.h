// The receiving half of a connection: rcv_nxt, the window, text in order and text before its turn (RFC 9293
// section 3.3.1).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "buf/byte_queue.h"
#include "tcp/reassembler.h"
#include "tcp/segment.h"

namespace tunic {

/// What a segment's text did.
struct TextReport {
  std::int64_t in_order = 0;          // octets that became readable
  bool out_of_order = false;          // text beyond a hole came, or filled one: acknowledge at once (RFC 5681 4.2)
  std::optional<SeqRange> duplicate;  // for a D-SACK
  bool no_memory = false, overflow = false;  // not taken: the peer will send it again
  bool duplicate_only = false;
};

class Receiver {
 public:
  void start(Seq32 irs, std::size_t buffer);
  /// Our shift, once agreed on: windows up to 65535 << scale can be told.
  void set_scale(std::uint8_t scale) { scale_ = scale; }
  Seq irs() const { return irs_; }
  Seq nxt() const { return nxt_; }
  /// RCV.WND: from rcv_nxt to the right edge that the peer was told of, which never moves left (SHLD-14).
  std::int64_t wnd() const { return edge_ - nxt_; }
  Seq edge() const { return edge_; }
  /// The most that can be offered while nothing waits to be read.
  std::int64_t largest_window() const {
    const std::int64_t most = std::min(static_cast<std::int64_t>(buffer_), std::int64_t{65'535} << scale_);
    return clamp_ != 0 ? std::min(most, clamp_) : most;
  }

  /// Section 3.10.7.4, first: the four-case test. A segment that spans the whole window is acceptable too.
  bool acceptable(const Segment& seg) const;
  /// Seventh: takes what lies in the window. The text is kept, not copied, when it fills half its slab.
  TextReport on_text(Pool& pool, Seq seq, Slice text, std::int64_t mss);
  /// Whether all before `fin` has come; then the FIN is consumed.
  bool on_fin(Seq fin);
  /// The sequence number of a FIN that came before its turn.
  std::optional<Seq> held_fin() const { return held_fin_; }
  bool fin_received() const { return finished_; }

  /// The window field to send now, and the promise it makes. A SYN's is not scaled (RFC 7323 section 2.2).
  std::uint16_t advertise(bool syn, std::int64_t mss);
  /// Whether the window grew enough that the peer should hear of it without waiting (section 3.8.6.2.2, MUST-39).
  bool window_update_due(std::int64_t mss) const;

  /// Octets ready to be read.
  std::size_t readable() const { return queue_.size(); }
  /// The sequence number of the next octet to be read.
  Seq head() const { return nxt_ - static_cast<std::int64_t>(queue_.size()) - (finished_ ? 1 : 0); }
  void copy_out(std::size_t offset, MutBytes out) const { queue_.copy_out(offset, out); }
  void consume(std::size_t n) { queue_.drop_front(n); }

  std::size_t buffer() const { return buffer_; }
  void set_buffer(std::size_t n) { buffer_ = n; }
  /// No larger window is offered; 0: as large as the buffer.
  void set_clamp(std::int64_t octets) { clamp_ = octets; }
  const Reassembler& out_of_order() const { return reassembler_; }
  bool holds_spare() const { return queue_.holds_spare(); }
  void shrink() { queue_.shrink(); }
  void discard();  // the reader is gone: frees what is kept

 private:
  Seq offered_edge(std::int64_t mss) const;

  Seq irs_, nxt_, edge_;
  ByteQueue queue_;
  Reassembler reassembler_;
  std::size_t buffer_ = 0;
  std::int64_t clamp_ = 0;
  std::optional<Seq> held_fin_;
  std::uint8_t scale_ = 0;
  bool finished_ = false;  // the FIN is consumed: nxt_ stands after it
};

}  // namespace tunic
