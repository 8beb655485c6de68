/// @file
/// What a Stack is made from. A Stack with the same Config and the same inputs sends the same packets.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "buf/link.h"
#include "tcp/settings.h"
#include "wire/addr.h"

namespace tunic {

/// All of a Stack's inputs but time and packets. A number out of its range is brought to the nearest in it.
struct Config {
  std::vector<Prefix> addresses;         ///< the host's own addresses; the first of a family is its default source
  std::uint32_t mtu = 1500;              ///< octets of an IP packet on the link, 576..65535 (1280.. for IPv6)
  LinkTraits link;                       ///< what the Link of poll() and flush() does
  std::size_t memory = 256u << 20;       ///< octets of packet memory, reserved as address space; 4 MiB..16 GiB
  std::uint32_t max_sockets = 1u << 20;  ///< sockets and connections together, TIME-WAIT apart
  std::array<std::uint8_t, 16> key{};  ///< secret of ports, ISNs and tables: from getrandom once; a test gives its own
  TcpSettings tcp;                     ///< what TCP may be told
};

}  // namespace tunic
