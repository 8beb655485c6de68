#include "port/ephemeral.h"

#include <array>
#include <bit>

namespace tunic {

std::uint32_t EphemeralPorts::draw(const FourTuple& pair, Instant now, std::uint32_t attempt,
                                   std::uint32_t below) const {
  const auto octets = std::bit_cast<std::array<std::byte, sizeof pair>>(pair);
  const auto time = static_cast<std::uint64_t>(now.time_since_epoch().count());
  return scale((*prf_)(purpose_, octets, time, attempt), below);
}

}  // namespace tunic
