// Two Stacks joined in memory: connections that come and go, and a stream of text. Time is virtual; what is measured is
// work.
#include <benchmark/benchmark.h>

#include <vector>

#include "buf/memory_link.h"
#include "core/stack.h"

namespace tunic {
namespace {

IpAddr address(Family family, std::uint8_t host) {
  if (family == Family::v4) return IpAddr::v4(0xc6120000u + host);
  std::array<std::byte, 16> octets{std::byte{0xfd}};
  octets[15] = std::byte{host};
  return IpAddr::v6(octets.data());
}

struct Hosts {
  explicit Hosts(Family f = Family::v4, LinkTraits traits = MemoryLink::traits)
      : family{f}, client{config(1, traits)}, server{config(2, traits)}, listener{server.open(f).value()} {
    server.bind(listener, at).value();
    server.listen(listener, 16).value();
  }

  Config config(std::uint8_t host, LinkTraits traits) const {
    Config c;
    c.addresses = {{address(family, host), 24}};
    c.link = traits;
    c.key.fill(host);
    return c;
  }

  /// Until no packet is on its way.
  void settle() {
    do {
      client.poll(now, cable.left());
      server.poll(now, cable.right());
    } while (cable.waiting());
  }

  struct Ends {
    SocketId client, server;
  };
  Ends connect() {
    const SocketId s = client.open(family).value();
    static_cast<void>(client.connect(s, at, now));
    settle();
    return {s, server.accept(listener).value()};
  }

  Family family;
  Endpoint at{address(family, 2), Port{80}};
  Stack client, server;
  MemoryLink cable{client.pool(), server.pool()};
  SocketId listener;
  Instant now{};
};

/// Handshake, both FINs, TIME-WAIT. A thousand in a second of virtual time, so that pairs in TIME-WAIT are used again.
void connect_and_close(benchmark::State& state) {
  Hosts hosts{state.range(0) == 6 ? Family::v6 : Family::v4};
  for (auto _ : state) {
    const auto ends = hosts.connect();
    hosts.client.close(ends.client).value();
    hosts.settle();
    hosts.server.close(ends.server).value();
    hosts.settle();
    hosts.now += 1ms;
  }
  if (hosts.server.connections() != 0) state.SkipWithError("a connection did not end");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(connect_and_close)->ArgName("ip")->Arg(4)->Arg(6);

/// From send() at one end to receive() at the other, acknowledgments and windows with it. `checksums`: computed and
/// verified.
void bulk(benchmark::State& state) {
  const LinkTraits traits{.checksum = state.range(2) == 0, .max_gso = state.range(1) != 0 ? 65'535u : 0u};
  Hosts hosts{state.range(0) == 6 ? Family::v6 : Family::v4, traits};
  const auto ends = hosts.connect();
  std::vector<std::byte> text(1 << 20), reader(1 << 20);
  std::int64_t got = 0;
  for (auto _ : state) {
    while (hosts.client.send(ends.client, text)) continue;
    hosts.client.flush(hosts.now, hosts.cable.left());
    hosts.server.poll(hosts.now, hosts.cable.right());
    while (const auto n = hosts.server.receive(ends.server, reader)) got += static_cast<std::int64_t>(*n);
    hosts.server.flush(hosts.now, hosts.cable.right());
    hosts.client.poll(hosts.now, hosts.cable.left());
    hosts.now += 1ms;
  }
  if (hosts.client.counters().tcp_retransmits != 0) state.SkipWithError("something was lost");
  state.SetBytesProcessed(got);
}
BENCHMARK(bulk)
    ->ArgNames({"ip", "super", "checksums"})
    ->Args({4, 1, 0})
    ->Args({6, 1, 0})
    ->Args({4, 0, 0})
    ->Args({4, 0, 1})
    ->Args({4, 1, 1});

}  // namespace
}  // namespace tunic
