/// @file
/// A pair of Links in one process, each the other's far end: what is sent at one is received at the other, in order. It
/// joins two Stacks that take turns in one loop, so that they need no device and no privilege. A packet is copied once,
/// at send, into the pool of the Stack that will receive it; super-packets stay whole and partial checksums arrive as
/// verified, as on a TUN. Both pools outlive it, and it serves one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buf/link.h"
#include "buf/slab.h"

namespace tunic {

/// Two Links joined in memory; the head of this file says how packets cross.
class MemoryLink {
 public:
  /// What both ends do for a Stack (Config::link).
  static constexpr LinkTraits traits{.checksum = true, .max_gso = 65'535};

  /// `left_pool` receives what comes to left(), `right_pool` what comes to right(). At most `capacity` packets wait at
  /// an end: a send takes no more.
  MemoryLink(Pool& left_pool, Pool& right_pool, std::size_t capacity = 256)
      : left_{left_pool, right_, capacity}, right_{right_pool, left_, capacity} {}
  MemoryLink(const MemoryLink&) = delete;
  MemoryLink& operator=(const MemoryLink&) = delete;

  /// One end, for the Stack that has `left_pool`.
  Link& left() { return left_; }
  /// The other end, for the Stack that has `right_pool`.
  Link& right() { return right_; }
  /// Whether a packet waits to be received at either end.
  bool waiting() const { return !left_.queue_.empty() || !right_.queue_.empty(); }
  /// Packets lost because the receiver's pool was empty.
  std::uint64_t dropped() const { return left_.dropped_ + right_.dropped_; }

 private:
  class End final : public Link {
   public:
    End(Pool& pool, End& far, std::size_t capacity);
    std::span<RxPacket> receive(const ReadHint* hint = nullptr) override;
    std::size_t send(std::span<TxPacket> packets) override;

   private:
    friend class MemoryLink;
    void arrive(const TxPacket& packet);

    Pool& pool_;
    End& far_;
    std::size_t capacity_;
    std::uint64_t dropped_ = 0;
    std::vector<RxPacket> queue_, burst_;  // what waits; what the last receive() gave
  };

  End left_, right_;
};

/// The packet as one range in `pool`, in the smallest class that holds it. Empty when memory is exhausted.
Slice join(const TxPacket& packet, Pool& pool);

}  // namespace tunic
