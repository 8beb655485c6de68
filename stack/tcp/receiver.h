// The receiving half of a connection: rcv_nxt, the window, text in order and text before its turn (RFC 9293
// section 3.3.1).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/stock.h"
#include "buf/byte_queue.h"
#include "tcp/arrivals.h"
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

/// What a receiver needs only while text waits to be read, or for what comes before it.
struct IncomingText {
  ByteQueue queue;
  Reassembler early;
  std::optional<Seq> held_fin;
  Arrivals arrivals;
};

class Receiver {
 public:
  void start(Seq32 irs, std::size_t buffer);
  /// Our shift, once agreed on: windows up to 65535 << scale can be told.
  void set_scale(std::uint8_t scale) { scale_ = scale; }
  Seq irs() const { return Seq::first(irs_); }
  Seq nxt() const { return nxt_; }
  /// Octets of text that came in order, ever.
  std::int64_t text_received() const { return nxt_ - irs() - 1 - (finished_ ? 1 : 0); }
  /// RCV.WND: from rcv_nxt to the right edge that the peer was told of, which never moves left (SHLD-14).
  std::int64_t wnd() const { return edge_ - nxt_; }
  Seq edge() const { return edge_; }
  /// The most that can be offered while nothing waits to be read.
  std::int64_t largest_window() const {
    const std::int64_t most = std::min(static_cast<std::int64_t>(buffer_), std::int64_t{65'535} << scale_);
    return clamp_ != 0 ? std::min<std::int64_t>(most, clamp_) : most;
  }

  /// Before text or a FIN arrives: takes what that needs.
  void begin(Stock<IncomingText>& stock) {
    if (!in_) in_ = stock.take();
  }
  /// Gives it back once all is read and nothing came early.
  void rest(Stock<IncomingText>& stock);

  /// Section 3.10.7.4, first: the four-case test. A segment that spans the whole window is acceptable too.
  bool acceptable(const Segment& seg) const;
  /// Seventh: takes what lies in the window. The text is kept, not copied, when it fills half its slab.
  TextReport on_text(Pool& pool, Seq seq, Slice text, std::int64_t mss);
  /// Whether all before `fin` has come; then the FIN is consumed.
  bool on_fin(Seq fin);
  /// The sequence number of a FIN that came before its turn.
  std::optional<Seq> held_fin() const { return in_ ? in_->held_fin : std::nullopt; }
  bool fin_received() const { return finished_; }

  /// The window field to send now, and the promise it makes. A SYN's is not scaled (RFC 7323 section 2.2).
  std::uint16_t advertise(bool syn, std::int64_t mss);
  /// Whether the window grew enough that the peer should hear of it without waiting (section 3.8.6.2.2, MUST-39).
  bool window_update_due(std::int64_t mss) const;

  /// The last `n` octets in order arrived at `at`, for a reader who asks.
  void note_arrival(std::int64_t n, Instant at) {
    if (in_) in_->arrivals.note(nxt_ - n, nxt_, at);
  }
  /// When the octet `offset` after the next to be read arrived, if that was noted.
  std::optional<Instant> arrival(std::size_t offset) const {
    return in_ ? in_->arrivals.at(head() + static_cast<std::int64_t>(offset)) : std::nullopt;
  }

  /// Octets ready to be read.
  std::size_t readable() const { return in_ ? in_->queue.size() : 0; }
  /// The sequence number of the next octet to be read.
  Seq head() const { return nxt_ - static_cast<std::int64_t>(readable()) - (finished_ ? 1 : 0); }
  void copy_out(std::size_t offset, MutBytes out) const { in_->queue.copy_out(offset, out); }
  void consume(std::size_t n) {
    in_->queue.drop_front(n);
    in_->arrivals.forget(head());
  }

  std::size_t buffer() const { return buffer_; }
  void set_buffer(std::size_t n) { buffer_ = static_cast<std::uint32_t>(std::min<std::size_t>(n, 1u << 31)); }
  /// No larger window is offered; 0: as large as the buffer.
  void set_clamp(std::int32_t octets) { clamp_ = octets; }
  /// Whether text is here that came before its turn; then it can be looked at.
  bool has_holes() const { return in_ && !in_->early.empty(); }
  const Reassembler& out_of_order() const { return in_->early; }
  void discard();  // the reader is gone: frees what is kept

 private:
  Seq offered_edge(std::int64_t mss) const;

  Seq nxt_, edge_;
  std::unique_ptr<IncomingText> in_;  // there while anything waits to be read or came early
  Seq32 irs_;
  std::uint32_t buffer_ = 0;
  std::int32_t clamp_ = 0;
  std::uint8_t scale_ = 0;
  bool finished_ = false;  // the FIN is consumed: nxt_ stands after it
};

}  // namespace tunic
