// The Identification of datagrams that may be fragmented (N4; RFC 6864, RFC 7739): nobody can predict it, it tells
// nothing of other flows, and it does not come again while fragments of its namesake may be under way. Each flow counts
// for itself, and a keyed permutation of its own makes the numbers of the count.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/prf.h"
#include "base/time.h"
#include "wire/addr.h"

namespace tunic {

class Identification {
 public:
  static constexpr Duration lifetime = 60s;      // 2 MSL: how long fragments live
  static constexpr std::size_t capacity = 8192;  // flows that are remembered

  explicit Identification(const Prf& prf) : prf_{&prf} {}

  /// For a datagram from `src` to `dst` that is no atomic one: 16 bits, without repeat in 65 536 of the flow, or 32
  /// bits for IPv6, without repeat in 2^32.
  std::uint32_t draw(const IpAddr& src, const IpAddr& dst, std::uint8_t protocol, Instant now);

  /// How many were used again within the lifetime, for a flow was faster than 65 536 in it (they are not held back), or
  /// may have been, for more flows were alive than are remembered.
  std::uint64_t repeats() const { return repeats_; }

 private:
  static constexpr std::size_t ways = 8, sets = capacity / ways;
  struct Flow {
    std::uint64_t name = 0;   // of src, dst and protocol, hashed
    std::uint32_t count = 0;  // where in the permutation
    std::uint16_t drawn = 0;  // in this round of 65 536
    bool alive = false, hurries = false;
    Instant round_began{}, last{};
  };

  Flow& flow_of(std::uint64_t name, Bytes tuple, Instant now);
  std::uint32_t permute(std::uint32_t count, Bytes tuple, unsigned half_bits) const;

  const Prf* prf_;
  std::vector<Flow> flows_;  // made with the first one
  std::uint64_t repeats_ = 0;
};

}  // namespace tunic
