// Path MTU discovery's memory (RFC 1191, RFC 8201): what routers said of the way to a destination. Whether to believe
// them is the transport's to decide (RFC 5927 section 7.2); here are only the bounds that hold for all: a floor, no
// raise, an end.
#pragma once

#include <cstdint>
#include <vector>

#include "base/prf.h"
#include "base/time.h"
#include "wire/addr.h"

namespace tunic {

/// How large packets to a destination may be.
struct PathMtu {
  std::uint32_t octets;   // of an IP packet
  Instant until = never;  // then it may be larger: ask again
};

struct PmtuSettings {
  Duration expires = 600s;     // after the news: RFC 1191 section 6.3 asks for ten minutes
  std::uint32_t min_v4 = 552;  // as Linux: whoever tells less is believed this much (C2)
};

/// RFC 1191 section 7: an old router that refuses a packet of `refused` octets without telling its MTU; the next lower
/// of the MTUs in use.
std::uint32_t plateau_below(std::uint32_t refused);

/// One entry per destination, at most `capacity`: then the one whose news are oldest makes room (C2).
class PmtuCache {
 public:
  static constexpr std::size_t capacity = 4096;
  static constexpr std::uint32_t min_v6 = 1280;  // RFC 8200 section 5

  PmtuCache(const Prf& prf, const PmtuSettings& settings) : prf_{&prf}, settings_{settings} {}

  /// A router forwards at most `mtu` octets on the way to `dst`, whose first hop takes `first_hop`. IPv4: less than the
  /// floor is the floor. IPv6: less than 1280 is not believed (RFC 8201 section 4). What does not lower the path MTU
  /// changes nothing, but the same again makes it hold longer. True: it is lower now than mtu_to() said before.
  bool learn(const IpAddr& dst, std::uint32_t mtu, std::uint32_t first_hop, Instant now);
  /// The smaller of `first_hop` and of what was learned and has not expired.
  PathMtu mtu_to(const IpAddr& dst, std::uint32_t first_hop, Instant now) const;

  void set(const PmtuSettings& settings) { settings_ = settings; }
  std::size_t size() const { return entries_.size(); }  // expired ones too, until they make room
  std::uint64_t digest(std::uint64_t h) const;

 private:
  using Index = std::uint16_t;
  static constexpr Index none = 0xffff;
  struct Entry {
    IpAddr dst;
    std::uint32_t mtu = 0;
    Index next = none;                 // in its bucket
    Index older = none, newer = none;  // by the time of the news
    Instant expires{};
  };

  std::size_t bucket_of(const IpAddr& dst) const;
  Index find(const IpAddr& dst) const;
  Index make(const IpAddr& dst);
  void leave_bucket(Index i);
  void leave_order(Index i);
  void enter_order(Index i);

  const Prf* prf_;
  PmtuSettings settings_;
  std::vector<Index> buckets_;  // made with the first entry: most hosts never learn anything
  std::vector<Entry> entries_;
  Index oldest_ = none, newest_ = none;
};

}  // namespace tunic
