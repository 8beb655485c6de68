// Times of arrival, by the place of each octet in the stream.
#include "tcp/arrivals.h"

#include <gtest/gtest.h>

namespace tunic {
namespace {

constexpr Instant t0{};
const Seq start = Seq::first(Seq32{0xffff'fff0});  // the numbers on the wire wrap within

TEST(Arrivals, of_each_octet) {
  Arrivals a;
  a.note(start, start + 10, t0 + 1ms);
  a.note(start + 10, start + 20, t0 + 1ms);
  a.note(start + 20, start + 30, t0 + 2ms);
  EXPECT_EQ(a.at(start), t0 + 1ms);
  EXPECT_EQ(a.at(start + 19), t0 + 1ms);
  EXPECT_EQ(a.at(start + 20), t0 + 2ms);
  EXPECT_EQ(a.at(start + 30), std::nullopt);
}

TEST(Arrivals, of_what_is_read_or_was_not_noted_are_unknown) {
  Arrivals a;
  a.note(start + 10, start + 20, t0 + 1ms);
  a.note(start + 30, start + 40, t0 + 2ms);
  EXPECT_EQ(a.at(start + 9), std::nullopt);
  EXPECT_EQ(a.at(start + 25), std::nullopt);
  a.forget(start + 15);
  EXPECT_EQ(a.at(start + 15), t0 + 1ms);
  a.forget(start + 20);
  EXPECT_EQ(a.at(start + 15), std::nullopt);
  EXPECT_EQ(a.at(start + 39), t0 + 2ms);
  a.clear();
  EXPECT_EQ(a.at(start + 39), std::nullopt);
}

TEST(Arrivals, of_very_many_pieces_are_shared_by_the_last) {
  Arrivals a;
  for (int i = 0; i < 10'000; ++i) a.note(start + i, start + i + 1, t0 + i * 1ms);
  EXPECT_EQ(a.at(start + 100), t0 + 100ms);
  EXPECT_EQ(a.at(start + 255), t0 + 9'999ms);
  EXPECT_EQ(a.at(start + 9'999), t0 + 9'999ms);
  a.forget(start + 9'000);
  a.note(start + 10'000, start + 10'001, t0 + 10'000ms);
  EXPECT_EQ(a.at(start + 10'000), t0 + 10'000ms);
}

}  // namespace
}  // namespace tunic
