// One Stack with very many connections: what a request and its answer cost when the next one is on any of them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>

#include "crowd.h"

namespace tunic {
namespace {

/// A Stack and its crowd, made once for each size: a benchmark is called several times.
struct Host {
  explicit Host(std::size_t n) : crowd{stack, n}, order(n) {
    for (std::size_t i = 0; i < n; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937{1});
  }
  static Host& of(std::size_t n) {
    static std::unique_ptr<Host> host;
    if (!host || host->crowd.size() != n) {
      host.reset();
      host = std::make_unique<Host>(n);
    }
    return *host;
  }

  Stack stack{Crowd::config()};
  Crowd crowd;
  std::vector<std::size_t> order;  // that no cache foresees
  Instant now{};
};

/// From Link::receive() through receive() and send() to Link::send(), as many at once as a burst has.
void request_and_answer(benchmark::State& state) {
  Host& host = Host::of(static_cast<std::size_t>(state.range(0)));
  const std::size_t at_once = std::min(Crowd::burst, host.crowd.size());
  std::array<std::byte, 16> octets{};
  std::size_t next = 0;
  std::int64_t answered = 0;
  for (auto _ : state) {
    const std::size_t first = next;
    for (std::size_t i = 0; i < at_once; ++i, next = (next + 1) % host.order.size()) host.crowd.ask(host.order[next]);
    host.stack.poll(host.now, host.crowd);
    for (std::size_t i = 0; i < at_once; ++i) {
      const SocketId s = host.crowd.socket(host.order[(first + i) % host.order.size()]);
      if (host.stack.receive(s, octets) == 1u && host.stack.send(s, Bytes{octets}.first(1)) == 1u) ++answered;
    }
    host.stack.flush(host.now, host.crowd);
    host.now += 100us;
  }
  if (answered != state.iterations() * static_cast<std::int64_t>(at_once)) state.SkipWithError("a request was lost");
  state.SetItemsProcessed(answered);
}
BENCHMARK(request_and_answer)->ArgName("connections")->RangeMultiplier(10)->Range(10, 1'000'000);

/// A user call that finds nothing to do.
void receive_nothing(benchmark::State& state) {
  Host& host = Host::of(static_cast<std::size_t>(state.range(0)));
  std::array<std::byte, 16> octets{};
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(host.stack.receive(host.crowd.socket(host.order[next]), octets));
    if (++next == host.order.size()) next = 0;
  }
}
BENCHMARK(receive_nothing)->ArgName("connections")->RangeMultiplier(10)->Range(10, 1'000'000);

}  // namespace
}  // namespace tunic
