#include "tcp/time_wait.h"

#include <algorithm>

#include "tcp/isn.h"

namespace tunic {

std::uint32_t TimeWaitTable::add(Connection& c, std::uint32_t binding, Instant now, const TcpSettings& settings) {
  std::uint32_t i;
  if (free_.empty()) {
    i = static_cast<std::uint32_t>(records_.size());
    records_.push_back({});
  } else {
    i = free_.back();
    free_.pop_back();
  }
  TimeWaitRecord& r = records_[i];
  const auto generation = static_cast<std::uint8_t>(r.generation + 1);
  const std::uint8_t scale = c.negotiated().rcv_scale;
  r = {.pair = c.pair(),
       .snd_nxt = c.sender().nxt().wire().raw,
       .rcv_nxt = c.receiver().nxt().wire().raw,
       .ts_recent = c.ts_recent(),
       .ts_offset = c.timestamp_offset(),
       .binding = binding,
       .previous = no_record,
       .next = no_record,
       .window = c.promise_window(),
       .scale = static_cast<std::uint8_t>(scale & 15),
       .timestamps = c.negotiated().timestamps,
       .ttl = c.options.ttl,
       .tos = c.options.tos,
       .generation = generation,
       .expires = now + settings.time_wait};
  append(i);
  ++size_;
  return i;
}

void TimeWaitTable::append(std::uint32_t i) {
  records_[i].previous = tail_;
  records_[i].next = no_record;
  (tail_ == no_record ? head_ : records_[tail_].next) = i;
  tail_ = i;
}

void TimeWaitTable::unlink(std::uint32_t i) {
  const TimeWaitRecord& r = records_[i];
  (r.previous == no_record ? head_ : records_[r.previous].next) = r.next;
  (r.next == no_record ? tail_ : records_[r.next].previous) = r.previous;
}

void TimeWaitTable::remove(std::uint32_t i) {
  unlink(i);
  records_[i].expires = never;  // no record any more
  free_.push_back(i);
  --size_;
}

void TimeWaitTable::restart(std::uint32_t i, Instant now, const TcpSettings& settings) {
  unlink(i);
  records_[i].expires = now + settings.time_wait;
  append(i);
}

TimeWaitTable::Answer TimeWaitTable::segment_arrives(std::uint32_t i, const Segment& seg, bool listening) const {
  const TimeWaitRecord& r = records_[i];
  if (seg.flags.has(RST)) return Answer::ignore;  // RFC 1337: an old reset must not end TIME-WAIT
  const Seq rcv_nxt = Seq::first({r.rcv_nxt});
  const Seq seq = Seq::near(rcv_nxt, seg.wire_seq);
  const Seq end = seq + seg.len();
  const bool has_ts = r.timestamps && seg.options.timestamps;
  const std::int32_t newer = has_ts ? static_cast<std::int32_t>(seg.options.timestamps->value - r.ts_recent) : 0;

  if (seg.flags.has(SYN)) {
    // RFC 6191 section 2 (SHLD-4); without timestamps the sequence number decides (RFC 9293 section 3.6.1, MAY-2).
    const bool fresh = has_ts ? newer > 0 || (newer == 0 && seq >= rcv_nxt) : seq >= rcv_nxt;
    return fresh && !seg.flags.has(ACK) && listening ? Answer::reopen : Answer::acknowledge;
  }
  if (has_ts && newer < 0) return Answer::acknowledge;  // PAWS
  const Seq edge = rcv_nxt + std::max<std::int64_t>(1, std::int64_t{r.window} << r.scale);
  const bool in_window = seq < edge && (seg.len() == 0 ? seq >= rcv_nxt : end > rcv_nxt);
  if (!in_window) {
    // The peer's FIN again: our last ACK was lost. It ends just where the connection ended.
    if (seg.flags.has(FIN) && seg.flags.has(ACK) && end == rcv_nxt) return Answer::restart;
    return Answer::acknowledge;
  }
  if (!seg.flags.has(ACK)) return Answer::ignore;  // 3.10.7.4, fifth
  // Acceptable and acknowledging what it should: there is nothing to tell, and two such ends would never stop. A ghost
  // or future ACK, or text, earns an answer.
  const bool known = seg.wire_ack.raw == r.snd_nxt || seg.wire_ack.raw == r.snd_nxt - 1;
  return known && seg.text.empty() ? Answer::ignore : Answer::acknowledge;
}

bool TimeWaitTable::may_acknowledge(std::uint32_t i, const Segment& seg, Instant now) {
  if (!seg.flags.has(SYN) && (!seg.text.empty() || seg.flags.has(FIN))) return true;
  // 16 bits are 109 minutes: after them a record that restarts so long may once be silent.
  const auto tick = std::max<std::uint16_t>(1, static_cast<std::uint16_t>(now.time_since_epoch() / 100ms));
  std::uint16_t& last = records_[i].answered;
  if (last != 0 && static_cast<std::uint16_t>(tick - last) <= 5) return false;
  last = tick;
  return true;
}

Reply TimeWaitTable::acknowledgment(std::uint32_t i, Instant now) const {
  const TimeWaitRecord& r = records_[i];
  return {.pair = r.pair,
          .seq = {r.snd_nxt},
          .ack = {r.rcv_nxt},
          .flags = ACK,
          .window = r.window,
          .timestamps = r.timestamps,
          .ts = {timestamp_clock(now) + r.ts_offset, r.ts_recent},
          .ttl = r.ttl,
          .tos = r.tos};
}

bool TimeWaitTable::reusable(std::uint32_t i, Instant now, const TcpSettings& settings) const {
  return records_[i].timestamps && now >= records_[i].expires - settings.time_wait + 1s;
}

}  // namespace tunic
