// When the text that waits to be read arrived, for a reader who asks (SO_TIMESTAMP).
#pragma once

#include <cstddef>
#include <optional>

#include "base/ring.h"
#include "base/seq.h"
#include "base/time.h"
#include "base/work.h"

namespace tunic {

class Arrivals {
 public:
  /// [begin, end) is readable since `at`, and lies behind all that was noted. Of very many pieces the last ones share
  /// the latest of their times, as Linux has it for text that it keeps in one buffer.
  void note(Seq begin, Seq end, Instant at) {
    if (!marks_.empty() && marks_.back().end == begin && (marks_.back().at == at || marks_.size() == most)) {
      marks_.back() = {marks_.back().begin, end, at};
      return;
    }
    if (marks_.size() == most) marks_.pop_front();
    marks_.push_back({begin, end, at});
  }
  /// All before `head` has been read.
  void forget(Seq head) {
    while (!marks_.empty() && marks_.front().end <= head) {
      step();
      marks_.pop_front();
    }
  }
  /// When the octet at `place` arrived; nothing where nobody asked then.
  std::optional<Instant> at(Seq place) const {
    for (std::size_t i = 0; i < marks_.size() && marks_[i].begin <= place; ++i) {
      step();
      if (place < marks_[i].end) return marks_[i].at;
    }
    return {};
  }
  void clear() { marks_.clear(); }
  void trim() { marks_.trim(); }

 private:
  static constexpr std::size_t most = 256;
  struct Mark {
    Seq begin, end;
    Instant at;
  };
  Ring<Mark> marks_;
};

}  // namespace tunic
