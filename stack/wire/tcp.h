/// @file
/// The TCP header (RFC 9293 section 3.1): TcpView reads, TcpHeader writes. Checksums and options are read and written
/// apart (checksum.h, tcp_options.h).
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
  std::uint16_t bits = 0;  ///< as in octets 12 and 13 of the header, & 0x1ff
  /// Whether all of `f` are set.
  constexpr bool has(Flags f) const { return (bits & f.bits) == f.bits; }
  /// Whether at least one of `f` is set.
  constexpr bool any(Flags f) const { return (bits & f.bits) != 0; }
  /// These but for `f`.
  constexpr Flags without(Flags f) const { return {static_cast<std::uint16_t>(bits & ~f.bits)}; }
  /// What either has.
  friend constexpr Flags operator|(Flags a, Flags b) { return {static_cast<std::uint16_t>(a.bits | b.bits)}; }
  /// What both have.
  friend constexpr Flags operator&(Flags a, Flags b) { return {static_cast<std::uint16_t>(a.bits & b.bits)}; }
  /// Sets those of `f` too.
  constexpr Flags& operator|=(Flags f) { return *this = *this | f; }
  friend constexpr bool operator==(Flags, Flags) = default;
};
inline constexpr Flags FIN{1};    ///< no more text from the sender
inline constexpr Flags SYN{2};    ///< opens: synchronizes sequence numbers
inline constexpr Flags RST{4};    ///< resets the connection
inline constexpr Flags PSH{8};    ///< push
inline constexpr Flags ACK{16};   ///< the acknowledgment field counts
inline constexpr Flags URG{32};   ///< the urgent pointer counts
inline constexpr Flags ECE{64};   ///< ECN echo (RFC 3168 section 6.1)
inline constexpr Flags CWR{128};  ///< congestion window reduced (RFC 3168 section 6.1)
inline constexpr Flags AE{256};   ///< accurate ECN (RFC 9768 section 3.1)

/// A TCP segment as received: header, options, text.
class TcpView {
 public:
  static constexpr std::size_t min_size = 20;         ///< octets of a header without options
  static constexpr std::size_t max_options = 40;      ///< octets
  static constexpr std::size_t checksum_offset = 16;  ///< of the checksum field, from the start of the header

  /// `b` is what the IP header bounds: the whole segment, which must outlive the view. None if the data offset is out
  /// of range; the checksum is not looked at.
  static std::optional<TcpView> parse(Bytes b) {
    if (b.size() < min_size) return {};
    const TcpView v{b};
    return v.header_size() >= min_size && v.header_size() <= b.size() ? std::optional{v} : std::nullopt;
  }

  /// Source port.
  Port src() const { return Port{load_be<std::uint16_t>(b_.data())}; }
  /// Destination port.
  Port dst() const { return Port{load_be<std::uint16_t>(b_.data() + 2)}; }
  /// SEG.SEQ: the number of the first octet, or of the SYN.
  Seq32 seq() const { return {load_be<std::uint32_t>(b_.data() + 4)}; }
  /// SEG.ACK: the number expected next; counts only with ACK.
  Seq32 ack() const { return {load_be<std::uint32_t>(b_.data() + 8)}; }
  /// Octets with options, 20..60: four times the data offset.
  std::size_t header_size() const { return std::to_integer<std::size_t>(b_[12] >> 4) * 4; }
  /// The nine control bits.
  Flags flags() const { return {static_cast<std::uint16_t>(load_be<std::uint16_t>(b_.data() + 12) & 0x1ff)}; }
  /// SEG.WND as on the wire, not scaled (RFC 7323 section 2.2).
  std::uint16_t window() const { return load_be<std::uint16_t>(b_.data() + 14); }
  /// The field as it stands.
  std::uint16_t checksum() const { return load_be<std::uint16_t>(b_.data() + checksum_offset); }
  /// Octets from seq() to the octet after the urgent data; counts only with URG (section 3.8.5).
  std::uint16_t urgent() const { return load_be<std::uint16_t>(b_.data() + 18); }
  /// 0..40 octets.
  Bytes options() const { return b_.subspan(min_size, header_size() - min_size); }
  /// What follows the header.
  Bytes text() const { return b_.subspan(header_size()); }
  /// Header and text.
  Bytes segment() const { return b_; }

 private:
  explicit TcpView(Bytes b) : b_{b} {}
  Bytes b_;
};

/// A TCP header to send. Reserved bits are sent as zero.
struct TcpHeader {
  Port src{};                ///< source
  Port dst{};                ///< destination
  Seq32 seq{};               ///< SEG.SEQ
  Seq32 ack{};               ///< SEG.ACK; 0 without ACK
  Flags flags{};             ///< the control bits
  std::uint16_t window = 0;  ///< SEG.WND as it goes on the wire
  std::uint16_t urgent = 0;  ///< the urgent pointer; 0 without URG

  /// Writes the header and `options` (a multiple of 4 octets, at most 40; they may already stand in their place in
  /// `out`) and returns what follows. The checksum field is zero.
  MutBytes emit(MutBytes out, Bytes options = {}) const;
  friend constexpr bool operator==(const TcpHeader&, const TcpHeader&) = default;
};

}  // namespace tunic
