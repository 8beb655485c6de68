// Acknowledgments that a burst of segments has earned, kept until output(): equal plain ones merge, the others do not,
// so the peer still gets one duplicate ACK for each arrival out of order, and each D-SACK (RFC 9293 section 3.10.7.4,
// MUST-58, MUST-59).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tcp/reassembler.h"

namespace tunic {

struct AckOwed {
  enum class Kind : std::uint8_t { plain, duplicate, dsack, ce } kind   // ce: for ECN, not earned yet
      = Kind::plain;
  SeqRange dsack{};
};

class AcksOwed {
 public:
  /// What one burst earns beyond this many is left out: the peer needs three duplicates to act, and a D-SACK only
  /// informs.
  static constexpr std::size_t most = 16;

  void owe(const AckOwed& a) {
    if (a.kind == AckOwed::Kind::plain) {
      plain_ = true;
    } else if (special_count_ < most) {
      special_[special_count_++] = a;
    }
  }
  void owe_plain() { plain_ = true; }
  bool any() const { return plain_ || special_count_ != 0; }
  /// A segment with text carried the acknowledgment: that settles the plain ones.
  void carried() { plain_ = false; }
  AckOwed take() {
    plain_ = false;  // whatever goes out acknowledges all
    if (special_count_ == 0) return {};
    const AckOwed a = special_[0];
    for (std::size_t i = 1; i < special_count_; ++i) special_[i - 1] = special_[i];
    --special_count_;
    return a;
  }
  void clear() { plain_ = false, special_count_ = 0; }

 private:
  std::array<AckOwed, most> special_{};
  std::uint8_t special_count_ = 0;
  bool plain_ = false;
};

}  // namespace tunic
