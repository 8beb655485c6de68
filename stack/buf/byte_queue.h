// A queue of octets in slices: what waits to be read, what waits to be acknowledged. Octets go in at the back by copy
// or by keeping a slice, and are looked at anywhere by their distance from the front. An empty queue holds no block.
//
// A queue may borrow: refer to octets that are not a pool's. Who lets it do so reserves places() of the pool, ends that
// reservation and calls take_over() before the owner wants the memory back: so a copy always finds room.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ring.h"
#include "buf/packet.h"
#include "buf/slab.h"

namespace tunic {

class ByteQueue {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Octets of memory that cannot be reused because of this queue.
  std::size_t pinned() const { return pinned_; }

  /// Copies `b` to the back, into the last block where it has room. Returns how much was copied: less than asked only
  /// when the pool is empty.
  std::size_t append(Pool& pool, Bytes b);
  /// Keeps `s` if its octets fill at least half of the block that they pin, else copies them. False: no memory, nothing
  /// taken.
  bool append(Pool& pool, Slice s);
  /// Keeps `s`, whatever it pins: for text that must not be lost when memory is out.
  void keep(Slice s) { push(std::move(s)); }

  /// Refers to octets that are not a pool's.
  void borrow(Slice s);
  /// Copies what it has borrowed from `owner`, the reservation for which has ended.
  void take_over(Pool& pool, Slice::Owner owner);
  /// Octets borrowed from `owner`, lent or external.
  std::size_t borrowed(Slice::Owner owner) const { return owner == Slice::Owner::lent ? lent_ : external_; }
  /// Chunks of the pool that a copy of all that is borrowed may need.
  std::size_t places() const { return places_; }

  /// Copies [offset, offset + out.size()) to `out`; the range must be in the queue.
  void copy_out(std::size_t offset, MutBytes out) const;
  /// Adds slices of [offset, offset + size) to `packet`, as far as it has room for slices; returns how many octets.
  std::size_t gather(std::size_t offset, std::size_t size, TxPacket& packet) const;
  void drop_front(std::size_t n);
  /// Keeps the first `n` octets.
  void truncate(std::size_t n);
  void clear();
  /// Of an empty queue: gives back the memory of a list that has become long.
  void trim() { slices_.trim(); }

 private:
  struct Place {
    std::size_t index = 0, start = 0;  // a slice, and its distance from the front
  };
  Place find(std::size_t offset) const;
  void push(Slice s);
  void count(const Slice& s, bool in);
  std::size_t fill_tail(Bytes b);

  Ring<Slice> slices_;
  std::size_t size_ = 0, pinned_ = 0;
  std::size_t lent_ = 0, external_ = 0;
  std::uint32_t places_ = 0;
  mutable Place cursor_;  // where gather() ended: the next one begins there
};

}  // namespace tunic
