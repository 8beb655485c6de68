#include "tun/vnet.h"

#include <algorithm>
#include <cstdint>

namespace tunic {

namespace {

// As in <linux/virtio_net.h>, which C++ cannot read.
struct VnetHeader {
  std::uint8_t flags, gso_type;
  std::uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
static_assert(sizeof(VnetHeader) == vnet_min_size);

constexpr std::uint8_t needs_csum = 1, data_valid = 2;
constexpr std::uint8_t gso_tcpv4 = 1, gso_tcpv6 = 4, gso_ecn = 0x80;

bool is_tcp(std::uint8_t gso_type) {
  const int type = gso_type & ~gso_ecn;
  return type == gso_tcpv4 || type == gso_tcpv6;
}

}  // namespace

Offload read_vnet(Bytes header) {
  VnetHeader h;
  std::memcpy(&h, header.data(), sizeof h);
  Offload o;
  if ((h.flags & (needs_csum | data_valid)) != 0) o.checksum = Offload::Checksum::verified;
  if (is_tcp(h.gso_type)) o.gso_size = h.gso_size;
  return o;
}

void write_vnet(MutBytes out, const Offload& offload, Bytes packet_headers) {
  VnetHeader h{};
  h.hdr_len = static_cast<std::uint16_t>(packet_headers.size());
  if (offload.checksum == Offload::Checksum::partial) {
    h.flags = needs_csum;
    h.csum_start = offload.transport;
    h.csum_offset = offload.checksum_field;
  }
  if (offload.gso_size != 0) {
    h.gso_type = byte_at(packet_headers, 0) >> 4 == 4 ? gso_tcpv4 : gso_tcpv6;
    h.gso_size = offload.gso_size;
  }
  std::fill(out.begin(), out.end(), std::byte{});
  std::memcpy(out.data(), &h, sizeof h);
}

}  // namespace tunic
