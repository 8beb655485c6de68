// Z2: fragments of any datagrams in any order and time, against an assembler that keeps a mark for each octet and knows
// no other structure. Both say the same of every fragment; work and memory stay within their bounds; when the time of
// all is over nothing is left.
#include "ip/reassembly.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "base/work.h"
#include "fuzz/fuzz.h"
#include "wire/checksum.h"
#include "wire/protocol.h"

namespace tunic::fuzz {
namespace {

constexpr int most_fragments = 600;
using Octets = std::vector<std::byte>;

/// An address with `last` as its last octet.
IpAddr host(Family f, std::uint8_t last) {
  if (f == Family::v4) return IpAddr::v4(0xc6120000u | last);
  std::array<std::byte, 16> octets{std::byte{0xfd}, std::byte{0}, std::byte{0}, std::byte{7}};
  octets[15] = std::byte{last};
  return IpAddr::v6(octets.data());
}

/// What the tape says of one fragment.
struct Fragment {
  Family family{};
  IpAddr src{}, dst{};
  std::uint8_t protocol = 0, tos = 0;
  std::uint32_t id = 0;
  std::size_t offset = 0, extra = 0;  // extra: octets of IPv4 options, or of IPv6 headers that come before
  bool more = false;
  Octets payload{};
  Duration later{};

  static Fragment from(Tape& tape) {
    static constexpr std::array<std::uint8_t, 4> protocols{protocol::udp, protocol::tcp};
    const std::uint8_t who = tape.octet(), which = tape.octet();
    Fragment f;
    f.family = (who & 16) == 0 ? Family::v4 : Family::v6;
    f.src = host(f.family, static_cast<std::uint8_t>(16 + who % 16));
    f.dst = host(f.family, (who & 32) == 0 ? 2 : 3);
    f.protocol = protocols[who / 64 % 2];
    f.extra = who < 128 ? 0u : f.family == Family::v4 ? 4u : 8u;
    f.id = which % 8;
    f.more = (which & 8) == 0;
    f.tos = static_cast<std::uint8_t>(32 | (which / 16 % 4));
    const std::uint8_t variant = which / 64;
    f.offset = (tape.word() & 0x1fffu) * 8u;
    f.payload.resize(std::min<std::size_t>(tape.word(), 65'400));
    for (std::size_t i = 0; i < f.payload.size(); ++i)  // variant 3 is another text
      f.payload[i] = std::byte(static_cast<std::uint8_t>((f.offset + i) * 37 / 8 + (variant == 3 ? i / 9 : 0) + f.id));
    const std::uint8_t later = tape.octet();
    f.later = later < 128 ? 0s : std::chrono::seconds{later - 128};
    return f;
  }

  Octets packet() const { return family == Family::v4 ? v4() : v6(); }
  std::size_t header_size() const { return family == Family::v4 ? 20 + extra : 48 + extra; }

 private:
  Octets v4() const {
    Octets p(20 + extra, std::byte{1});  // options: no operation
    p[0] = std::byte(static_cast<std::uint8_t>(0x40 | p.size() / 4));
    p[1] = std::byte{tos};
    store_be(p.data() + 2, static_cast<std::uint16_t>(p.size() + payload.size()));
    store_be(p.data() + 4, static_cast<std::uint16_t>(id));
    store_be(p.data() + 6, static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000u : 0u)));
    p[8] = std::byte{64};
    p[9] = std::byte{protocol};
    store_be(p.data() + 10, std::uint16_t{0});
    std::ranges::copy(src.bytes(), p.begin() + 12);
    std::ranges::copy(dst.bytes(), p.begin() + 16);
    store_be(p.data() + 10, Sum{}.add(p).checksum());
    p.insert(p.end(), payload.begin(), payload.end());
    return p;
  }
  Octets v6() const {
    constexpr std::uint8_t destination_options = 60, fragment = 44;
    Octets p(48 + extra);
    store_be(p.data(), 0x6000'0000u | std::uint32_t{tos} << 20);
    store_be(p.data() + 4, static_cast<std::uint16_t>(p.size() - 40 + payload.size()));
    p[6] = std::byte{extra == 0 ? fragment : destination_options};
    p[7] = std::byte{64};
    std::ranges::copy(src.bytes(), p.begin() + 8);
    std::ranges::copy(dst.bytes(), p.begin() + 24);
    if (extra != 0) {
      p[40] = std::byte{fragment};
      p[42] = std::byte{1};  // PadN of 4
      p[43] = std::byte{4};
    }
    std::byte* const h = p.data() + 40 + extra;
    h[0] = std::byte{protocol};
    store_be(h + 2, static_cast<std::uint16_t>(offset | (more ? 1u : 0u)));
    store_be(h + 4, id);
    p.insert(p.end(), payload.begin(), payload.end());
    return p;
  }
};

/// One datagram as the reference knows it: an octet and a mark for each place.
struct Parts {
  Fragment name;  // who, whom and which
  Instant began{};
  std::size_t order = 0;
  bool ended = false;
  std::vector<std::byte> text{};
  std::vector<bool> here{};
  std::size_t runs = 0;   // of marks
  std::size_t total = 0;  // 0: the last fragment is not here
  std::uint8_t ecn = 0;   // a bit for each codepoint
  std::optional<Fragment> first{};

  Instant expiry() const { return began + (name.family == Family::v4 ? 30s : 60s); }
  std::size_t end() const { return here.size(); }  // of what is here: the last mark is set
};

/// What is said of one fragment.
struct Verdict {
  std::optional<Drop> drop{};
  std::optional<Octets> whole{};  // the transport's octets
  std::uint8_t tos = 0;
};

class Reference {
 public:
  Reference(std::size_t most, std::size_t chunks) : most_{most}, chunks_{chunks} {}

  Verdict arrives(const Fragment& f, Instant now) {
    const Verdict bad{.drop = Drop::fragment}, overlap{.drop = Drop::fragment_overlap};
    if (f.payload.empty() || (f.more && f.payload.size() % 8 != 0)) return bad;
    if (f.offset == 0 && f.payload.size() < header_of(f)) return bad;  // F5
    Parts* p = find(f);
    if ((f.family == Family::v4 ? 20 : f.extra) + f.offset + f.payload.size() > 65'535) {  // F3
      if (p != nullptr) spoil(*p);
      return bad;
    }
    if (p == nullptr) p = &make(f, now);
    if (p->ended) return overlap;
    const std::size_t end = f.offset + f.payload.size();
    if ((p->total != 0 && (end > p->total || (!f.more && end != p->total))) || (!f.more && p->end() > end)) {
      spoil(*p);
      return overlap;
    }
    std::size_t known = 0;
    bool same = true;
    for (std::size_t i = f.offset; i < std::min(end, p->end()); ++i)
      if (p->here[i]) ++known, same = same && p->text[i] == f.payload[i - f.offset];
    if (known != 0) {  // F1
      if (known == f.payload.size() && same) return {};
      spoil(*p);
      return overlap;
    }
    const bool joins_before = f.offset != 0 && f.offset <= p->end() && p->here[f.offset - 1];
    const bool joins_after = end < p->end() && p->here[end];
    const std::size_t runs = p->runs + 1 - joins_before - joins_after;
    if (runs >= Reassembly::holes) return bad;  // F2
    p->runs = runs;
    if (p->end() < end) p->here.resize(end), p->text.resize(end);
    std::fill_n(p->here.begin() + static_cast<std::ptrdiff_t>(f.offset), f.payload.size(), true);
    std::ranges::copy(f.payload, p->text.begin() + static_cast<std::ptrdiff_t>(f.offset));
    if (!f.more) p->total = end;
    p->ecn |= static_cast<std::uint8_t>(1u << f.tos % 4);
    if (f.offset == 0) p->first = f;
    if (p->total == 0 || p->runs != 1 || !p->here[0]) return {};
    const Verdict done = join(*p);
    remove(*p);
    return done;
  }

  std::vector<Parts> all{};
  std::uint64_t evicted = 0, overlaps = 0, joined = 0;

  Parts* first_to_expire() {
    const auto key = [](const Parts& p) { return std::tuple{p.expiry(), p.name.family, p.order}; };
    const auto it = std::ranges::min_element(all, {}, key);
    return it == all.end() ? nullptr : &*it;
  }
  void remove(Parts& p) { all.erase(all.begin() + (&p - all.data())); }
  std::size_t blocks() const {
    return static_cast<std::size_t>(std::ranges::count_if(all, [](const Parts& p) { return !p.ended; }));
  }

 private:
  static std::size_t header_of(const Fragment& f) {
    if (f.protocol == protocol::udp) return 8;
    return f.payload.size() < 20 ? 20 : std::to_integer<std::size_t>(f.payload[12]) / 16 * 4;
  }
  Parts* find(const Fragment& f) {
    for (Parts& p : all)
      if (p.name.src == f.src && p.name.dst == f.dst && p.name.id == f.id &&
          (p.name.protocol == f.protocol || f.family == Family::v6))
        return &p;
    return nullptr;
  }
  void spoil(Parts& p) {
    if (!p.ended) ++overlaps;
    p.ended = true;
  }
  Parts& make(const Fragment& f, Instant now) {
    const auto age = [](const Parts& p) { return std::tuple{p.began, p.name.family, p.order}; };
    const auto evict = [&](auto only) {
      Parts* oldest = nullptr;
      for (Parts& p : all)
        if (only(p) && (oldest == nullptr || age(p) < age(*oldest))) oldest = &p;
      remove(*oldest);
      ++evicted;
    };
    const auto is_own = [&](const Parts& p) { return p.name.src == f.src; };
    if (std::ranges::count_if(all, is_own) >= static_cast<std::ptrdiff_t>(Reassembly::per_source)) evict(is_own);
    while (!all.empty() && (all.size() >= most_ || (chunks_ - blocks()) * 4 < chunks_))
      evict([](const Parts&) { return true; });
    all.push_back({.name = f, .began = now, .order = ++made_});
    return all.back();
  }
  Verdict join(const Parts& p) {
    const bool mixed = (p.ecn & 1) != 0 && p.ecn != 1;  // RFC 3168 section 5.3
    const Fragment& f = *p.first;
    const std::size_t before = f.family == Family::v4 ? f.header_size() : f.extra;
    if (mixed || before + p.total > 65'535) return {.drop = Drop::fragment};
    ++joined;
    return {.whole = p.text, .tos = static_cast<std::uint8_t>((p.ecn & 8) != 0 ? f.tos | 3 : f.tos)};
  }

  std::size_t most_, chunks_, made_ = 0;
};

void check_whole(const Slice& packet, const Verdict& expected, const Fragment& f, const Addresses& own) {
  const auto d = accept(packet.bytes(), {.reassembled = true}, {}, own);
  REQUIRE(d && !d->fragment);
  REQUIRE(d->src == f.src && d->dst == f.dst && d->tos == expected.tos);
  REQUIRE(f.family == Family::v6 || d->protocol == f.protocol);
  REQUIRE(std::ranges::equal(d->payload, *expected.whole));
}

}  // namespace

void run(Bytes input) {
  Tape tape{input};
  const Prf prf{PrfKey{}};
  const std::size_t blocks = 1 + tape.below(64), small = tape.below(64);
  const std::size_t chunks = small == 0 ? 100 : 1 + small;
  Pool pool{chunks * Pool::chunk_size};
  Reassembly reassembly{prf, {.memory = blocks * Reassembly::block}};
  Reference reference{blocks, chunks};
  Addresses own{
      {{host(Family::v4, 2), 24}, {host(Family::v4, 3), 24}, {host(Family::v6, 2), 64}, {host(Family::v6, 3), 64}}};
  Counters counters;
  std::uint64_t timeouts = 0;
  Instant now{1h};

  const auto expire = [&] {
    for (Parts* p; (p = reference.first_to_expire()) != nullptr && p->expiry() <= now;) {
      REQUIRE(reassembly.next() == p->expiry());
      const Slice first = reassembly.expire(counters);
      REQUIRE(++timeouts == counters.reassembly_timeouts);
      const bool told = p->first && !p->ended;  // F4
      REQUIRE(first.empty() != told);
      if (told) REQUIRE(std::ranges::equal(first.bytes(), p->first->packet()));
      reference.remove(*p);
    }
    const Parts* next = reference.first_to_expire();
    REQUIRE(reassembly.next() == (next == nullptr ? never : next->expiry()));
  };

  for (int n = 0; !tape.empty() && n < most_fragments; ++n) {
    const Fragment f = Fragment::from(tape);
    now += f.later;
    expire();
    const Octets packet = f.packet();
    const auto d = accept(packet, {}, {}, own);
    if (f.offset == 0 && !f.more) {  // all of it: F6
      REQUIRE(!d || !d->fragment);
      continue;
    }
    REQUIRE(d && d->fragment && d->fragment->offset == f.offset && d->fragment->more == f.more);
    take_work();
    const auto got = reassembly.arrives(packet, *d, pool, counters, now);
    REQUIRE(take_work() <= 64 + packet.size());  // law 2
    const Verdict expected = reference.arrives(f, now);
    REQUIRE(got.has_value() == !expected.drop);
    if (!got) REQUIRE(got.error().why == *expected.drop);
    if (got) {
      REQUIRE(got->empty() == !expected.whole);
      if (expected.whole) check_whole(*got, expected, f, own);
    }
    REQUIRE(reassembly.size() == reference.all.size() && reassembly.size() <= Reassembly::datagrams);
    const std::size_t held = reference.blocks() + (got && !got->empty() ? 1 : 0);
    REQUIRE(pool.in_use() == held * Reassembly::block);
    REQUIRE(counters.reassembly_evicted == reference.evicted && counters.reassembly_overlaps == reference.overlaps);
    REQUIRE(counters.reassembled == reference.joined);
  }
  now += 60s;
  expire();
  REQUIRE(reassembly.size() == 0 && pool.in_use() == 0);
}

}  // namespace tunic::fuzz
