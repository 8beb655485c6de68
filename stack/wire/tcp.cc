#include "wire/tcp.h"

#include <utility>

namespace tunic {

MutBytes TcpHeader::emit(MutBytes out, Bytes options) const {
  const std::size_t size = TcpView::min_size + options.size();
  std::byte* p = out.data();
  store_be(p, std::to_underlying(src));
  store_be(p + 2, std::to_underlying(dst));
  store_be(p + 4, seq.raw);
  store_be(p + 8, ack.raw);
  store_be(p + 12, static_cast<std::uint16_t>((size / 4) << 12 | (flags.bits & 0x1ffu)));
  store_be(p + 14, window);
  store_be(p + TcpView::checksum_offset, std::uint16_t{0});
  store_be(p + 18, urgent);
  if (!options.empty()) std::memmove(p + TcpView::min_size, options.data(), options.size());
  return out.subspan(size);
}

}  // namespace tunic
