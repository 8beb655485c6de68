// What a connection tells of itself (STATUS, RFC 9293 section 3.10.6), against an independent count of the packets.
#include "pair.h"

namespace tunic::test {
namespace {

struct Info : Pair {};
INSTANTIATE_TEST_SUITE_P(, Info, pair_variants, variant_name);

/// The wire segments that one side sent, as whoever watches the way counts them.
struct Count {
  std::uint64_t segments = 0, text = 0, octets = 0, again = 0, octets_again = 0, before_their_turn = 0;
};

/// The World cuts super-packets, so that each packet seen is a wire segment. `arrived`: only what was not lost.
Count count(const World& w, int from, bool arrived) {
  Count c;
  std::optional<std::uint32_t> next;  // one past the highest sequence number so far
  for (const World::Seen& s : w.seen()) {
    if (s.from != from || (arrived && s.lost)) continue;
    ++c.segments;
    const bool syn = s.segment.has(flag::syn);
    const auto size = static_cast<std::uint32_t>(s.size) + (syn || s.segment.has(flag::fin) ? 1 : 0);
    const bool again = size != 0 && next && static_cast<std::int32_t>(s.segment.seq - *next) < 0;
    if (again) ++c.again;
    if (s.size != 0) ++c.text, c.octets += s.size;
    if (s.size != 0 && again) c.octets_again += s.size;
    if (size != 0 && !again) next = s.segment.seq + size;
  }
  return c;
}

struct Transfer {
  Transfer(const World::Setup& s, std::size_t octets, const Plan& reader = {.end = Plan::End::stay}) : world{s} {
    world.serve(World::right, 80, 4, reader);
    user = &world.connect(World::left, 80, {.write = octets, .end = Plan::End::stay});
  }
  bool run_through(Duration d) {
    return world.run(d, [&] { return world.users(1) == 1 && world.user(1).read() == user->plan.write; });
  }
  TcpInfo left() { return world.stack(0).info(user->socket(), world.now()).value(); }
  TcpInfo right() { return world.stack(1).info(world.user(1).socket(), world.now()).value(); }
  World world;
  User* user;
};

// segs_in/out, data_segs_in/out, bytes_sent/acked/received/retrans, total_retrans, delivered: super-packets count as
// the wire segments that they become, with losses and without.
TEST_P(Info, counts_are_those_of_the_wire) {
  for (const bool gso : {true, false})
    for (const std::uint32_t loss : {0u, 20u}) {
      World::Setup s = setup(7);
      s.gso = gso;
      s.ways[0].loss = loss;
      Transfer t{s, 400'000};
      ASSERT_TRUE(t.run_through(300s)) << tail(t.world);
      t.world.run(5s);
      const std::string what = "gso " + std::to_string(gso) + ", loss " + std::to_string(loss);
      const Count sent = count(t.world, 0, false), came = count(t.world, 0, true), back = count(t.world, 1, true);
      const TcpInfo l = t.left(), r = t.right();
      EXPECT_EQ(l.segs_out, sent.segments) << what;
      EXPECT_EQ(l.data_segs_out, sent.text) << what;
      EXPECT_EQ(l.bytes_sent, sent.octets) << what;
      EXPECT_EQ(l.bytes_retrans, sent.octets_again) << what;
      EXPECT_EQ(l.total_retrans, sent.again) << what;
      EXPECT_EQ(l.bytes_acked, 400'000u) << what;
      EXPECT_EQ(l.segs_in, back.segments) << what;
      EXPECT_EQ(l.data_segs_in, 0u) << what;
      EXPECT_EQ(r.segs_in, came.segments) << what;
      EXPECT_EQ(r.data_segs_in, came.text) << what;
      EXPECT_EQ(r.bytes_received, 400'000u) << what;
      EXPECT_EQ(r.segs_out, back.segments) << what;
      EXPECT_EQ(l.unacked, 0u) << what;
      EXPECT_EQ(l.notsent, 0) << what;
      if (loss != 0) {
        EXPECT_GT(l.total_retrans, 0u) << "or nothing was tested";
      }
      if (loss != 0) {
        EXPECT_GT(r.rcv_ooopack, 0u) << "or nothing was tested";
      }
      if (loss == 0) {
        EXPECT_EQ(l.delivered, sent.text) << what;
      }
      if (loss == 0) {
        EXPECT_EQ(r.rcv_ooopack + l.total_retrans + l.dsack_dups, 0u) << what;
      }
    }
}

// unacked and lost are wire segments in flight: all that was sent and not answered.
TEST_P(Info, what_is_in_flight_is_counted_in_wire_segments) {
  World::Setup s = setup();
  Transfer t{s, 10};
  ASSERT_TRUE(t.run_through(10s));
  t.world.run(1s);
  const std::uint64_t before = t.left().data_segs_out;
  t.world.way(0).drop = [](const Segment&) { return true; };
  t.user->plan.write += 9'000;
  t.user->act();
  t.world.flush(0);
  TcpInfo i = t.left();
  EXPECT_EQ(i.unacked, i.data_segs_out - before);
  EXPECT_EQ(i.unacked, (9'000 + i.snd_mss - 1) / i.snd_mss);
  EXPECT_EQ(i.lost, 0u);
  EXPECT_EQ(i.retransmits, 0u);
  t.world.run(2s);
  i = t.left();
  EXPECT_GE(i.retransmits, 2u);
  EXPECT_EQ(i.backoff, i.retransmits);
  EXPECT_EQ(i.total_retrans, i.retransmits);
  EXPECT_EQ(i.retrans, 1u) << "the first goes again, the others wait";
  EXPECT_EQ(i.lost, i.unacked) << "all of them, as Linux has it, sent again or not";
  EXPECT_EQ(i.congestion, CongestionState::loss);
  t.world.way(0).drop = nullptr;
  ASSERT_TRUE(t.run_through(60s));
  t.world.run(1s);
  i = t.left();
  EXPECT_EQ(i.congestion, CongestionState::open);
  EXPECT_EQ(i.retransmits + i.backoff + i.unacked + i.lost + i.retrans, 0u);
}

// srtt, min_rtt and rcv_rtt are the way there and back; rttvar dies away on a steady path; min_rtt forgets in time.
TEST_P(Info, round_trips_are_those_of_the_ways) {
  World::Setup s = setup();
  s.ways[0].delay = 30ms;
  s.ways[1].delay = 20ms;
  Transfer t{s, 1'000'000};
  ASSERT_TRUE(t.run_through(60s));
  t.world.run(1s);
  TcpInfo i = t.left();
  EXPECT_GE(i.min_rtt, 50ms);
  EXPECT_LE(i.min_rtt, 51ms);
  EXPECT_GE(i.srtt, 50ms);
  EXPECT_LE(i.srtt, 95ms) << "with the delay of an acknowledgment";
  EXPECT_GE(i.rto, 200ms);
  EXPECT_GE(t.right().rcv_rtt, 45ms);
  EXPECT_LE(t.right().rcv_rtt, 400ms);
  t.world.way(0).delay = 80ms;
  for (int k = 0; k < 400; ++k) {
    t.user->plan.write += 5'000;
    t.user->act();
    t.world.flush(0);
    t.world.run(1s);
  }
  EXPECT_GE(t.left().min_rtt, 100ms) << "the path is another: 300 s have passed";
}

// delivery_rate finds the rate of the bottleneck; a trickle is known to be limited by the user.
TEST_P(Info, the_delivery_rate_is_the_bottlenecks) {
  World::Setup s = setup();
  s.ways[0].rate = 1'000'000;
  Transfer t{s, 3'000'000};
  ASSERT_TRUE(t.world.run(60s, [&] { return t.world.users(1) == 1 && t.world.user(1).read() > 2'000'000; }));
  const TcpInfo i = t.left();
  EXPECT_NEAR(static_cast<double>(i.delivery_rate), 965'000.0, 60'000.0) << "text, without headers";
  EXPECT_FALSE(i.app_limited);
  Transfer slow{setup(), 1'000};
  ASSERT_TRUE(slow.run_through(10s));
  slow.world.run(1s);
  EXPECT_GT(slow.left().delivery_rate, 0);
  EXPECT_TRUE(slow.left().app_limited);
}

// busy_time, and what held the sender: the peer's window, then its own buffer.
TEST_P(Info, time_is_charged_to_what_holds_the_sender) {
  Transfer idle{setup(), 1'000};
  ASSERT_TRUE(idle.run_through(10s));
  idle.world.run(100s);
  EXPECT_LE(idle.left().busy_time, 100ms);
  EXPECT_GE(idle.left().last_data_sent, 99s);
  EXPECT_GE(idle.left().last_ack_recv, 99s);
  EXPECT_GE(idle.right().last_data_recv, 99s);
  EXPECT_EQ(idle.right().last_data_sent, Duration{});

  Transfer unread{setup(), 3'000'000, {.reads = false, .end = Plan::End::stay}};
  unread.world.run(50s);
  const TcpInfo i = unread.left();
  EXPECT_EQ(i.snd_wnd, 0);
  EXPECT_GT(i.notsent, 0);
  EXPECT_GE(i.probes, 3u);
  EXPECT_GE(i.rwnd_limited, 45s);
  EXPECT_GE(i.busy_time, i.rwnd_limited);
  EXPECT_LE(i.busy_time, 51s);

  World::Setup s = setup();
  for (Way& way : s.ways) way.delay = 100ms;
  s.tcp.send_buffer = 8'000;
  Transfer small{s, 0};
  ASSERT_TRUE(small.world.run(5s, [&] { return small.world.users(1) == 1; }));
  ASSERT_TRUE(small.world.stack(0).set(small.user->socket(), Option::send_buffer, 8'000));
  small.user->plan.write = 400'000;
  small.user->act();
  small.world.flush(0);
  ASSERT_TRUE(small.run_through(60s));
  EXPECT_GE(small.left().sndbuf_limited, 5s);
  EXPECT_LE(small.left().sndbuf_limited, small.left().busy_time);
}

// pmtu, advmss, snd_mss, rcv_mss, rcv_wnd and snd_wnd of both ends fit together.
TEST_P(Info, sizes_and_windows_of_both_ends_agree) {
  Transfer t{setup(), 200'000};
  ASSERT_TRUE(t.run_through(30s));
  t.world.run(1s);
  const TcpInfo l = t.left(), r = t.right();
  const std::uint32_t headers = (GetParam().family == Family::v4 ? 40u : 60u) + 12u;
  EXPECT_EQ(l.pmtu, 1500u);
  EXPECT_EQ(l.advmss, 1500u - headers);
  EXPECT_EQ(l.snd_mss, 1500u - headers);
  EXPECT_EQ(r.rcv_mss, l.snd_mss);
  EXPECT_EQ(l.snd_wnd, r.rcv_wnd);
  EXPECT_GE(r.rcv_ssthresh, r.rcv_wnd - r.rcv_mss);
  EXPECT_GT(r.rcv_space, 0);
  EXPECT_EQ(l.sacked, 0u);
}

}  // namespace
}  // namespace tunic::test
