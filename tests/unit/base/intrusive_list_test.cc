#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <list>
#include <random>
#include <vector>

namespace tunic {
namespace {

struct OtherList;
struct Item : ListHook<Item>, ListHook<OtherList> {
  explicit Item(int v) : value{v} {}
  int value;
};
using Items = IntrusiveList<Item>;
using Others = IntrusiveList<Item, OtherList>;

template <class L>
std::vector<int> values(L& list) {
  std::vector<int> v;
  for (const Item& item : list) v.push_back(item.value);
  return v;
}

TEST(IntrusiveList, keeps_order_and_erases_anywhere) {
  Item a{1}, b{2}, c{3}, d{4};
  Items list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  list.push_back(d);
  EXPECT_EQ(values(list), (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(list.front().value, 1);
  EXPECT_EQ(list.back().value, 4);
  Items::erase(b);
  Items::erase(d);
  EXPECT_EQ(values(list), (std::vector{1, 3}));
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.pop_front(), &c);
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, an_element_is_on_two_lists_at_once) {
  Item a{1}, b{2};
  Items list;
  Others others;
  list.push_back(a);
  others.push_back(b);
  others.push_back(a);
  Items::erase(a);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(values(others), (std::vector{2, 1}));
  EXPECT_FALSE(static_cast<ListHook<Item>&>(a).is_linked());
  EXPECT_TRUE(static_cast<ListHook<OtherList>&>(a).is_linked());
}

TEST(IntrusiveList, a_list_that_goes_unlinks_its_elements) {
  Item a{1};
  {
    Items list;
    list.push_back(a);
  }
  EXPECT_FALSE(static_cast<ListHook<Item>&>(a).is_linked());
}

TEST(IntrusiveList, agrees_with_std_list) {
  std::mt19937 random{1};
  std::list<Item> items;
  for (int i = 0; i < 64; ++i) items.emplace_back(i);
  std::vector<Item*> all;
  for (Item& i : items) all.push_back(&i);
  Items list;
  std::list<int> reference;
  for (int step = 0; step < 20'000; ++step) {
    Item& item = *all[random() % all.size()];
    if (static_cast<ListHook<Item>&>(item).is_linked()) {
      Items::erase(item);
      reference.remove(item.value);
    } else if (random() % 2 == 0) {
      list.push_back(item);
      reference.push_back(item.value);
    } else {
      list.push_front(item);
      reference.push_front(item.value);
    }
    ASSERT_EQ(values(list), std::vector<int>(reference.begin(), reference.end()));
  }
}

}  // namespace
}  // namespace tunic
