#include "port/demux.h"

#include <bit>
#include <new>
#include <span>

namespace tunic {
namespace {

constexpr std::uint64_t each_octet = 0x0101010101010101, high_bits = 0x80 * each_octet;

/// The high bit of each octet of `tags` that equals `tag`.
std::uint64_t matches(std::uint64_t tags, std::uint8_t tag) {
  const std::uint64_t x = tags ^ (tag * each_octet);  // 0 where equal
  return ~(((x & ~high_bits) + ~high_bits) | x) & high_bits;
}

unsigned first_index(std::uint64_t match) { return static_cast<unsigned>(std::countr_zero(match)) / 8; }
std::uint64_t free_slots(std::uint64_t tags) { return matches(tags, 0); }
std::uint8_t tag_at(std::uint64_t tags, unsigned index) { return static_cast<std::uint8_t>(tags >> (8 * index)); }

}  // namespace

Demux::Demux(const Prf& prf) : prf_{&prf} { segments_[0] = std::make_unique<Bucket[]>(first_buckets); }

Demux::Hash Demux::hash(const FourTuple& pair) const {
  const Hash h{(*prf_)(Purpose::demux, std::as_bytes(std::span{&pair, 1}))};
  return h.tag() != 0 ? h : Hash{h.bits | std::uint64_t{1} << 56};
}

// Segment 0 has the first buckets, segment k as many as all before it.
Demux::Bucket& Demux::numbered(std::size_t i) const {
  const auto segment = static_cast<std::size_t>(std::bit_width(i / first_buckets));
  return segments_[segment][segment == 0 ? i : i - (first_buckets << (segment - 1))];
}

Demux::Bucket& Demux::bucket(std::uint32_t number) const {
  std::size_t i = number & (2 * level_ - 1);
  if (i >= level_ + split_) i -= level_;
  return numbered(i);
}

// Both buckets are asked at once: which of them holds the pair is anyone's guess, also the processor's.
Demux::Slot Demux::locate(Hash h) const {
  Bucket &first = bucket(h.first()), &second = bucket(h.second());
  std::uint64_t match = matches(first.tags, h.tag()) >> 7 | matches(second.tags, h.tag()) >> 6;
  for (; match != 0; match &= match - 1) {
    Bucket& b = (std::countr_zero(match) & 1) == 0 ? first : second;
    if (b.hashes[first_index(match)] == h.bits) return {&b, first_index(match)};
  }
  return {};
}

std::optional<std::uint32_t> Demux::find(const FourTuple& pair) const {
  const Slot slot = locate(hash(pair));
  if (slot.bucket == nullptr) return {};
  return slot.bucket->values[slot.index];
}

bool Demux::replace(const FourTuple& pair, std::uint32_t value) {
  const Slot slot = locate(hash(pair));
  if (slot.bucket == nullptr) return false;
  slot.bucket->values[slot.index] = value;
  return true;
}

bool Demux::insert(const FourTuple& pair, std::uint32_t value) {
  const Hash h = hash(pair);
  if (locate(h).bucket != nullptr) return false;
  grow();
  Bucket &first = bucket(h.first()), &second = bucket(h.second());
  Bucket* to = std::popcount(free_slots(first.tags)) >= std::popcount(free_slots(second.tags)) ? &first : &second;
  if (free_slots(to->tags) == 0) to = make_room(first) ? &first : make_room(second) ? &second : nullptr;
  if (to == nullptr) return false;
  put(*to, h, value);
  ++size_;
  return true;
}

bool Demux::erase(const FourTuple& pair) {
  const Slot slot = locate(hash(pair));
  if (slot.bucket == nullptr) return false;
  slot.bucket->tags &= ~(std::uint64_t{0xff} << (8 * slot.index));
  if (--size_ == 0) {  // an empty table keeps its first buckets alone
    for (std::size_t i = 1; i < segments && segments_[i] != nullptr; ++i) segments_[i].reset();
    level_ = first_buckets;
    split_ = 0;
  } else {
    grow();
  }
  return true;
}

void Demux::put(Bucket& to, Hash h, std::uint32_t value) {
  const unsigned i = first_index(free_slots(to.tags));
  to.tags |= std::uint64_t{h.tag()} << (8 * i);
  to.hashes[i] = h.bits;
  to.values[i] = value;
}

void Demux::move(Slot from, Bucket& to) {
  put(to, Hash{from.bucket->hashes[from.index]}, from.bucket->values[from.index]);
  from.bucket->tags &= ~(std::uint64_t{0xff} << (8 * from.index));
}

// Moves one pair of a full bucket to its other bucket, if any of the 8 has room there.
bool Demux::make_room(Bucket& full) {
  for (unsigned i = 0; i < slots; ++i) {
    const Hash h{full.hashes[i]};
    Bucket &first = bucket(h.first()), &other = &first == &full ? bucket(h.second()) : first;
    if (free_slots(other.tags) == 0) continue;
    move({&full, i}, other);
    return true;
  }
  return false;
}

// A doubling begins when three quarters of the slots are taken and is over long before the rest is: each operation
// splits buckets while it lasts.
void Demux::grow() {
  if (split_ == 0) {
    const auto segment = static_cast<std::size_t>(std::bit_width(level_ / first_buckets));
    if (4 * size_ < 3 * slots * level_ || segment == segments) return;
    segments_[segment].reset(new (std::nothrow) Bucket[level_]);  // not filled: that would take time, and memory
    if (segments_[segment] == nullptr) return;
  }
  for (std::size_t i = 0; i < splits_per_operation; ++i) {
    split_bucket();
    if (++split_ < level_) continue;
    level_ *= 2;
    split_ = 0;
    return;
  }
}

void Demux::split_bucket() {
  Bucket &low = numbered(split_), &high = numbered(level_ + split_);
  high.tags = 0;
  for (unsigned i = 0; i < slots; ++i) {
    if (tag_at(low.tags, i) == 0) continue;
    const Hash h{low.hashes[i]};
    const std::uint32_t number = (h.first() & (level_ - 1)) == split_ ? h.first() : h.second();
    if ((number & level_) != 0) move({&low, i}, high);
  }
}

}  // namespace tunic
