// One TCP segment as tests see it, with its own writer and its own strict reader of packets. Both are written apart
// from stack/wire, so that a mistake there cannot hide behind the same mistake here.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "buf/link.h"
#include "wire/addr.h"

namespace tunic::test {

namespace flag {
inline constexpr std::uint8_t fin = 1, syn = 2, rst = 4, psh = 8, ack = 16, urg = 32, ece = 64, cwr = 128;
}

struct Range {
  std::uint32_t begin = 0, end = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

struct Stamp {
  std::uint32_t val = 0, ecr = 0;
};

struct TcpOptions {
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> wscale;
  bool sack_ok = false;
  std::optional<Stamp> ts;
  std::vector<Range> sack;
  std::vector<std::byte> raw;  // written as it is, in place of all others
};

struct Segment {
  Endpoint src, dst;
  std::uint32_t seq = 0, ack = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0, urgent = 0;
  TcpOptions options{};
  std::vector<std::byte> text{};
  std::uint16_t gso_size = 0;  // of a super-packet

  bool has(std::uint8_t f) const { return (flags & f) != 0; }
  /// SEG.LEN: text, SYN and FIN.
  std::uint32_t length() const {
    return static_cast<std::uint32_t>(text.size()) + (has(flag::syn) ? 1u : 0u) + (has(flag::fin) ? 1u : 0u);
  }
};

/// The IP packet of a segment, with complete checksums.
std::vector<std::byte> encode(const Segment& s);

/// What a careful device demands of every packet of ours (O7): lengths agree, checksums are right, options
/// are legal, reserved bits are zero, the packet fits the link. The error says what is wrong.
struct Demands {
  std::uint32_t mtu = 1500;
  LinkTraits link;
  std::uint8_t ttl = 64, tos = 0;
};
std::expected<Segment, std::string> read_strictly(Bytes packet, const Offload& offload, const Demands& d);

/// The octet at `position` of a stream: we write this, the peer too, each with its own `salt`.
inline std::byte pattern(std::uint64_t position, std::uint64_t salt) {
  const std::uint64_t h = (position + salt) * 0x9e3779b97f4a7c15u;
  return static_cast<std::byte>(h >> 56);
}
inline constexpr std::uint64_t ours = 0, theirs = 1'000'003;
std::vector<std::byte> pattern_text(std::int64_t position, std::size_t size, std::uint64_t salt);

}  // namespace tunic::test
