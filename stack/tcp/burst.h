// The packets of one burst on their way out, each with a note of what it carries, so that what the Link refuses can be
// undone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "buf/packet.h"
#include "tcp/sender.h"

namespace tunic {

class Burst {
 public:
  static constexpr std::size_t capacity = 16;
  struct Note {
    std::uint32_t connection = none;  // index of its socket
    Run run{};                        // empty: an acknowledgment alone
    bool acknowledges = false;
    std::uint16_t segments = 1;  // on the wire
    std::uint32_t text = 0;      // octets
  };
  static constexpr std::uint32_t none = 0xffffffff;

  bool full() const { return size_ == capacity; }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// A cleared packet at the end of the burst, which must not be full.
  TxPacket& add(const Note& note) {
    notes_[size_] = note;
    TxPacket& p = packets_[size_++];
    p.clear();
    return p;
  }
  void drop_last() { packets_[--size_].clear(); }
  TxPacket& packet(std::size_t i) { return packets_[i]; }
  Note& note(std::size_t i) { return notes_[i]; }
  std::span<TxPacket> packets() { return {packets_.data(), size_}; }
  void clear() {
    for (std::size_t i = 0; i < size_; ++i) packets_[i].clear();
    size_ = 0;
  }

 private:
  std::array<TxPacket, capacity> packets_;
  std::array<Note, capacity> notes_;
  std::size_t size_ = 0;
};

}  // namespace tunic
