// The chain of IPv6 extension headers (RFC 8200 section 4), walked once with bounds. A host that answers nothing needs
// to know only where the chain ends or why the packet must go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "base/bytes.h"
#include "base/counters.h"

namespace tunic {

/// A packet beyond these is dropped as bad_header (RFC 8504 section 5.3).
struct ExtensionLimits {
  static constexpr std::size_t headers = 8;    // of one packet
  static constexpr std::size_t octets = 1280;  // of all of them
  static constexpr std::size_t options = 8;    // of one header, padding not counted
  static constexpr std::size_t padding = 7;    // octets in a row
};

struct ChainEnd {
  std::uint8_t protocol;  // the first header that is not an extension header
  std::size_t size;       // octets of extension headers before it
};

/// Walks the extension headers at the start of `payload`, the first of which is of kind `next`. Drops: fragment
/// headers, routing headers with segments left (RFC 5095), options that ask for it by the top bits of their type (RFC
/// 8200 section 4.2), a hop-by-hop header that is not the first, No Next Header (there is nobody to give it to).
std::expected<ChainEnd, Drop> skip_extension_headers(std::uint8_t next, Bytes payload);

}  // namespace tunic
