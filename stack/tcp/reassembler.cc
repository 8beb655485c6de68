#include "tcp/reassembler.h"

#include <algorithm>
#include <cstring>

#include "base/work.h"

namespace tunic {

std::size_t Reassembler::piece_after(Seq s) const {
  const auto it = std::partition_point(pieces_.begin() + static_cast<std::ptrdiff_t>(first_), pieces_.end(),
                                       [s](const Piece& p) { return step(), p.end() <= s; });
  return static_cast<std::size_t>(it - pieces_.begin());
}

Reassembler::Result Reassembler::insert(Pool& pool, Seq seq, Slice text, std::size_t most) {
  Result result{Kept::duplicate, {}};
  const Seq end = seq + static_cast<std::int64_t>(text.size());
  std::size_t i = piece_after(seq);
  bool kept = false;
  for (Seq at = seq; at < end; step()) {
    const Seq next = i < pieces_.size() ? std::min(end, std::max(at, pieces_[i].begin)) : end;
    if (at < next) {  // not here yet: up to the next piece
      const SeqRange range{at, next};
      const auto offset = static_cast<std::size_t>(at - seq), n = static_cast<std::size_t>(next - at);
      const std::size_t before = pieces_.size();
      const bool thrifty = pinned_ <= 2 * size_ + spare;
      const bool may = thrifty && (islands_.size() < most || islands_.touches(range));
      if (!may || !keep(pool, i, at, text.subslice(offset, n))) {
        result.kept = kept ? Kept::kept : Kept::refused;
        break;
      }
      islands_.add(range);
      i += pieces_.size() - before;
      kept = true;
      at = next;
    } else {  // here already
      const Seq upto = std::min(end, pieces_[i++].end());
      if (!result.duplicate)
        result.duplicate = SeqRange{at, upto};
      else if (result.duplicate->end == at)
        result.duplicate->end = upto;
      at = upto;
    }
  }
  if (kept) {
    result.kept = Kept::kept;
    remember(seq);
  }
  return result;
}

// Small text that continues a piece goes into that piece's block, so that it does not pin one of its own.
bool Reassembler::keep(Pool& pool, std::size_t at, Seq begin, Slice text) {
  if (at > first_ && pieces_[at - 1].end() == begin && pieces_[at - 1].text.tailroom() >= text.size()) {
    Slice& before = pieces_[at - 1].text;
    std::memcpy(before.mutable_data() + before.size(), text.data(), text.size());
    before.grow(text.size());
    size_ += text.size();
    return true;
  }
  if (text.size() * 2 < text.pinned() || text.owner() == Slice::Owner::lent) text = pool.copy(text.bytes());
  if (text.empty()) return false;
  size_ += text.size();
  pinned_ += text.pinned();
  pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(at), Piece{begin, std::move(text)});
  return true;
}

// One entry an island: those that the new text joined are forgotten.
void Reassembler::remember(Seq seq) {
  const SeqRange joined = islands_[islands_.find(seq + 1)];
  const auto end = recent_.begin() + static_cast<std::ptrdiff_t>(recents_);
  const auto last = std::remove_if(recent_.begin(), end, [&](Seq s) { return joined.begin <= s && s < joined.end; });
  recents_ = std::min(recent_.size(), static_cast<std::size_t>(last - recent_.begin()) + 1);
  const auto shifted = recent_.begin() + static_cast<std::ptrdiff_t>(recents_);
  std::move_backward(recent_.begin(), shifted - 1, shifted);
  recent_[0] = seq;
}

std::optional<Slice> Reassembler::take(Seq next) {
  for (; first_ < pieces_.size() && pieces_[first_].begin <= next; step()) {
    Piece piece = std::move(pieces_[first_++]);
    size_ -= piece.text.size();
    pinned_ -= piece.text.pinned();
    const Seq end = piece.end();
    islands_.drop_below(end);
    if (first_ == pieces_.size()) clear();
    if (first_ > pieces_.size() / 2) {  // what was taken leaves, once it is the larger part
      pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    if (end <= next) continue;
    piece.text.drop_front(static_cast<std::size_t>(next - piece.begin));
    return std::move(piece.text);
  }
  return {};
}

std::size_t Reassembler::blocks(std::array<SeqRange, 4>& out, std::size_t n) const {
  std::size_t count = 0;
  for (std::size_t k = 0; k < recents_ && count < n; ++k, step()) {
    const std::size_t i = islands_.find(recent_[k] + 1);
    if (i < islands_.size() && islands_[i].begin <= recent_[k]) out[count++] = islands_[i];
  }
  return count;
}

void Reassembler::clear() {
  pieces_ = {};
  islands_.clear();
  first_ = size_ = pinned_ = 0;
  recents_ = 0;
}

}  // namespace tunic
