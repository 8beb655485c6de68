// TIME-WAIT (RFC 9293 section 3.6.1): what is left of a connection for 2 MSL is one small record, so that old segments
// meet an end that knows them and a lost last ACK can be sent again (MUST-13). All records live equally long: they
// stand in one queue.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "tcp/connection.h"
#include "tcp/segment.h"

namespace tunic {

struct TimeWaitRecord {
  FourTuple pair;
  std::uint32_t snd_nxt, rcv_nxt;  // of the ended connection, as on the wire
  std::uint32_t ts_recent, ts_offset;
  std::uint32_t binding;         // holds the local port
  std::uint32_t previous, next;  // in the queue; none: no_record
  std::uint16_t window;          // what our last ACK offered, shifted by `scale`
  std::uint8_t scale : 4;
  bool timestamps : 1;
  std::uint8_t ttl, tos;       // as the socket had chosen
  std::uint8_t generation;     // tells a record from the one before it in the same place
  std::uint16_t answered = 0;  // when what is limited was last answered, in tenths of a second; 0: never
  Instant expires;
};
static_assert(sizeof(TimeWaitRecord) == 80);

class TimeWaitTable {
 public:
  static constexpr std::uint32_t no_record = 0xffffffff;
  /// What a segment does to a record.
  enum class Answer { ignore, acknowledge, restart, reopen };

  /// At most `most` records; touched as used.
  explicit TimeWaitTable(std::uint32_t most) : most_{most} {}

  /// Makes a record of a connection that enters TIME-WAIT. The table must not be full.
  std::uint32_t add(Connection& c, std::uint32_t binding, Instant now, const TcpSettings& settings);
  void set_most(std::uint32_t most) { most_ = most; }
  bool full() const { return size_ >= most_; }
  std::uint32_t oldest() const { return head_; }
  const TimeWaitRecord& operator[](std::uint32_t i) const { return records_[i]; }
  void remove(std::uint32_t i);
  std::size_t size() const { return size_; }
  /// Whether record `i` is still the one of that generation.
  bool holds(std::uint32_t i, std::uint8_t generation) const {
    return i < records_.size() && records_[i].expires != never && records_[i].generation == generation;
  }
  /// When the oldest ends; `never` if there is none.
  Instant next() const { return head_ == no_record ? never : records_[head_].expires; }

  /// RFC 9293 section 3.10.7.4 for TIME-WAIT. RSTs are ignored (RFC 1337); a SYN that is newer by timestamp or sequence
  /// number may open a new connection (MAY-2, RFC 6191) if `listening`.
  Answer segment_arrives(std::uint32_t i, const Segment& seg, bool listening) const;
  /// The peer's FIN came again: 2 MSL begin anew.
  void restart(std::uint32_t i, Instant now, const TcpSettings& settings);
  /// Whether the record may answer now: as a connection text and FINs each time, the rest once in 500 ms (B6).
  bool may_acknowledge(std::uint32_t i, const Segment& seg, Instant now);
  /// The ACK of the record, which is also its challenge ACK.
  Reply acknowledgment(std::uint32_t i, Instant now) const;
  /// Whether connect() may use the pair again: after 1 s, where timestamps keep old segments out (RFC 6191 section 2).
  bool reusable(std::uint32_t i, Instant now, const TcpSettings& settings) const;

 private:
  void append(std::uint32_t i);
  void unlink(std::uint32_t i);

  std::vector<TimeWaitRecord> records_;
  std::vector<std::uint32_t> free_;
  std::uint32_t head_ = no_record, tail_ = no_record;
  std::uint32_t most_;
  std::size_t size_ = 0;
};

/// An initial sequence number for a pair whose last connection ended at `snd_nxt`: beyond it, so that no old segment
/// fits.
inline Seq32 beyond(Seq32 isn, std::uint32_t snd_nxt) {
  const bool later = static_cast<std::int32_t>(isn.raw - snd_nxt) > 0;
  return later ? isn : Seq32{snd_nxt + 65'537};
}

}  // namespace tunic
