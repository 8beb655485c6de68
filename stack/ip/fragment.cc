#include "ip/fragment.h"

#include <algorithm>
#include <cstring>

#include "base/work.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {

Fragmenter::Fragmenter(const TxPacket& datagram, const IpFields& fields, std::uint32_t id, std::uint32_t mtu)
    : datagram_{datagram}, fields_{fields}, id_{id}, size_{datagram.size()} {
  const std::size_t headers = fields.dst.is_v4() ? Ipv4View::min_size : Ipv6View::size + header_size_v6;
  most_ = (mtu - headers) / 8 * 8;
}

void Fragmenter::next(TxPacket& out) {
  const bool more = size_ - offset_ > most_;
  std::size_t n = more ? most_ : size_ - offset_;
  out.begin = out.end = TxPacket::room + header_size_v6;
  if (offset_ == 0) {  // the whole header chain is in the first one (RFC 7112)
    const Bytes header = datagram_.header();
    std::memcpy(out.headers.data() + out.begin, header.data(), header.size());
    out.end = static_cast<std::uint16_t>(out.begin + header.size());
    append(out, n - header.size());
  } else {
    append(out, n);
  }
  prepend_header(out, more);
  offset_ += n;
}

void Fragmenter::append(TxPacket& out, std::size_t n) {
  while (n > 0) {
    step();
    const Slice& from = datagram_.text[slice_];
    const std::size_t piece = std::min(n, from.size() - in_slice_);
    if (piece > 0) out.text[out.slices++] = from.subslice(in_slice_, piece);
    n -= piece;
    in_slice_ += piece;
    if (in_slice_ == from.size()) ++slice_, in_slice_ = 0;
  }
}

void Fragmenter::prepend_header(TxPacket& out, bool more) const {
  const std::size_t payload = out.size();
  if (fields_.dst.is_v4()) {
    out.begin = static_cast<std::uint16_t>(out.begin - Ipv4View::min_size);
    out.offload.transport = Ipv4View::min_size;
    Ipv4Header{.src = fields_.src,
               .dst = fields_.dst,
               .protocol = fields_.protocol,
               .ttl = fields_.ttl,
               .tos = fields_.tos,
               .id = static_cast<std::uint16_t>(id_),
               .dont_fragment = false,
               .more_fragments = more,
               .fragment_offset = static_cast<std::uint16_t>(offset_)}
        .emit(MutBytes{out.headers}.subspan(out.begin), payload);
    return;
  }
  out.begin = static_cast<std::uint16_t>(out.begin - Ipv6View::size - header_size_v6);
  out.offload.transport = static_cast<std::uint16_t>(Ipv6View::size + header_size_v6);
  const MutBytes fragment =
      Ipv6Header{fields_.src, fields_.dst, protocol::fragment, fields_.ttl, fields_.tos, fields_.flow_label}.emit(
          MutBytes{out.headers}.subspan(out.begin), payload + header_size_v6);
  store_be(fragment.data(), fields_.protocol);
  store_be(fragment.data() + 1, std::uint8_t{0});
  store_be(fragment.data() + 2, static_cast<std::uint16_t>(offset_ | (more ? 1u : 0u)));
  store_be(fragment.data() + 4, id_);
}

}  // namespace tunic
