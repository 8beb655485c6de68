#include "ip/reassembly.h"

#include <bit>
#include <cstring>
#include <span>

#include "base/work.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp.h"

namespace tunic {
namespace {

constexpr std::size_t largest = 65'535;
constexpr std::size_t fragment_header = 8;

std::unexpected<Rejection> reject(Drop why) { return std::unexpected{Rejection{why}}; }

/// Octets of the header that a transport must have in the first fragment.
std::size_t least_header(std::uint8_t protocol, Bytes rest) {
  if (protocol == protocol::udp || protocol == protocol::icmp || protocol == protocol::icmpv6) return 8;
  if (protocol != protocol::tcp) return 0;
  return rest.size() < TcpView::min_size ? TcpView::min_size : std::size_t{byte_at(rest, 12)} / 16 * 4;
}

/// RFC 7112 section 5, RFC 1858, RFC 3128: what decides where a datagram goes must not come later (F5). Nor may the
/// first fragment hold a second fragment header (F7).
std::expected<void, Rejection> check_first(const Datagram& d) {
  const bool v6 = !d.src.is_v4();
  const QuotedChain chain = v6 ? find_transport(d.protocol, d.payload) : QuotedChain{d.protocol, 0};
  const bool has_fragment_header = v6 && (chain.later_fragment || chain.fragmented);
  if (has_fragment_header) return reject(Drop::fragment);
  const Bytes rest = d.payload.subspan(chain.size);
  if (!chain.cut_off && rest.size() >= least_header(chain.protocol, rest)) return {};
  return v6 ? std::unexpected{Rejection{Drop::fragment, problem::headers_cut_off()}} : reject(Drop::fragment);
}

/// Octets of IPv6 extension headers before the fragment header, which count as payload.
std::size_t unfragmented(const Datagram& d) {
  return d.src.is_v4() ? Ipv4View::min_size : d.header_size - Ipv6View::size - fragment_header;
}

/// What is wrong with a fragment by itself (F8).
std::expected<void, Rejection> check_shape(const Datagram& d) {
  if (d.payload.empty()) return reject(Drop::fragment);
  if (!d.fragment->more || d.payload.size() % 8 == 0) return {};
  constexpr std::size_t payload_length = 4;
  return d.src.is_v4() ? reject(Drop::fragment)
                       : std::unexpected{Rejection{Drop::fragment, problem::bad_fragment(payload_length)}};
}

bool is_too_long(const Datagram& d) { return unfragmented(d) + d.fragment->offset + d.payload.size() > largest; }
Rejection too_long(const Datagram& d) {
  if (d.src.is_v4()) return {Drop::fragment};
  return {Drop::fragment, problem::bad_fragment(d.header_size - fragment_header + 2u)};
}

/// The ECN field of the whole (RFC 3168 section 5.3), from a bit for each of the four codepoints seen; nothing where
/// they cannot be of one sender.
std::optional<std::uint8_t> ecn_of(std::uint8_t seen, std::uint8_t of_first) {
  constexpr unsigned not_ect = 1u << 0, ce = 1u << 3;
  if ((seen & not_ect) != 0 && seen != not_ect) return {};
  return (seen & ce) != 0 ? std::uint8_t{3} : of_first;
}

void finish_v4(MutBytes header, std::size_t payload, std::uint8_t tos) {
  std::byte* const p = header.data();
  store_be(p + 1, tos);
  store_be(p + 2, static_cast<std::uint16_t>(header.size() + payload));
  store_be(p + 6, std::uint16_t{0});
  store_be(p + 10, std::uint16_t{0});
  store_be(p + 10, Sum{}.add(header).checksum());
}

void finish_v6(MutBytes header, std::size_t payload, std::uint8_t tos) {
  std::byte* const p = header.data();
  const unsigned before = load_be<std::uint16_t>(p) & 0xf00fu;
  store_be(p, static_cast<std::uint16_t>(before | unsigned{tos} << 4));
  store_be(p + 4, static_cast<std::uint16_t>(header.size() - Ipv6View::size + payload));
}

}  // namespace

std::size_t Reassembly::bucket_of(const IpAddr& src) const {
  return scale((*prf_)(Purpose::reassembly, src.octets()), buckets);
}

Reassembly::Entry* Reassembly::find(const Datagram& d) {
  for (Index i = buckets_[bucket_of(d.src)]; i != none; i = entries_[i].next) {
    step();
    Entry& e = entries_[i];
    const bool same_protocol = e.protocol == d.protocol || !d.src.is_v4();
    if (e.id == d.fragment->id && e.src == d.src && e.dst == d.dst && same_protocol) return &e;
  }
  return nullptr;
}

// A chain is in order of age, and all of a source are in one.
Reassembly::Entry* Reassembly::oldest_of_full_source(const IpAddr& src) {
  Entry* first = nullptr;
  std::size_t count = 0;
  for (Index i = buckets_[bucket_of(src)]; i != none; i = entries_[i].next) {
    step();
    if (entries_[i].src != src) continue;
    if (first == nullptr) first = &entries_[i];
    ++count;
  }
  return count >= per_source ? first : nullptr;
}

Reassembly::Entry* Reassembly::make(const Datagram& d, Pool& pool, Counters& counters, Instant now) {
  if (!entries_) {
    entries_ = std::make_unique<Entry[]>(datagrams);
    for (std::size_t i = datagrams; i > 0; --i) free_.push_back(static_cast<Index>(i - 1));
  }
  if (Entry* own = oldest_of_full_source(d.src)) evict(*own, counters);
  constexpr std::size_t spare = 4;  // a quarter of all memory is not for fragments
  while (size_ > 0 && (size_ >= most() || !pool.has_spare(spare))) {
    step();
    const bool v4_first =
        oldest_v6_.empty() || (!oldest_v4_.empty() && oldest_v4_.front().began <= oldest_v6_.front().began);
    evict(v4_first ? oldest_v4_.front() : oldest_v6_.front(), counters);
  }
  Slice data = pool.allocate_receive(front);
  if (data.empty()) return nullptr;
  const Index i = free_.back();
  free_.pop_back();
  Entry& e = entries_[i];
  e.src = d.src;
  e.dst = d.dst;
  e.id = d.fragment->id;
  e.protocol = d.protocol;
  e.next = none;
  e.ended = false;
  e.ecn_seen = 0;
  e.header_size = 0;
  e.total = e.runs = 0;
  e.began = now;
  e.data = std::move(data);
  Index* link = &buckets_[bucket_of(d.src)];
  for (; *link != none; link = &entries_[*link].next) step();
  *link = i;
  by_age(d.src).push_back(e);
  ++size_;
  return &e;
}

void Reassembly::remove(Entry& e) {
  const Index i = index_of(e);
  Index* link = &buckets_[bucket_of(e.src)];
  for (; *link != i; link = &entries_[*link].next) step();
  *link = e.next;
  IntrusiveList<Entry>::erase(e);
  e.data = {};
  free_.push_back(i);
  --size_;
}

void Reassembly::evict(Entry& e, Counters& counters) {
  ++counters.reassembly_evicted;
  remove(e);
}

std::unexpected<Rejection> Reassembly::end(Entry& e, Counters& counters) {
  if (!e.ended) ++counters.reassembly_overlaps;
  e.ended = true;
  e.data = {};
  return reject(Drop::fragment_overlap);
}

Reassembly::Entry* Reassembly::first_to_expire() {
  Entry* const v4 = oldest_v4_.empty() ? nullptr : &oldest_v4_.front();
  Entry* const v6 = oldest_v6_.empty() ? nullptr : &oldest_v6_.front();
  if (v4 == nullptr || v6 == nullptr) return v4 == nullptr ? v6 : v4;
  return expiry_of(*v4) <= expiry_of(*v6) ? v4 : v6;
}

Instant Reassembly::next() {
  const Entry* e = first_to_expire();
  return e == nullptr ? never : expiry_of(*e);
}

Slice Reassembly::expire(Counters& counters) {
  Entry& e = *first_to_expire();
  Slice first;
  if (!e.ended && e.header_size != 0) {
    first = std::move(e.data);
    first.drop_front(front - e.header_size);
    first.truncate(e.header_size + e.first_size);
  }
  ++counters.reassembly_timeouts;
  remove(e);
  return first;
}

std::uint64_t Reassembly::digest(std::uint64_t h) {
  const auto mix = [&h](std::uint64_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15u, h ^= h >> 32; };
  for (auto* list : {&oldest_v4_, &oldest_v6_})
    for (const Entry& e : *list) {
      mix(std::uint64_t{e.id} << 32 | e.total << 1 | (e.ended ? 1u : 0u));
      mix(static_cast<std::uint64_t>(e.began.time_since_epoch().count()));
      for (std::size_t i = 0; i < e.runs; ++i) mix(std::uint64_t{e.run[i].begin} << 32 | e.run[i].end);
    }
  return h;
}

std::expected<Slice, Rejection> Reassembly::arrives(Bytes packet, const Datagram& d, Pool& pool, Counters& counters,
                                                    Instant now) {
  if (const auto ok = check_shape(d); !ok) return std::unexpected{ok.error()};
  if (d.fragment->offset == 0)
    if (const auto ok = check_first(d); !ok) return std::unexpected{ok.error()};
  Entry* e = find(d);
  if (is_too_long(d)) {  // F3
    if (e != nullptr) end(*e, counters);
    return std::unexpected{too_long(d)};
  }
  if (e == nullptr) e = make(d, pool, counters, now);
  if (e == nullptr) return reject(Drop::no_memory);
  if (e->ended) return reject(Drop::fragment_overlap);
  return keep(*e, packet, d, counters);
}

std::expected<Slice, Rejection> Reassembly::keep(Entry& e, Bytes packet, const Datagram& d, Counters& counters) {
  const Run r{static_cast<std::uint32_t>(d.fragment->offset),
              static_cast<std::uint32_t>(d.fragment->offset + d.payload.size())};
  const std::span runs{e.run.data(), e.runs};
  if (e.total != 0 && (r.end > e.total || (!d.fragment->more && r.end != e.total))) return end(e, counters);
  if (!d.fragment->more && !runs.empty() && runs.back().end > r.end) return end(e, counters);

  // The first run that ends behind the begin of `r`: all before it are below `r`.
  for (std::size_t n = e.runs; n > 0; n /= 2) step();
  const auto after = std::ranges::upper_bound(runs, r.begin, {}, &Run::end);
  if (after != runs.end() && after->begin < r.end) {
    const bool inside = after->begin <= r.begin && r.end <= after->end;
    const bool same = inside && std::memcmp(e.data.data() + front + r.begin, d.payload.data(), d.payload.size()) == 0;
    if (!same) return end(e, counters);
    return Slice{};  // it came twice
  }
  const auto at = static_cast<std::size_t>(after - runs.begin());
  const bool joins_before = at > 0 && runs[at - 1].end == r.begin;
  const bool joins_after = at < runs.size() && runs[at].begin == r.end;
  if (joins_before) {
    runs[at - 1].end = r.end;
    if (joins_after) {
      runs[at - 1].end = runs[at].end;
      std::move(runs.begin() + static_cast<std::ptrdiff_t>(at) + 1, runs.end(),
                runs.begin() + static_cast<std::ptrdiff_t>(at));
      --e.runs;
    }
  } else if (joins_after) {
    runs[at].begin = r.begin;
  } else {
    if (e.runs == most_runs) return reject(Drop::fragment);
    std::move_backward(e.run.begin() + static_cast<std::ptrdiff_t>(at), e.run.begin() + e.runs,
                       e.run.begin() + e.runs + 1);
    e.run[at] = r;
    ++e.runs;
  }

  std::memcpy(e.data.mutable_data() + front + r.begin, d.payload.data(), d.payload.size());
  if (!d.fragment->more) e.total = r.end;
  e.ecn_seen |= static_cast<std::uint8_t>(1u << (d.tos & 3));
  if (r.begin == 0) {
    e.header_size = d.header_size;
    e.protocol_field = d.protocol_field;
    e.first_size = r.end;
    e.next_header = d.protocol;
    std::memcpy(e.data.mutable_data() + front - d.header_size, packet.data(), d.header_size);
  }
  const bool complete = e.runs == 1 && e.run[0].begin == 0 && e.run[0].end == e.total;
  if (!complete) return Slice{};
  auto joined = join(e);
  if (joined) ++counters.reassembled;
  remove(e);
  return joined;
}

// The header of the first fragment, without what tells that it was one, before the payload.
std::expected<Slice, Rejection> Reassembly::join(Entry& e) {
  const bool v4 = e.src.is_v4();
  std::byte* const payload = e.data.mutable_data() + front;
  std::size_t size = e.header_size;
  std::byte* header = payload - size;
  const std::uint8_t tos =
      v4 ? std::to_integer<std::uint8_t>(header[1]) : static_cast<std::uint8_t>(load_be<std::uint16_t>(header) >> 4);
  const auto ecn = ecn_of(e.ecn_seen, tos & 3);
  if (!ecn) return reject(Drop::fragment);
  const auto merged = static_cast<std::uint8_t>((tos & ~3u) | *ecn);
  if (v4) {
    if (size + e.total > largest) return reject(Drop::fragment);
    finish_v4({header, size}, e.total, merged);
  } else {
    store_be(header + e.protocol_field, e.next_header);
    size -= fragment_header;
    std::memmove(header + fragment_header, header, size);
    header += fragment_header;
    if (size - Ipv6View::size + e.total > largest) return reject(Drop::fragment);
    finish_v6({header, size}, e.total, merged);
  }
  Slice whole = std::move(e.data);
  whole.drop_front(front - size);
  whole.truncate(size + e.total);
  return whole;
}

}  // namespace tunic
