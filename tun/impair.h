// Impair makes a live Link as bad as a real network, repeatably: it loses, holds back and repeats packets in each
// direction with given probabilities, all from one seed. Super-packets are first cut into the segments that a wire
// would carry. For tests. It stands here rather than in buf because it rewrites headers (wire); it makes no system
// call.
//
// A packet held back goes on when up to 8 others have passed it, or at the second receive() in a row in which its
// direction was idle. So whoever waits for packets must not wait for ever while held() is true: call receive() again
// within milliseconds.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "buf/link.h"
#include "buf/slab.h"

namespace tunic {

struct ImpairSettings {
  static constexpr std::uint32_t certain = 1'000'000;
  struct Odds {
    std::uint32_t loss = 0, reorder = 0, duplicate = 0;  // parts per million of the wire segments
  };
  Odds in, out;
  std::uint64_t seed = 1;
};

/// Reads "loss=1%,reorder=0.5%,duplicate=1%,seed=7": any of them, both directions alike unless the name has in_ or out_
/// before it (out_loss=2%). The error is a sentence.
std::expected<ImpairSettings, std::string> parse_impair(std::string_view text);

/// One direction: decides about each packet, and keeps those it holds back.
template <class Packet>
class ImpairLane {
 public:
  struct Counts {
    std::uint64_t passed = 0, lost = 0, reordered = 0, duplicated = 0;
  };

  ImpairLane(ImpairSettings::Odds odds, std::uint64_t seed) : odds_{odds}, random_{seed} {}
  /// Adds to `out` what comes of `packet`: nothing, itself once or twice, and those that it was the last to pass.
  void pass(Packet packet, std::vector<Packet>& out);
  /// To be said once a turn; the second idle turn in a row lets everything go.
  void turn(bool idle, std::vector<Packet>& out);
  bool holding() const { return !held_.empty(); }
  const Counts& counts() const { return counts_; }
  /// Goes on holding only the packets for which `f` is true; `f` may change them.
  template <class F>
  void keep_if(F f) {
    std::erase_if(held_, [&f](Held& h) { return !f(h.packet); });
  }

 private:
  struct Held {
    Packet packet;
    std::uint64_t to_pass;
  };
  std::uint64_t next();
  bool happens(std::uint32_t odds) { return next() % ImpairSettings::certain < odds; }

  ImpairSettings::Odds odds_;
  std::uint64_t random_;
  int idle_turns_ = 0;
  std::vector<Held> held_;
  Counts counts_;
};

class Impair final : public Link {
 public:
  /// `pool` takes the segments of received super-packets, and lent text of packets that are held; it and `inner`
  /// outlive this. traits() of `inner` hold for this too.
  Impair(Link& inner, Pool& pool, const ImpairSettings& settings);

  std::span<RxPacket> receive(const ReadHint* hint = nullptr) override;
  std::size_t send(std::span<TxPacket> packets) override;

  /// Whether packets wait here: receive() has to be called again soon.
  bool held() const { return in_.holding() || out_.holding() || !ready_.empty(); }
  const ImpairLane<RxPacket>::Counts& received() const { return in_.counts(); }
  const ImpairLane<TxPacket>::Counts& sent() const { return out_.counts(); }
  /// Segments lost for want of memory rather than by chance.
  std::uint64_t no_memory() const { return no_memory_; }

 private:
  void pass_in(RxPacket& packet);
  void pass_out(const TxPacket& packet);
  bool send_ready();
  bool promote(TxPacket& packet);

  Link& inner_;
  Pool& pool_;
  ImpairLane<RxPacket> in_;
  ImpairLane<TxPacket> out_;
  bool sent_since_receive_ = false;
  std::uint64_t no_memory_ = 0;
  std::vector<RxPacket> burst_;  // what the last receive() gave
  std::vector<TxPacket> ready_;  // what inner_ has still to take, in order
};

}  // namespace tunic
