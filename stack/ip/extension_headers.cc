#include "ip/extension_headers.h"

#include "base/work.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using Check = std::expected<void, Drop>;

/// The size of the option that `options` begins with, 0 if it does not fit.
std::size_t option_size(Bytes options) {
  constexpr std::uint8_t pad1 = 0;
  if (byte_at(options, 0) == pad1) return 1;
  if (options.size() < 2) return 0;
  const std::size_t size = 2u + byte_at(options, 1);
  return size <= options.size() ? size : 0;
}

/// The options of a hop-by-hop or destination options header. We know none but padding: the others are skipped or the
/// packet is dropped, as the two top bits of their type say (RFC 8200 section 4.2).
Check check_options(Bytes options) {
  std::size_t unknown = 0, padding = 0;
  while (!options.empty()) {
    step();
    const std::size_t size = option_size(options);
    const std::uint8_t type = byte_at(options, 0);
    const bool is_padding = type <= 1;
    padding = is_padding ? padding + size : 0;
    unknown += is_padding ? 0 : 1;
    const bool must_drop = type >> 6 != 0;
    if (size == 0 || must_drop || padding > ExtensionLimits::padding || unknown > ExtensionLimits::options)
      return std::unexpected{Drop::bad_header};
    options = options.subspan(size);
  }
  return {};
}

/// With no segments left a routing header of any type has nothing to say to us (RFC 8200 section 4.4).
Check check_routing(Bytes header) {
  const bool segments_left = byte_at(header, 3) != 0;
  return segments_left ? Check{std::unexpected{Drop::source_route}} : Check{};
}

bool is_skippable(std::uint8_t kind) {
  return kind == protocol::hop_by_hop || kind == protocol::destination_options || kind == protocol::routing;
}

/// Whether a chain may go on behind `skipped` headers of `offset` octets with one of `kind`.
bool is_allowed(std::uint8_t kind, std::size_t skipped, std::size_t offset) {
  return skipped < ExtensionLimits::headers && offset <= ExtensionLimits::octets &&
         (kind != protocol::hop_by_hop || skipped == 0);
}

}  // namespace

std::expected<ChainEnd, Drop> skip_extension_headers(std::uint8_t next, Bytes payload) {
  std::size_t offset = 0;
  for (std::size_t skipped = 0; is_skippable(next); ++skipped) {
    step();
    const Bytes rest = payload.subspan(offset);
    if (rest.size() < 8) return std::unexpected{Drop::truncated};
    const std::size_t size = 8 * (1u + byte_at(rest, 1));
    if (size > rest.size()) return std::unexpected{Drop::truncated};
    if (!is_allowed(next, skipped, offset + size)) return std::unexpected{Drop::bad_header};
    const Bytes header = rest.first(size);
    const Check ok = next == protocol::routing ? check_routing(header) : check_options(header.subspan(2));
    if (!ok) return std::unexpected{ok.error()};
    next = byte_at(header, 0);
    offset += size;
  }
  if (next == protocol::fragment) return std::unexpected{Drop::fragment};
  if (next == protocol::no_next_header) return std::unexpected{Drop::bad_protocol};
  return ChainEnd{next, offset};
}

}  // namespace tunic
