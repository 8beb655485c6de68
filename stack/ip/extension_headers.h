// The chain of IPv6 extension headers (RFC 8200 section 4), walked once with bounds: what the packet carries at its
// end, whether it is a fragment, or why it must go and what its sender is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.h"
#include "ip/refusal.h"

namespace tunic {

/// A packet beyond these is dropped as bad_header (RFC 8504 section 5.3).
struct ExtensionLimits {
  static constexpr std::size_t headers = 8;    // of one packet
  static constexpr std::size_t octets = 1280;  // of all of them
  static constexpr std::size_t options = 8;    // of one header, padding not counted
  static constexpr std::size_t padding = 7;    // octets in a row
};

/// Which part of a datagram a fragment is.
struct FragmentPlace {
  std::uint32_t id = 0;
  std::size_t offset = 0;  // in octets
  bool more = false;
};

struct ChainEnd {
  std::uint8_t protocol;                    // the first header that is not an extension header
  std::size_t size;                         // octets of extension headers before it
  std::size_t field = 6;                    // where in the packet stands what names it, or names the fragment header
  std::optional<FragmentPlace> fragment{};  // then the chain ends with its header, and `protocol` is what follows
};

/// Walks the extension headers at the start of `payload`, the payload of an IPv6 packet, the first of which is of kind
/// `next`. A fragment that is all of its datagram counts as whole (RFC 6946). Rejects: routing headers with segments
/// left (RFC 5095), options that ask for it by the top bits of their type (RFC 8200 section 4.2), a hop-by-hop header
/// that is not the first, a second fragment header, or, if the packet was `reassembled`, any; No Next Header (there is
/// nobody to give it to).
std::expected<ChainEnd, Rejection> skip_extension_headers(std::uint8_t next, Bytes payload, bool reassembled = false);

/// Where the transport of a packet begins of which maybe only a part is there: nothing is judged.
struct QuotedChain {
  std::uint8_t protocol;        // an extension header's if the chain is cut off
  std::size_t size;             // octets before it
  bool cut_off = false;         // headers are missing, or there are more than the limits
  bool fragmented = false;      // there is a fragment header
  bool later_fragment = false;  // then what follows is no header
  bool nested = false;          // there is more than one fragment header
};
QuotedChain find_transport(std::uint8_t next, Bytes payload);

}  // namespace tunic
