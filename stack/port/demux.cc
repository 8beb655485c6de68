#include "port/demux.h"

#include <bit>
#include <cstring>
#include <new>

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

// std::array's == would call memcmp for 36 octets.
bool equal(const std::array<std::byte, 36>& a, const std::array<std::byte, 36>& b) {
  std::uint64_t x[4], y[4];
  std::uint32_t end_x, end_y;
  std::memcpy(x, a.data(), 32), std::memcpy(y, b.data(), 32);
  std::memcpy(&end_x, a.data() + 32, 4), std::memcpy(&end_y, b.data() + 32, 4);
  return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (end_x ^ end_y)) == 0;
}

}  // namespace

Demux::Demux(const Prf& prf) : prf_{&prf} { segments_[0] = std::make_unique<Bucket[]>(first_buckets); }

// Bucket numbers are cut to 24 bits at most (segments), which leaves the highest octet for the tag.
Demux::Hash Demux::hash(const Key& key) const {
  const std::uint64_t h = (*prf_)(Purpose::demux, key);
  const auto tag = static_cast<std::uint8_t>(h >> 56);
  return {static_cast<std::uint32_t>(h), static_cast<std::uint32_t>(h >> 32), tag == 0 ? std::uint8_t{1} : tag};
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
Demux::Slot Demux::locate(const Key& key, const Hash& h) const {
  Bucket &first = bucket(h.first), &second = bucket(h.second);
  std::uint64_t match = matches(first.tags, h.tag) >> 7 | matches(second.tags, h.tag) >> 6;
  for (; match != 0; match &= match - 1) {
    Bucket& b = (std::countr_zero(match) & 1) == 0 ? first : second;
    if (equal(b.keys[first_index(match)], key)) return {&b, first_index(match)};
  }
  return {};
}

std::optional<std::uint32_t> Demux::find(const FourTuple& pair) const {
  const auto key = std::bit_cast<Key>(pair);
  const Slot slot = locate(key, hash(key));
  if (slot.bucket == nullptr) return {};
  return slot.bucket->values[slot.index];
}

bool Demux::replace(const FourTuple& pair, std::uint32_t value) {
  const auto key = std::bit_cast<Key>(pair);
  const Slot slot = locate(key, hash(key));
  if (slot.bucket == nullptr) return false;
  slot.bucket->values[slot.index] = value;
  return true;
}

bool Demux::insert(const FourTuple& pair, std::uint32_t value) {
  const auto key = std::bit_cast<Key>(pair);
  const Hash h = hash(key);
  if (locate(key, h).bucket != nullptr) return false;
  grow();
  Bucket &first = bucket(h.first), &second = bucket(h.second);
  Bucket* to = std::popcount(free_slots(first.tags)) >= std::popcount(free_slots(second.tags)) ? &first : &second;
  if (free_slots(to->tags) == 0) to = make_room(first) ? &first : make_room(second) ? &second : nullptr;
  if (to == nullptr) return false;
  put(*to, key, h.tag, value);
  ++size_;
  return true;
}

bool Demux::erase(const FourTuple& pair) {
  const auto key = std::bit_cast<Key>(pair);
  const Slot slot = locate(key, hash(key));
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

void Demux::put(Bucket& to, const Key& key, std::uint8_t tag, std::uint32_t value) {
  const unsigned i = first_index(free_slots(to.tags));
  to.tags |= std::uint64_t{tag} << (8 * i);
  to.keys[i] = key;
  to.values[i] = value;
}

void Demux::move(Slot from, Bucket& to) {
  put(to, from.bucket->keys[from.index], tag_at(from.bucket->tags, from.index), from.bucket->values[from.index]);
  from.bucket->tags &= ~(std::uint64_t{0xff} << (8 * from.index));
}

// Moves one pair of a full bucket to its other bucket, if any of the 8 has room there.
bool Demux::make_room(Bucket& full) {
  for (unsigned i = 0; i < slots; ++i) {
    const Hash h = hash(full.keys[i]);
    Bucket &first = bucket(h.first), &other = &first == &full ? bucket(h.second) : first;
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
    const Hash h = hash(low.keys[i]);
    const std::uint32_t number = (h.first & (level_ - 1)) == split_ ? h.first : h.second;
    if ((number & level_) != 0) move({&low, i}, high);
  }
}

}  // namespace tunic
