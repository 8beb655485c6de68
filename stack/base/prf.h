// The only source of unpredictable values on a flow's path: SipHash-2-4 under the secret key of the Stack. A value
// depends on what it is for and on the flow it is for, never on how many were drawn before, so flows do not interfere.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace tunic {

using PrfKey = std::array<std::uint8_t, 16>;

/// SipHash-2-4 (Aumasson and Bernstein, 2012) of `input`.
std::uint64_t siphash(const PrfKey& key, Bytes input);

/// What a value is for: values of different purposes tell nothing of each other. Append only: the numbers are hashed.
enum class Purpose : std::uint64_t {
  demux = 1,
  isn,
  timestamp,
  port,
  reuse_port,
  flow_label,
  jitter,
  syn_cookie,
  ip_id,
  reassembly,
  path_mtu,
  udp_port,
  echo_id,
  rate_limit,
};

class Prf {
 public:
  explicit Prf(const PrfKey& key) : key_{key} {}
  /// SipHash of purpose || a || b || input, the numbers as 8 octets each.
  std::uint64_t operator()(Purpose purpose, Bytes input, std::uint64_t a = 0, std::uint64_t b = 0) const;
  /// Forgets the key: values drawn afterwards are those of the zero key.
  void wipe();

 private:
  PrfKey key_;
};

/// `x` of 64 uniform bits brought to [0, n) by multiplication; the bias is below n / 2^32.
inline std::uint32_t scale(std::uint64_t x, std::uint32_t n) {
  return static_cast<std::uint32_t>(((x >> 32) * n) >> 32);
}

}  // namespace tunic
