// A set of octets of the sequence space, as ranges in order that neither overlap nor touch. To find a range takes steps
// as the logarithm of how many there are; how many there may be, the owner says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/seq.h"
#include "base/work.h"

namespace tunic {

struct SeqRange {
  Seq begin, end;
  friend constexpr bool operator==(const SeqRange&, const SeqRange&) = default;
};

class SeqRanges {
 public:
  bool empty() const { return ranges_.empty(); }
  std::size_t size() const { return ranges_.size(); }
  const SeqRange& operator[](std::size_t i) const { return ranges_[i]; }
  const SeqRange& front() const { return ranges_.front(); }
  const SeqRange& back() const { return ranges_.back(); }

  /// The first range that ends at or after `s`; size() if there is none.
  std::size_t find(Seq s) const {
    return index(
        std::partition_point(ranges_.begin(), ranges_.end(), [s](const SeqRange& r) { return step(), r.end < s; }));
  }
  /// Whether `r` would become part of ranges that are there.
  bool touches(const SeqRange& r) const {
    const std::size_t i = find(r.begin);
    return i < size() && ranges_[i].begin <= r.end;
  }
  bool covers(const SeqRange& r) const {
    const std::size_t i = find(r.end);
    return i < size() && ranges_[i].begin <= r.begin;
  }

  /// Adds `r` and joins what it touches; its first octet that was not there yet, if there is one.
  std::optional<Seq> add(const SeqRange& r) {
    const std::size_t i = find(r.begin);
    if (i == size() || ranges_[i].begin > r.end) {
      ranges_.insert(at(i), r);
      return r.begin;
    }
    const Seq news = ranges_[i].begin <= r.begin ? ranges_[i].end : r.begin;
    const auto beyond =
        std::partition_point(at(i), ranges_.end(), [&r](const SeqRange& x) { return step(), x.begin <= r.end; });
    ranges_[i] = {std::min(r.begin, ranges_[i].begin), std::max(r.end, (beyond - 1)->end)};
    ranges_.erase(at(i + 1), beyond);
    return news < r.end ? std::optional{news} : std::nullopt;
  }
  /// Forgets what lies below `s`.
  void drop_below(Seq s) {
    ranges_.erase(ranges_.begin(), at(find(s + 1)));
    if (!empty() && front().begin < s) ranges_.front().begin = s;
  }
  /// Forgets all, and gives its memory back.
  void clear() { ranges_ = {}; }
  /// Of an empty one: gives back the memory of a list that has become long.
  void trim() {
    if (ranges_.capacity() > small) clear();
  }

 private:
  static constexpr std::size_t small = 16;

  using Place = std::vector<SeqRange>::iterator;
  Place at(std::size_t i) { return ranges_.begin() + static_cast<std::ptrdiff_t>(i); }
  std::size_t index(std::vector<SeqRange>::const_iterator i) const {
    return static_cast<std::size_t>(i - ranges_.begin());
  }

  std::vector<SeqRange> ranges_;
};

}  // namespace tunic
