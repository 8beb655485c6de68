// One connection, one segment after the other: what a Stack spends on text that comes in, and on acknowledgments.
#include <benchmark/benchmark.h>

#include <vector>

#include "peer.h"

namespace tunic {
namespace {

constexpr std::size_t most_text = 44 * Peer::mss;  // of a super-packet

/// From Link::receive() to the reader's buffer, and the acknowledgments back: a burst of segments in each poll.
void text_in_order(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::size_t segments = size > Peer::mss ? 8 : 16;
  Config config = Peer::config();
  config.tcp.prediction = state.range(1) != 0;
  Stack stack{config};
  Peer peer;
  const SocketId s = peer.open(stack);
  std::vector<std::byte> reader(segments * size);
  Instant now{};
  std::size_t given = 0, got = 0;
  for (auto _ : state) {
    const std::size_t fits = std::min(segments, peer.room() / size);
    given += fits * size;
    for (std::size_t i = 0; i < fits; ++i) peer.give_text(size, size > Peer::mss ? Peer::mss : std::uint16_t{0});
    stack.poll(now, peer);
    while (const auto n = stack.receive(s, reader)) got += *n;
    stack.flush(now, peer);
    now += 100us;
  }
  if (!stack.counters().conserved() || got == 0 || got != given) state.SkipWithError("text was lost");
  state.SetBytesProcessed(static_cast<std::int64_t>(got));
  state.SetItemsProcessed(static_cast<std::int64_t>(got / size));
  state.counters["predicted"] =
      static_cast<double>(stack.counters().predicted) * static_cast<double>(size) / static_cast<double>(got);
}
BENCHMARK(text_in_order)->ArgNames({"octets", "prediction"})->ArgsProduct({{Peer::mss, most_text}, {1, 0}});

/// 32 packets are in flight, and each is acknowledged by a segment of its own.
void acknowledgment(benchmark::State& state) {
  Config config = Peer::config();
  if (state.range(0) == Peer::mss) config.link.max_gso = 0;
  Stack stack{config};
  Peer peer;
  const SocketId s = peer.open(stack);
  const std::vector<std::byte> text(Peer::burst * static_cast<std::size_t>(state.range(0)));
  Instant now{};
  std::int64_t acknowledged = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Bytes left = text;
    if (const auto n = stack.send(s, left)) left = left.subspan(*n);
    stack.flush(now, peer);
    for (const Seq32 end : peer.take_sent()) {
      peer.acknowledge(end);
      if (++acknowledged % std::int64_t{Peer::burst} == 0) break;
    }
    now += 100us;
    state.ResumeTiming();
    stack.poll(now, peer);
  }
  state.SetItemsProcessed(acknowledged);
}
BENCHMARK(acknowledgment)->ArgName("octets")->Arg(Peer::mss)->Arg(most_text);

}  // namespace
}  // namespace tunic
