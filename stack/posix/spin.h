// Whether a caller looks for packets for a moment before it sleeps. Where another CPU runs the peer, its answer is
// often there sooner than a sleeper wakes; where it has to run on this one, each moment is lost. Nobody can tell
// beforehand, so it is tried: as long as a look finds something the next one is made too, and after each that does not,
// twice as many sleeps go by without one.
#pragma once

#include <algorithm>

namespace tunic {

class Spin {
 public:
  static constexpr unsigned most_skipped = 4095;

  /// Before a sleep: whether to look. If so, tell() follows.
  bool is_due() {
    if (left_ == 0) return true;
    --left_;
    return false;
  }
  void tell(bool found) {
    skipped_ = found ? 0 : std::min(2 * skipped_ + 1, most_skipped);
    left_ = skipped_;
  }

 private:
  unsigned skipped_ = 0;  // sleeps between two looks, at present
  unsigned left_ = 0;     // of these, until the next look
};

}  // namespace tunic
