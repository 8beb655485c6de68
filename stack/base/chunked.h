// A vector whose elements stay where they are: it grows by whole chunks and moves none. An element costs no more than
// its own size, and is found by its index in two steps.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tunic {

template <class T>
class Chunked {
 public:
  static constexpr std::size_t chunk = 64;  // elements

  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return chunks_[i / chunk][i % chunk]; }
  const T& operator[](std::size_t i) const { return chunks_[i / chunk][i % chunk]; }
  void add() {
    if (size_ % chunk == 0) chunks_.push_back(std::make_unique<T[]>(chunk));
    ++size_;
  }
  /// Makes an element as new.
  void renew(std::size_t i) {
    T& t = (*this)[i];
    std::destroy_at(&t);
    std::construct_at(&t);
  }

 private:
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace tunic
