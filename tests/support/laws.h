// The laws that hold for every packet of every test, watched at the edge of a Stack: no amplification (law 3), nothing
// acknowledged that never came and no window that moves left (law 9), nothing sent beyond a FIN or the peer's window,
// only options that were negotiated, and the text of a stream always the same. Knows both ends' numbers, so scripts ask
// it too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "test_support/segment.h"

namespace tunic::test {

/// A set of positions, as disjoint ranges.
class Intervals {
 public:
  void add(std::int64_t begin, std::int64_t end);
  bool covers(std::int64_t begin, std::int64_t end) const;
  /// The end of the range that holds `from`, or `from`.
  std::int64_t end_of(std::int64_t from) const;

 private:
  std::map<std::int64_t, std::int64_t> ranges_;  // begin -> end
};

/// What an onlooker knows of one connection. Numbers are relative: ours to iss, the peer's to irs.
struct Flow {
  bool open = false;  // our SYN or SYN-ACK was seen
  bool active = false, validated = false;
  std::uint32_t iss = 0;
  std::optional<std::uint32_t> irs;
  bool scaling = false, timestamps = false, sack = false;
  std::uint8_t our_scale = 0, peer_scale = 0;
  TcpOptions our_offer;
  std::int64_t snd_max = 0, peer_edge = 0;  // how far we sent; how far the peer's window ever reached
  std::int64_t acked = 0, our_edge = 0;     // how far we acknowledged; how far our window ever reached
  std::optional<std::int64_t> our_fin;
  Intervals heard;                         // what the peer ever sent
  std::vector<Segment> syns;               // the peer's, whichever of them we will answer
  int credit = 0, syn_ack_repeats = 0;     // packets a source that is not validated may still cause
  std::optional<Stamp> first_ts, last_ts;  // ours

  int scale_of_peer() const { return scaling ? peer_scale : 0; }
  int scale_of_ours() const { return scaling ? our_scale : 0; }
};

class Laws {
 public:
  using Broken = std::optional<std::string>;
  void injected(const Segment& s);
  Broken sent(const Segment& s);
  /// The connection as the Stack sees it: local is the Stack's end.
  Flow& flow(const FourTuple& t) { return flows_[t]; }

 private:
  std::map<FourTuple, Flow> flows_;
};

/// The number nearest to `near` whose distance from `base` is that of `raw` modulo 2^32.
inline std::int64_t relative(std::uint32_t raw, std::uint32_t base, std::int64_t near) {
  return near + static_cast<std::int32_t>(raw - static_cast<std::uint32_t>(base + static_cast<std::uint64_t>(near)));
}

}  // namespace tunic::test
