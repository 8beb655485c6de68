// The virtio_net_hdr that stands before each packet on a TUN with IFF_VNET_HDR, and what it means as an Offload. Fields
// are in native byte order, as TUN has them unless told otherwise. Pure: no system call.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "buf/packet.h"

namespace tunic {

inline constexpr std::size_t vnet_min_size = 10;  // the header's fields; what a longer one adds is zero
inline constexpr std::size_t vnet_max_size =
    32;  // longer ones than any kernel has are refused when a device is adopted

/// What the kernel says about a packet it gives us. NEEDS_CSUM is a packet of this machine whose sum was never made: it
/// is trusted, as DATA_VALID is. `header` is at least vnet_min_size.
Offload read_vnet(Bytes header);

/// Tells the kernel about a packet of ours that begins with `packet_headers` (IP and transport header, nothing else:
/// the kernel's copy is fast only when told exactly where the text begins). Writes all of `out`, at least
/// vnet_min_size.
void write_vnet(MutBytes out, const Offload& offload, Bytes packet_headers);

}  // namespace tunic
