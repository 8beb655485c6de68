// Reading a header, and the checksum over what follows it.
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/protocol.h"
#include "wire/tcp.h"
#include "wire/tcp_options.h"

namespace tunic {
namespace {

/// IPv4 and TCP with timestamps, as in the middle of a transfer; with all options of a SYN, as at its beginning.
std::vector<std::byte> packet(bool syn) {
  std::array<std::byte, TcpOptions::max_size> options{};
  TcpOptions o{.timestamps = Timestamps{1, 2}};
  if (syn) o.mss = 1460, o.window_scale = 7, o.sack_permitted = true;
  const std::size_t options_size = o.emit(options);
  std::vector<std::byte> out(Ipv4View::min_size + TcpView::min_size + options_size);
  const MutBytes rest =
      Ipv4Header{.src = IpAddr::v4(0xc6120001), .dst = IpAddr::v4(0xc6120002), .protocol = protocol::tcp}.emit(
          out, TcpView::min_size + options_size);
  TcpHeader{.src = Port{80}, .dst = Port{40'000}, .flags = syn ? SYN : ACK}.emit(rest,
                                                                                 Bytes{options}.first(options_size));
  return out;
}

void parse_ipv4_tcp(benchmark::State& state) {
  const auto octets = packet(state.range(0) != 0);
  for (auto _ : state) {
    Bytes b = octets;
    benchmark::DoNotOptimize(b);
    const auto ip = Ipv4View::parse(b);
    const auto tcp = TcpView::parse(ip->payload());
    auto options = TcpOptions::parse(tcp->options());
    benchmark::DoNotOptimize(options);
    auto seq = tcp->seq();
    benchmark::DoNotOptimize(seq);
  }
}
BENCHMARK(parse_ipv4_tcp)->ArgName("syn")->Arg(0)->Arg(1);

void checksum(benchmark::State& state) {
  const std::vector<std::byte> octets(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  for (auto _ : state) benchmark::DoNotOptimize(Sum{}.add(octets).checksum());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->ArgName("octets")->RangeMultiplier(4)->Range(64, 64 << 10)->Arg(1460);

}  // namespace
}  // namespace tunic
