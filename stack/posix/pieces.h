// A walk through the ranges of a struct iovec array, of which some octets at the front are done.
#pragma once

#include <sys/uio.h>

#include <climits>
#include <cstddef>
#include <span>

#include "base/bytes.h"
#include "posix/answer.h"

namespace tunic {

class Pieces {
 public:
  explicit Pieces(std::span<const iovec> all) : all_{all} { skip_empty(); }

  /// Octets in all of them. Errors as Linux: EINVAL where that is more than a ssize_t holds, EFAULT where there is no
  /// memory.
  static Result<std::size_t> total(std::span<const iovec> all) {
    std::size_t sum = 0;
    for (const iovec& v : all) {
      if (v.iov_len > SSIZE_MAX - sum) return fail(Error::invalid);
      if (v.iov_len != 0 && v.iov_base == nullptr) return fail_as(EFAULT);
      sum += v.iov_len;
    }
    return sum;
  }

  /// What is not done of the current range; empty at the end.
  MutBytes front() const {
    if (all_.empty()) return {};
    return MutBytes{static_cast<std::byte*>(all_[0].iov_base), all_[0].iov_len}.subspan(done_);
  }
  bool is_last() const { return all_.size() <= 1; }
  void advance(std::size_t n) {
    done_ += n;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (!all_.empty() && done_ == all_[0].iov_len) {
      all_ = all_.subspan(1);
      done_ = 0;
    }
  }

  std::span<const iovec> all_;
  std::size_t done_ = 0;
};

}  // namespace tunic
