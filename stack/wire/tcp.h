// The TCP header (RFC 9293 section 3.1): TcpView reads, TcpHeader writes. Checksums and options are read and written
// apart (checksum.h, tcp_options.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/seq.h"
#include "wire/addr.h"

namespace tunic {

/// The control bits. AE is the former NS (RFC 9768 section 3.1); the three reserved bits beside it are never read.
struct Flags {
  std::uint16_t bits = 0;
  /// Whether all of `f` are set.
  constexpr bool has(Flags f) const { return (bits & f.bits) == f.bits; }
  /// Whether at least one of `f` is set.
  constexpr bool any(Flags f) const { return (bits & f.bits) != 0; }
  constexpr Flags without(Flags f) const { return {static_cast<std::uint16_t>(bits & ~f.bits)}; }
  friend constexpr Flags operator|(Flags a, Flags b) { return {static_cast<std::uint16_t>(a.bits | b.bits)}; }
  friend constexpr Flags operator&(Flags a, Flags b) { return {static_cast<std::uint16_t>(a.bits & b.bits)}; }
  constexpr Flags& operator|=(Flags f) { return *this = *this | f; }
  friend constexpr bool operator==(Flags, Flags) = default;
};
inline constexpr Flags FIN{1}, SYN{2}, RST{4}, PSH{8}, ACK{16}, URG{32}, ECE{64}, CWR{128}, AE{256};

/// A TCP segment as received: header, options, text.
class TcpView {
 public:
  static constexpr std::size_t min_size = 20;
  static constexpr std::size_t max_options = 40;
  static constexpr std::size_t checksum_offset = 16;

  /// `b` is what the IP header bounds: the whole segment.
  static std::optional<TcpView> parse(Bytes b) {
    if (b.size() < min_size) return {};
    const TcpView v{b};
    return v.header_size() >= min_size && v.header_size() <= b.size() ? std::optional{v} : std::nullopt;
  }

  Port src() const { return Port{load_be<std::uint16_t>(b_.data())}; }
  Port dst() const { return Port{load_be<std::uint16_t>(b_.data() + 2)}; }
  Seq32 seq() const { return {load_be<std::uint32_t>(b_.data() + 4)}; }
  Seq32 ack() const { return {load_be<std::uint32_t>(b_.data() + 8)}; }
  std::size_t header_size() const { return std::to_integer<std::size_t>(b_[12] >> 4) * 4; }
  Flags flags() const { return {static_cast<std::uint16_t>(load_be<std::uint16_t>(b_.data() + 12) & 0x1ff)}; }
  std::uint16_t window() const { return load_be<std::uint16_t>(b_.data() + 14); }
  std::uint16_t checksum() const { return load_be<std::uint16_t>(b_.data() + checksum_offset); }
  std::uint16_t urgent() const { return load_be<std::uint16_t>(b_.data() + 18); }
  Bytes options() const { return b_.subspan(min_size, header_size() - min_size); }
  Bytes text() const { return b_.subspan(header_size()); }
  Bytes segment() const { return b_; }

 private:
  explicit TcpView(Bytes b) : b_{b} {}
  Bytes b_;
};

/// A TCP header to send. Reserved bits are sent as zero.
struct TcpHeader {
  Port src{}, dst{};
  Seq32 seq{}, ack{};
  Flags flags{};
  std::uint16_t window = 0;
  std::uint16_t urgent = 0;

  /// Writes the header and `options` (a multiple of 4 octets, at most 40; they may already stand in their place in
  /// `out`) and returns what follows. The checksum field is zero.
  MutBytes emit(MutBytes out, Bytes options = {}) const;
  friend constexpr bool operator==(const TcpHeader&, const TcpHeader&) = default;
};

}  // namespace tunic
