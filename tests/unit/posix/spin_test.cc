// When a caller looks for packets before it sleeps: counted, not timed.
#include "posix/spin.h"

#include <gtest/gtest.h>

namespace tunic {
namespace {

/// Looks among `sleeps`, where each finds what `finds` says.
unsigned looks(Spin& spin, unsigned sleeps, bool finds) {
  unsigned n = 0;
  for (unsigned i = 0; i < sleeps; ++i)
    if (spin.is_due()) ++n, spin.tell(finds);
  return n;
}

TEST(Spin, goes_on_while_it_finds) {
  Spin spin;
  EXPECT_EQ(looks(spin, 1000, true), 1000u);
}

TEST(Spin, is_rare_where_it_never_finds) {
  Spin spin;
  EXPECT_EQ(looks(spin, 4096, false), 12u);  // before sleeps 0, 2, 6, 14, ... 4094
  looks(spin, 1 << 14, false);
  const unsigned n = looks(spin, 1 << 20, false);
  EXPECT_GE(n, (1u << 20) / (Spin::most_skipped + 1) - 1) << "it is still tried";
  EXPECT_LE(n, (1u << 20) / (Spin::most_skipped + 1) + 1);
}

TEST(Spin, one_that_finds_makes_it_go_on_again) {
  Spin spin;
  looks(spin, 1 << 20, false);
  while (!spin.is_due()) {
  }
  spin.tell(true);
  EXPECT_EQ(looks(spin, 1000, true), 1000u);
}

}  // namespace
}  // namespace tunic
