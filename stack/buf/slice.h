// A Slice is a counted reference to a range of octets and knows who owns them: a slab of a Stack's pool, memory lent by a
// caller for the length of one call, or memory of the application that must be told when we are done (external).
// Counts are plain integers: slices of one pool are used by one thread at a time (under the gate of its Stack).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.h"

namespace tunic {

class Pool;
struct Chunk;

/// Memory of the application that a slice refers to. `released` runs when the last slice on it goes.
struct External {
  std::uint32_t references = 0;
  void (*released)(External*) = nullptr;
};

class Slice {
 public:
  enum class Owner : std::uint8_t { none, lent, slab, external };

  Slice() = default;
  /// A range of memory that outlives this call only as long as the caller says; promote() it to keep it.
  static Slice lent(Bytes b) { return Slice{const_cast<std::byte*>(b.data()), b.size(), Owner::lent, nullptr}; }
  static Slice external(Bytes b, External* e) {
    ++e->references;
    return Slice{const_cast<std::byte*>(b.data()), b.size(), Owner::external, e};
  }
  Slice(const Slice& o) : data_{o.data_}, size_{o.size_}, block_{o.block_}, owner_{o.owner_}, keeper_{o.keeper_} {
    retain();
  }
  Slice(Slice&& o) noexcept
      : data_{o.data_},
        size_{std::exchange(o.size_, 0)},
        block_{o.block_},
        owner_{std::exchange(o.owner_, Owner::none)},
        keeper_{o.keeper_} {}
  Slice& operator=(Slice o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    std::swap(block_, o.block_);
    std::swap(owner_, o.owner_);
    std::swap(keeper_, o.keeper_);
    return *this;
  }
  ~Slice() { release(); }

  const std::byte* data() const { return data_; }
  /// Only for the one who filled the slab: others may hold slices of the same block.
  std::byte* mutable_data() { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Bytes bytes() const { return {data_, size_}; }
  Owner owner() const { return owner_; }

  /// A further reference to `[offset, offset + size)` of this slice.
  Slice subslice(std::size_t offset, std::size_t size) const {
    Slice s{*this};
    s.data_ += offset;
    s.size_ = static_cast<std::uint32_t>(size);
    return s;
  }
  void drop_front(std::size_t n) { data_ += n, size_ -= static_cast<std::uint32_t>(n); }
  void truncate(std::size_t n) { size_ = static_cast<std::uint32_t>(n); }

  /// How much memory this slice keeps from being reused: its whole block for a slab, its size for others.
  std::size_t pinned() const;
  /// Octets of the block after the end of this slice, 0 unless this is the only reference to a slab: the room in which
  /// the holder may append in place by grow().
  std::size_t tailroom() const;
  void grow(std::size_t n) { size_ += static_cast<std::uint32_t>(n); }

 private:
  friend class Pool;
  Slice(std::byte* d, std::size_t n, Owner o, void* keeper, std::uint16_t block = 0)
      : data_{d}, size_{static_cast<std::uint32_t>(n)}, block_{block}, owner_{o}, keeper_{keeper} {}
  void retain() {
    if (owner_ >= Owner::slab) retain_counted();
  }
  void release() {
    if (owner_ >= Owner::slab) release_counted();
  }
  void retain_counted();
  void release_counted();

  std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint16_t block_ = 0;   ///< which block of its chunk, for a slab
  Owner owner_ = Owner::none;
  void* keeper_ = nullptr;    ///< Chunk* for a slab, External* for external
};

}  // namespace tunic
