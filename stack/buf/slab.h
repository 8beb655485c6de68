/// @file
/// The pool of one Stack: one address range reserved at start, whose pages are touched as they are used. It is cut into
/// chunks of one 4 KiB header page and 64 KiB; a chunk holds blocks of one class: 256 x 256 B, 32 x 2 KiB, 4 x 16 KiB,
/// or one receive slab, which owns the end of its header page too, so that the text of a packet can begin on a page
/// boundary. Freed blocks are reused last in, first out. When the pool is empty, allocate() gives an empty slice: the
/// caller counts a drop or reports ENOBUFS. Not thread-safe: used under the gate of the Stack.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "buf/slice.h"

namespace tunic {

/// The packet memory of one Stack. Slices must not outlive it.
class Pool {
 public:
  /// The sizes of blocks.
  enum class Class : std::uint8_t {
    tiny,     ///< 256 octets
    small,    ///< 2 KiB
    medium,   ///< 16 KiB
    receive,  ///< 64 KiB and headroom before it
  };
  static constexpr std::size_t classes = 4;                  ///< how many there are
  static constexpr std::size_t page = 4096;                  ///< octets
  static constexpr std::size_t payload = 64 * 1024;          ///< octets of a chunk's blocks
  static constexpr std::size_t chunk_size = page + payload;  ///< octets: a header page and blocks of one class
  /// How far before its page-aligned payload the range of a receive slab may begin.
  static constexpr std::size_t headroom = page - 512;
  /// Octets of a block, without headroom.
  static constexpr std::size_t block_size(Class c) {
    return c == Class::tiny ? 256 : c == Class::small ? 2048 : c == Class::medium ? 16384 : payload;
  }
  /// The smallest class that holds `n` octets; receive for more than 16 KiB.
  static constexpr Class class_for(std::size_t n) {
    return n <= 256 ? Class::tiny : n <= 2048 ? Class::small : n <= 16384 ? Class::medium : Class::receive;
  }

  /// Reserves address space for `limit` octets, rounded down to whole chunks (at least one). Throws std::bad_alloc.
  explicit Pool(std::size_t limit);
  /// Every slice must be gone.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A block of its class, filled by the caller through mutable_data(). Empty when memory is exhausted.
  Slice allocate(Class c);
  /// The same for who has just ended a reservation: not empty, and the test door does not reach it. Throws
  /// std::bad_alloc where there was none.
  Slice allocate_reserved(Class c);
  /// A receive slab whose range begins `front` octets before its page-aligned payload (0..headroom) and ends with it.
  Slice allocate_receive(std::size_t front);
  /// A copy of `b` (at most 64 KiB) in the smallest class. Empty when memory is exhausted or `b` is.
  Slice copy(Bytes b);

  /// Octets reserved, a multiple of chunk_size.
  std::size_t limit() const { return chunks_ * chunk_size; }
  /// Octets in blocks handed out (whole blocks, not what is used of them).
  std::size_t in_use() const { return in_use_; }
  /// Whether at least 1/`part` of all chunks is free. Who may wait leaves the last chunks to who may not: were all
  /// memory full of text to send, the acknowledgments that free it could not be received.
  bool has_spare(std::size_t part) const { return free_chunks() * part >= chunks_; }
  /// Keeps `chunks` of what is free for who has promised to hold so much, until unreserve(). False: there is less.
  bool reserve(std::size_t chunks);
  /// The promise is over, or about to be kept: as many chunks are free now.
  void unreserve(std::size_t chunks) { reserved_ -= chunks; }
  /// Test door: makes every k-th allocation fail (0: none).
  void fail_every(std::uint32_t k) { fail_every_ = k, fail_count_ = 0; }

 private:
  friend class Slice;
  Chunk* take(Class c, std::uint16_t& block);
  void release(Chunk* c, std::uint16_t block);
  Chunk* new_chunk(Class c);
  void link(Chunk* c);
  void unlink(Chunk* c);
  std::size_t free_chunks() const { return chunks_ - used_chunks_ - reserved_; }

  std::size_t chunks_;
  std::unique_ptr<std::byte[]> memory_;
  std::byte* base_;              ///< first page boundary in memory_
  std::size_t touched_ = 0;      ///< chunks ever used
  std::size_t used_chunks_ = 0;  // chunks with a block handed out
  std::size_t reserved_ = 0;     // chunks that are free, and not for who asks without a reservation
  Chunk* free_chunks_ = nullptr;
  std::array<Chunk*, classes> partial_{};  ///< chunks with a free block
  std::size_t in_use_ = 0;
  std::uint32_t fail_every_ = 0, fail_count_ = 0;
};

}  // namespace tunic
