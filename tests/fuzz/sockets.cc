// Z7: any calls in any order on the sockets of two Stacks. What the calls give is held against what POSIX and
// core/stack.h say: handles that ended name nothing (D11), streams arrive in order and whole, datagrams whole or not at
// all, readiness tells the truth (D12), and when all is closed nothing is left (O4).
#include "fuzz/sockets_world.h"

namespace tunic::fuzz {
namespace {

constexpr int most_steps = 300;
constexpr std::uint32_t most_sockets = 40;

Config config_of(int side) {
  std::array<std::byte, 16> v6{std::byte{0xfd}, std::byte{0}, std::byte{0}, std::byte{7}};
  v6[15] = side == 0 ? std::byte{2} : std::byte{1};
  Config c;
  c.addresses = {{IpAddr::v4(side == 0 ? 0xc6120002u : 0xc6120001u), 24}, {IpAddr::v6(v6.data()), 64}};
  c.link = MemoryLink::traits;
  c.memory = 4u << 20;
  c.max_sockets = most_sockets;
  c.rmem_max = c.wmem_max = 256u << 10;
  c.key[0] = static_cast<std::uint8_t>(side);
  return c;
}

}  // namespace

World::World(Bytes input) : tape_{input}, stacks_{Stack{config_of(0)}, Stack{config_of(1)}} {}

void run(Bytes input) { World{input}.run(); }

void World::run() {
  const std::uint8_t how = tape_.octet();
  for (int n = 0; !tape_.empty() && n < most_steps; ++n) {
    step();
    for (Stack& s : stacks_) REQUIRE(s.counters().conserved());
  }
  for (Stack& s : stacks_) s.pool().fail_every(0);
  memory_fails_ = {};
  if (how % 2 == 0) expect_whole_streams();
  expect_all_given_back();
}

void World::step() {
  const std::uint32_t call = tape_.below(24);
  Handle& h = some_handle();
  if (!h.open) {  // every call would be refused: see expect_bad_handle()
    if (call < 17) return open(h);
  }
  switch (call) {
    case 0:
      if (h.open) close(h, false);
      return open(h);
    case 1:
      return bind(h);
    case 2:
      return listen(h);
    case 3:
      return accept(h);
    case 4:
      return connect(h);
    case 5:
      return send(h);
    case 6:
      return receive(h);
    case 7:
      return send_datagram(h);
    case 8:
      return receive_datagram(h);
    case 9:
      return receive_error(h);
    case 10:
      return shutdown(h, static_cast<Shutdown>(tape_.below(3)));
    case 11:
      return close(h, false);
    case 12:
      return close(h, true);
    case 13:
      return disconnect(h);
    case 14:
      return set(h);
    case 15:
      return ask(h);
    case 16:
      return take_error(h);
    case 18: {
      const int side = static_cast<int>(tape_.below(2));
      at(side).poll(now_, side == 0 ? link_.left() : link_.right());
      return;
    }
    case 19:
      return set_device(h.side);
    case 20:
      return set_sysctl(h.side);
    case 21:
      if (!stale_.empty()) expect_bad_handle(stale_[tape_.octet() % stale_.size()]);
      return;
    case 22:
      return make_memory_fail(h.side);
    case 23:
      if (h.open) set_congestion(h);
      return;
    default:
      return pass_time(some_time());
  }
}

// -- what the tape chooses --

IpAddr World::some_address(int side) {
  const std::uint32_t n = tape_.below(14);
  const auto& own = at(side).config().addresses;
  if (n < 4) return at(1 - side).config().addresses[n % 2].addr;
  if (n < 6) return own[n % 2].addr;
  if (n < 8) return IpAddr::loopback(n == 6 ? Family::v4 : Family::v6);
  if (n < 10) return IpAddr::any(n == 8 ? Family::v4 : Family::v6);
  static constexpr std::array<std::uint32_t, 4> odd{0xc61200ff, 0xffffffff, 0xe0000001, 0xc6120063};
  return IpAddr::v4(odd[n - 10]);
}

// The port of another socket, or a number of its own.
Port World::some_port() {
  const std::uint8_t n = tape_.octet();
  if (n == 16) return Port{};
  if (n > 16) return Port{n};
  const auto local = of(handles_[n]).local(handles_[n].id);
  return local ? local->port : Port{7};
}

Endpoint World::some_endpoint(int side) {
  const IpAddr a = some_address(side);
  return {a, some_port()};
}

std::size_t World::some_size() {
  const std::size_t n = tape_.octet();
  return n < 128 ? n : n < 192 ? (n - 128) * 64 : n < 250 ? (n - 192) * 256 : 59'000 + (n - 249) * 1'302;
}

Duration World::some_time() {
  static constexpr std::array<Duration, 12> times{0ms, 1ms, 5ms, 39ms, 200ms, 1s, 3s, 12s, 60s, 121s, 600s, 7201s};
  return times[tape_.below(times.size())];
}

/// The Stack that has the address, if one has.
int World::side_of(int side, const IpAddr& a) {
  const auto& own = at(side).config().addresses;
  const bool here =
      a.is_loopback() || a.is_any() || std::ranges::any_of(own, [&](const Prefix& p) { return p.addr == a; });
  return here ? side : 1 - side;
}

// -- time --

void World::drain_edges() {
  edges_.clear();
  for (int side : {0, 1})
    for (std::uint32_t news = 0; const auto id = at(side).take_edge(&news);)
      edges_.push_back({.side = side, .id = *id, .news = news});
}

void World::poll_both(int rounds) {
  for (bool more = true; more && rounds > 0; --rounds) {
    const Instant left = at(0).poll(now_, link_.left()), right = at(1).poll(now_, link_.right());
    more = link_.waiting() || left <= now_ || right <= now_;
  }
}

// What a socket can do after packets and timers and could not before, it must have told of, each bit of it: no wake-up
// is lost.
void World::pass_time(Duration d) {
  std::array<std::uint32_t, 16> before{};
  drain_edges();
  for (std::size_t i = 0; i < handles_.size(); ++i)
    if (handles_[i].open) before[i] = of(handles_[i]).ready(handles_[i].id);
  now_ += d;
  poll_both(64);
  drain_edges();
  for (std::size_t i = 0; i < handles_.size(); ++i) {
    const Handle& h = handles_[i];
    if (!h.open) continue;
    std::uint32_t told = 0;
    for (const Edge& e : edges_)
      if (e.side == h.side && e.id == h.id) told |= e.news;
    REQUIRE((of(h).ready(h.id) & ~before[i] & ~told) == 0);
  }
}

// -- the end --

/// D11: a handle that was closed names no socket, not even one that has its slot now.
void World::expect_bad_handle(const Handle& h) {
  Stack& s = of(h);
  const auto is_bad = [](const auto& r) { return !r && r.error() == Error::bad_handle; };
  const auto before = s.digest();
  std::array<std::byte, 8> octets{};
  const MutBytes out{octets};
  const Bytes text{octets};
  DatagramInfo info;
  ErrorReport report;
  Endpoint peer;
  const Endpoint somebody{IpAddr::loopback(h.family), Port{7}};
  REQUIRE(is_bad(s.bind(h.id, somebody)));
  REQUIRE(is_bad(s.listen(h.id, 1)));
  REQUIRE(is_bad(s.accept(h.id, &peer)));
  REQUIRE(is_bad(s.connect(h.id, somebody, now_)));
  REQUIRE(is_bad(s.disconnect(h.id)));
  REQUIRE(is_bad(s.send(h.id, text)) && is_bad(s.receive(h.id, out)));
  REQUIRE(is_bad(s.send_datagram(h.id, {&text, 1}, {.to = somebody})));
  REQUIRE(is_bad(s.receive_datagram(h.id, {&out, 1}, {}, info)));
  REQUIRE(is_bad(s.receive_error(h.id, {&out, 1}, report)));
  REQUIRE(is_bad(s.shutdown(h.id, Shutdown::both)));
  REQUIRE(is_bad(s.close(h.id)) && is_bad(s.abort(h.id)));
  REQUIRE(is_bad(s.local(h.id)) && is_bad(s.remote(h.id)));
  REQUIRE(is_bad(s.set(h.id, Option::ttl, 9)) && is_bad(s.get(h.id, Option::ttl)));
  REQUIRE(is_bad(s.set_congestion(h.id, "reno")) && is_bad(s.congestion(h.id)));
  REQUIRE(is_bad(s.readable_bytes(h.id)) && is_bad(s.unacknowledged_bytes(h.id)));
  REQUIRE(is_bad(s.at_mark(h.id)) && is_bad(s.info(h.id)));
  REQUIRE(s.take_error(h.id) == 0 && s.ready(h.id) == ready::error && s.transport(h.id) == Transport::tcp);
  REQUIRE(s.digest() == before);
}

/// Everybody ends what he writes and reads to the end: then all that was written must have arrived.
void World::expect_whole_streams() {
  for (Handle& h : handles_)
    if (h.open && h.is_stream() && h.pair.local.port != Port{}) shutdown(h, Shutdown::write);
  const Instant until = now_ + 1h;
  for (int still = 0; still < 200 && now_ < until;) {  // as long as anything moves, however slowly
    const Instant left = at(0).poll(now_, link_.left()), right = at(1).poll(now_, link_.right());
    bool moved = link_.waiting();
    for (Handle& h : handles_)
      if (h.open && h.is_stream() && h.pair.local.port != Port{})
        while (read(h, 1u << 16, {})) moved = true;
    still = moved ? 0 : still + 1;
    if (!moved) now_ = std::max(now_, std::min({left, right, until}));
  }
  for (const Handle& h : handles_) {
    if (!h.open || h.failed || h.in == nullptr || !h.in->ended || h.read_shut) continue;
    const bool writer_is_well =
        std::ranges::none_of(handles_, [&](const Handle& w) { return w.out == h.in && w.failed; });
    const bool writer_is_here = std::ranges::any_of(handles_, [&](const Handle& w) { return w.out == h.in && w.open; });
    if (writer_is_well && writer_is_here) REQUIRE(h.ended);
  }
}

/// O4: all is closed, and when all patience is over nothing is left of it.
void World::expect_all_given_back() {
  for (Handle& h : handles_)
    if (h.open) close(h, false);
  for (const Handle& h : stale_) expect_bad_handle(h);
  bool quiet = false;
  for (int round = 0; !quiet && round < 20'000; ++round) {
    const Instant left = at(0).poll(now_, link_.left()), right = at(1).poll(now_, link_.right());
    quiet = left == never && right == never && !link_.waiting();
    if (!quiet && !link_.waiting()) now_ = std::max(now_, std::min(left, right));
  }
  REQUIRE(quiet);
  poll_both(1);  // the ends of the link let go of what they gave last
  for (Stack& s : stacks_) {
    REQUIRE(s.connections() == 0);
    REQUIRE(s.pool().in_use() == 0);
    REQUIRE(!s.unfinished());
    REQUIRE(s.counters().conserved());
    std::uint32_t opened = 0;
    while (s.open(Family::v4)) ++opened;
    REQUIRE(opened == most_sockets);  // no socket is left either
    s.wipe_secrets();
  }
}

}  // namespace tunic::fuzz
