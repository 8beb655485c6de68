#include "wire/icmp.h"

namespace tunic {

MutBytes IcmpHeader::emit(MutBytes out) const {
  std::byte* p = out.data();
  store_be(p, type);
  store_be(p + 1, code);
  store_be(p + IcmpView::checksum_offset, std::uint16_t{0});
  store_be(p + 4, rest);
  return out.subspan(IcmpView::header_size);
}

}  // namespace tunic
