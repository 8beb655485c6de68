// The sends of a stream whose text stays in the program's memory until the peer has acknowledged it (MSG_ZEROCOPY).
// They are numbered, and done with in order.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ring.h"
#include "base/seq.h"

namespace tunic {

class ZeroCopySends {
 public:
  static constexpr std::size_t most = 1024;  // that wait: each takes memory, however little it sends

  struct Send {
    std::uint32_t number;
    bool copied;
  };

  bool full() const { return waiting_.size() >= most; }
  /// The next number goes to a send whose text ends at `end`; `copied`: some of it was copied after all.
  void add(Seq end, bool copied) {
    waiting_.push_back({end, copied});
    ++next_;
  }
  /// The oldest send, if all of its text lies before `una`.
  std::optional<Send> take_done(Seq una) {
    return !waiting_.empty() && waiting_.front().end <= una ? take_oldest() : std::nullopt;
  }
  /// The oldest send, whatever became of its text.
  std::optional<Send> take_oldest() {
    if (waiting_.empty()) return {};
    const auto number = static_cast<std::uint32_t>(next_ - waiting_.size());
    return Send{number, waiting_.pop_front().copied};
  }

 private:
  struct Waiting {
    Seq end;
    bool copied;
  };
  Ring<Waiting> waiting_;
  std::uint32_t next_ = 0;
};

}  // namespace tunic
