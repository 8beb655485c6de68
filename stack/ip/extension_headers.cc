#include "ip/extension_headers.h"

#include "base/work.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

using Check = std::expected<void, Rejection>;

/// The size of the option that `options` begins with, 0 if it does not fit.
std::size_t option_size(Bytes options) {
  constexpr std::uint8_t pad1 = 0;
  if (byte_at(options, 0) == pad1) return 1;
  if (options.size() < 2) return 0;
  const std::size_t size = 2u + byte_at(options, 1);
  return size <= options.size() ? size : 0;
}

/// What the two top bits of an option's type ask of who does not know it (RFC 8200 section 4.2); `pointer` is its place
/// in the packet. A jumbo payload (RFC 2675) is known and not taken: no answer (I9).
Check judge_option(std::uint8_t type, std::size_t pointer) {
  constexpr std::uint8_t jumbo = 0xc2;
  const unsigned action = type >> 6;
  if (action == 0) return {};
  if (action == 1 || type == jumbo) return std::unexpected{Rejection{Drop::bad_header}};
  return std::unexpected{Rejection{Drop::bad_header, problem::unknown_option(pointer, action == 2)}};
}

/// The options of a hop-by-hop or destination options header, which begins at `pointer` of the packet. We know none but
/// padding.
Check check_options(Bytes options, std::size_t pointer) {
  std::size_t unknown = 0, padding = 0;
  while (!options.empty()) {
    step();
    const std::size_t size = option_size(options);
    const std::uint8_t type = byte_at(options, 0);
    const bool is_padding = type <= 1;
    padding = is_padding ? padding + size : 0;
    unknown += is_padding ? 0 : 1;
    if (size == 0 || padding > ExtensionLimits::padding || unknown > ExtensionLimits::options)
      return std::unexpected{Rejection{Drop::bad_header}};
    if (const Check ok = judge_option(type, pointer); !ok) return ok;
    options = options.subspan(size);
    pointer += size;
  }
  return {};
}

/// With no segments left a routing header of any type has nothing to say to us; else we know none, type 0 least of all
/// (RFC 8200 section 4.4, RFC 5095).
Check check_routing(Bytes header, std::size_t pointer) {
  const bool segments_left = byte_at(header, 3) != 0;
  if (!segments_left) return {};
  return std::unexpected{Rejection{Drop::source_route, problem::bad_field(Family::v6, pointer + 2)}};
}

bool is_skippable(std::uint8_t kind) {
  return kind == protocol::hop_by_hop || kind == protocol::destination_options || kind == protocol::routing ||
         kind == protocol::fragment;
}

/// The size of a header of this kind, 0 if it is cut off.
std::size_t header_size(std::uint8_t kind, Bytes rest) {
  if (rest.size() < 8) return 0;
  const std::size_t size = kind == protocol::fragment ? 8u : 8u * (1u + byte_at(rest, 1));
  return size <= rest.size() ? size : 0;
}

FragmentPlace place_of(Bytes header) {
  const auto field = load_be<std::uint16_t>(header.data() + 2);
  return {load_be<std::uint32_t>(header.data() + 4), field & 0xfff8u, (field & 1) != 0};
}

bool is_atomic(const FragmentPlace& f) { return f.offset == 0 && !f.more; }

}  // namespace

std::expected<ChainEnd, Rejection> skip_extension_headers(std::uint8_t next, Bytes payload, bool reassembled) {
  std::size_t offset = 0, field = 6;
  bool fragmented = reassembled;
  for (std::size_t skipped = 0; is_skippable(next); ++skipped) {
    step();
    const Bytes rest = payload.subspan(offset);
    const std::size_t pointer = Ipv6View::size + offset;
    if (next == protocol::hop_by_hop && skipped != 0)
      return std::unexpected{Rejection{Drop::bad_header, problem::unknown_next_header(field)}};
    const std::size_t size = header_size(next, rest);
    if (size == 0) return std::unexpected{Rejection{Drop::truncated}};
    if (skipped == ExtensionLimits::headers || offset + size > ExtensionLimits::octets)
      return std::unexpected{Rejection{Drop::bad_header}};
    const Bytes header = rest.first(size);
    if (next == protocol::fragment) {
      if (fragmented) return std::unexpected{Rejection{Drop::fragment}};  // F7
      fragmented = true;
      if (const auto place = place_of(header); !is_atomic(place))
        return ChainEnd{byte_at(header, 0), offset + size, field, place};
    } else {
      const Check ok =
          next == protocol::routing ? check_routing(header, pointer) : check_options(header.subspan(2), pointer + 2);
      if (!ok) return std::unexpected{ok.error()};
    }
    next = byte_at(header, 0);
    field = pointer;
    offset += size;
  }
  if (next == protocol::no_next_header) return std::unexpected{Rejection{Drop::bad_protocol}};
  return ChainEnd{next, offset, field};
}

QuotedChain find_transport(std::uint8_t next, Bytes payload) {
  QuotedChain chain{next, 0};
  for (std::size_t skipped = 0; is_skippable(chain.protocol); ++skipped) {
    step();
    const Bytes rest = payload.subspan(chain.size);
    const std::size_t size = header_size(chain.protocol, rest);
    chain.cut_off = size == 0 || skipped == ExtensionLimits::headers;
    if (chain.cut_off) break;
    if (chain.protocol == protocol::fragment) {
      chain.nested = chain.fragmented;
      chain.fragmented = true;
      chain.later_fragment = place_of(rest).offset != 0;
    }
    chain.protocol = byte_at(rest, 0);
    chain.size += size;
    if (chain.later_fragment) break;
  }
  return chain;
}

}  // namespace tunic
