// A TUN device for lwIP: packets that come in as pbufs over buffers of ours, packets that go out as lwIP has them, with
// the checksums left to the kernel where the device has vnet_hdr.
#pragma once

#include <lwip/netif.h>

#include <string>

namespace peer {

struct TunOptions {
  std::string device = "tun0";
  std::string address = "198.18.0.2";
  std::uint16_t mtu = 1500;
  bool raw = false;  // no vnet_hdr
};

/// Opens the device and makes a netif of it: returns its descriptor, or ends the program and says why.
int open_tun(const TunOptions& options, netif& netif);

/// Reads one packet and gives it to lwIP: false if there is none.
bool receive(netif& netif);

}  // namespace peer
