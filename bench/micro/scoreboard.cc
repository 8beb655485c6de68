// What a sender remembers of what is in flight: a range for each packet.
#include <benchmark/benchmark.h>

#include <array>

#include "tcp/scoreboard.h"

namespace tunic {
namespace {

constexpr std::int64_t text = 1460;

/// `n` packets in flight.
struct Flight {
  explicit Flight(std::int64_t n) {
    while (n-- > 0) send();
  }
  void send() {
    const Seq begin = next;
    next = next + text;
    board.on_sent({.begin = begin, .end = next, .sent_at = now, .tx_in_flight = text});
    now += 1us;
  }

  Scoreboard board;
  Seq una = Seq::first({1000}), next = una;
  Instant now{};
};

/// One is acknowledged, and the next is sent.
void scoreboard_acknowledge(benchmark::State& state) {
  Flight f{state.range(0)};
  for (auto _ : state) {
    f.una = f.una + text;
    benchmark::DoNotOptimize(f.board.on_ack(f.una));
    f.send();
  }
}
BENCHMARK(scoreboard_acknowledge)->ArgName("ranges")->Arg(1)->Arg(8)->Arg(64)->Arg(512)->Arg(4096);

/// Of 2n packets every second has arrived, so n ranges stand behind holes: an acknowledgment tells of three of them,
/// the newest first, all known.
void scoreboard_sack(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  Flight f{2 * n};
  std::size_t turn = 0;
  const auto arrived = [&](std::int64_t i) { return SeqRange{f.una + (2 * i + 1) * text, f.una + (2 * i + 2) * text}; };
  for (std::int64_t i = 0; i < n; ++i) f.board.on_sack(std::array{arrived(i)}, 64 * 1024);
  for (auto _ : state) {
    const auto i = static_cast<std::int64_t>(turn++ % static_cast<std::size_t>(n));
    const std::array blocks{arrived(i), arrived((i + 1) % n), arrived((i + 2) % n)};
    benchmark::DoNotOptimize(f.board.on_sack(blocks, 64 * 1024));
  }
}
BENCHMARK(scoreboard_sack)->ArgName("ranges")->Arg(1)->Arg(8)->Arg(64)->Arg(512)->Arg(4096);

/// The first is lost and sent again, another in the middle too, and then the first is acknowledged.
void scoreboard_lose(benchmark::State& state) {
  Flight f{state.range(0)};
  for (auto _ : state) {
    f.board.mark_lost(f.una, f.una + text);
    const Seq middle = f.una + state.range(0) / 2 * text;
    if (middle != f.una) f.board.mark_lost(middle, middle + text);
    while (const auto lost = f.board.first_lost()) f.board.on_retransmitted(lost->begin, lost->end, f.now);
    f.una = f.una + text;
    benchmark::DoNotOptimize(f.board.on_ack(f.una));
    f.send();
  }
}
BENCHMARK(scoreboard_lose)->ArgName("ranges")->Arg(1)->Arg(8)->Arg(64)->Arg(512)->Arg(4096);

}  // namespace
}  // namespace tunic
