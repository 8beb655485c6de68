// Flows do not interfere (law 4): what a peer sees of one connection is the same octets whether there is another or not.
#include <map>

#include "pair.h"

namespace tunic::test {
namespace {

struct Interference : Pair {};
INSTANTIATE_TEST_SUITE_P(, Interference, pair_variants, variant_name);

/// What one Stack sends on the flow B, octet by octet with its times, while another flow A may be in any state.
enum class Other { nothing, idle, busy, closed, aborted, refused, half_open, many };

using Trace = std::vector<std::pair<Instant, std::vector<std::byte>>>;

struct Solo final {
  Solo(const World::Setup& s, Other other) : world{s} {
    const Plan b{.write = 120'000, .write_chunk = 7000, .read_chunk = 3000};
    world.serve(World::right, 80, 64, b);
    world.serve(World::right, 81, 64, {.write = 50'000});
    const Plan a{.write = other == Other::busy || other == Other::many ? 90'000u : 10u,
                 .end = other == Other::idle ? Plan::End::stay : other == Other::aborted ? Plan::End::abort : Plan::End::half_close};
    if (other == Other::half_open) world.way(World::right).drop = [](const Segment& s2) { return s2.src.port == Port{81}; };
    const int connections = other == Other::nothing ? 0 : other == Other::many ? 20 : 1;
    for (int i = 0; i < connections; ++i) world.connect(World::left, other == Other::refused ? 82 : 81, a);
    if (other == Other::closed) world.run(1s);
    else world.run(1s);
    const std::size_t since = world.seen().size();
    User& user = world.connect(World::left, 80, b, 5000);
    finished = world.run(60s, [&] { return user.gone(); });
    world.run(2s);
    for (std::size_t i = since; i < world.seen().size(); ++i)
      if (const auto& seen = world.seen()[i]; seen.segment.src.port == Port{80} || seen.segment.dst.port == Port{80})
        trace.push_back(world.seen()[i]);
  }
  World world;
  std::vector<World::Seen> trace;
  bool finished = false;
};

bool same(const World::Seen& a, const World::Seen& b) {
  const Segment &x = a.segment, &y = b.segment;
  const bool stamps = x.options.ts.has_value() == y.options.ts.has_value() &&
                      (!x.options.ts || (x.options.ts->val == y.options.ts->val && x.options.ts->ecr == y.options.ts->ecr));
  return a.at == b.at && a.from == b.from && a.size == b.size && x.src == y.src && x.dst == y.dst && x.seq == y.seq && x.ack == y.ack &&
         x.flags == y.flags && x.window == y.window && x.urgent == y.urgent && stamps && x.options.sack == y.options.sack &&
         x.options.mss == y.options.mss && x.options.wscale == y.options.wscale;
}

// L4
TEST_P(Interference, a_flow_is_the_same_whatever_another_does) {
  const Solo alone{setup(), Other::nothing};
  ASSERT_TRUE(alone.finished);
  ASSERT_GT(alone.trace.size(), 50u);
  for (Other other : {Other::idle, Other::busy, Other::closed, Other::aborted, Other::refused, Other::half_open, Other::many}) {
    const Solo with{setup(), other};
    ASSERT_TRUE(with.finished) << static_cast<int>(other);
    ASSERT_EQ(with.trace.size(), alone.trace.size()) << static_cast<int>(other);
    for (std::size_t i = 0; i < alone.trace.size(); ++i)
      ASSERT_TRUE(same(with.trace[i], alone.trace[i]))
          << "beside " << static_cast<int>(other) << ", packet " << i << ":\n" << name(alone.trace[i]) << "\n" << name(with.trace[i]);
  }
}

}  // namespace
}  // namespace tunic::test
