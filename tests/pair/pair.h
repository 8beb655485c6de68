// What the tests of pairs share: the variants that a test runs over, and what must hold at the end of each.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "world.h"

namespace tunic::test {

/// A conversation must go alike over both families, with the fast path and without.
struct PairVariant {
  Family family = Family::v4;
  bool prediction = true;
};

inline std::string name(const PairVariant& v) {
  return std::string{v.family == Family::v4 ? "v4" : "v6"} + (v.prediction ? "" : "_unpredicted");
}

class Pair : public testing::TestWithParam<PairVariant> {
 protected:
  static World::Setup setup(std::uint64_t seed = 1) {
    World::Setup s;
    s.family = GetParam().family;
    s.tcp.prediction = GetParam().prediction;
    s.seed = seed;
    return s;
  }
};

inline const auto pair_variants = testing::Values(PairVariant{Family::v4, true}, PairVariant{Family::v4, false},
                                                  PairVariant{Family::v6, true}, PairVariant{Family::v6, false});
inline std::string variant_name(const testing::TestParamInfo<PairVariant>& i) { return name(i.param); }

/// No law was broken, and no octet was another.
inline void expect_lawful(const World& w, const std::string& what = {}) {
  if (!w.broken().empty())
    ADD_FAILURE() << what << ": " << w.broken().front() << " (" << w.broken().size() << " in all)";
}

/// The last packets, for a failure.
inline std::string tail(const World& w, std::size_t n = 30) {
  std::string text;
  const auto& seen = w.seen();
  for (std::size_t i = seen.size() > n ? seen.size() - n : 0; i < seen.size(); ++i) text += "\n  " + name(seen[i]);
  return text;
}

/// Whatever happened: both ends forget everything, within TIME-WAIT and what it takes to get there.
inline void expect_all_given_back(World& w, Duration within, const std::string& what = {}) {
  if (!w.run_until_clean(within)) {
    for (int side : {World::left, World::right})
      ADD_FAILURE() << what << ": side " << side << " keeps " << w.stack(side).connections() << " connections and "
                    << w.stack(side).pool().in_use() << " octets, conserved " << w.stack(side).counters().conserved()
                    << tail(w);
  }
  expect_lawful(w, what);
}

}  // namespace tunic::test
