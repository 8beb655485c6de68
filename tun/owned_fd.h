// A descriptor that is closed when its owner goes.
#pragma once

#include <utility>

#include "tun/system.h"

namespace tunic {

class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_{fd} {}
  OwnedFd(OwnedFd&& o) noexcept : fd_{o.release()} {}
  OwnedFd& operator=(OwnedFd o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~OwnedFd() {
    if (fd_ >= 0) sys::close(fd_);
  }
  /// -1: none.
  int operator*() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace tunic
