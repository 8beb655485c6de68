#include "wire/ipv6.h"

namespace tunic {

MutBytes Ipv6Header::emit(MutBytes out, std::size_t payload_size) const {
  std::byte* p = out.data();
  store_be(p, 6u << 28 | std::uint32_t{traffic_class} << 20 | (flow_label & 0xfffffu));
  store_be(p + 4, static_cast<std::uint16_t>(payload_size));
  store_be(p + 6, next_header);
  store_be(p + 7, hop_limit);
  std::memcpy(p + 8, src.octets().data(), 16);
  std::memcpy(p + 24, dst.octets().data(), 16);
  return out.subspan(Ipv6View::size);
}

}  // namespace tunic
