// Cutting a datagram that is larger than the path MTU into fragments (RFC 791 section 2.3, RFC 8200 section 4.5). Each
// refers to the slices of the datagram; no text is copied.
#pragma once

#include <cstddef>
#include <cstdint>

#include "buf/packet.h"
#include "ip/output.h"

namespace tunic {

/// Makes the fragments of one datagram one after the other, so that the caller may stop where a link takes no more. The
/// last octets may be few; no fragment is empty, and none but the last is not a multiple of 8.
class Fragmenter {
 public:
  static constexpr std::size_t header_size_v6 = 8;

  /// `datagram` has its transport header, of at most 8 octets less than half of the smallest MTU, with a complete
  /// checksum (finish_checksum() for a link without offloads: a device cannot complete it over a part), and no IP
  /// header. It must outlive this. `fields.dont_fragment` is left out and `id` is that of all fragments (see
  /// identification.h). `mtu` is at least 68, and less than the size of the whole packet: there are no atomic fragments
  /// (RFC 8021).
  Fragmenter(const TxPacket& datagram, const IpFields& fields, std::uint32_t id, std::uint32_t mtu);

  bool done() const { return offset_ == size_; }
  /// The next one as a whole packet into `out`, which is clear.
  void next(TxPacket& out);

 private:
  void append(TxPacket& out, std::size_t n);
  void prepend_header(TxPacket& out, bool more) const;

  const TxPacket& datagram_;
  IpFields fields_;
  std::uint32_t id_;
  std::size_t most_;                      // octets of the datagram in a fragment
  std::size_t size_;                      // of the datagram
  std::size_t offset_ = 0;                // what was cut off so far
  std::size_t slice_ = 0, in_slice_ = 0;  // where in its text that is
};

}  // namespace tunic
