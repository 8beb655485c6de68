// Initial sequence numbers (RFC 6528, RFC 9293 section 3.4.1): a 4 us clock plus a keyed hash of the pair, so that
// numbers of one pair grow and those of others tell nothing (MUST-8, MUST-9, SHLD-1). The offset of the timestamp clock
// comes the same way, so that it tells neither uptime nor which connections share a host (RFC 7323 section 7.1).
#pragma once

#include <cstdint>

#include "base/prf.h"
#include "base/seq.h"
#include "base/time.h"
#include "wire/addr.h"

namespace tunic {

inline std::uint64_t prf_of_pair(const Prf& prf, Purpose purpose, const FourTuple& pair) {
  return prf(purpose, std::as_bytes(std::span{&pair, 1}));
}

inline Seq32 initial_sequence(const Prf& prf, const FourTuple& pair, Instant now) {
  const auto ticks = static_cast<std::uint64_t>(now.time_since_epoch() / 4us);
  return {static_cast<std::uint32_t>(ticks + prf_of_pair(prf, Purpose::isn, pair))};
}

inline std::uint32_t timestamp_offset(const Prf& prf, const FourTuple& pair) {
  return static_cast<std::uint32_t>(prf_of_pair(prf, Purpose::timestamp, pair));
}

/// The timestamp clock: 1 ms ticks (RFC 7323 section 5.4 allows 1 ms to 1 s).
inline std::uint32_t timestamp_clock(Instant now) { return static_cast<std::uint32_t>(now.time_since_epoch() / 1ms); }

}  // namespace tunic
