// Joining fragments (RFC 791 section 3.2, RFC 815, RFC 8200 section 4.5), of both families alike. Each datagram has one
// block of 64 KiB in which its fragments are copied to their places, so that it needs no joining in the end, and what
// it holds does not depend on how it was cut. Fragments that overlap end their datagram, and so do later ones of it
// (RFC 5722); the same octets once more are ignored.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/intrusive_list.h"
#include "base/prf.h"
#include "base/time.h"
#include "buf/slab.h"
#include "ip/input.h"

namespace tunic {

struct ReassemblySettings {
  std::size_t memory = 4u << 20;  // octets of fragments; at least one block
  Duration v4 = 30s, v6 = 60s;    // from the first fragment that came, whichever it is
};

class Reassembly {
 public:
  static constexpr std::size_t datagrams = 64;   // at once; then the oldest goes
  static constexpr std::size_t per_source = 16;  // of these; then the oldest of that source goes
  static constexpr std::size_t holes = 64;       // of one datagram; a fragment that makes one more is dropped
  static constexpr std::size_t block = Pool::payload;

  Reassembly(const Prf& prf, const ReassemblySettings& settings) : prf_{&prf}, settings_{settings} {
    buckets_.fill(none);
  }

  /// Keeps the fragment `d` that `packet` holds. The whole packet if it was the last that was missing, with the header
  /// of its first fragment; else an empty slice.
  std::expected<Slice, Rejection> arrives(Bytes packet, const Datagram& d, Pool& pool, Counters& counters, Instant now);
  /// When expire() will have something to do, or `never`.
  Instant next();
  /// Forgets a datagram whose time is over at `now`, next() being reached. Its first fragment as it came, or empty if
  /// that never did (RFC 1122 section 3.3.2, RFC 8200 section 4.5: only then is its sender told).
  Slice expire(Counters& counters);
  void set(const ReassemblySettings& settings) { settings_ = settings; }
  std::size_t size() const { return size_; }
  /// Of what waits; equal for equal behaviour.
  std::uint64_t digest(std::uint64_t h);

 private:
  using Index = std::uint8_t;
  static constexpr Index none = 0xff;
  static constexpr std::size_t buckets = 64;
  static constexpr std::size_t most_runs = holes - 1;   // so there is a hole before each, and one behind
  static constexpr std::size_t front = Pool::headroom;  // of a block, where the headers end and the payload begins

  struct Run {
    std::uint32_t begin, end;
  };
  struct Entry : ListHook<Entry> {
    IpAddr src, dst;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;  // part of the name in IPv4 alone
    Index next = none;          // in its bucket, by age
    bool ended = false;         // by an overlap: the rest of it is dropped as it comes
    std::uint8_t ecn_seen = 0;  // a bit for each of the four
    std::uint8_t next_header = 0;
    std::uint16_t header_size = 0, protocol_field = 0;  // of the first fragment; 0: it is not here
    std::uint32_t first_size = 0;                       // octets of payload of the first fragment
    std::uint32_t total = 0;                            // octets of payload; 0: not known
    std::uint32_t runs = 0;                             // sorted, and none touches the next
    Instant began{};
    Slice data;
    std::array<Run, most_runs> run;
  };

  std::size_t bucket_of(const IpAddr& src) const;
  IntrusiveList<Entry>& by_age(const IpAddr& src) { return src.is_v4() ? oldest_v4_ : oldest_v6_; }
  Index index_of(const Entry& e) const { return static_cast<Index>(&e - entries_.get()); }
  Instant expiry_of(const Entry& e) const { return e.began + (e.src.is_v4() ? settings_.v4 : settings_.v6); }
  std::size_t most() const { return std::clamp<std::size_t>(settings_.memory / block, 1, datagrams); }
  Entry* first_to_expire();
  Entry* find(const Datagram& d);
  Entry* oldest_of_full_source(const IpAddr& src);
  Entry* make(const Datagram& d, Pool& pool, Counters& counters, Instant now);
  void remove(Entry& e);
  void evict(Entry& e, Counters& counters);
  std::unexpected<Rejection> end(Entry& e, Counters& counters);
  std::expected<Slice, Rejection> keep(Entry& e, Bytes packet, const Datagram& d, Counters& counters);
  std::expected<Slice, Rejection> join(Entry& e);

  const Prf* prf_;
  ReassemblySettings settings_;
  std::unique_ptr<Entry[]> entries_;  // made with the first fragment
  std::vector<Index> free_;
  std::array<Index, buckets> buckets_;
  IntrusiveList<Entry> oldest_v4_, oldest_v6_;
  std::size_t size_ = 0;
};

}  // namespace tunic
