// The IPv4 header (RFC 791 section 3.1): Ipv4View reads, Ipv4Header writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "base/bytes.h"
#include "base/counters.h"
#include "wire/addr.h"
#include "wire/checksum.h"

namespace tunic {

/// An IPv4 packet as received, without the octets that follow its total length.
class Ipv4View {
 public:
  static constexpr std::size_t min_size = 20;

  /// Proves the version and that the lengths fit each other and `b`; the checksum is the caller's to ask for.
  static std::expected<Ipv4View, Drop> parse(Bytes b) {
    if (b.empty()) return std::unexpected{Drop::truncated};
    if (byte_at(b, 0) >> 4 != 4) return std::unexpected{Drop::bad_version};
    if (b.size() < min_size) return std::unexpected{Drop::truncated};
    const Ipv4View v{b};
    if (v.header_size() < min_size || v.header_size() > v.total_length()) return std::unexpected{Drop::bad_header};
    if (v.total_length() > b.size()) return std::unexpected{Drop::truncated};
    return Ipv4View{b.first(v.total_length())};
  }

  std::size_t header_size() const { return std::to_integer<std::size_t>(b_[0] & std::byte{15}) * 4; }
  std::uint8_t tos() const { return byte_at(b_, 1); }
  std::size_t total_length() const { return load_be<std::uint16_t>(b_.data() + 2); }
  std::uint16_t id() const { return load_be<std::uint16_t>(b_.data() + 4); }
  bool dont_fragment() const { return (byte_at(b_, 6) & 0x40) != 0; }
  bool more_fragments() const { return (byte_at(b_, 6) & 0x20) != 0; }
  /// In octets.
  std::size_t fragment_offset() const { return (load_be<std::uint16_t>(b_.data() + 6) & 0x1fffu) * 8; }
  bool is_fragment() const { return (load_be<std::uint16_t>(b_.data() + 6) & 0x3fffu) != 0; }
  std::uint8_t ttl() const { return byte_at(b_, 8); }
  std::uint8_t protocol() const { return byte_at(b_, 9); }
  std::uint16_t checksum() const { return load_be<std::uint16_t>(b_.data() + 10); }
  bool checksum_ok() const { return Sum{}.add(b_.first(header_size())).checksum() == 0; }
  IpAddr src() const { return IpAddr::v4(b_.data() + 12); }
  IpAddr dst() const { return IpAddr::v4(b_.data() + 16); }
  Bytes options() const { return b_.subspan(min_size, header_size() - min_size); }
  Bytes payload() const { return b_.subspan(header_size()); }

 private:
  explicit Ipv4View(Bytes b) : b_{b} {}
  Bytes b_;
};

/// An IPv4 header to send. By default the packet may not be fragmented and its ID is 0 (RFC 6864 section 4.1).
struct Ipv4Header {
  IpAddr src = IpAddr::any(Family::v4), dst = IpAddr::any(Family::v4);
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 64;
  std::uint8_t tos = 0;
  std::uint16_t id = 0;
  bool dont_fragment = true;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  // in octets, a multiple of 8

  /// Writes the header of a packet with `payload_size` octets of payload, its checksum too, and returns what follows.
  /// `options` is a multiple of 4 octets, at most 40.
  MutBytes emit(MutBytes out, std::size_t payload_size, Bytes options = {}) const;
  friend constexpr bool operator==(const Ipv4Header&, const Ipv4Header&) = default;
};

}  // namespace tunic
