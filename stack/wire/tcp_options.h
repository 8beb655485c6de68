// The options of a TCP segment (RFC 9293 section 3.2): parsed into a value, so that nothing points into the packet, and
// written in the layout that Linux uses. A parse always ends: each step eats at least one of at most 40 octets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/seq.h"

namespace tunic {

/// The kinds that we know (MUST-4), in any segment (MUST-5); all others are skipped by their length (MUST-6, MUST-68).
namespace option_kind {
inline constexpr std::uint8_t end = 0, nop = 1, mss = 2, window_scale = 3, sack_permitted = 4, sack = 5, timestamps = 8;
}

/// RFC 7323 section 3.2.
struct Timestamps {
  std::uint32_t value = 0, echo = 0;
  friend constexpr bool operator==(const Timestamps&, const Timestamps&) = default;
};

/// RFC 2018 section 3: `end` is one past the last octet of the block.
struct SackBlock {
  Seq32 begin{}, end{};
  friend constexpr bool operator==(const SackBlock&, const SackBlock&) = default;
};

struct TcpOptions {
  static constexpr std::uint8_t max_window_scale = 14;  // RFC 7323 section 2.3
  static constexpr std::size_t max_size = 40;

  std::optional<std::uint16_t> mss = {};
  std::optional<std::uint8_t> window_scale = {};  // at most 14
  bool sack_permitted = false;
  std::optional<Timestamps> timestamps = {};
  std::array<SackBlock, 4> sack{};
  std::uint8_t sack_count = 0;
  bool malformed = false;  // a length was illegal or not that of its kind; what could be read is here

  /// Of several options of one kind the first counts. One of a wrong size is as if absent; one whose length is illegal
  /// (0, 1, or beyond the end) ends the parse (MUST-7). Options may begin at any octet (MUST-64).
  static TcpOptions parse(Bytes options);

  /// How many octets emit() writes, a multiple of 4.
  std::size_t size() const;
  /// Writes the options, padded to a multiple of 4 octets, and returns how many there are. `out` has room for size().
  /// Of the SACK blocks the first are written, as many as 40 octets hold.
  std::size_t emit(MutBytes out) const;

  friend constexpr bool operator==(const TcpOptions&, const TcpOptions&) = default;
};

}  // namespace tunic
