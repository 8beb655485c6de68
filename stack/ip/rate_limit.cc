#include "ip/rate_limit.h"

#include "base/work.h"

namespace tunic {

DestinationLimit::Place& DestinationLimit::place_of(const IpAddr& dst) {
  if (places_.empty()) places_.resize(capacity);
  const std::size_t set = scale((*prf_)(Purpose::rate_limit, dst.octets(), salt_), sets);
  Place* const begin = &places_[set * ways];
  Place* fullest = begin;
  for (Place* p = begin; p != begin + ways; ++p) {
    step();
    if (p->dst == dst) return *p;
    if (p->bucket.spent_until() < fullest->bucket.spent_until()) fullest = p;
  }
  *fullest = {dst, {}};
  return *fullest;
}

bool DestinationLimit::has(const IpAddr& dst, Instant now, const Rate& rate) {
  return rate.interval <= Duration::zero() || place_of(dst).bucket.has(now, rate);
}

bool DestinationLimit::take(const IpAddr& dst, Instant now, const Rate& rate) {
  if (rate.interval <= Duration::zero()) return true;
  TokenBucket& bucket = place_of(dst).bucket;
  if (!bucket.has(now, rate)) return false;
  bucket.take(now, rate, rate.interval);
  return true;
}

bool ErrorLimit::take(const IpAddr& dst, Instant now, const Rate& each, const Rate& all) {
  if (!each_.has(dst, now, each)) return false;  // first, so that nobody drains what all share
  if (all.interval > Duration::zero()) {
    if (!all_.has(now, all)) return false;
    const auto noise = scale((*prf_)(Purpose::rate_limit, {}, 1, drawn_++), 1024);
    all_.take(now, all, all.interval / 2 + all.interval * noise / 1024);
  }
  return each_.take(dst, now, each);
}

}  // namespace tunic
