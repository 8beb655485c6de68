// A listening socket: connections on their way to ESTABLISHED, and those that wait for accept().
#pragma once

#include <cstdint>

#include "base/ring.h"

namespace tunic {

class Listener {
 public:
  explicit Listener(std::uint32_t backlog) : backlog_{backlog} {}

  void set_backlog(std::uint32_t n) { backlog_ = n; }
  std::uint32_t backlog() const { return backlog_; }
  /// Whether one more connection may become established (S4).
  bool accept_full() const { return accept_queue_.size() >= backlog_; }

  std::uint32_t half_open() const { return half_open_; }
  void on_half_open() { ++half_open_; }
  void on_half_open_gone() { --half_open_; }

  /// `child`: the index of its socket.
  void on_established(std::uint32_t child) {
    --half_open_;
    accept_queue_.push_back(child);
  }
  bool empty() const { return accept_queue_.empty(); }
  std::size_t waiting() const { return accept_queue_.size(); }
  std::uint32_t pop() { return accept_queue_.pop_front(); }

 private:
  Ring<std::uint32_t> accept_queue_;  // oldest first
  std::uint32_t backlog_;
  std::uint32_t half_open_ = 0;  // in SYN-RECEIVED
};

}  // namespace tunic
