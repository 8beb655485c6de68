// Protocol numbers: what stands in IPv4's Protocol field and IPv6's Next Header (IANA's one registry for both).
#pragma once

#include <cstdint>

namespace tunic::protocol {

inline constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17, icmpv6 = 58;
// IPv6 extension headers (RFC 8200 section 4).
inline constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, no_next_header = 59,
                              destination_options = 60;

}  // namespace tunic::protocol
