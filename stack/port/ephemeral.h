// The choice of an ephemeral port (RFC 6056 section 3.3.2, Algorithm 2): ports nobody can predict, uniform over a
// range. A draw depends on the destination, the local address and the time, and no state is kept, so ports of one
// destination say nothing of those of another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/prf.h"
#include "base/time.h"
#include "wire/addr.h"

namespace tunic {

class EphemeralPorts {
 public:
  static constexpr std::uint32_t draws = 16;
  static constexpr std::uint16_t lowest = 1024;  // RFC 6056 section 3.2: the range should be as wide as 1024-65535

  /// The preferred range; below it, from 1024 on, are the ports for when it has none left. `prf` must outlive this.
  EphemeralPorts(const Prf& prf, std::uint16_t first, std::uint16_t last, Purpose purpose = Purpose::port)
      : prf_{&prf}, first_{first}, last_{last}, purpose_{purpose} {}

  void set_range(std::uint16_t first, std::uint16_t last) {
    first_ = first;
    last_ = last;
  }
  /// Ports that are never chosen.
  void reserve(std::vector<Port> ports) {
    reserved_ = std::move(ports);
    std::sort(reserved_.begin(), reserved_.end());
  }

  /// A port for an active open; is_free(Port) says whether this connection may have it, and is asked at most once for
  /// each port after the draws. Error: not_available.
  template <class F>
  Result<Port> for_connect(const IpAddr& local, const Endpoint& remote, Instant now, F is_free) const {
    return choose({{local, {}}, remote}, now, is_free, Error::not_available);
  }
  /// A port for bind() to port 0. Error: in_use.
  template <class F>
  Result<Port> for_bind(const IpAddr& local, Instant now, F is_free) const {
    return choose({{local, {}}, {IpAddr::any(local.family()), {}}}, now, is_free, Error::in_use);
  }

 private:
  std::uint32_t draw(const FourTuple& pair, Instant now, std::uint32_t attempt, std::uint32_t below) const;
  bool is_reserved(Port p) const { return std::binary_search(reserved_.begin(), reserved_.end(), p); }

  template <class F>
  Result<Port> choose(const FourTuple& pair, Instant now, F& is_free, Error none_left) const {
    if (const auto port = choose_in(first_, last_, 0, pair, now, is_free)) return *port;
    if (first_ > lowest)
      if (const auto port = choose_in(lowest, first_ - 1u, draws + 1, pair, now, is_free)) return *port;
    return fail(none_left);
  }

  // Random draws while they are likely to hit, then every port in turn from a random one on.
  template <class F>
  std::optional<Port> choose_in(std::uint32_t first, std::uint32_t last, std::uint32_t attempt, const FourTuple& pair,
                                Instant now, F& is_free) const {
    const std::uint32_t count = last - first + 1;
    const auto usable = [&](std::uint32_t offset) {
      const Port p = Port(first + offset % count);
      return !is_reserved(p) && is_free(p);
    };
    for (std::uint32_t i = 0; i < draws; ++i)
      if (const std::uint32_t offset = draw(pair, now, attempt + i, count); usable(offset)) return Port(first + offset);
    const std::uint32_t start = draw(pair, now, attempt + draws, count);
    for (std::uint32_t i = 0; i < count; ++i)
      if (usable(start + i)) return Port(first + (start + i) % count);
    return {};
  }

  const Prf* prf_;
  std::uint16_t first_, last_;
  Purpose purpose_;             // ports of one transport tell nothing of another's
  std::vector<Port> reserved_;  // sorted
};

}  // namespace tunic
