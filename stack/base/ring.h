// A queue in one block of memory whose capacity is a power of two, up to 2^31; it grows as needed and never shrinks by
// itself: shrink() gives the memory of an empty ring back, so that an idle owner holds none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace tunic {

template <class T>
class Ring {
  static_assert(std::is_nothrow_move_assignable_v<T> && std::is_default_constructible_v<T>);

 public:
  Ring() = default;
  Ring(Ring&& o) noexcept
      : slots_{std::move(o.slots_)},
        capacity_{std::exchange(o.capacity_, 0)},
        begin_{std::exchange(o.begin_, 0)},
        size_{std::exchange(o.size_, 0)} {}
  Ring& operator=(Ring&& o) noexcept {
    slots_ = std::move(o.slots_);
    capacity_ = std::exchange(o.capacity_, 0);
    begin_ = std::exchange(o.begin_, 0);
    size_ = std::exchange(o.size_, 0);
    return *this;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return capacity_; }

  /// i counts from the front.
  T& operator[](std::size_t i) { return slots_[at(i)]; }
  const T& operator[](std::size_t i) const { return slots_[at(i)]; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == capacity_) grow();
    slots_[at(size_++)] = std::move(value);
  }
  T pop_front() {
    T value = take(slots_[begin_]);
    begin_ = static_cast<std::uint32_t>(at(1));
    --size_;
    return value;
  }
  T pop_back() { return take(slots_[at(--size_)]); }
  void clear() {
    while (!empty()) pop_back();
  }
  /// Gives the memory back if the ring is empty.
  void shrink() {
    if (empty()) *this = Ring{};
  }
  /// The same, but for as much as the packets of one burst take: who trims between bursts allocates nothing in the
  /// next.
  void trim() {
    if (capacity_ > modest) shrink();
  }

 private:
  static constexpr std::uint32_t smallest = 4, modest = 1024;

  std::size_t at(std::size_t i) const { return (begin_ + i) & (capacity_ - 1); }
  /// A slot without a value holds T{}, so that what it referred to is let go now.
  static T take(T& slot) {
    if constexpr (std::is_trivially_copyable_v<T>)
      return slot;
    else
      return std::exchange(slot, T{});
  }
  void grow() {
    const std::uint32_t wider = capacity_ == 0 ? smallest : 2 * capacity_;
    auto slots = std::make_unique<T[]>(wider);
    for (std::uint32_t i = 0; i < size_; ++i) slots[i] = std::move((*this)[i]);
    slots_ = std::move(slots);
    capacity_ = wider;
    begin_ = 0;
  }

  std::unique_ptr<T[]> slots_;
  std::uint32_t capacity_ = 0, begin_ = 0, size_ = 0;
};

}  // namespace tunic
