// What a connection counts and times only to tell it (STATUS, RFC 9293 section 3.10.6; RFC 4898; TCP_INFO): nothing of
// the protocol depends on it. Segments are those of the wire; a super-packet is as many as it is cut into.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/seq.h"
#include "base/time.h"

namespace tunic {

/// What holds the sender up, and for how long.
class SendClock {
 public:
  enum class Limit : std::uint8_t { none, receive_window, send_buffer, idle };
  void turn(Limit to, Instant now) {
    if (to == limit_) return;
    if (limit_ != Limit::idle) total_[index(limit_)] += now - since_;
    limit_ = to;
    since_ = now;
  }
  /// Of all but `idle`.
  Duration total(Limit l, Instant now) const { return total_[index(l)] + (l == limit_ ? now - since_ : Duration{}); }

 private:
  static std::size_t index(Limit l) { return static_cast<std::size_t>(l); }
  std::array<Duration, 3> total_{};
  Instant since_{};
  Limit limit_ = Limit::idle;
};

struct Statistics {
  // As wide as in TCP_INFO: they begin again after 2^32.
  std::uint32_t segments_in = 0, segments_out = 0;       // with text or without
  std::uint32_t text_in = 0, text_out = 0;               // segments with text
  std::uint32_t retransmitted = 0, delivered = 0;        // segments sent again; segments acknowledged
  std::uint64_t octets_sent = 0, octets_sent_again = 0;  // of text
  std::uint32_t out_of_order = 0, dsacks = 0;            // segments that came before their turn; D-SACKs that came
  std::uint32_t reorderings = 0;                         // acknowledgments of what others had overtaken
  Instant text_sent_at{}, text_received_at{};
  SendClock clock;

  // The round trip as the receiver sees it: the time that a window of text takes to come.
  Duration receive_rtt{};
  Seq window_end;
  Instant window_begun{};
  void on_window(Seq nxt, std::int64_t window, Instant now) {
    if (nxt < window_end) return;
    if (window_begun != Instant{} && now > window_begun) {
      const Duration r = now - window_begun;
      receive_rtt = receive_rtt == Duration{} || r < receive_rtt ? r : receive_rtt + (r - receive_rtt) / 8;
    }
    window_end = nxt + window;
    window_begun = now;
  }
};

}  // namespace tunic
