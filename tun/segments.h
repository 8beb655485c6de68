// A TCP super-packet as the wire segments it stands for: what a device does with gso_size, done by hand where segments
// have to be seen one by one (Impair). Pure: no system call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace tunic {

class Segments {
 public:
  /// Of a packet of `packet_size` octets that begins with `headers`: all its headers, perhaps text too. None for what
  /// is one segment or not TCP directly on IP. `headers` must stay: write_headers() reads it.
  static std::optional<Segments> of(Bytes headers, std::size_t packet_size, std::uint16_t gso_size);

  std::size_t count() const { return (text_size_ + gso_size_ - 1) / gso_size_; }
  std::size_t header_size() const { return headers_.size(); }
  std::size_t text_begin(std::size_t i) const { return i * gso_size_; }
  std::size_t text_size(std::size_t i) const { return i + 1 < count() ? gso_size_ : text_size_ - text_begin(i); }

  /// Writes the headers of segment `i`, header_size() octets: lengths, IPv4 ID and checksum, sequence number and urgent
  /// pointer are its own, PSH and FIN stand on the last alone. The TCP checksum field holds the partial sum if the
  /// super-packet's did.
  void write_headers(std::size_t i, MutBytes out) const;

 private:
  Segments(Bytes headers, std::size_t transport, std::size_t text_size, std::size_t gso_size)
      : headers_{headers}, transport_{transport}, text_size_{text_size}, gso_size_{gso_size} {}
  bool is_v4() const { return byte_at(headers_, 0) >> 4 == 4; }
  void write_ip(std::size_t i, MutBytes ip) const;
  void write_tcp(std::size_t i, MutBytes tcp) const;

  Bytes headers_;          // IP and TCP, nothing more
  std::size_t transport_;  // where TCP begins
  std::size_t text_size_, gso_size_;
};

}  // namespace tunic
