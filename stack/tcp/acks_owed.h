// Acknowledgments that a burst of segments has earned, kept until output(): equal plain ones merge, the others do not,
// so the peer still gets one duplicate ACK for each arrival out of order, and each D-SACK (RFC 9293 section 3.10.7.4,
// MUST-58, MUST-59).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/stock.h"
#include "tcp/reassembler.h"

namespace tunic {

struct AckOwed {
  enum class Kind : std::uint8_t { plain, duplicate, dsack, ce } kind   // ce: for ECN, not earned yet
      = Kind::plain;
  SeqRange dsack{};
};

/// Those that do not merge, oldest first.
struct SpecialAcks {
  /// What one burst earns beyond this many is left out: the peer needs three duplicates to act, and a D-SACK only
  /// informs.
  static constexpr std::size_t most = 16;
  std::array<AckOwed, most> acks{};
  std::size_t count = 0;
};

class AcksOwed {
 public:
  /// One that does not merge.
  void owe(const AckOwed& a, Stock<SpecialAcks>& stock) {
    if (!special_) special_ = stock.take();
    if (special_->count < SpecialAcks::most) special_->acks[special_->count++] = a;
  }
  void owe_plain() { plain_ = true; }
  bool any() const { return plain_ || has_special(); }
  /// A segment with text carried the acknowledgment: that settles the plain ones.
  void carried() { plain_ = false; }
  AckOwed take() {
    plain_ = false;  // whatever goes out acknowledges all
    if (!has_special()) return {};
    const AckOwed a = special_->acks[0];
    for (std::size_t i = 1; i < special_->count; ++i) special_->acks[i - 1] = special_->acks[i];
    --special_->count;
    return a;
  }
  void clear() {
    plain_ = false;
    if (special_) special_->count = 0;
  }
  /// Gives back what none needs any more.
  void rest(Stock<SpecialAcks>& stock) {
    if (special_ && special_->count == 0) stock.give_back(std::move(special_));
  }

 private:
  bool has_special() const { return special_ && special_->count != 0; }
  std::unique_ptr<SpecialAcks> special_;  // there while some are owed
  bool plain_ = false;
};

}  // namespace tunic
