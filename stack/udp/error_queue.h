// What a socket's user may read with MSG_ERRQUEUE, oldest first: what the network said of what was sent, what this host
// said of it itself, and what of it the stack needs no longer (MSG_ZEROCOPY). A socket has one while something waits in
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "udp/datagram.h"
#include "udp/message_queue.h"

namespace tunic {

class ErrorQueue {
 public:
  bool empty() const { return reports_.empty(); }
  /// Octets charged to the socket's receive buffer.
  std::size_t charge() const { return reports_.charge(); }

  /// Queues a report and what it quotes, if `room` octets hold them with all that waits; else, or where there is no
  /// memory, false.
  bool add(Pool& pool, ErrorReport report, Slice quoted, std::size_t room) {
    if (reports_.charge() + quoted.size() + MessageQueue<ErrorReport>::overhead > room) return false;
    report.size = quoted.size();
    return reports_.push(pool, report, std::move(quoted));
  }

  /// Of the sends that are numbered, `first` to `last` are done with; `copied`: not from the sender's memory after all.
  /// Where the youngest report ends just before, it grows instead, as Linux has it: without reading they take no
  /// memory.
  void complete(std::uint32_t first, std::uint32_t last, bool copied) {
    if (!reports_.empty()) {
      ErrorReport& youngest = reports_[reports_.count() - 1].head;
      const std::uint64_t all = std::uint64_t{youngest.data - youngest.info} + (last - first) + 2;
      if (youngest.origin == origin::zero_copy && youngest.data + 1 == first && all <= 0xffff'ffffu) {
        youngest.data = last;
        return;
      }
    }
    reports_.finish({.origin = origin::zero_copy,
                     .code = copied ? copied_after_all : std::uint8_t{0},
                     .info = first,
                     .data = last});
  }

  /// The oldest report, and as much of what it quotes as `out` has room for.
  std::size_t take(std::span<const MutBytes> out, ErrorReport& report) {
    report = reports_.front().head;
    const std::size_t copied = reports_.copy_front(out);
    reports_.pop();
    return copied;
  }
  /// After take(): what the socket's pending error becomes, if that changes it. The next report of the network is the
  /// next error; with the last one it is gone.
  std::optional<int> error_after(const ErrorReport& taken) const {
    if (!empty() && reports_.front().head.from_network()) return reports_.front().head.error;
    return taken.from_network() ? std::optional{0} : std::nullopt;
  }

  /// Forgets what nobody asks for any more; who sent without a copy still has to hear when that is over.
  void forget_errors() {
    for (std::size_t n = reports_.count(); n != 0; --n) {
      const ErrorReport oldest = reports_.front().head;
      reports_.pop();
      if (oldest.origin == origin::zero_copy) reports_.finish(oldest);
    }
  }

 private:
  static constexpr std::uint8_t copied_after_all = 1;  // SO_EE_CODE_ZEROCOPY_COPIED

  MessageQueue<ErrorReport> reports_;
};

}  // namespace tunic
