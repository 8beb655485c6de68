// Text that came before its turn: slices in order, without overlap, beyond rcv_nxt. Holes are only numbers: what lies
// between the islands. What is kept is reported in SACK blocks and is never given up, although RFC 2018 section 8 would
// allow it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "buf/slab.h"
#include "tcp/seq_ranges.h"

namespace tunic {

class Reassembler {
 public:
  static constexpr std::size_t spare = 64 * 1024;
  enum class Kept { kept, duplicate, refused };
  struct Result {
    Kept kept;
    std::optional<SeqRange> duplicate;  // octets that were here already: what a D-SACK tells (RFC 2883)
  };
  /// Keeps `[seq, seq + text.size())`, cut to what is not here yet. Refused, as far as it is not kept, when it would
  /// make more than `most` islands, when small pieces pin more than twice their text and `spare`, or when memory is
  /// out: it was not told of, so the peer sends it again.
  Result insert(Pool& pool, Seq seq, Slice text, std::size_t most);
  /// The piece that holds `next`, cut to begin there, once the hole before it is filled; nothing if there is none.
  std::optional<Slice> take(Seq next);
  bool empty() const { return islands_.empty(); }
  std::size_t islands() const { return islands_.size(); }
  std::size_t size() const { return size_; }
  std::size_t pinned() const { return pinned_; }
  /// Up to `n` blocks for the SACK option, the one with the newest text first (RFC 2018 section 4).
  std::size_t blocks(std::array<SeqRange, 4>& out, std::size_t n) const;
  void clear();

 private:
  struct Piece {
    Seq begin;
    Slice text;
    Seq end() const { return begin + static_cast<std::int64_t>(text.size()); }
  };
  std::size_t piece_after(Seq s) const;  // the first piece that ends after `s`
  bool keep(Pool& pool, std::size_t at, Seq begin, Slice text);
  void remember(Seq seq);

  std::vector<Piece> pieces_;  // from first_ on
  std::size_t first_ = 0;      // pieces before were taken
  SeqRanges islands_;          // runs of touching pieces
  std::size_t size_ = 0, pinned_ = 0;
  std::array<Seq, 8> recent_{};  // in which islands the newest text is, newest first
  std::size_t recents_ = 0;
};

}  // namespace tunic
