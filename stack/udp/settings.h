/// @file
/// What datagram sockets may be told for a whole Stack.
#pragma once

#include <cstddef>

namespace tunic {

/// Defaults of every datagram socket, as Linux has them.
struct UdpSettings {
  std::size_t receive_buffer = 212'992;  ///< net.core.rmem_default: octets of text and 64 for each datagram
  std::size_t send_buffer = 212'992;     ///< net.core.wmem_default: the same, of what waits for the link
};

}  // namespace tunic
