// A socket of ours in epolls of the kernel: its numbers stand for an eventfd, which is readable while something that
// was asked for is there.
#pragma once

#include <vector>

#include "posix/driver.h"

namespace tunic {

/// All under the gate.
class Doorbell final : public Observer {
 public:
  /// `bell` is an eventfd and becomes this one's.
  explicit Doorbell(int bell) : Observer{false}, bell_{bell} {}
  ~Doorbell() override;
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  int bell() const { return bell_; }
  /// What the socket's number `fd` asks for in the kernel's `epoll`, in ready:: bits; 0: nothing any more. The result
  /// is what it asked for before.
  std::uint32_t ask(int epoll, int fd, std::uint32_t wanted);
  /// Forgets what was asked for in epolls that the kernel no longer has, closed without EPOLL_CTL_DEL, and whose
  /// numbers may be other epolls by now. `is_own(fd)`: whether a number still is the socket's; of others nothing is
  /// known.
  template <class F>
  void forget_closed(F is_own) {
    std::erase_if(requests_, [&](const Request& r) { return is_own(r.fd) && is_closed(r); });
    add_up();
  }

  bool on_edge(std::uint32_t is, std::uint32_t news) override;
  void on_call(std::uint32_t is, bool again) override;
  void on_close() override;

 private:
  struct Request {
    int epoll, fd;
    std::uint32_t wanted;
  };
  static bool is_closed(const Request& r);
  void add_up();

  const int bell_;
  bool is_rung_ = false;
  std::uint32_t wanted_ = 0;  // of all requests
  std::vector<Request> requests_;
};

}  // namespace tunic
