// Work to be counted, not timed: tests/checks/instructions.py runs this under callgrind, which counts the instructions
// between begin() and end(), and compares them with baseline.tsv. Prints one line for each piece of work, its name and
// how often it was done, in the order in which they end.
//
// Only instructions of the library count: not those of the C library, which chooses its memcpy by the processor, and
// not those of functions in namespace guard and of Peer.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "base/timer_wheel.h"
#include "buf/memory_link.h"
#include "core/stack.h"
#include "micro/peer.h"

// callgrind looks for these names.
extern "C" [[gnu::noinline]] void guard_begin() { asm volatile(""); }
extern "C" [[gnu::noinline]] void guard_end() { asm volatile(""); }

namespace tunic::guard {
namespace {

constexpr std::size_t super_packet = 44 * Peer::mss;
constexpr std::size_t burst = 16;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "guard: %s\n", what);
  std::exit(1);
}

/// Does it some times before it counts, so that pools are filled, tables have grown and windows are open.
template <class Round>
void count(const char* name, std::size_t rounds, std::size_t in_each, Round&& round) {
  for (std::size_t i = 0; i < 16; ++i) round();
  guard_begin();
  for (std::size_t i = 0; i < rounds; ++i) round();
  guard_end();
  std::printf("%s\t%zu\n", name, rounds * in_each);
}

/// One connection of a Stack with a peer that takes what is sent.
struct OneConnection {
  explicit OneConnection(const Config& c = Peer::config()) : stack{c} { socket = peer.open(stack); }

  Stack stack;
  Peer peer;
  SocketId socket;
  Instant now{};
};

/// A burst of text in order, from Link::receive() to the reader's buffer, with the acknowledgments that it earns.
void text_in_order(const char* name, std::size_t size, std::size_t segments) {
  OneConnection c;
  std::vector<std::byte> reader(segments * size);
  const auto round = [&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) c.peer.give_text(size, size > Peer::mss ? Peer::mss : std::uint16_t{0});
    c.stack.poll(c.now, c.peer);
    std::size_t got = 0;
    while (const auto more = c.stack.receive(c.socket, reader)) got += *more;
    expect(got == n * size, "text was lost");
    c.stack.flush(c.now, c.peer);
    c.now += 100us;
  };
  for (std::size_t turn = 0; c.peer.room() < 2 * segments * size; ++turn) {  // the window opens
    expect(turn < 1000, "the window stays small");
    round(1);
  }
  count(name, 200, segments, [&] { round(segments); });
}

/// A burst of text from send() to Link::send(), and the acknowledgment of each packet.
void send_and_acknowledge(const char* name, std::size_t size) {
  Config config = Peer::config();
  if (size == Peer::mss) config.link.max_gso = 0;
  OneConnection c{config};
  const std::vector<std::byte> text(burst * size);
  const auto round = [&] {
    expect(c.stack.send(c.socket, text) == text.size(), "the text does not fit");
    std::size_t packets = 0;
    while (c.stack.unacknowledged_bytes(c.socket).value() != 0) {
      c.stack.flush(c.now, c.peer);
      const auto sent = c.peer.take_sent();
      expect(!sent.empty(), "nothing is sent");
      packets += sent.size();
      for (const Seq32 end : sent) c.peer.acknowledge(end);
      c.stack.poll(c.now, c.peer);
      c.now += 100us;
    }
    return packets;
  };
  for (int turn = 0; turn < 100; ++turn) round();  // the congestion window opens
  expect(round() == burst, "not as many packets as expected");
  count(name, 200, burst, round);
}

/// As many segments in flight as a burst has, and an acknowledgment of each: those alone are counted.
void acknowledgment() {
  Config config = Peer::config();
  config.link.max_gso = 0;
  OneConnection c{config};
  const std::vector<std::byte> text(Peer::burst * Peer::mss);
  std::vector<Seq32> sent;
  for (int turn = 0; turn < 100; ++turn) {
    expect(c.stack.send(c.socket, text) == text.size(), "the text does not fit");
    while (c.stack.unacknowledged_bytes(c.socket).value() != 0) {
      c.stack.flush(c.now, c.peer);
      sent = c.peer.take_sent();
      for (const Seq32 end : sent) c.peer.acknowledge(end);
      if (turn == 99) guard_begin();
      c.stack.poll(c.now, c.peer);
      c.now += 100us;
    }
  }
  guard_end();
  expect(sent.size() == Peer::burst, "not as many packets as expected");
  std::printf("acknowledgment\t%zu\n", sent.size());
}

/// An octet comes, and one goes back: it acknowledges the one, and the next request acknowledges it.
void request_and_answer() {
  OneConnection c;
  std::array<std::byte, 64> octets{};
  count("request and answer", 2000, 1, [&] {
    c.peer.give_text(1, 0);
    c.stack.poll(c.now, c.peer);
    expect(c.stack.receive(c.socket, octets) == 1u, "no request");
    expect(c.stack.send(c.socket, Bytes{octets}.first(1)) == 1u, "no room for an answer");
    c.stack.flush(c.now, c.peer);
    const auto sent = c.peer.take_sent();
    expect(sent.size() == 1, "an answer is one packet");
    c.peer.follow(sent.front());
    c.now += 20us;
  });
}

struct Hosts {
  Hosts() : client{config(1)}, server{config(2)}, listener{server.open(Family::v4).value()} {
    server.bind(listener, at).value();
    server.listen(listener, 16).value();
  }

  static IpAddr address(std::uint8_t host) { return IpAddr::v4(0xc6120000u + host); }
  static Config config(std::uint8_t host) {
    Config c;
    c.addresses = {{address(host), 24}};
    c.link = MemoryLink::traits;
    c.key.fill(host);
    return c;
  }
  void settle() {
    do {
      client.poll(now, cable.left());
      server.poll(now, cable.right());
    } while (cable.waiting());
  }

  Endpoint at{address(2), Port{80}};
  Stack client, server;
  MemoryLink cable{client.pool(), server.pool()};
  SocketId listener;
  Instant now{};
};

/// Both ends: handshake, an octet each way, both FINs, TIME-WAIT.
void connection() {
  Hosts h;
  const std::array<std::byte, 1> request{};
  std::array<std::byte, 16> octets{};
  count("connection, both ends", 1000, 1, [&] {
    const SocketId s = h.client.open(Family::v4).value();
    static_cast<void>(h.client.connect(s, h.at, h.now));
    h.settle();
    const SocketId t = h.server.accept(h.listener).value();
    expect(h.client.send(s, request) == 1u, "the request does not fit");
    h.settle();
    expect(h.server.receive(t, octets) == 1u, "no request");
    expect(h.server.send(t, request) == 1u, "the answer does not fit");
    h.server.close(t).value();
    h.settle();
    expect(h.client.receive(s, octets) == 1u, "no answer");
    h.client.close(s).value();
    h.settle();
    h.now += 1ms;
  });
  expect(h.client.connections() == 0, "a connection did not end");  // the server's are in TIME-WAIT
}

/// The next deadline of ten thousand, and a new one within a second, as retransmission timers have.
void timer() {
  constexpr std::size_t nodes = 10'000;
  std::mt19937 random{1};
  std::vector<Duration> next(4096);
  for (auto& d : next) d = Duration{static_cast<std::int64_t>(random() % 1'000'000'000)};
  TimerWheel wheel;
  std::vector<TimerNode> node(nodes);
  for (std::size_t i = 0; i < nodes; ++i) wheel.arm(node[i], Instant{next[i % next.size()]});
  Instant now{};
  std::size_t turn = 0;
  count("timer", 2 * nodes, 1, [&] {
    TimerNode* due = wheel.pop_due(now);
    while (due == nullptr) {
      now = std::max(now, wheel.next());
      due = wheel.pop_due(now);
    }
    wheel.arm(*due, now + next[turn++ % next.size()]);
  });
  for (auto& n : node) wheel.cancel(n);
}

}  // namespace

void all() {
  text_in_order("segment received", Peer::mss, burst);
  text_in_order("super-packet received", super_packet, 4);
  send_and_acknowledge("segment sent and acknowledged", Peer::mss);
  send_and_acknowledge("super-packet sent and acknowledged", super_packet);
  acknowledgment();
  request_and_answer();
  connection();
  timer();
}

}  // namespace tunic::guard

int main() {
  std::printf("compiler\t%s\n", __VERSION__);
  tunic::guard::all();
}
