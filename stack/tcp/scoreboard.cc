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
  const Seq highest = highest_sacked();
  std::size_t island = 0;
  while (!ranges_.empty() && ranges_.front().begin < una) {
    step();
    SentRange& r = ranges_.front();
    const Seq upto = std::min(una, r.end);
    if (!acked.reordered && !r.retransmitted && r.begin < highest)
      acked.reordered = has_hole({r.begin, std::min(upto, highest)}, island);
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
  if (!sacked_.empty()) {
    sacked_.drop_below(una);  // and if no hole follows, the peer has thrown away what it had told of
    if (!sacked_.empty() && sacked_.front().begin == una) sacked_.clear();
  }
  return acked;
}

/// Whether not all of `r` is sacked. `island` is the one before which all ended before, and moves on.
bool Scoreboard::has_hole(const SeqRange& r, std::size_t& island) const {
  while (island < sacked_.size() && sacked_[island].end <= r.begin) ++island, step();
  return island == sacked_.size() || sacked_[island].begin > r.begin || sacked_[island].end < r.end;
}

bool Scoreboard::on_sack(std::span<const SeqRange> blocks, std::size_t most) {
  const Seq highest = highest_sacked();
  bool reordered = false;
  for (const SeqRange& block : blocks) {
    step();
    if (sacked_.size() >= most && !sacked_.touches(block)) continue;  // it will be told again, or sent again
    const auto news = sacked_.add(block);
    reordered |= news && *news < highest && !ranges_[find(*news)].retransmitted;
  }
  return reordered;
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
    if (ranges_[i].lost) continue;
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
    if (ranges_[i].lost) continue;
    ranges_[i].lost = true;
    lost_ += ranges_[i].end - ranges_[i].begin;
  }
  if (!ranges_.empty()) lost_hint_ = ranges_.front().begin;
  sacked_.clear();
}

bool Scoreboard::mark_larger_lost(std::int64_t size) {
  bool any = false;
  for (std::size_t i = 0; i < ranges_.size(); ++i, step()) {
    SentRange& r = ranges_[i];
    if (r.lost || wire_size(r) <= size || sacked_.covers({r.begin, r.end})) continue;
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

/// How many wire segments of `r` the peer has whole. `island` is the one before which all ended before, and moves on.
std::int64_t Scoreboard::sacked_segments(const SentRange& r, std::size_t& island) const {
  const std::int64_t size = r.gso_size == 0 ? r.end - r.begin : r.gso_size;
  std::int64_t n = 0;
  while (island < sacked_.size() && sacked_[island].end <= r.begin) ++island, step();
  for (std::size_t i = island; i < sacked_.size() && sacked_[i].begin < r.end; ++i, step()) {
    const std::int64_t first = (std::max(sacked_[i].begin, r.begin) - r.begin + size - 1) / size;
    const std::int64_t beyond = sacked_[i].end >= r.end ? r.segments() : (sacked_[i].end - r.begin) / size;
    n += std::max<std::int64_t>(0, beyond - first);
  }
  return n;
}

Scoreboard::Counts Scoreboard::counts() const {
  Counts c;
  std::size_t island = 0;
  for (std::size_t i = 0; i < ranges_.size(); ++i, step()) {
    const SentRange& r = ranges_[i];
    const std::int64_t n = r.segments(), sacked = sacked_segments(r, island);
    c.all += n;
    c.sacked += sacked;
    if (r.lost || r.retransmitted) c.lost += n - sacked;
    if (r.retransmitted && !r.lost) c.sent_again += n - sacked;
  }
  return c;
}

void Scoreboard::clear() {
  ranges_.clear();
  sacked_.clear();
  lost_ = 0;
  trim();
}

}  // namespace tunic
