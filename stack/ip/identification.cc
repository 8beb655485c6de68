#include "ip/identification.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace tunic {
namespace {

enum Use : std::uint64_t { naming, beginning, round };  // what a value of Purpose::ip_id is for

}  // namespace

std::uint32_t Identification::draw(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, Instant now) {
  std::array<std::byte, 33> tuple;
  std::ranges::copy(src.octets(), tuple.begin());
  std::ranges::copy(dst.octets(), tuple.begin() + 16);
  tuple[32] = std::byte{protocol};
  Flow& flow = flow_of((*prf_)(Purpose::ip_id, tuple, naming), tuple, now);
  if (flow.drawn++ == 0) {  // a round of 65 536 begins
    flow.hurries = flow.alive && now - flow.round_began < lifetime;
    flow.round_began = now;
  }
  const bool v4 = dst.is_v4();
  if (v4 && flow.hurries) ++repeats_;
  flow.alive = true;
  flow.last = now;
  return permute(flow.count++, tuple, v4 ? 8 : 16);
}

/// The oldest of its set makes room; one that has been silent for the lifetime does so without loss.
Identification::Flow& Identification::flow_of(std::uint64_t name, Bytes tuple, Instant now) {
  if (flows_.empty()) flows_.resize(capacity);
  const std::span<Flow> set{flows_.data() + name % sets * ways, ways};
  if (const auto known = std::ranges::find_if(set, [&](const Flow& f) { return f.alive && f.name == name; });
      known != set.end())
    return *known;
  Flow& place = *std::ranges::min_element(set, {}, [](const Flow& f) { return f.alive ? f.last : Instant::min(); });
  if (place.alive && now - place.last < lifetime) ++repeats_;
  const auto since = static_cast<std::uint64_t>(now.time_since_epoch().count());
  place = {.name = name, .count = static_cast<std::uint32_t>((*prf_)(Purpose::ip_id, tuple, beginning, since))};
  return place;
}

/// A Feistel network of four rounds (Luby and Rackoff, 1988) over two halves of `half_bits`.
std::uint32_t Identification::permute(std::uint32_t count, Bytes tuple, unsigned half_bits) const {
  const std::uint32_t mask = (1u << half_bits) - 1;
  std::uint32_t left = count >> half_bits & mask, right = count & mask;
  for (std::uint64_t n = 0; n < 4; ++n) {
    const auto f = static_cast<std::uint32_t>((*prf_)(Purpose::ip_id, tuple, round + n, right));
    left = std::exchange(right, (left ^ f) & mask);
  }
  return left << half_bits | right;
}

}  // namespace tunic
