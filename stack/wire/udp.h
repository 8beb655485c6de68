// The UDP header (RFC 768): UdpView reads, UdpHeader writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "wire/addr.h"

namespace tunic {

/// A UDP datagram as received, without the octets that follow its length.
class UdpView {
 public:
  static constexpr std::size_t header_size = 8;
  static constexpr std::size_t checksum_offset = 6;

  static std::optional<UdpView> parse(Bytes b) {
    if (b.size() < header_size) return {};
    const std::size_t length = load_be<std::uint16_t>(b.data() + 4);
    return length < header_size || length > b.size() ? std::nullopt : std::optional{UdpView{b.first(length)}};
  }

  Port src() const { return Port{load_be<std::uint16_t>(b_.data())}; }
  Port dst() const { return Port{load_be<std::uint16_t>(b_.data() + 2)}; }
  std::size_t length() const { return b_.size(); }
  /// 0: the sender computed none.
  std::uint16_t checksum() const { return load_be<std::uint16_t>(b_.data() + checksum_offset); }
  Bytes text() const { return b_.subspan(header_size); }
  Bytes datagram() const { return b_; }

 private:
  explicit UdpView(Bytes b) : b_{b} {}
  Bytes b_;
};

/// A UDP header to send.
struct UdpHeader {
  Port src{}, dst{};

  /// Writes the header of a datagram with `text_size` octets of text and returns what follows. The checksum field
  /// is zero.
  MutBytes emit(MutBytes out, std::size_t text_size) const;
  friend constexpr bool operator==(const UdpHeader&, const UdpHeader&) = default;
};

}  // namespace tunic
