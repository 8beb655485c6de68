// What connections cost as they become many: memory and time of a Stack that its program embeds, against peers in
// memory that remember nothing. Time is virtual: what is measured is work.
//   scale [CONNECTIONS]   (1000000): connections that stand, the memory of the process for each, and the time of a
//                         request and its answer on one of them, in turns with a Stack that has ten
//   scale --sizes         what an idle connection is made of
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <vector>

#include "core/impl.h"
#include "support/crowd.h"

namespace tunic {
namespace {

using test::Crowd;

/// Octets of memory that the process has.
std::size_t resident() {
  std::size_t all = 0, here = 0;
  std::ifstream{"/proc/self/statm"} >> all >> here;
  return here * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class Server {
 public:
  explicit Server(std::uint32_t connections) : stack_{config(connections)} {
    listener_ = stack_.open(Family::v4).value();
    stack_.bind(listener_, at).value();
    stack_.listen(listener_, batch).value();
    sockets_.reserve(connections);
    for (std::uint32_t i = 0; i < connections; ++i) {
      crowd_.connect(i);
      if (i % batch == batch - 1 || i == connections - 1) accept_all();
    }
    said_.resize(connections);
  }

  std::size_t connections() const { return sockets_.size(); }
  /// One octet to connection `i`, and one back.
  void exchange(std::uint32_t i) {
    crowd_.ask(i, said_[i]++);
    turn();
    while (const auto s = stack_.take_edge()) {
      std::byte octet;
      if (stack_.receive(*s, {&octet, 1})) static_cast<void>(stack_.send(*s, {&octet, 1}));
    }
    turn();
    turn();
  }
  std::uint64_t heard() const { return crowd_.heard(); }

 private:
  static constexpr std::uint32_t batch = 1000;
  static constexpr Endpoint at{IpAddr::v4(0xc6120002u), Port{80}};
  static Config config(std::uint32_t connections) {
    Config c;
    c.addresses = {{at.addr, 24}};
    c.link = {.checksum = true, .max_gso = 65'535};
    c.max_sockets = std::max(1u << 20, connections + 1);
    c.tcp.test_isn = Crowd::stack_iss;
    return c;
  }
  void turn() { stack_.poll(now_ += 20us, crowd_); }
  void accept_all() {
    while (crowd_.has_more()) turn();
    now_ += 1s;  // what was armed for the handshakes runs out
    for (int i = 0; i < 8; ++i) turn();
    while (const auto s = stack_.accept(listener_)) sockets_.push_back(*s);
    while (stack_.take_edge()) continue;
  }

  Stack stack_;
  Crowd crowd_{at};
  Instant now_{3600s};
  SocketId listener_;
  std::vector<SocketId> sockets_;
  std::vector<std::uint32_t> said_;
};

/// Seconds of `rounds` exchanges on connections far apart.
double time(Server& s, int rounds) {
  const auto n = static_cast<std::uint32_t>(s.connections());
  const double begin = seconds();
  for (int i = 0; i < rounds; ++i) s.exchange(n / 2);
  return seconds() - begin;
}

void sizes() {
  const auto row = [](const char* what, std::size_t n) { std::printf("%-44s %5zu\n", what, n); };
  row("Connection", sizeof(Connection));
  row("  Sender", sizeof(Sender));
  row("  Receiver", sizeof(Receiver));
  row("  Rtt, Recovery, congestion control", sizeof(Rtt) + sizeof(Recovery) + sizeof(AnyCongestionControl));
  row("  Timers", sizeof(Timers));
  row("  DeliveryRate, Statistics", sizeof(DeliveryRate) + sizeof(Statistics));
  row("  pair of addresses and ports", sizeof(FourTuple));
  row("Socket", sizeof(Socket));
  row("  UserOptions", sizeof(UserOptions));
  row("while text is on its way: OutgoingText", sizeof(OutgoingText));
  row("  each packet that is not acknowledged", sizeof(SentRange));
  row("while text waits or came early: IncomingText", sizeof(IncomingText));
  row("while a timer is armed: TimerNode", sizeof(TimerNode));
  row("TIME-WAIT record", sizeof(TimeWaitRecord));
}

int run(std::uint32_t connections) {
  Server few{10};
  const std::size_t before = resident();
  const double begin = seconds();
  Server many{connections};
  const double took = seconds() - begin;
  const std::size_t grown = resident() - before;
  if (many.connections() != connections) {
    std::fprintf(stderr, "only %zu connections stand\n", many.connections());
    return 1;
  }
  std::printf("%u connections: %.2f us each to open, %zu octets each, %.0f MiB in all\n", connections,
              took * 1e6 / connections, grown / connections, static_cast<double>(resident()) / (1 << 20));

  constexpr int rounds = 20'000, turns = 11;
  std::vector<double> ratios;
  for (int i = 0; i < turns; ++i) ratios.push_back(1 / (time(few, rounds) / time(many, rounds)));
  std::sort(ratios.begin(), ratios.end());
  std::printf("a request and its answer: %.3f of the time with 10 (%.3f to %.3f)\n", ratios[turns / 2], ratios[0],
              ratios[turns - 1]);

  const double first = seconds();
  for (std::uint32_t i = 0; i < connections; ++i) many.exchange(static_cast<std::uint32_t>(i * 7919ull % connections));
  std::printf("one on each, in no order: %.2f us each; then %zu octets each\n", (seconds() - first) * 1e6 / connections,
              (resident() - before) / connections);
  return many.heard() >= connections ? 0 : 1;
}

}  // namespace
}  // namespace tunic

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view{argv[1]} == "--sizes") {
    tunic::sizes();
    return 0;
  }
  const long n = argc > 1 ? std::atol(argv[1]) : 1'000'000;
  return tunic::run(static_cast<std::uint32_t>(std::clamp(n, 10L, 10'000'000L)));
}
