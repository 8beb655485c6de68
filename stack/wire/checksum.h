// The Internet checksum (RFC 1071): the complement of the ones-complement sum of 16-bit words. A Sum takes its octets
// in pieces of any length, odd ones too, so that a header and the slices of text behind it need not be joined.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "wire/addr.h"

namespace tunic {

/// A running ones-complement sum over octets that follow each other.
class Sum {
 public:
  /// Adds the octets of `b`, which follow those added before.
  Sum& add(Bytes b);
  /// Adds one 16-bit word in host order; words stand beside the octets, their parity does not change.
  Sum& add_word(std::uint16_t w);
  /// The sum in 16 bits, host order: what a partial checksum field holds (Offload::Checksum::partial).
  std::uint16_t folded() const;
  /// What a checksum field holds, host order. Over octets that include a correct checksum field it is 0.
  std::uint16_t checksum() const { return static_cast<std::uint16_t>(~folded()); }

 private:
  std::uint64_t sum_ = 0;  // of words in native byte order, folded at the end (RFC 1071 section 2(B))
  bool odd_ = false;       // an odd number of octets went before
};

/// The sum over the pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1): `length` octets
/// of transport header and text.
Sum pseudo_header(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, std::size_t length);

/// The checksum after one word of the data has changed from `before` to `after` (RFC 1624, equation 3). All
/// in host order.
std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after);

}  // namespace tunic
