/// @file
/// Packets as they cross the edge of a Stack. A super-packet (RFC-free, as in Linux's GSO) is one IP packet whose TCP
/// text is a multiple of wire segments: text up to 64 KiB, `gso_size` octets of it a segment.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "buf/slice.h"

namespace tunic {

/// What has been done to a packet, or is left to the device, outside its octets (in: received, out: to send).
struct Offload {
  /// The state of the transport checksum.
  enum class Checksum : std::uint8_t {
    unknown,   ///< in: verify it. out: the field is complete
    verified,  ///< in: trusted, do not verify
    partial,   ///< out: the field holds the pseudo-header sum; the device adds the rest
  };
  Checksum checksum = Checksum::unknown;  ///< of the transport header
  std::uint16_t gso_size = 0;             ///< text octets per wire segment; 0: one segment
  std::uint16_t transport = 0;            ///< where the transport header begins, from the start of the packet (out)
  std::uint16_t checksum_field = 0;       ///< where the checksum field is, from the start of the transport header (out)
};

/// A received IP packet, contiguous.
struct RxPacket {
  Slice data;           ///< from the first octet of the IP header
  Offload offload;      ///< what the device says of it
  bool looped = false;  ///< sent by this Stack to itself: loopback addresses are fine
};

/// A packet to send: its headers, then slices of text. Headers are written from offset `room` on (transport), then the
/// IP header before them.
struct TxPacket {
  static constexpr std::size_t room = 40;        ///< the largest IP header that we send
  static constexpr std::size_t max_slices = 17;  ///< of text
  std::array<std::byte, 128> headers;            ///< IP and transport header; octets outside [begin, end) mean nothing
  std::uint16_t begin = room;                    ///< where the headers begin in the array
  std::uint16_t end = room;                      ///< where they end
  std::uint8_t slices = 0;                       ///< how many of `text` are in use
  std::array<Slice, max_slices> text;            ///< what follows the headers, in order
  Offload offload;                               ///< what the device has to do

  /// IP and transport header.
  Bytes header() const { return {headers.data() + begin, std::size_t(end - begin)}; }
  /// Octets after the headers.
  std::size_t text_size() const {
    std::size_t n = 0;
    for (std::size_t i = 0; i < slices; ++i) n += text[i].size();
    return n;
  }
  /// Octets of the whole packet.
  std::size_t size() const { return header().size() + text_size(); }
  /// Keeps the first `n` octets of the text.
  void truncate_text(std::size_t n) {
    for (std::size_t i = 0; i < slices; ++i) {
      if (n >= text[i].size()) {
        n -= text[i].size();
        continue;
      }
      text[i].truncate(n);
      n = 0;
    }
    while (slices > 0 && text[slices - 1].empty()) text[--slices] = {};
  }
  /// Empty again; lets go of its slices.
  void clear() {
    for (std::size_t i = 0; i < slices; ++i) text[i] = {};
    slices = 0;
    begin = end = room;
    offload = {};
  }
};

}  // namespace tunic
