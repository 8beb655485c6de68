#include "ip/pmtu.h"

#include <algorithm>
#include <array>

#include "base/work.h"

namespace tunic {

std::uint32_t plateau_below(std::uint32_t refused) {
  constexpr std::array<std::uint32_t, 11> plateaus{65'535, 32'000, 17'914, 8'166, 4'352, 2'002,
                                                   1'492,  1'006,  508,    296,   68};
  const auto lower = std::ranges::find_if(plateaus, [&](std::uint32_t p) { return p < refused; });
  return lower == plateaus.end() ? plateaus.back() : *lower;
}

bool PmtuCache::learn(const IpAddr& dst, std::uint32_t mtu, std::uint32_t first_hop, Instant now) {
  if (!dst.is_v4() && mtu < min_v6) return false;
  if (dst.is_v4()) mtu = std::max(mtu, settings_.min_v4);
  const std::uint32_t before = mtu_to(dst, first_hop, now).octets;
  if (mtu > before || mtu >= first_hop) return false;
  Index i = find(dst);
  if (i == none)
    i = make(dst);
  else
    leave_order(i);
  entries_[i].mtu = mtu;
  entries_[i].expires = now + settings_.expires;
  enter_order(i);
  return mtu < before;
}

PathMtu PmtuCache::mtu_to(const IpAddr& dst, std::uint32_t first_hop, Instant now) const {
  const Index i = find(dst);
  if (i == none || entries_[i].expires <= now || entries_[i].mtu >= first_hop) return {first_hop};
  return {entries_[i].mtu, entries_[i].expires};
}

std::uint64_t PmtuCache::digest(std::uint64_t h) const {
  for (Index i = oldest_; i != none; i = entries_[i].newer) h = (h ^ entries_[i].mtu) * 0x9e3779b97f4a7c15u;
  return h;
}

std::size_t PmtuCache::bucket_of(const IpAddr& dst) const {
  return (*prf_)(Purpose::path_mtu, dst.octets()) % capacity;
}

PmtuCache::Index PmtuCache::find(const IpAddr& dst) const {
  if (entries_.empty()) return none;
  Index i = buckets_[bucket_of(dst)];
  while (i != none && entries_[i].dst != dst) {
    step();
    i = entries_[i].next;
  }
  return i;
}

/// An entry for `dst` in its bucket, not yet in the order of age.
PmtuCache::Index PmtuCache::make(const IpAddr& dst) {
  if (buckets_.empty()) buckets_.assign(capacity, none);
  Index i = oldest_;
  if (entries_.size() < capacity) {
    i = static_cast<Index>(entries_.size());
    entries_.emplace_back();
  } else {
    leave_order(i);
    leave_bucket(i);
  }
  Index& first = buckets_[bucket_of(dst)];
  entries_[i] = {.dst = dst, .next = first};
  first = i;
  return i;
}

void PmtuCache::leave_bucket(Index i) {
  Index* link = &buckets_[bucket_of(entries_[i].dst)];
  while (*link != i) {
    step();
    link = &entries_[*link].next;
  }
  *link = entries_[i].next;
}

void PmtuCache::leave_order(Index i) {
  const Entry& e = entries_[i];
  (e.older == none ? oldest_ : entries_[e.older].newer) = e.newer;
  (e.newer == none ? newest_ : entries_[e.newer].older) = e.older;
}

void PmtuCache::enter_order(Index i) {
  entries_[i].older = newest_;
  entries_[i].newer = none;
  (newest_ == none ? oldest_ : entries_[newest_].newer) = i;
  newest_ = i;
}

}  // namespace tunic
