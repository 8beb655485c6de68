// A descriptor that is closed when its owner goes out of scope: a Socket of our stack, or a File of the kernel.
#pragma once

#include <tunic.h>
#include <unistd.h>

#include <utility>

namespace apps {

template <int (*close_descriptor)(int)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(int fd) : fd_{fd} {}
  Owned(Owned&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Owned& operator=(Owned&& other) noexcept {
    Owned old{std::exchange(fd_, std::exchange(other.fd_, -1))};
    return *this;
  }
  ~Owned() {
    if (fd_ >= 0) close_descriptor(fd_);
  }

  int fd() const { return fd_; }
  /// Gives the descriptor away: the caller closes it.
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

using Socket = Owned<&tunic_close>;
using File = Owned<&::close>;

}  // namespace apps
