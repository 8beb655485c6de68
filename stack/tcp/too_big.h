// What to believe of "packet too big" (RFC 5927 section 7.2, C2). Where nothing as large was ever acknowledged it is
// believed at once: that is path MTU discovery as it begins. Later the path has carried larger packets, and the message
// waits: acknowledgments that go on prove it wrong, a timeout proves it right. All sizes are octets of IP packets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/seq.h"

namespace tunic {

class TooBig {
 public:
  void on_sent(std::uint32_t packet) { largest_sent_ = std::max(largest_sent_, narrow(packet)); }
  /// `packet`: the largest that `una` newly acknowledges.
  void on_ack(Seq una, std::uint32_t packet) {
    largest_acked_ = std::max(largest_acked_, narrow(packet));
    if (pending_mtu_ != 0 && una > pending_seq_) pending_mtu_ = 0;
  }
  /// The message quotes the segment at `seq`, which is in flight. `timeouts`: of it, since the last acknowledgment.
  /// True if `claimed` is believed now.
  bool arrives(std::uint32_t claimed, std::uint32_t current, Seq seq, int timeouts) {
    if (claimed >= current || claimed > largest_sent_) return false;  // never a raise; it cannot have refused anything
    if (claimed < largest_acked_ && timeouts == 0) {
      if (pending_mtu_ == 0 || claimed < pending_mtu_) pending_mtu_ = narrow(claimed), pending_seq_ = seq;
      return false;
    }
    believe(claimed);
    return true;
  }
  /// The retransmission timer ran out: what waited is believed, at most once.
  std::optional<std::uint32_t> on_timeout(std::uint32_t current) {
    const std::uint32_t claimed = pending_mtu_;
    pending_mtu_ = 0;
    if (claimed == 0 || claimed >= current) return {};
    believe(claimed);
    return claimed;
  }

 private:
  void believe(std::uint32_t mtu) {
    largest_acked_ = std::min(largest_acked_, narrow(mtu));
    largest_sent_ = 0;
    pending_mtu_ = 0;
  }
  static std::uint16_t narrow(std::uint32_t packet) {
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(packet, 65'535));
  }
  Seq pending_seq_;
  std::uint16_t largest_sent_ = 0, largest_acked_ = 0;
  std::uint16_t pending_mtu_ = 0;  // 0: nothing waits
};

}  // namespace tunic
