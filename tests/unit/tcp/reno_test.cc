// Reno's numbers, RFC 5681 with octets counted.
#include "tcp/reno.h"

#include <gtest/gtest.h>

namespace tunic {
namespace {

constexpr std::int64_t mss = 1000;

AckSample ack(std::int64_t acked, std::int64_t in_flight = 0) {
  AckSample a;
  a.acked = acked;
  a.prior_in_flight = in_flight;
  a.min_rtt = 10ms;
  a.is_cwnd_limited = true;
  return a;
}

TEST(Reno, the_initial_window_is_ten_segments_but_not_more_octets_than_rfc_6928_allows) {
  EXPECT_EQ(Reno(1000, 10).cwnd(), 10'000);
  EXPECT_EQ(Reno(1460, 10).cwnd(), 14'600);
  EXPECT_EQ(Reno(9000, 10).cwnd(), 18'000);
}

TEST(Reno, slow_start_adds_what_was_acknowledged) {
  Reno r{mss, 10};
  r.on_ack(ack(2 * mss));
  EXPECT_EQ(r.cwnd(), 12 * mss);
}

TEST(Reno, one_octet_acknowledged_adds_one_octet) {  // X1
  Reno r{mss, 10};
  for (int i = 0; i < 1000; ++i) r.on_ack(ack(1));
  EXPECT_EQ(r.cwnd(), 11 * mss);
}

TEST(Reno, slow_start_adds_at_most_eight_segments_an_acknowledgment_on_a_slow_path) {
  Reno slow{mss, 10}, fast{mss, 10};
  slow.on_ack(ack(40 * mss));
  EXPECT_EQ(slow.cwnd(), 18 * mss);
  AckSample a = ack(40 * mss);
  a.min_rtt = 100us;
  fast.on_ack(a);
  EXPECT_EQ(fast.cwnd(), 50 * mss);
}

TEST(Reno, what_is_not_used_is_not_raised) {
  Reno r{mss, 10};
  AckSample a = ack(5 * mss);
  a.is_cwnd_limited = false;
  r.on_ack(a);
  EXPECT_EQ(r.cwnd(), 10 * mss);
}

TEST(Reno, a_loss_halves_what_was_in_flight) {  // equation (4)
  Reno r{mss, 10};
  r.on_loss(ack(0, 20 * mss));
  EXPECT_EQ(r.ssthresh(), 10 * mss);
  EXPECT_EQ(r.cwnd(), 10 * mss);
  r.on_loss(ack(0, mss));
  EXPECT_EQ(r.ssthresh(), 2 * mss) << "never below two segments";
}

TEST(Reno, congestion_avoidance_adds_a_segment_a_window) {
  Reno r{mss, 10};
  r.on_loss(ack(0, 20 * mss));
  for (int i = 0; i < 9; ++i) r.on_ack(ack(mss));
  EXPECT_EQ(r.cwnd(), 10 * mss);
  r.on_ack(ack(mss));
  EXPECT_EQ(r.cwnd(), 11 * mss);
}

TEST(Reno, a_timeout_leaves_one_segment_and_slow_start_goes_on_by_one) {
  Reno r{mss, 10};
  r.on_rto(ack(0, 20 * mss));
  EXPECT_EQ(r.cwnd(), mss);
  EXPECT_EQ(r.ssthresh(), 10 * mss);
  r.on_ack(ack(5 * mss));
  EXPECT_EQ(r.cwnd(), 2 * mss);
}

TEST(Reno, no_burst_out_of_recovery) {  // RFC 6582 section 3.2 step 3
  Reno r{mss, 10};
  r.on_loss(ack(0, 20 * mss));
  r.on_recovery_exit(ack(0, 3 * mss));
  EXPECT_EQ(r.cwnd(), 4 * mss);
  r.on_loss(ack(0, 20 * mss));
  r.on_recovery_exit(ack(0, 30 * mss));
  EXPECT_EQ(r.cwnd(), 10 * mss);
}

TEST(Reno, idleness_takes_the_window_back_to_the_initial_one) {  // RFC 5681 section 4.1
  Reno r{mss, 10};
  for (int i = 0; i < 20; ++i) r.on_ack(ack(2 * mss));
  EXPECT_EQ(r.cwnd(), 50 * mss);
  r.on_idle_restart(Instant{});
  EXPECT_EQ(r.cwnd(), 10 * mss);
}

TEST(Reno, the_window_has_a_bound) {
  Reno r{mss, 10};
  AckSample a = ack(Reno::largest);
  a.min_rtt = Duration{};
  for (int i = 0; i < 4; ++i) r.on_ack(a);
  EXPECT_EQ(r.cwnd(), Reno::largest);
}

}  // namespace
}  // namespace tunic
