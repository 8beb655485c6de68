// What every fuzz target is made of: one function over octets that anybody may choose. Under libFuzzer it is run on
// inputs that reach new branches; as a test, on the seeds that stand beside it. A target ends the process when what it
// looks at is wrong.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"

namespace tunic::fuzz {

/// Defined once by each target.
void run(Bytes input);

/// Ends the process with a line that says what was expected and where.
#define REQUIRE(condition)                                                                   \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: this should hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)

/// The input as a row of choices; when it is used up every choice is 0.
class Tape {
 public:
  explicit Tape(Bytes input) : rest_{input} {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t octet() {
    if (rest_.empty()) return 0;
    const std::uint8_t o = byte_at(rest_, 0);
    rest_ = rest_.subspan(1);
    return o;
  }
  std::uint16_t word() { return static_cast<std::uint16_t>(octet() << 8 | octet()); }
  std::uint32_t number() { return std::uint32_t{word()} << 16 | word(); }
  /// One of [0, n), by an octet; n is at most 256.
  std::uint32_t below(std::uint32_t n) { return octet() % n; }
  Bytes take(std::size_t n) {
    const Bytes taken = rest_.first(n < rest_.size() ? n : rest_.size());
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

}  // namespace tunic::fuzz
