// What is in flight: one range per transmission, in order and without gaps from snd_una to snd_nxt. A super-packet is
// one range; losses split it, acknowledgments trim it. What the peer has beyond a hole (RFC 2018) lies beside them, in
// ranges of its own: it may begin and end anywhere, and there may be as many of them as the peer likes to tell (R2).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/ring.h"
#include "base/seq.h"
#include "base/time.h"
#include "tcp/delivery_rate.h"
#include "tcp/seq_ranges.h"

namespace tunic {

struct SentRange {
  Seq begin, end;
  Instant first_sent_at{}, sent_at{};
  RateStamp rate{};
  std::int64_t tx_in_flight = 0;  // of the connection when this was sent
  std::uint16_t gso_size = 0;     // text of its wire segments; 0: it is one
  bool lost = false, retransmitted = false;

  /// Segments on the wire.
  std::int64_t segments() const { return gso_size == 0 ? 1 : (end - begin + gso_size - 1) / gso_size; }
};

class Scoreboard {
 public:
  bool empty() const { return ranges_.empty(); }
  std::size_t size() const { return ranges_.size(); }
  const SentRange& front() const { return ranges_.front(); }
  const SentRange& operator[](std::size_t i) const { return ranges_[i]; }
  /// Wire segments in flight by what became of them; for information, not for each packet.
  struct Counts {
    std::int64_t all = 0, sacked = 0, lost = 0, sent_again = 0;
  };
  Counts counts() const;
  /// Octets that were declared lost and not sent again since.
  std::int64_t lost() const { return lost_; }

  /// New text was sent: it begins where the last range ends.
  void on_sent(const SentRange& r);
  /// The last transmission did not happen: takes off `[begin, ...)`.
  void undo_sent(Seq begin);
  /// Forgets everything below `una`; tells of the newest range that was acknowledged whole or in part.
  struct Acked {
    std::optional<Instant> sent_at;  // of the newest; none if any of it was sent twice (Karn's rule)
    RateStamp rate{};
    Instant last_sent_at{};  // of the newest, sent twice or not
    std::int64_t tx_in_flight = 0;
    std::int64_t segments = 0;
    std::int64_t largest = 0;  // text of the largest wire segment that was acknowledged
    bool reordered = false;    // some of it was sent once, and what was sent later arrived before
  };
  Acked on_ack(Seq una);
  /// The peer says that it has these blocks, each in (snd_una, snd_nxt]. A mark is a hint (RFC 2018 section 8): it goes
  /// with mark_all_lost(), or when the peer takes it back by what it acknowledges. No more than `most` ranges are
  /// remembered. True: some of it had been passed over, and came although it was sent once.
  bool on_sack(std::span<const SeqRange> blocks, std::size_t most);
  /// What the peer has beyond holes.
  const SeqRanges& sacked() const { return sacked_; }
  /// Declares `[begin, end)` lost; parts that are lost already stay so.
  void mark_lost(Seq begin, Seq end);
  /// After a timeout: what the peer had told of is not believed any more either.
  void mark_all_lost();
  /// Declares lost what was sent in wire segments of more than `size` octets of text; whether there was any.
  bool mark_larger_lost(std::int64_t size);
  struct Lost {
    Seq begin, end;
  };
  /// The first octets that are lost, up to the next that are not.
  std::optional<Lost> first_lost() const;
  /// `[begin, end)`, the front of first_lost(), was sent again.
  void on_retransmitted(Seq begin, Seq end, Instant now, std::uint16_t gso_size = 0, const RateStamp& rate = {});
  void clear();
  /// Of an empty one: gives back the memory of a list that has become long, and is as a new one.
  void trim() { ranges_.trim(), sacked_.trim(), lost_hint_ = {}; }

 private:
  std::size_t find(Seq s) const;  // the range that holds `s`
  void split(std::size_t i, Seq at);
  Seq highest_sacked() const { return sacked_.empty() ? Seq{} : sacked_.back().end; }
  bool has_hole(const SeqRange& r, std::size_t& island) const;
  std::int64_t sacked_segments(const SentRange& r, std::size_t& island) const;

  Ring<SentRange> ranges_;
  SeqRanges sacked_;
  std::int64_t lost_ = 0;
  Seq lost_hint_;  // nothing below is lost
};

}  // namespace tunic
