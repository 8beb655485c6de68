// ICMP (RFC 792) and ICMPv6 (RFC 4443) messages: IcmpView reads any, IcmpHeader writes any, IcmpEcho echoes. Both
// families share one layout; the type numbers differ, and the checksum of ICMPv6 covers a pseudo-header too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "wire/addr.h"

namespace tunic {

namespace icmp4 {
inline constexpr std::uint8_t echo_reply = 0, unreachable = 3, echo_request = 8, time_exceeded = 11,
                              parameter_problem = 12;
inline constexpr std::uint8_t fragmentation_needed = 4;  // a code of unreachable
}  // namespace icmp4
namespace icmp6 {
inline constexpr std::uint8_t unreachable = 1, packet_too_big = 2, time_exceeded = 3, parameter_problem = 4;
inline constexpr std::uint8_t echo_request = 128, echo_reply = 129, redirect = 137;
}  // namespace icmp6

constexpr std::uint8_t echo_request_type(Family f) {
  return f == Family::v4 ? icmp4::echo_request : icmp6::echo_request;
}
constexpr std::uint8_t echo_reply_type(Family f) { return f == Family::v4 ? icmp4::echo_reply : icmp6::echo_reply; }

/// An ICMP message as received.
class IcmpView {
 public:
  static constexpr std::size_t header_size = 8;
  static constexpr std::size_t checksum_offset = 2;

  /// `b` is what the IP header bounds: the whole message.
  static std::optional<IcmpView> parse(Bytes b) {
    return b.size() < header_size ? std::nullopt : std::optional{IcmpView{b}};
  }

  std::uint8_t type() const { return byte_at(b_, 0); }
  std::uint8_t code() const { return byte_at(b_, 1); }
  std::uint16_t checksum() const { return load_be<std::uint16_t>(b_.data() + checksum_offset); }
  /// Of echo messages.
  std::uint16_t id() const { return load_be<std::uint16_t>(b_.data() + 4); }
  std::uint16_t sequence() const { return load_be<std::uint16_t>(b_.data() + 6); }
  /// The four octets that mean another thing in each type: a pointer, an MTU, or id() and sequence().
  std::uint32_t rest() const { return load_be<std::uint32_t>(b_.data() + 4); }
  /// What follows the 8 octets: the data of an echo, the quoted packet of an error.
  Bytes body() const { return b_.subspan(header_size); }
  Bytes message() const { return b_; }

 private:
  explicit IcmpView(Bytes b) : b_{b} {}
  Bytes b_;
};

/// The header of a message to send, of either family.
struct IcmpHeader {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t rest = 0;  // the four octets that mean another thing in each type

  /// Writes the header and returns what follows. The checksum field is zero.
  MutBytes emit(MutBytes out) const;
  friend constexpr bool operator==(const IcmpHeader&, const IcmpHeader&) = default;
};

/// The header of an echo request or reply to send, of either family.
struct IcmpEcho {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint16_t id = 0, sequence = 0;

  /// Writes the header and returns what follows. The checksum field is zero.
  MutBytes emit(MutBytes out) const { return IcmpHeader{type, code, std::uint32_t{id} << 16 | sequence}.emit(out); }
  friend constexpr bool operator==(const IcmpEcho&, const IcmpEcho&) = default;
};

}  // namespace tunic
