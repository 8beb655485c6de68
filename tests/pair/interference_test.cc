// Flows do not interfere (law 4): what a peer sees of one connection is the same octets whether there is another or
// not.
#include "pair.h"

namespace tunic::test {
namespace {

struct Interference : Pair {};
INSTANTIATE_TEST_SUITE_P(, Interference, pair_variants, variant_name);

/// What the other flow, A, is while B's is recorded.
enum class Other { nothing, idle, busy, closed, aborted, refused, half_open, many };

/// The trace of B: every octet that either end sent, with its time.
struct Conversation {
  Conversation(const World::Setup& s, Other other) : world{s} {
    const Plan b{.write = 120'000, .write_chunk = 7000, .read_chunk = 3000};
    world.serve(World::right, 80, 64, b);
    world.serve(World::right, 81, 64, {.write = 50'000});
    const Plan a{.write = other == Other::busy || other == Other::many ? 90'000u : 10u,
                 .end = other == Other::idle      ? Plan::End::stay
                        : other == Other::aborted ? Plan::End::abort
                                                  : Plan::End::half_close};
    if (other == Other::half_open)
      world.way(World::right).drop = [](const Segment& s2) { return s2.src.port == Port{81}; };
    const int connections = other == Other::nothing ? 0 : other == Other::many ? 20 : 1;
    for (int i = 0; i < connections; ++i) world.connect(World::left, other == Other::refused ? 82 : 81, a);
    world.run(1s);  // A is where it should be
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

bool same(const World::Seen& a, const World::Seen& b) { return a.at == b.at && a.from == b.from && a.hash == b.hash; }

// L4
TEST_P(Interference, a_flow_is_the_same_whatever_another_does) {
  World::Setup s = setup();
  s.gso = false;  // so that packets cross as they were made
  const Conversation alone{s, Other::nothing};
  ASSERT_TRUE(alone.finished);
  ASSERT_GT(alone.trace.size(), 50u);
  for (Other other :
       {Other::idle, Other::busy, Other::closed, Other::aborted, Other::refused, Other::half_open, Other::many}) {
    const Conversation with{s, other};
    ASSERT_TRUE(with.finished) << static_cast<int>(other);
    ASSERT_EQ(with.trace.size(), alone.trace.size()) << static_cast<int>(other);
    for (std::size_t i = 0; i < alone.trace.size(); ++i)
      ASSERT_TRUE(same(with.trace[i], alone.trace[i]))
          << "beside " << static_cast<int>(other) << ", packet " << i << ":\n"
          << name(alone.trace[i]) << "\n"
          << name(with.trace[i]);
  }
}

}  // namespace
}  // namespace tunic::test
