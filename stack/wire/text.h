/// @file
/// Headers as text, for traces, failing tests and tools; never on the packet path. TCP in the notation of the packet
/// scripts:
///
///     S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>
///
/// that is `<flags> <seq>:<end>(<octets of text>) [ack N] win N [urg N] [<options in their order on the wire>]`.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "wire/addr.h"
#include "wire/tcp.h"

namespace tunic {

/// "198.18.0.2"; IPv6 as RFC 5952 recommends: "fd00::2".
std::string text(const IpAddr& a);
/// "198.18.0.2:80", "[fd00::2]:80" (RFC 5952 section 6).
std::string text(const Endpoint& e);
/// "198.18.0.2/24".
std::string text(const Prefix& p);
/// "198.18.0.2:80 > 198.18.0.1:40000": local first.
std::string text(const FourTuple& t);
/// The letters of the flags that are set, in the order S F R P U E W A and '.' for ACK; "-" when none is.
std::string text(Flags f);

/// What is subtracted from the numbers of a segment: its sender's initial sequence number, and its receiver's (from the
/// acknowledgment and the SACK blocks). Zeros give absolute numbers.
struct SegmentBases {
  std::uint32_t seq = 0;  ///< the sender's
  std::uint32_t ack = 0;  ///< the receiver's
};
/// The line that the head of this file shows.
std::string text(const TcpView& segment, SegmentBases bases = {});
/// "mss 1460,nop,wscale 7": the options as they stand, with `ack_base` taken from SACK blocks. An unknown one is
/// "opt 253 len 6"; one whose length is illegal ends the text: "bad 2 len 0".
std::string options_text(Bytes options, std::uint32_t ack_base = 0);

/// One line for a whole IP packet of any content: "198.18.0.1:40000 > 198.18.0.2:80 S 100:100(0) win 65535", or, where
/// it cannot be read, what is wrong with it.
std::string describe(Bytes ip_packet);

}  // namespace tunic
