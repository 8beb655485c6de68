// A doubly linked list through its elements: no allocation, O(1) erase from the element alone. An element of type T
// derives from ListHook<Tag> once for each list it can be on at a time. The list does not own its elements.
#pragma once

#include <cstddef>
#include <iterator>

namespace tunic {

template <class Tag>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  bool is_linked() const { return next_ != nullptr; }

 private:
  template <class T, class U>
  friend class IntrusiveList;
  void link_before(ListHook* at) {
    prev_ = at->prev_;
    next_ = at;
    prev_->next_ = at->prev_ = this;
  }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
  }

  ListHook *prev_ = nullptr, *next_ = nullptr;
};

template <class T, class Tag = T>
class IntrusiveList {
  using Hook = ListHook<Tag>;

 public:
  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    iterator() = default;
    T& operator*() const { return *static_cast<T*>(at_); }
    T* operator->() const { return static_cast<T*>(at_); }
    iterator& operator++() {
      at_ = at_->next_;
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(iterator, iterator) = default;

   private:
    friend class IntrusiveList;
    explicit iterator(Hook* at) : at_{at} {}
    Hook* at_ = nullptr;
  };

  IntrusiveList() { ends_.prev_ = ends_.next_ = &ends_; }
  /// Elements that are left are unlinked.
  ~IntrusiveList() { clear(); }

  bool empty() const { return ends_.next_ == &ends_; }
  T& front() { return *static_cast<T*>(ends_.next_); }
  T& back() { return *static_cast<T*>(ends_.prev_); }
  void push_back(T& t) { hook(t).link_before(&ends_); }
  void push_front(T& t) { hook(t).link_before(ends_.next_); }
  /// `t` is on a list of this type, whichever.
  static void erase(T& t) { hook(t).unlink(); }
  /// nullptr when empty.
  T* pop_front() {
    if (empty()) return nullptr;
    T& t = front();
    erase(t);
    return &t;
  }
  void clear() {
    while (pop_front() != nullptr) continue;
  }
  /// To erase while iterating, step past the element first.
  iterator begin() { return iterator{ends_.next_}; }
  iterator end() { return iterator{&ends_}; }

 private:
  static Hook& hook(T& t) { return t; }
  Hook ends_;  // makes the list a circle
};

}  // namespace tunic
