// Objects that are needed often and for a short time. What is given back is kept, with the memory that it holds, and is
// the first to be handed out again: so an owner may let go of it the moment he is idle, and still nothing is allocated
// in the steady state.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace tunic {

template <class T>
class Stock {
 public:
  /// So many are kept; more are deleted.
  static constexpr std::size_t most = 256;

  std::unique_ptr<T> take() {
    if (kept_.empty()) return std::make_unique<T>();
    std::unique_ptr<T> t = std::move(kept_.back());
    kept_.pop_back();
    return t;
  }
  /// `t` is as a new one, but for memory that it may hold.
  void give_back(std::unique_ptr<T> t) {
    if (kept_.size() < most) kept_.push_back(std::move(t));
  }
  std::size_t size() const { return kept_.size(); }

 private:
  std::vector<std::unique_ptr<T>> kept_;
};

}  // namespace tunic
