// Z8: the timer wheel, the demux and the pool against the containers of the standard library.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/prf.h"
#include "base/timer_wheel.h"
#include "buf/slab.h"
#include "fuzz/fuzz.h"
#include "port/demux.h"

namespace tunic::fuzz {
namespace {

constexpr int most_steps = 4096;

// -- the timer wheel: nothing before its time, nothing lost, the earliest tick first --

std::int64_t due_tick(Instant when) {
  const std::int64_t t = when.time_since_epoch().count(), g = TimerWheel::granularity.count();
  return t / g + (t % g > 0);
}

/// From nothing to years.
Duration some_time(Tape& tape) { return Duration{std::int64_t{tape.word()} << tape.below(42)}; }

void timer_wheel(Tape& tape) {
  TimerWheel wheel;
  std::vector<TimerNode> nodes(64);
  std::vector<bool> armed(nodes.size()), overdue(nodes.size());  // overdue: armed when its time had passed
  Instant now{1h};
  for (std::uint32_t i = 0; i < nodes.size(); ++i) nodes[i].owner = i;

  const auto pop_all = [&] {
    for (std::int64_t last = 0;;) {
      TimerNode* node = wheel.pop_due(now);
      if (node == nullptr && wheel.next() > now) return;
      if (node == nullptr) continue;  // it moved nodes to finer levels
      const std::int64_t tick = due_tick(node->when);
      REQUIRE(armed[node->owner] && Instant{tick * TimerWheel::granularity} <= now);
      REQUIRE(overdue[node->owner] || tick >= last);
      last = std::max(last, tick);
      armed[node->owner] = false;
    }
  };
  for (int step = 0; !tape.empty() && step < most_steps; ++step) {
    const std::uint32_t i = tape.below(64);
    switch (tape.below(4)) {
      case 0: {
        const Instant when = now + some_time(tape) - (tape.below(4) == 0 ? Duration{1s} : Duration{});
        wheel.arm(nodes[i], when);
        armed[i] = true;
        overdue[i] = when <= now;
        break;
      }
      case 1:
        wheel.cancel(nodes[i]);
        armed[i] = false;
        break;
      default:
        if (now.time_since_epoch() > Duration::max() / 4) break;
        now += some_time(tape);
        pop_all();
        for (const TimerNode& node : nodes)
          REQUIRE(!node.is_armed() || Instant{due_tick(node.when) * TimerWheel::granularity} > now);
    }
    for (std::size_t n = 0; n < nodes.size(); ++n) REQUIRE(nodes[n].is_armed() == armed[n]);
    REQUIRE(wheel.size() == static_cast<std::size_t>(std::ranges::count(armed, true)));
    if (wheel.size() == 0) REQUIRE(wheel.next() == never);
  }
  for (TimerNode& node : nodes) wheel.cancel(node);
}

// -- the demux: a map, which may refuse, but never forgets --

FourTuple some_pair(Tape& tape) {
  const auto host = [&] { return IpAddr::v4(0xc612'0000u + tape.below(4)); };
  const auto port = [&] { return Port{tape.word()}; };
  return {{host(), port()}, {host(), Port{static_cast<std::uint16_t>(tape.below(8))}}};
}

void demux(Tape& tape) {
  PrfKey key{};
  for (auto& k : key) k = tape.octet();
  const Prf prf{key};
  Demux table{prf};
  std::map<FourTuple, std::uint32_t> reference;
  for (int step = 0; !tape.empty() && step < most_steps; ++step) {
    const FourTuple pair = some_pair(tape);
    const auto known = reference.find(pair);
    const auto value = static_cast<std::uint32_t>(step);
    switch (tape.below(4)) {
      case 0:
      case 1:
        if (table.insert(pair, value)) {
          REQUIRE(known == reference.end());
          reference[pair] = value;
        } else {
          REQUIRE(known != reference.end() || reference.size() >= Demux::probes);
        }
        break;
      case 2:
        REQUIRE(table.erase(pair) == (known != reference.end()));
        if (known != reference.end()) reference.erase(known);
        break;
      default:
        REQUIRE(table.replace(pair, value) == (known != reference.end()));
        if (known != reference.end()) known->second = value;
    }
    REQUIRE(table.size() == reference.size());
    if (step % 64 == 0 || tape.empty())
      for (const auto& [p, v] : reference) REQUIRE(table.find(p) == v);
  }
}

// -- the pool: each block holds what its owner wrote into it --

struct Held {
  Slice slice;
  std::uint8_t mark;
};

bool is_marked(const Held& h) {
  for (const std::byte b : h.slice.bytes())
    if (b != std::byte{h.mark}) return false;
  return true;
}

void pool(Tape& tape) {
  Pool memory{std::size_t{tape.below(8) + 1} * Pool::chunk_size};
  std::vector<Held> held;
  for (int step = 0; !tape.empty() && step < most_steps; ++step) {
    switch (tape.below(5)) {
      case 0:
      case 1: {
        const auto kind = static_cast<Pool::Class>(tape.below(Pool::classes));
        Slice s = kind == Pool::Class::receive ? memory.allocate_receive(tape.word() % (Pool::headroom + 1))
                                               : memory.allocate(kind);
        if (s.empty()) break;  // then it is full, or nearly
        const auto mark = static_cast<std::uint8_t>(step);
        std::fill_n(s.mutable_data(), s.size(), std::byte{mark});
        held.push_back({std::move(s), mark});
        break;
      }
      case 2:
        if (held.empty()) break;
        held.push_back(held[tape.octet() % held.size()]);  // one more reference to the same block
        break;
      case 3: {
        if (held.empty()) break;
        Held& h = held[tape.octet() % held.size()];
        h.slice.drop_front(tape.word() % (h.slice.size() + 1));
        break;
      }
      default: {
        if (held.empty()) break;
        const std::size_t i = tape.octet() % held.size();
        REQUIRE(is_marked(held[i]));
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    REQUIRE(memory.in_use() <= memory.limit());
    if (held.empty()) REQUIRE(memory.in_use() == 0);
    if (held.size() > 512) held.clear();
  }
  for (const Held& h : held) REQUIRE(is_marked(h));
}

}  // namespace

void run(Bytes input) {
  Tape tape{input};
  switch (tape.below(3)) {
    case 0:
      return timer_wheel(tape);
    case 1:
      return demux(tape);
    default:
      return pool(tape);
  }
}

}  // namespace tunic::fuzz
