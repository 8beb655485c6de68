// Token buckets: how often this host says something to who may not have asked for it (RFC 4443 section 2.4(f); C7, C8).
// Each destination has its own, so that what one of them is told says nothing of the others; errors also share one that
// is drawn from at random, so that nobody can count with it (CVE-2020-25705).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/prf.h"
#include "base/time.h"
#include "wire/addr.h"

namespace tunic {

struct Rate {
  Duration interval = 1ms;   // between tokens; 0: no limit
  std::uint32_t burst = 50;  // tokens of a full bucket
};

/// One bucket, full at first.
class TokenBucket {
 public:
  /// Whether `interval`, a token's time, may be taken out.
  bool has(Instant now, const Rate& rate) const { return empty_until(now, rate) + rate.interval <= now; }
  void take(Instant now, const Rate& rate, Duration cost) { spent_until_ = empty_until(now, rate) + cost; }
  /// The earlier, the more is left.
  Instant spent_until() const { return spent_until_; }

 private:
  Instant empty_until(Instant now, const Rate& rate) const {
    return std::max(spent_until_, now - rate.burst * rate.interval);
  }
  Instant spent_until_ = Instant::min();  // the time up to which tokens have been taken
};

/// A bucket for each destination. At most `capacity` are remembered; then, of the few with the same hash, the one that
/// has the most left is forgotten: mostly a full one.
class DestinationLimit {
 public:
  static constexpr std::size_t capacity = 1024;

  /// `salt` tells apart tables of one key.
  DestinationLimit(const Prf& prf, std::uint64_t salt) : prf_{&prf}, salt_{salt} {}
  /// Whether `dst` may be told something now.
  bool has(const IpAddr& dst, Instant now, const Rate& rate);
  /// The same, and takes a token.
  bool take(const IpAddr& dst, Instant now, const Rate& rate);

 private:
  static constexpr std::size_t ways = 4, sets = capacity / ways;
  struct Place {
    IpAddr dst;
    TokenBucket bucket;
  };
  Place& place_of(const IpAddr& dst);

  const Prf* prf_;
  std::uint64_t salt_;
  std::vector<Place> places_;  // made with the first question
};

/// For ICMP errors: a bucket for each destination, and one for all, whose tokens cost between half and one and a half.
class ErrorLimit {
 public:
  explicit ErrorLimit(const Prf& prf) : prf_{&prf}, each_{prf, 0} {}
  bool take(const IpAddr& dst, Instant now, const Rate& each, const Rate& all);

 private:
  const Prf* prf_;
  DestinationLimit each_;
  TokenBucket all_;
  std::uint64_t drawn_ = 0;
};

}  // namespace tunic
