/// @file
/// A Slice is a reference to a range of octets and knows who owns them: a slab of a Stack's pool, memory lent by a
/// caller for the length of one call, or memory of the application, which is told when we are done (external). Those of
/// slabs are counted, by plain integers: slices of one pool are used by one thread at a time (under the gate of its
/// Stack). The others are borrowed: who holds them longer than the owner says keeps a copy instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.h"

namespace tunic {

class Pool;
struct Chunk;

/// A reference to a range of octets, less than 4 GiB. Copies refer to the same octets.
class Slice {
 public:
  /// Whose the octets are.
  enum class Owner : std::uint8_t {
    none,      ///< there are none
    lent,      ///< a caller's, for one call
    external,  ///< the application's, until it is told that we are done
    slab,      ///< a Pool's
  };

  /// Empty.
  Slice() = default;
  /// A range of memory that outlives this call only as long as the caller says; Pool::copy() keeps it.
  static Slice lent(Bytes b) { return borrowed(b, Owner::lent); }
  /// A range of memory of which `owner`, lent or external, says how long it stays.
  static Slice borrowed(Bytes b, Owner owner) {
    return Slice{const_cast<std::byte*>(b.data()), b.size(), owner, nullptr};
  }
  /// One reference more.
  Slice(const Slice& o) : data_{o.data_}, size_{o.size_}, block_{o.block_}, owner_{o.owner_}, chunk_{o.chunk_} {
    retain();
  }
  /// `o` is empty afterwards.
  Slice(Slice&& o) noexcept
      : data_{o.data_},
        size_{std::exchange(o.size_, 0)},
        block_{o.block_},
        owner_{std::exchange(o.owner_, Owner::none)},
        chunk_{o.chunk_} {}
  /// Copies or moves, and lets go of what was there.
  Slice& operator=(Slice o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    std::swap(block_, o.block_);
    std::swap(owner_, o.owner_);
    std::swap(chunk_, o.chunk_);
    return *this;
  }
  /// One reference less; the last one frees the block.
  ~Slice() { release(); }

  /// The first octet.
  const std::byte* data() const { return data_; }
  /// Only for the one who filled the slab: others may hold slices of the same block.
  std::byte* mutable_data() { return data_; }
  /// Octets.
  std::size_t size() const { return size_; }
  /// Whether size() is 0: also the sign that a Pool is exhausted.
  bool empty() const { return size_ == 0; }
  /// The range, valid while a slice holds it.
  Bytes bytes() const { return {data_, size_}; }
  /// Whose octets they are.
  Owner owner() const { return owner_; }
  /// Whether they are not a Pool's, and so not ours to keep.
  bool is_borrowed() const { return owner_ == Owner::lent || owner_ == Owner::external; }

  /// A further reference to `[offset, offset + size)` of this slice, which must lie within it.
  Slice subslice(std::size_t offset, std::size_t size) const {
    Slice s{*this};
    s.data_ += offset;
    s.size_ = static_cast<std::uint32_t>(size);
    return s;
  }
  /// Leaves out the first `n` octets, at most size().
  void drop_front(std::size_t n) { data_ += n, size_ -= static_cast<std::uint32_t>(n); }
  /// Keeps the first `n` octets, at most size().
  void truncate(std::size_t n) { size_ = static_cast<std::uint32_t>(n); }

  /// How much memory this slice keeps from being reused: its whole block for a slab, its size for others.
  std::size_t pinned() const;
  /// Octets of the block after the end of this slice, 0 unless this is the only reference to a slab: the room in which
  /// the holder may append in place by grow().
  std::size_t tailroom() const;
  /// Takes in `n` octets after its end, at most tailroom().
  void grow(std::size_t n) { size_ += static_cast<std::uint32_t>(n); }

 private:
  friend class Pool;
  Slice(std::byte* d, std::size_t n, Owner o, Chunk* chunk, std::uint16_t block = 0)
      : data_{d}, size_{static_cast<std::uint32_t>(n)}, block_{block}, owner_{o}, chunk_{chunk} {}
  void retain() {
    if (owner_ == Owner::slab) retain_counted();
  }
  void release() {
    if (owner_ == Owner::slab) release_counted();
  }
  void retain_counted();
  void release_counted();

  std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint16_t block_ = 0;  ///< which block of its chunk, for a slab
  Owner owner_ = Owner::none;
  Chunk* chunk_ = nullptr;  ///< of a slab
};

}  // namespace tunic
