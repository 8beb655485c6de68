// Law 2, work is bounded: test builds count the loop iterations of the core, so that a test can hold each packet to at
// most 64 of them plus the octets it touches. Other builds count nothing.
#pragma once

#include <cstdint>
#include <utility>

namespace tunic {

#ifdef TUNIC_COUNT_WORK
inline constexpr bool counts_work = true;
inline thread_local std::uint64_t work_done = 0;
/// One more iteration.
inline void step() { ++work_done; }
/// The iterations of this thread since the last call.
inline std::uint64_t take_work() { return std::exchange(work_done, 0); }
#else
inline constexpr bool counts_work = false;
inline void step() {}
inline std::uint64_t take_work() { return 0; }
#endif

}  // namespace tunic
