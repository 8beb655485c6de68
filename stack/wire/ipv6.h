// The IPv6 header (RFC 8200 section 3): Ipv6View reads, Ipv6Header writes. Extension headers are walked by the ip room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "base/bytes.h"
#include "base/counters.h"
#include "wire/addr.h"

namespace tunic {

/// An IPv6 packet as received, without the octets that follow its payload length.
class Ipv6View {
 public:
  static constexpr std::size_t size = 40;

  /// Proves the version and that the payload is there. Jumbograms (RFC 2675) are not spoken:
  /// a length of 0 is no payload.
  static std::expected<Ipv6View, Drop> parse(Bytes b) {
    if (b.empty()) return std::unexpected{Drop::truncated};
    if (byte_at(b, 0) >> 4 != 6) return std::unexpected{Drop::bad_version};
    if (b.size() < size) return std::unexpected{Drop::truncated};
    const Ipv6View v{b};
    if (size + v.payload_length() > b.size()) return std::unexpected{Drop::truncated};
    return Ipv6View{b.first(size + v.payload_length())};
  }

  std::uint8_t traffic_class() const { return static_cast<std::uint8_t>(load_be<std::uint16_t>(b_.data()) >> 4); }
  std::uint32_t flow_label() const { return load_be<std::uint32_t>(b_.data()) & 0xfffff; }
  std::size_t payload_length() const { return load_be<std::uint16_t>(b_.data() + 4); }
  std::uint8_t next_header() const { return byte_at(b_, 6); }
  std::uint8_t hop_limit() const { return byte_at(b_, 7); }
  /// The 16 octets as they are; an IPv4-mapped one would read as an IPv4 address, so ask has_mapped_address() first.
  IpAddr src() const { return IpAddr::v6(b_.data() + 8); }
  IpAddr dst() const { return IpAddr::v6(b_.data() + 24); }
  /// IPv4-mapped addresses never stand in a packet (RFC 4291 section 2.5.5.2; RFC 6890).
  bool has_mapped_address() const { return src().is_v4() || dst().is_v4(); }
  Bytes payload() const { return b_.subspan(size); }

 private:
  explicit Ipv6View(Bytes b) : b_{b} {}
  Bytes b_;
};

/// An IPv6 header to send.
struct Ipv6Header {
  IpAddr src{}, dst{};
  std::uint8_t next_header = 0;
  std::uint8_t hop_limit = 64;
  std::uint8_t traffic_class = 0;
  std::uint32_t flow_label = 0;  // 20 bits (RFC 6437)

  /// Writes the header of a packet with `payload_size` octets of payload and returns what follows.
  MutBytes emit(MutBytes out, std::size_t payload_size) const;
  friend constexpr bool operator==(const Ipv6Header&, const Ipv6Header&) = default;
};

}  // namespace tunic
