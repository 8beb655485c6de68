/// @file
/// Addresses: what a socket is. An Endpoint is `ip:port`; a connection is a pair of endpoints, and the two ends see the
/// same pair reversed.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace tunic {

/// What addresses look like: AF_INET has 32 bits, AF_INET6 has 128.
enum class Family : std::uint8_t {
  v4,  ///< IPv4, AF_INET
  v6,  ///< IPv6, AF_INET6
};

/// An IPv4 or IPv6 address, 16 octets. An IPv4 address is stored in its IPv4-mapped form (RFC 4291 section 2.5.5.2),
/// which never appears in an IPv6 packet that we accept, so the family is part of the value.
class IpAddr {
 public:
  /// The IPv6 unspecified address.
  constexpr IpAddr() = default;
  /// From an IPv4 address in host byte order: v4(0xc6120002) is 198.18.0.2.
  static constexpr IpAddr v4(std::uint32_t a) {
    IpAddr r;
    r.octets_[10] = r.octets_[11] = std::byte{0xff};
    for (std::size_t i = 0; i < 4; ++i) r.octets_[12 + i] = std::byte(a >> (24 - 8 * i));
    return r;
  }
  /// From the 4 octets of an IPv4 address as in a packet.
  static IpAddr v4(const std::byte* p) { return v4(load_be<std::uint32_t>(p)); }
  /// From the 16 octets of an IPv6 address as in a packet.
  static IpAddr v6(const std::byte* p) {
    IpAddr r;
    std::memcpy(r.octets_.data(), p, 16);
    return r;
  }
  /// 0.0.0.0 or ::, which bind() takes for every address.
  static constexpr IpAddr any(Family f) { return f == Family::v4 ? v4(0u) : IpAddr{}; }
  /// 127.0.0.1 or ::1.
  static constexpr IpAddr loopback(Family f) {
    if (f == Family::v4) return v4(0x7f000001u);
    IpAddr r;
    r.octets_[15] = std::byte{1};
    return r;
  }

  /// Whether the first 96 bits are those of a mapped address (RFC 4291 section 2.5.5.2).
  constexpr bool is_v4() const {
    if
      !consteval {  // asked several times a packet
        return load_be<std::uint64_t>(octets_.data()) == 0 && load_be<std::uint32_t>(octets_.data() + 8) == 0xffff;
      }
    for (std::size_t i = 0; i < 10; ++i)
      if (octets_[i] != std::byte{}) return false;
    return octets_[10] == std::byte{0xff} && octets_[11] == std::byte{0xff};
  }
  /// v4 exactly if is_v4().
  constexpr Family family() const { return is_v4() ? Family::v4 : Family::v6; }
  /// The 4 or 16 octets as they stand in a packet.
  Bytes bytes() const { return is_v4() ? Bytes{octets_}.subspan(12) : Bytes{octets_}; }
  /// All 16 octets, IPv4 in mapped form: for hashing and comparing.
  const std::array<std::byte, 16>& octets() const { return octets_; }
  /// The IPv4 address in host byte order; only for is_v4().
  std::uint32_t v4_bits() const { return load_be<std::uint32_t>(octets_.data() + 12); }

  /// 0.0.0.0 or ::.
  bool is_any() const { return *this == any(family()); }
  /// 127.0.0.0/8 or ::1.
  bool is_loopback() const { return is_v4() ? v4_bits() >> 24 == 127 : *this == loopback(Family::v6); }
  /// 224.0.0.0/4 or ff00::/8.
  bool is_multicast() const { return is_v4() ? v4_bits() >> 28 == 14 : octets_[0] == std::byte{0xff}; }
  /// 255.255.255.255.
  bool is_broadcast() const { return is_v4() && v4_bits() == 0xffffffffu; }

  friend constexpr auto operator<=>(const IpAddr&, const IpAddr&) = default;
  /// Whether they are the same, the family included.
  friend constexpr bool operator==(const IpAddr& a, const IpAddr& b) {
    if
      !consteval {
        return std::memcmp(a.octets_.data(), b.octets_.data(), sizeof a.octets_) == 0;  // two comparisons of words
      }
    return a.octets_ == b.octets_;
  }

 private:
  std::array<std::byte, 16> octets_{};
};

/// An address with a prefix length: 0..32 bits for IPv4, 0..128 for IPv6. `addr` is the host's own address in it.
struct Prefix {
  IpAddr addr;              ///< all its bits, not the network's alone
  std::uint8_t length = 0;  ///< bits
  /// Whether `a` has the same family and the same first `length` bits.
  bool contains(const IpAddr& a) const;
  friend constexpr bool operator==(const Prefix&, const Prefix&) = default;
};

/// A port tells TCP which program the data is for. 0 means "not chosen yet".
enum class Port : std::uint16_t {};

/// One end of a connection: `ip:port`.
struct Endpoint {
  IpAddr addr;  ///< unspecified: any address, or none yet
  Port port{};  ///< 0: none yet
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// A socket pair, which is a connection; reversed() is the same connection as the other end sees it.
struct FourTuple {
  Endpoint local;   ///< this host's end
  Endpoint remote;  ///< the peer's end
  /// Local and remote exchanged.
  constexpr FourTuple reversed() const { return {remote, local}; }
  friend constexpr auto operator<=>(const FourTuple&, const FourTuple&) = default;
};
static_assert(sizeof(FourTuple) == 36, "no padding: the octets are hashed");

}  // namespace tunic
