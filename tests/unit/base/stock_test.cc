#include "base/stock.h"

#include <gtest/gtest.h>

#include <string>

namespace tunic {
namespace {

TEST(Stock, the_last_that_was_given_back_is_the_first_to_be_used_again) {
  Stock<std::string> stock;
  auto a = stock.take(), b = stock.take();
  const std::string *const first = a.get(), *const second = b.get();
  EXPECT_NE(first, second);
  stock.give_back(std::move(a));
  stock.give_back(std::move(b));
  EXPECT_EQ(stock.take().get(), second);
  EXPECT_EQ(stock.size(), 1u);
  EXPECT_EQ(stock.take().get(), first);
}

TEST(Stock, what_it_keeps_is_bounded) {
  Stock<int> stock;
  std::vector<std::unique_ptr<int>> all;
  for (std::size_t i = 0; i < 2 * Stock<int>::most; ++i) all.push_back(stock.take());
  for (auto& one : all) stock.give_back(std::move(one));
  EXPECT_EQ(stock.size(), Stock<int>::most);
}

}  // namespace
}  // namespace tunic
