#include "tcp/reassembler.h"

#include <algorithm>
#include <cstring>

namespace tunic {

std::size_t Reassembler::lower(Seq s) const {
  const auto it = std::partition_point(pieces_.begin(), pieces_.end(), [s](const Piece& p) { return p.end() <= s; });
  return static_cast<std::size_t>(it - pieces_.begin());
}

SeqRange Reassembler::island(std::size_t i) const {
  std::size_t first = i, last = i;
  while (first > 0 && pieces_[first - 1].end() == pieces_[first].begin) --first;
  while (last + 1 < pieces_.size() && pieces_[last].end() == pieces_[last + 1].begin) ++last;
  return {pieces_[first].begin, pieces_[last].end()};
}

Reassembler::Result Reassembler::insert(Pool& pool, Seq seq, Slice text, std::size_t most) {
  Result result{Kept::duplicate, {}};
  const Seq end = seq + static_cast<std::int64_t>(text.size());
  std::size_t i = lower(seq);
  Seq at = seq;
  bool kept = false, refused = false;
  while (at < end) {
    const Seq gap_end = i < pieces_.size() ? std::min(end, std::max(at, pieces_[i].begin)) : end;
    if (at < gap_end) {
      const auto offset = static_cast<std::size_t>(at - seq), n = static_cast<std::size_t>(gap_end - at);
      Slice part = text.subslice(offset, n);
      // Text that continues the piece before it goes into that piece's block, if it has room: small segments then do not
      // pin a block each.
      if (i > 0 && pieces_[i - 1].end() == at && pieces_[i - 1].text.tailroom() >= n) {
        Slice& before = pieces_[i - 1].text;
        std::memcpy(before.mutable_data() + before.size(), part.data(), n);
        before.grow(n);
        size_ += n;
        kept = true;
      } else {
        if (pieces_.size() >= most) return {kept ? Kept::kept : Kept::refused, result.duplicate};
        if (part.size() * 2 < part.pinned() || part.owner() == Slice::Owner::lent) part = pool.copy(part.bytes());
        if (part.empty()) {
          refused = true;
          break;
        }
        size_ += n;
        pinned_ += part.pinned();
        pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(i), Piece{at, std::move(part)});
        ++i;
        kept = true;
      }
      at = gap_end;
    }
    if (at < end && i < pieces_.size()) {
      const Seq upto = std::min(end, pieces_[i].end());
      if (!result.duplicate)
        result.duplicate = SeqRange{at, upto};
      else if (result.duplicate->end == at)
        result.duplicate->end = upto;
      at = upto;
      ++i;
    }
  }
  result.kept = kept ? Kept::kept : refused ? Kept::refused : Kept::duplicate;
  if (kept) remember(seq);
  return result;
}

// One entry an island: those that the new text joined are forgotten.
void Reassembler::remember(Seq seq) {
  const SeqRange joined = island(lower(seq));
  const auto last = std::remove_if(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(recents_),
                                   [&](Seq s) { return joined.begin <= s && s < joined.end; });
  recents_ = std::min(recent_.size(), static_cast<std::size_t>(last - recent_.begin()) + 1);
  std::move_backward(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(recents_) - 1,
                     recent_.begin() + static_cast<std::ptrdiff_t>(recents_));
  recent_[0] = seq;
}

std::optional<Slice> Reassembler::take(Seq next) {
  while (!pieces_.empty() && pieces_.front().begin <= next) {
    Piece piece = std::move(pieces_.front());
    pieces_.erase(pieces_.begin());
    size_ -= piece.text.size();
    pinned_ -= piece.text.pinned();
    if (pieces_.empty()) clear();
    if (piece.end() <= next) continue;
    piece.text.drop_front(static_cast<std::size_t>(next - piece.begin));
    return std::move(piece.text);
  }
  return {};
}

std::size_t Reassembler::blocks(std::array<SeqRange, 4>& out, std::size_t n) const {
  std::size_t count = 0;
  const auto add = [&](const SeqRange& r) {
    if (count < n && std::find(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), r) ==
                         out.begin() + static_cast<std::ptrdiff_t>(count))
      out[count++] = r;
  };
  for (std::size_t k = 0; k < recents_; ++k) {
    const std::size_t i = lower(recent_[k]);
    if (i < pieces_.size() && pieces_[i].begin <= recent_[k]) add(island(i));
  }
  return count;
}

void Reassembler::clear() {
  pieces_ = {};
  size_ = pinned_ = 0;
  recents_ = 0;
}

}  // namespace tunic
