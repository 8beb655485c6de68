// The sending half of a connection: what was sent and not acknowledged, what waits, and the window of the peer
// (RFC 9293 section 3.3.1). SYN and FIN are octets of the sequence space here: the SYN stands at iss, the FIN after all
// text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/stock.h"
#include "buf/byte_queue.h"
#include "tcp/scoreboard.h"
#include "tcp/segment.h"

namespace tunic {

/// What output() sends next: `[begin, end)` of the sequence space.
struct Run {
  Seq begin, end;
  bool retransmit = false;
};

/// What an acceptable acknowledgment did.
struct AckReport {
  std::int64_t acked = 0;  // octets of sequence space that were acknowledged for the first time
  std::int64_t text = 0;   // of these, octets of text: room in the send buffer
  Scoreboard::Acked ranges;
};

/// What a sender needs only while text waits or is outstanding: most connections are idle most of the time.
struct OutgoingText {
  ByteQueue queue;  // text from the sender's head on: sent and not acknowledged, then not sent
  Scoreboard sent;
  Seq up;          // SND.UP
  Seq taken_back;  // below, a second transmission passes for a first: no RTT sample (Karn)
  Seq small_end;   // end of the last part segment sent: Minshall's variant of Nagle
};

class Sender {
 public:
  void start(Seq32 iss) {
    iss_ = iss;
    una_ = nxt_ = Seq::first(iss);
    head_ = una_ + 1;
  }

  Seq iss() const { return Seq::first(iss_); }
  Seq una() const { return una_; }
  Seq nxt() const { return nxt_; }
  /// One past the highest octet that may have reached the peer: nxt, or more after take_back().
  Seq max_sent() const { return out_ ? std::max(nxt_, out_->taken_back) : nxt_; }
  std::int64_t wnd() const { return wnd_; }
  std::int64_t max_wnd() const { return max_wnd_; }
  /// One past the last octet of text that the user gave; a FIN stands here.
  Seq queue_end() const { return head_ + static_cast<std::int64_t>(queued()); }
  /// One past all that will ever be sent as things stand.
  Seq end() const { return queue_end() + (fin_queued_ ? 1 : 0); }
  std::int64_t outstanding() const { return nxt_ - una_; }
  /// Octets believed to be in the network: sent, not acknowledged, not lost.
  std::int64_t flight() const { return outstanding() - lost(); }
  std::int64_t unsent() const { return end() - nxt_; }
  std::size_t queued() const { return out_ ? out_->queue.size() : 0; }
  /// Octets that were declared lost and not sent again since.
  std::int64_t lost() const { return out_ ? out_->sent.lost() : 0; }
  bool fin_queued() const { return fin_queued_; }
  bool fin_acknowledged() const { return fin_queued_ && una_ == end(); }
  bool syn_acknowledged() const { return una_ > iss(); }

  /// Before text is appended or anything sent: takes what that needs.
  void begin(Stock<OutgoingText>& stock) {
    if (!out_) out_ = stock.take();
  }
  /// Gives it back once everything is acknowledged.
  void rest(Stock<OutgoingText>& stock);

  std::size_t append(Pool& pool, Bytes text) { return out_->queue.append(pool, text); }
  /// Refers to text that is `owner`'s, until it is acknowledged or taken over.
  void borrow(Bytes text, Slice::Owner owner) { out_->queue.borrow(Slice::borrowed(text, owner)); }
  void take_over(Pool& pool, Slice::Owner owner) {
    if (out_) out_->queue.take_over(pool, owner);
  }
  std::size_t borrowed(Slice::Owner owner) const { return out_ ? out_->queue.borrowed(owner) : 0; }
  /// Chunks of the pool to be reserved for copies of it.
  std::size_t places() const { return out_ ? out_->queue.places() : 0; }
  void queue_fin() { fin_queued_ = true; }
  /// SEND with URGENT: the urgent text ends at the last octet queued (section 3.8.5, MUST-62).
  void mark_urgent() { out_->up = queue_end(); }
  /// No later than una while there is no urgent text.
  Seq up() const { return out_ ? out_->up : Seq{}; }
  /// Where the last part segment ended, while something is outstanding.
  Seq small_end() const { return out_ ? out_->small_end : Seq{}; }
  void on_part_segment(Seq end) { out_->small_end = end; }
  /// Octets of text that were acknowledged, ever.
  std::int64_t text_acknowledged() const { return head_ - (iss() + 1); }

  /// Advances SND.UNA to `ack`, which lies in (una, max_sent()].
  AckReport on_ack(Seq ack);
  /// Section 3.10.7.4, fifth: takes the window of a segment unless it is older than the last that was taken. One that
  /// acknowledges more is never older, whatever its number, or una would carry the old window beyond what was promised.
  void update_window(Seq seq, Seq ack, std::int64_t window);

  /// Octets that the window lets us send beyond nxt; negative when the peer shrank it (MUST-34).
  std::int64_t window_room() const { return una_ + wnd_ - nxt_; }

  /// The transmission of `run` is on its way.
  void on_sent(const Run& run, Instant now, std::uint16_t gso_size, const RateStamp& rate);
  /// The link refused it after all.
  void undo(const Run& run);
  /// Forgets that what is outstanding was sent: it was a probe that the peer had no room for.
  void take_back();
  /// Whether what is outstanding is known; after the end of the connection it is not.
  bool has_sent() const { return out_ && !out_->sent.empty(); }
  /// Only while something is outstanding.
  Scoreboard& sent() { return out_->sent; }
  const Scoreboard& sent() const { return out_->sent; }
  /// Text octets of [begin, end) as slices; returns the end of what `packet` had room for.
  Seq gather(Seq begin, Seq end, TxPacket& packet) const;
  void discard() {
    if (!out_) return;
    out_->queue.clear();
    out_->sent.clear();
  }

 private:
  Seq una_, nxt_;
  Seq head_;  // the sequence number of the first octet in the queue
  Seq wl1_, wl2_;
  std::unique_ptr<OutgoingText> out_;    // there while anything waits or is outstanding
  std::uint32_t wnd_ = 0, max_wnd_ = 0;  // at most 2^30 (RFC 7323 section 2.3)
  Seq32 iss_;
  bool fin_queued_ = false;
};

}  // namespace tunic
