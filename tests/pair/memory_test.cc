// Memory that runs out delays and never loses: allocations that fail, a pool of the least size (R12); in the steady
// state no memory is asked of the system at all (law 1); and a connection that is idle holds little.
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "buf/memory_link.h"
#include "pair.h"
#include "test_support/crowd.h"

namespace {
std::uint64_t allocations = 0;
std::size_t held = 0;  // octets, with what malloc() keeps beside each block
std::size_t cost(void* p) { return p == nullptr ? 0 : malloc_usable_size(p) + sizeof(std::size_t); }
void give_back(void* p) {
  held -= cost(p);
  std::free(p);
}
}  // namespace

// The operators of this executable count; they are otherwise the usual ones. (GCC, which inlines only half of a pair,
// takes them for a mismatch.)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t n) {
  if (void* p = operator new(n, std::nothrow)) return p;
  throw std::bad_alloc{};
}
void* operator new[](std::size_t n) { return operator new(n); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  ++allocations;
  void* const p = std::malloc(n == 0 ? 1 : n);
  held += cost(p);
  return p;
}
void* operator new[](std::size_t n, const std::nothrow_t& t) noexcept { return operator new(n, t); }
void operator delete(void* p) noexcept { give_back(p); }
void operator delete[](void* p) noexcept { give_back(p); }
void operator delete(void* p, std::size_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t) noexcept { give_back(p); }

namespace tunic::test {
namespace {

struct Memory : Pair {};
INSTANTIATE_TEST_SUITE_P(, Memory, pair_variants, variant_name);

// R12
TEST_P(Memory, every_kth_allocation_fails_and_nothing_stalls) {
  for (std::uint32_t k = 2; k <= 50; ++k)
    for (const bool slabs : {false, true}) {
      World::Setup s = setup(k);
      s.slabs = slabs;
      s.tcp.orphan_give_up = 4h;
      World w{s};
      const Plan plan{.write = 100'000, .write_chunk = 5000, .read_chunk = 4000, .random_chunks = true};
      w.serve(World::right, 80, 4, plan);
      User& user = w.connect(World::left, 80, plan);
      for (int side : {World::left, World::right}) w.at(side).fail_every(k);
      const std::string what = "k " + std::to_string(k);
      ASSERT_TRUE(w.run(1h, [&] { return user.gone() && w.users(World::right) == 1 && w.user(World::right).gone(); }))
          << what << ": " << user.read() << " octets" << tail(w);
      EXPECT_EQ(user.read(), plan.write) << what;
      EXPECT_EQ(w.user(World::right).read(), plan.write) << what;
      for (int side : {World::left, World::right}) w.at(side).fail_every(0);
      expect_all_given_back(w, 130s, what);
    }
}

// R12: the smallest pool, one connection after another and a few at a time.
TEST_P(Memory, a_pool_of_the_least_size_suffices) {
  for (const bool slabs : {false, true}) {
    World::Setup s = setup(4);
    s.memory = 4u << 20;
    s.slabs = slabs;
    World w{s};
    const Plan plan{.write = 300'000};
    w.serve(World::right, 80, 64, plan);
    for (int i = 0; i < 30; ++i) w.connect(World::left, 80, plan);
    const auto all_gone = [&] {
      if (w.users(World::right) != 30) return false;
      for (std::size_t i = 0; i < 30; ++i)
        if (!w.user(World::left, i).gone() || !w.user(World::right, i).gone()) return false;
      return true;
    };
    ASSERT_TRUE(w.run(15min, all_gone)) << tail(w);
    for (std::size_t i = 0; i < 30; ++i) {
      for (int side : {World::left, World::right})
        ASSERT_EQ(w.user(side, i).read(), plan.write)
            << "error " << w.user(side, i).error() << (slabs ? ", slabs" : "") << tail(w);
    }
    expect_all_given_back(w, 130s);
  }
}

// L1: 100 000 segments of an established transfer, over a link that reuses its memory.
TEST_P(Memory, nothing_is_allocated_for_a_packet_in_the_steady_state) {
  World names{setup()};  // for its configurations; its Stacks stay idle
  Config c[2] = {names.config(World::left), names.config(World::right)};
  for (Config& one : c) one.link = {.checksum = true, .max_gso = 0};  // a packet a segment
  Stack left{c[0]}, right{c[1]};
  MemoryLink link{left.pool(), right.pool()};
  Instant now{3600s};
  const auto turn = [&] {
    now += 100us;
    left.poll(now, link.left());
    right.poll(now, link.right());
  };
  const SocketId listener = right.open(GetParam().family).value();
  ASSERT_TRUE(right.bind(listener, names.endpoint(World::right, 80)));
  ASSERT_TRUE(right.listen(listener, 1));
  const SocketId from = left.open(GetParam().family).value();
  static_cast<void>(left.connect(from, names.endpoint(World::right, 80), now));
  for (int i = 0; i < 10; ++i) turn();
  const SocketId to = right.accept(listener).value();

  static std::byte text[64 << 10], room[64 << 10];
  const auto transfer = [&](std::uint64_t segments) {
    const std::uint64_t until = left.counters().tcp_out + segments;
    for (int turns = 0; left.counters().tcp_out < until; ++turns) {
      ASSERT_LT(turns, 1'000'000);
      while (left.send(from, text)) {
      }
      turn();
      while (right.receive(to, room)) {
      }
    }
  };
  transfer(20'000);  // buffers and windows have grown
  const std::uint64_t before = allocations;
  transfer(100'000);
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(link.dropped(), 0u);
}

// L1: the same of datagrams, of every size that fits a packet.
TEST_P(Memory, nothing_is_allocated_for_a_datagram_in_the_steady_state) {
  World names{setup()};
  Stack left{names.config(World::left)}, right{names.config(World::right)};
  MemoryLink link{left.pool(), right.pool()};
  Instant now{3600s};
  const Endpoint at = names.endpoint(World::right, 7);
  const SocketId server = right.open(GetParam().family, Transport::udp).value();
  ASSERT_TRUE(right.bind(server, at));
  const SocketId client = left.open(GetParam().family, Transport::udp).value();
  ASSERT_TRUE(left.connect(client, at, now));

  static std::byte text[1400], room[1500];
  const MutBytes out{room};
  std::size_t read = 0;
  const auto exchange = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      for (int k = 0; k < 16; ++k)
        ASSERT_TRUE(left.send(client, Bytes{text}.first(static_cast<std::size_t>((i * 16 + k) % 1400))));
      now += 100us;
      left.poll(now, link.left());
      right.poll(now, link.right());
      DatagramInfo info;
      while (right.receive_datagram(server, {&out, 1}, {}, info)) ++read;
    }
  };
  exchange(1000);
  const std::uint64_t before = allocations;
  exchange(5000);
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(read, 6000u * 16);
}

/// All that the Stack holds for each of `connections` beyond what it held before them, in octets.
struct Growth {
  explicit Growth(Stack& s) : stack{s}, before{held + s.pool().in_use()} {}
  std::size_t per(std::uint32_t connections) const {
    return (held + stack.pool().in_use() - before + connections - 1) / connections;
  }
  Stack& stack;
  const std::size_t before;
};

// Connection, socket, demux, timer, and the queues of what waits: its descriptor comes on top.
TEST(IdleConnections, ten_thousand_hold_little_also_after_an_octet_each_way) {
  constexpr std::uint32_t count = 10'000;
  constexpr std::size_t most = 928;
  const Endpoint at{IpAddr::v4(0xc6120002u), Port{80}};
  Config c;
  c.addresses = {{at.addr, 24}};
  c.tcp.test_isn = Crowd::stack_iss;
  Stack stack{c};
  Crowd crowd{at};
  Instant now{3600s};
  const auto turns = [&] {  // until nothing is on its way, and the time of what was armed for it is over
    while (crowd.has_more()) stack.poll(now += 1ms, crowd);
    now += 2s;
    for (int i = 0; i < 8; ++i) stack.poll(now, crowd);
  };
  const SocketId listener = stack.open(Family::v4).value();
  ASSERT_TRUE(stack.bind(listener, at));
  ASSERT_TRUE(stack.listen(listener, 1024));
  std::vector<SocketId> all;
  all.reserve(count + 1);
  const auto connect = [&](std::uint32_t i) {
    crowd.connect(i);
    if (i % 500 != 0) return;
    turns();
    while (const auto s = stack.accept(listener)) all.push_back(*s);
    while (stack.take_edge()) continue;
  };
  connect(0);
  const Growth growth{stack};
  for (std::uint32_t i = 1; i <= count; ++i) connect(i);
  ASSERT_EQ(all.size(), count + 1);
  EXPECT_LE(growth.per(count), most);

  // One octet each way: the last of each 500 at once.
  for (std::uint32_t i = 0; i <= count; ++i) {
    crowd.ask(i, 0);
    if (i % 500 != 0) continue;
    turns();
    while (const auto s = stack.take_edge()) {
      std::byte octet;
      if (stack.receive(*s, {&octet, 1})) static_cast<void>(stack.send(*s, {&octet, 1}));
    }
    turns();
  }
  EXPECT_EQ(crowd.heard(), count + 1);
  EXPECT_LE(growth.per(count), most);
  RecordProperty("octets", static_cast<int>(growth.per(count)));
}

}  // namespace
}  // namespace tunic::test
