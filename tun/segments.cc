#include "tun/segments.h"

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp.h"

namespace tunic {

namespace {

/// Where TCP begins, or none. The views are not asked: they want the whole packet, and its text may be elsewhere.
std::optional<std::size_t> tcp_offset(Bytes b) {
  if (b.size() >= Ipv4View::min_size && byte_at(b, 0) >> 4 == 4) {
    const std::size_t size = (byte_at(b, 0) & 15u) * 4u;
    const bool whole = (load_be<std::uint16_t>(b.data() + 6) & 0x3fffu) == 0;
    if (whole && byte_at(b, 9) == protocol::tcp && size >= Ipv4View::min_size && size <= b.size()) return size;
  } else if (b.size() >= Ipv6View::size && byte_at(b, 0) >> 4 == 6 && byte_at(b, 6) == protocol::tcp) {
    return Ipv6View::size;
  }
  return std::nullopt;
}

/// Replaces a 16-bit field under a checksum and corrects the checksum at `sum`.
void replace(std::byte* field, std::byte* sum, std::size_t value) {
  const auto after = static_cast<std::uint16_t>(value);
  store_be(sum, update_checksum(load_be<std::uint16_t>(sum), load_be<std::uint16_t>(field), after));
  store_be(field, after);
}

}  // namespace

std::optional<Segments> Segments::of(Bytes headers, std::size_t packet_size, std::uint16_t gso_size) {
  const auto transport = gso_size != 0 ? tcp_offset(headers) : std::nullopt;
  if (!transport) return std::nullopt;
  const auto tcp = TcpView::parse(headers.subspan(*transport));
  if (!tcp) return std::nullopt;
  const std::size_t size = *transport + tcp->header_size();
  if (packet_size <= size + gso_size) return std::nullopt;
  return Segments{headers.first(size), *transport, packet_size - size, gso_size};
}

void Segments::write_headers(std::size_t i, MutBytes out) const {
  std::memcpy(out.data(), headers_.data(), headers_.size());
  write_ip(i, out);
  write_tcp(i, out.subspan(transport_));
}

void Segments::write_ip(std::size_t i, MutBytes ip) const {
  const std::size_t size = header_size() + text_size(i);
  if (!is_v4()) {
    store_be(ip.data() + 4, static_cast<std::uint16_t>(size - Ipv6View::size));
    return;
  }
  std::byte* const sum = ip.data() + 10;
  replace(ip.data() + 2, sum, size);
  replace(ip.data() + 4, sum, load_be<std::uint16_t>(ip.data() + 4) + i);
}

void Segments::write_tcp(std::size_t i, MutBytes tcp) const {
  const std::size_t before = text_begin(i), tcp_header = header_size() - transport_;
  store_be(tcp.data() + 4, static_cast<std::uint32_t>(load_be<std::uint32_t>(tcp.data() + 4) + before));
  std::byte& flags = tcp[13];
  if (i + 1 < count()) flags &= ~std::byte{FIN.bits | PSH.bits};
  const std::size_t urgent = load_be<std::uint16_t>(tcp.data() + 18);
  if (urgent <= before) flags &= ~std::byte{URG.bits};
  store_be(tcp.data() + 18, static_cast<std::uint16_t>(urgent > before ? urgent - before : 0));
  std::byte* const sum = tcp.data() + TcpView::checksum_offset;  // a partial sum is not complemented
  const auto old_length = static_cast<std::uint16_t>(tcp_header + text_size_);
  const auto new_length = static_cast<std::uint16_t>(tcp_header + text_size(i));
  store_be(sum, Sum{}
                    .add_word(load_be<std::uint16_t>(sum))
                    .add_word(static_cast<std::uint16_t>(~old_length))
                    .add_word(new_length)
                    .folded());
}

}  // namespace tunic
