/// @file
/// Sequence numbers (RFC 9293 section 3.4). On the wire they are 32 bits and wrap; inside they are 64 bits and never
/// do: a number is widened once, at the door, near a number already known, so the RFC's comparisons read as printed.
#pragma once

#include <compare>
#include <cstdint>

namespace tunic {

/// A sequence number as it stands on the wire: no order, no arithmetic.
struct Seq32 {
  std::uint32_t raw = 0;  ///< in host byte order
  friend constexpr bool operator==(Seq32, Seq32) = default;
};

/// A sequence number that does not wrap; its low half is the wire number.
class Seq {
 public:
  /// 0: before the first number of any direction.
  constexpr Seq() = default;
  /// The first number of a direction: an initial sequence number, placed one epoch above zero so that Seq - 1 exists.
  static constexpr Seq first(Seq32 isn) { return Seq{(1ull << 32) | isn.raw}; }
  /// The number nearest to `ref` (within +-2^31) whose wire form is `w`.
  static constexpr Seq near(Seq ref, Seq32 w) {
    return Seq{ref.v_ + static_cast<std::uint64_t>(
                            std::int64_t{static_cast<std::int32_t>(w.raw - static_cast<std::uint32_t>(ref.v_))})};
  }
  /// The low 32 bits, as a header carries them.
  constexpr Seq32 wire() const { return {static_cast<std::uint32_t>(v_)}; }
  /// All 64 bits.
  constexpr std::uint64_t raw() const { return v_; }

  friend constexpr auto operator<=>(Seq, Seq) = default;
  /// `n` octets further on; back if `n` is negative.
  friend constexpr Seq operator+(Seq s, std::int64_t n) { return Seq{s.v_ + static_cast<std::uint64_t>(n)}; }
  /// `n` octets before.
  friend constexpr Seq operator-(Seq s, std::int64_t n) { return Seq{s.v_ - static_cast<std::uint64_t>(n)}; }
  /// Octets from `b` to `a`; negative if `a` is first.
  friend constexpr std::int64_t operator-(Seq a, Seq b) { return static_cast<std::int64_t>(a.v_ - b.v_); }
  /// Moves on by `n` octets.
  constexpr Seq& operator+=(std::int64_t n) { return *this = *this + n; }

 private:
  explicit constexpr Seq(std::uint64_t v) : v_{v} {}
  std::uint64_t v_ = 0;
};

}  // namespace tunic
