#include "wire/udp.h"

#include <utility>

namespace tunic {

MutBytes UdpHeader::emit(MutBytes out, std::size_t text_size) const {
  std::byte* p = out.data();
  store_be(p, std::to_underlying(src));
  store_be(p + 2, std::to_underlying(dst));
  store_be(p + 4, static_cast<std::uint16_t>(UdpView::header_size + text_size));
  store_be(p + UdpView::checksum_offset, std::uint16_t{0});
  return out.subspan(UdpView::header_size);
}

}  // namespace tunic
