#include "tcp/scoreboard.h"

#include <algorithm>
#include "base/work.h"

namespace tunic {

static std::int64_t wire_size(const SentRange& r) {
  return r.gso_size == 0 ? r.end - r.begin : std::min<std::int64_t>(r.end - r.begin, r.gso_size);
}

void Scoreboard::on_sent(const SentRange& r) { ranges_.push_back(r); }

void Scoreboard::undo_sent(Seq begin) {
  while (!ranges_.empty() && ranges_.back().begin >= begin) {
    if (ranges_.back().lost) lost_ -= ranges_.back().end - ranges_.back().begin;
    ranges_.pop_back();
  }
  if (!ranges_.empty() && ranges_.back().end > begin) {
    if (ranges_.back().lost) lost_ -= ranges_.back().end - begin;
    ranges_.back().end = begin;
  }
}

Scoreboard::Acked Scoreboard::on_ack(Seq una) {
  Acked acked;
  bool retransmitted = false;
  while (!ranges_.empty() && ranges_.front().begin < una) {
    step();
    SentRange& r = ranges_.front();
    const Seq upto = std::min(una, r.end);
    if (r.lost) lost_ -= upto - r.begin;
    retransmitted |= r.retransmitted;
    acked.sent_at = r.sent_at;
    acked.last_sent_at = r.sent_at;
    acked.rate = r.rate;
    acked.tx_in_flight = r.tx_in_flight;
    acked.segments += r.segments();
    acked.largest = std::max(acked.largest, std::min(upto - r.begin, wire_size(r)));
    if (upto < r.end) {
      r.begin = upto;
      acked.segments -= r.segments();
      break;
    }
    ranges_.pop_front();
  }
  if (retransmitted) acked.sent_at.reset();
  return acked;
}

std::size_t Scoreboard::find(Seq s) const {
  std::size_t low = 0, high = ranges_.size();
  while (low < high) {
    step();
    const std::size_t middle = (low + high) / 2;
    if (ranges_[middle].end <= s)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void Scoreboard::split(std::size_t i, Seq at) {
  SentRange tail = ranges_[i];
  ranges_[i].end = at;
  tail.begin = at;
  ranges_.push_back(tail);
  for (std::size_t k = ranges_.size() - 1; k > i + 1; --k, step()) std::swap(ranges_[k], ranges_[k - 1]);
}

void Scoreboard::mark_lost(Seq begin, Seq end) {
  for (std::size_t i = find(begin); i < ranges_.size() && ranges_[i].begin < end; ++i, step()) {
    if (ranges_[i].lost || ranges_[i].sacked) continue;
    if (ranges_[i].begin < begin) {
      split(i, begin);
      continue;
    }
    if (ranges_[i].end > end) split(i, end);
    ranges_[i].lost = true;
    lost_ += ranges_[i].end - ranges_[i].begin;
    lost_hint_ = std::min(lost_hint_, ranges_[i].begin);
  }
}

void Scoreboard::mark_all_lost() {
  for (std::size_t i = 0; i < ranges_.size(); ++i, step()) {
    if (ranges_[i].lost || ranges_[i].sacked) continue;
    ranges_[i].lost = true;
    lost_ += ranges_[i].end - ranges_[i].begin;
  }
  if (!ranges_.empty()) lost_hint_ = ranges_.front().begin;
}

bool Scoreboard::mark_larger_lost(std::int64_t size) {
  bool any = false;
  for (std::size_t i = 0; i < ranges_.size(); ++i, step()) {
    SentRange& r = ranges_[i];
    if (r.lost || r.sacked || wire_size(r) <= size) continue;
    any = r.lost = true;
    lost_ += r.end - r.begin;
    lost_hint_ = std::min(lost_hint_, r.begin);
  }
  return any;
}

std::optional<Scoreboard::Lost> Scoreboard::first_lost() const {
  if (lost_ == 0) return {};
  std::size_t i = find(lost_hint_);
  while (i < ranges_.size() && !ranges_[i].lost) ++i, step();
  if (i == ranges_.size()) return {};
  Lost lost{ranges_[i].begin, ranges_[i].end};
  while (++i < ranges_.size() && ranges_[i].lost && lost.end - lost.begin < 65'536) lost.end = ranges_[i].end, step();
  return lost;
}

void Scoreboard::on_retransmitted(Seq begin, Seq end, Instant now, std::uint16_t gso_size, const RateStamp& rate) {
  for (std::size_t i = find(begin); i < ranges_.size() && ranges_[i].begin < end; ++i, step()) {
    if (ranges_[i].end > end) split(i, end);
    SentRange& r = ranges_[i];
    r.lost = false;
    r.retransmitted = true;
    r.gso_size = gso_size;
    r.rate = rate;
    r.sent_at = now;
    lost_ -= r.end - r.begin;
  }
  lost_hint_ = end;
}

Scoreboard::Counts Scoreboard::counts() const {
  Counts c;
  for (std::size_t i = 0; i < ranges_.size(); ++i, step()) {
    const SentRange& r = ranges_[i];
    const std::int64_t n = r.segments();
    c.all += n;
    if (r.sacked) c.sacked += n;
    if (r.lost) c.lost += n;
    if (r.retransmitted && !r.lost) c.sent_again += n;
  }
  return c;
}

void Scoreboard::clear() {
  ranges_.clear();
  lost_ = 0;
  trim();
}

}  // namespace tunic
