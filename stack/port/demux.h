// Which connection a segment belongs to: a table from socket pairs to the caller's numbers. A pair is known by 64 bits
// of a keyed hash, so a connection costs little here; the caller has the pair itself, and compares. It can be in one of
// two buckets of 8 slots, chosen by the hash, so a lookup makes at most 16 probes whatever a peer sends, and a pair
// whose buckets are full is refused. The table grows by splitting a few buckets in each operation: none takes time
// proportional to its size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/prf.h"
#include "wire/addr.h"

namespace tunic {

class Demux {
 public:
  static constexpr std::size_t probes = 16;

  /// `prf` must outlive the table.
  explicit Demux(const Prf& prf);

  /// False if the pair is there already, or another of the same hash, or if both buckets are full and none of the pairs
  /// in them can go elsewhere.
  bool insert(const FourTuple& pair, std::uint32_t value);
  /// The number of this pair; or, as rarely as 64 bits are guessed, of another.
  std::optional<std::uint32_t> find(const FourTuple& pair) const;
  bool erase(const FourTuple& pair);
  /// Gives a pair that is there another number; false if it is not there.
  bool replace(const FourTuple& pair, std::uint32_t value);

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return (level_ + split_) * slots; }

 private:
  static constexpr std::size_t slots = 8, first_buckets = 4, segments = 23;
  static constexpr std::size_t splits_per_operation = 2;

  /// Two bucket numbers before they are cut to the size of the table, and in the highest octet, which they do not use
  /// (segments), a tag that is never 0.
  struct Hash {
    std::uint64_t bits = 0;
    std::uint32_t first() const { return static_cast<std::uint32_t>(bits); }
    std::uint32_t second() const { return static_cast<std::uint32_t>(bits >> 32); }
    std::uint8_t tag() const { return static_cast<std::uint8_t>(bits >> 56); }
  };
  struct Bucket {
    std::uint64_t tags;  // one a slot; 0: free
    std::array<std::uint32_t, slots> values;
    std::array<std::uint64_t, slots> hashes;
  };
  struct Slot {
    Bucket* bucket = nullptr;
    unsigned index = 0;
  };

  Hash hash(const FourTuple& pair) const;
  Bucket& numbered(std::size_t i) const;
  Bucket& bucket(std::uint32_t number) const;
  Slot locate(Hash h) const;
  bool make_room(Bucket& full);
  void grow();
  void split_bucket();
  static void put(Bucket& to, Hash h, std::uint32_t value);
  static void move(Slot from, Bucket& to);

  // Linear hashing (Litwin, 1980): of the `level_` buckets the first `split_` are already split in two, the second half
  // of bucket i being bucket level_ + i. Each doubling adds one segment of memory and moves none.
  const Prf* prf_;
  std::size_t size_ = 0, level_ = first_buckets, split_ = 0;
  std::array<std::unique_ptr<Bucket[]>, segments> segments_;
};

}  // namespace tunic
