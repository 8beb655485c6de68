// The notation of packet scripts: segments as wire/text.h writes them, with numbers relative to the initial ones.
//
//   S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 100 ecr 0,wscale 7>
//
//   flags      letters of S F R P U E W, '.' for ACK; '-' for none
//   numbers    relative to the sender's ISN (`ack` and `sack`: to the receiver's); `=5` is 5 on the wire; may be
//   negative seq:end(n) n octets of text; end is seq + n ack N      needed where there is '.' in a segment to inject
//   win N      the field as it stands, not scaled
//   urg N      the urgent pointer field
//   sport N, dport N   other ports than the connection's, in a segment to inject
//   <...>      options: mss N, sackOK, wscale N, TS val N ecr N (relative to the connection's first values), sack a:b
//   c:d,
//              nots (no timestamps though negotiated), raw HEX (these octets alone)
//
// `$mss` is the MSS that the interface allows: MTU - 40 or - 60.
// In an expectation what is not written is not compared, and P is compared only where it is written. Options are
// compared all together once `<...>` is written (timestamps only if named).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "test_support/segment.h"

namespace tunic::test {

/// A number of a script: relative to a base, or as it stands.
struct Number {
  std::int64_t value = 0;
  bool absolute = false;
  std::uint32_t from(std::uint32_t base) const {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) + (absolute ? 0 : base));
  }
};

/// What relative numbers are relative to, as seen by the sender of the segment.
struct Bases {
  std::uint32_t seq = 0, ack = 0;        // its own ISN, the other's
  std::uint32_t ts_val = 0, ts_ecr = 0;  // its own first timestamp, the other's
  std::uint16_t mss = 1460;              // $mss
};

struct WrittenOptions {
  TcpOptions plain;  // mss, wscale, sack_ok, raw
  std::vector<std::pair<Number, Number>> sack;
  std::optional<std::pair<Number, Number>> ts;  // val, ecr
  bool no_ts = false;
};

struct Written {
  std::uint8_t flags = 0;
  Number seq;
  std::size_t size = 0;
  std::optional<Number> ack;
  std::optional<std::uint16_t> window, urgent, sport, dport;
  std::optional<WrittenOptions> options;
};

std::expected<Written, std::string> read_segment(std::string_view text, std::uint16_t mss);
/// What differs between an expectation and a segment that came, or nothing.
std::optional<std::string> difference(const Written& expected, const Segment& came, const Bases& b);
std::string print(const Segment& s, const Bases& b);

std::vector<std::string> words(std::string_view text);
std::optional<std::int64_t> integer(std::string_view text);

}  // namespace tunic::test
