#include "wire/ipv4.h"

namespace tunic {

MutBytes Ipv4Header::emit(MutBytes out, std::size_t payload_size, Bytes options) const {
  const std::size_t size = Ipv4View::min_size + options.size();
  const unsigned flags = (dont_fragment ? 0x4000u : 0u) | (more_fragments ? 0x2000u : 0u);
  std::byte* p = out.data();
  store_be(p, static_cast<std::uint8_t>(0x40 | size / 4));
  store_be(p + 1, tos);
  store_be(p + 2, static_cast<std::uint16_t>(size + payload_size));
  store_be(p + 4, id);
  store_be(p + 6, static_cast<std::uint16_t>(flags | fragment_offset / 8u));
  store_be(p + 8, ttl);
  store_be(p + 9, protocol);
  store_be(p + 10, std::uint16_t{0});
  std::memcpy(p + 12, src.bytes().data(), 4);
  std::memcpy(p + 16, dst.bytes().data(), 4);
  if (!options.empty()) std::memcpy(p + Ipv4View::min_size, options.data(), options.size());
  store_be(p + 10, Sum{}.add(out.first(size)).checksum());
  return out.subspan(size);
}

}  // namespace tunic
