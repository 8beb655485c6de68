// What a Stack looks up and what it waits for: the demux and the timer wheel, from ten connections to a million.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "base/timer_wheel.h"
#include "port/demux.h"

namespace tunic {
namespace {

void sizes(benchmark::internal::Benchmark* b) { b->ArgName("n")->RangeMultiplier(10)->Range(10, 1'000'000); }

FourTuple pair_of(std::uint32_t n) {
  return {{IpAddr::v4(0xc6120002), Port{80}},
          {IpAddr::v4(0xc6130000 + n / 60'000), Port{static_cast<std::uint16_t>(1024 + n % 60'000)}}};
}

/// Pairs in an order that no cache foresees.
void demux_find(benchmark::State& state) {
  const Prf prf{std::array<std::uint8_t, 16>{7}};
  Demux demux{prf};
  const auto n = static_cast<std::uint32_t>(state.range(0));
  std::vector<FourTuple> pairs;
  for (std::uint32_t i = 0; i < n; ++i) {
    pairs.push_back(pair_of(i));
    if (!demux.insert(pairs.back(), i)) return state.SkipWithError("a pair was refused");
  }
  std::shuffle(pairs.begin(), pairs.end(), std::mt19937{n});
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(demux.find(pairs[i]));
    if (++i == pairs.size()) i = 0;
  }
}
BENCHMARK(demux_find)->Apply(sizes);

void demux_insert_and_erase(benchmark::State& state) {
  const Prf prf{std::array<std::uint8_t, 16>{7}};
  Demux demux{prf};
  const auto n = static_cast<std::uint32_t>(state.range(0));
  for (std::uint32_t i = 0; i < n; ++i) demux.insert(pair_of(i), i);
  std::uint32_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(demux.erase(pair_of(i)));
    benchmark::DoNotOptimize(demux.insert(pair_of(i), i));
    if (++i == n) i = 0;
  }
}
BENCHMARK(demux_insert_and_erase)->Apply(sizes);

/// A wheel with n nodes whose deadlines lie in the next second, as retransmission timers do.
struct Wheel {
  explicit Wheel(std::size_t n) : nodes(n) {
    for (auto& node : nodes) wheel.arm(node, Instant{in_a_second()});
  }
  ~Wheel() {
    for (auto& node : nodes) wheel.cancel(node);
  }
  Wheel(const Wheel&) = delete;
  Wheel& operator=(const Wheel&) = delete;
  Duration in_a_second() { return Duration{static_cast<std::int64_t>(random() % 1'000'000'000)}; }

  std::mt19937 random{1};
  TimerWheel wheel;
  std::vector<TimerNode> nodes;
};

/// Each acknowledgment puts the retransmission timer further off.
void timer_arm_again(benchmark::State& state) {
  Wheel w{static_cast<std::size_t>(state.range(0))};
  std::size_t i = 0;
  for (auto _ : state) {
    w.wheel.arm(w.nodes[i], w.nodes[i].when + 1ms);
    if (++i == w.nodes.size()) i = 0;
  }
}
BENCHMARK(timer_arm_again)->Apply(sizes);

void timer_cancel_and_arm(benchmark::State& state) {
  Wheel w{static_cast<std::size_t>(state.range(0))};
  std::size_t i = 0;
  for (auto _ : state) {
    w.wheel.cancel(w.nodes[i]);
    w.wheel.arm(w.nodes[i], w.nodes[i].when);
    if (++i == w.nodes.size()) i = 0;
  }
}
BENCHMARK(timer_cancel_and_arm)->Apply(sizes);

/// Time goes on to the next deadline; what comes out goes in again for a second later. With it, its moves between
/// levels.
void timer_pop_and_arm(benchmark::State& state) {
  Wheel w{static_cast<std::size_t>(state.range(0))};
  Instant now{};
  for (auto _ : state) {
    TimerNode* node = w.wheel.pop_due(now);
    while (node == nullptr) {
      now = std::max(now, w.wheel.next());
      node = w.wheel.pop_due(now);
    }
    w.wheel.arm(*node, now + w.in_a_second());
  }
}
BENCHMARK(timer_pop_and_arm)->Apply(sizes);

}  // namespace
}  // namespace tunic
