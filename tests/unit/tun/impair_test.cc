// Impair between a test and a recording Link: what is lost, held back and repeated, and that nothing sticks.
#include "tun/impair.h"

#include <gtest/gtest.h>

#include <map>

#include "packets.h"

namespace tunic {
namespace {

TEST(ParseImpair, reads_what_the_documentation_shows) {
  const auto s = parse_impair("loss=1%,reorder=0.5%,duplicate=0.0001%,seed=7");
  ASSERT_TRUE(s);
  for (const auto& odds : {s->in, s->out}) {
    EXPECT_EQ(odds.loss, 10'000u);
    EXPECT_EQ(odds.reorder, 5'000u);
    EXPECT_EQ(odds.duplicate, 1u);
  }
  EXPECT_EQ(s->seed, 7u);
}

TEST(ParseImpair, directions_can_differ) {
  const auto s = parse_impair("loss=1%,in_loss=100%,out_reorder=2%");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->in.loss, 1'000'000u);
  EXPECT_EQ(s->out.loss, 10'000u);
  EXPECT_EQ(s->in.reorder, 0u);
  EXPECT_EQ(s->out.reorder, 20'000u);
}

TEST(ParseImpair, says_what_it_cannot_read) {
  EXPECT_TRUE(parse_impair(""));
  for (const char* text : {"loss",           "loss=",     "loss=%",          "loss=1",
                           "loss=-1%",       "loss=101%", "loss=100.1%",     "loss=1.%",
                           "loss=1.00001%",  "loss=1x%",  "loss= 1%",        "lose=1%",
                           "in_seed=1",      "seed=",     "seed=x",          "seed=18446744073709551616",
                           "out_in_loss=1%", ",loss=1%",  "loss=1%,,seed=1", "=1%"}) {
    const auto s = parse_impair(text);
    ASSERT_FALSE(s) << text;
    EXPECT_NE(s.error().find("use loss, reorder and duplicate"), std::string::npos);
  }
}

/// Keeps what is sent; gives what the test put there.
struct Recorder final : Link {
  std::span<RxPacket> receive(const ReadHint*) override {
    given.swap(arriving);
    arriving.clear();
    return given;
  }
  std::size_t send(std::span<TxPacket> packets) override {
    const std::size_t n = std::min(room, packets.size());
    room -= n;
    for (const auto& p : packets.first(n)) {
      sent.push_back(flat(p));
      offloads.push_back(p.offload);
    }
    return n;
  }
  std::vector<RxPacket> arriving, given;
  std::vector<std::vector<std::byte>> sent;
  std::vector<Offload> offloads;
  std::size_t room = ~std::size_t{0};
};

class ImpairTest : public testing::Test {
 protected:
  TxPacket numbered(std::uint32_t n, Bytes text = {}, std::uint16_t gso_size = 0) const {
    return tcp_packet(us, peer, {.seq = {n}, .flags = ACK}, text, gso_size);
  }
  static std::uint32_t number(Bytes packet) { return TcpView::parse(read_ip(packet).payload)->seq().raw; }
  std::vector<std::uint32_t> numbers() const {
    std::vector<std::uint32_t> v;
    for (const auto& p : wire.sent) v.push_back(number(p));
    return v;
  }
  void arrive(const TxPacket& p) {
    RxPacket r;
    r.data = pool.copy(flat(p));
    r.offload.checksum = Offload::Checksum::verified;
    r.offload.gso_size = p.offload.gso_size;
    wire.arriving.push_back(std::move(r));
  }
  static ImpairSettings settings(const char* text) { return *parse_impair(text); }

  const Endpoint us{IpAddr::v4(0xc6120002u), Port{4000}}, peer{IpAddr::v4(0xc6120001u), Port{80}};
  Pool pool{64 << 20};
  Recorder wire;
};

TEST_F(ImpairTest, super_packets_become_wire_segments_both_ways) {
  Impair link{wire, pool, {}};
  const auto text = pattern(10'000);
  TxPacket p = numbered(100, text, 1448);
  p.text[0] = Slice::lent(Bytes{text}.first(3000));
  p.text[p.slices++] = Slice::lent(Bytes{text}.subspan(3000));  // a segment crosses from one to the other
  arrive(p);
  ASSERT_EQ(link.send({&p, 1}), 1u);
  ASSERT_EQ(wire.sent.size(), 7u);
  const auto got = link.receive();
  ASSERT_EQ(got.size(), 7u);
  for (std::size_t i = 0; i < 7; ++i) {
    const std::size_t begin = i * 1448, size = std::min<std::size_t>(1448, 10'000 - begin);
    for (const Bytes segment : {Bytes{wire.sent[i]}, got[i].data.bytes()}) {
      EXPECT_EQ(number(segment), 100 + begin);
      EXPECT_TRUE(
          std::ranges::equal(TcpView::parse(read_ip(segment).payload)->text(), Bytes{text}.subspan(begin, size)));
      EXPECT_TRUE(correct_when_completed({segment.begin(), segment.end()}));
    }
    EXPECT_EQ(wire.offloads[i].checksum, Offload::Checksum::partial);
    EXPECT_EQ(wire.offloads[i].gso_size, 0);
    EXPECT_EQ(wire.offloads[i].transport, 20);
    EXPECT_EQ(got[i].offload.checksum, Offload::Checksum::verified);
    EXPECT_EQ(got[i].offload.gso_size, 0);
  }
  EXPECT_FALSE(link.held());
}

TEST_F(ImpairTest, odds_are_kept_about) {
  Impair link{wire, pool, settings("loss=10%,duplicate=5%,reorder=2%,seed=3")};
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    TxPacket p = numbered(i);
    arrive(p);
    ASSERT_EQ(link.send({&p, 1}), 1u);
    link.receive();
  }
  const auto about = [](std::uint64_t n, std::uint64_t expected) {
    return n > expected * 8 / 10 && n < expected * 12 / 10;
  };
  for (const auto& [lost, duplicated, reordered] :
       {std::array{link.sent().lost, link.sent().duplicated, link.sent().reordered},
        std::array{link.received().lost, link.received().duplicated, link.received().reordered}}) {
    EXPECT_PRED2(about, lost, 1000u);
    EXPECT_PRED2(about, duplicated, 450u);
    EXPECT_PRED2(about, reordered, 180u);
  }
  EXPECT_NE(link.sent().lost, link.received().lost) << "the directions do not mirror each other";
}

TEST_F(ImpairTest, each_packet_is_accounted_for) {
  Impair link{wire, pool, settings("out_loss=10%,out_duplicate=10%,out_reorder=10%,seed=5")};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    TxPacket p = numbered(i);
    link.send({&p, 1});
  }
  for (int i = 0; i < 3; ++i) link.receive();  // idle: what is held goes
  EXPECT_FALSE(link.held());
  const auto& c = link.sent();
  EXPECT_EQ(c.passed + c.lost + c.reordered, 1000u);
  EXPECT_EQ(wire.sent.size(), c.passed + c.reordered + c.duplicated);
  std::map<std::uint32_t, int> copies;
  for (auto n : numbers()) ++copies[n];
  EXPECT_EQ(copies.size(), 1000 - c.lost);
  for (auto [n, k] : copies) EXPECT_LE(k, 2) << n;
}

TEST_F(ImpairTest, a_reordered_packet_is_passed_by_up_to_eight) {
  Impair link{wire, pool, settings("out_reorder=1%,seed=11")};
  for (std::uint32_t i = 0; i < 5000; ++i) {
    TxPacket p = numbered(i);
    link.send({&p, 1});
  }
  int late = 0;
  std::uint32_t highest = 0;
  for (auto n : numbers()) {
    if (n < highest) {
      ++late;
      EXPECT_LE(highest - n, 10u) << "8, and those held back in between";
    }
    highest = std::max(highest, n);
  }
  EXPECT_GT(late, 20);
}

TEST_F(ImpairTest, same_seed_same_fate) {
  const auto run = [&](const char* text) {
    wire.sent.clear();
    Impair link{wire, pool, settings(text)};
    for (std::uint32_t i = 0; i < 300; ++i) {
      TxPacket p = numbered(i);
      link.send({&p, 1});
    }
    return numbers();
  };
  const auto first = run("loss=5%,reorder=5%,duplicate=5%,seed=1");
  EXPECT_EQ(run("loss=5%,reorder=5%,duplicate=5%,seed=1"), first);
  EXPECT_NE(run("loss=5%,reorder=5%,duplicate=5%,seed=2"), first);
}

TEST_F(ImpairTest, a_held_packet_goes_when_its_direction_is_idle) {
  Impair link{wire, pool, settings("reorder=100%")};
  TxPacket p = numbered(1);
  arrive(p);
  ASSERT_EQ(link.send({&p, 1}), 1u);
  EXPECT_TRUE(link.receive().empty());
  EXPECT_TRUE(link.held());
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_TRUE(link.receive().empty());
  EXPECT_EQ(link.receive().size(), 1u) << "the second idle turn";
  EXPECT_EQ(wire.sent.size(), 1u);
  EXPECT_FALSE(link.held());
}

TEST_F(ImpairTest, held_text_outlives_the_callers_memory) {
  Impair link{wire, pool, settings("out_reorder=100%")};
  const auto text = pattern(500);
  auto lent = text;
  TxPacket p = numbered(1, lent);
  ASSERT_EQ(link.send({&p, 1}), 1u);
  std::ranges::fill(lent, std::byte{0xee});
  for (int i = 0; i < 3; ++i) link.receive();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_TRUE(std::ranges::equal(TcpView::parse(read_ip(wire.sent[0]).payload)->text(), text));
}

TEST_F(ImpairTest, what_the_device_does_not_take_waits_in_order) {
  Impair link{wire, pool, {}};
  wire.room = 3;
  auto text = pattern(10'000);
  TxPacket p = numbered(0, text, 1000);
  EXPECT_EQ(link.send({&p, 1}), 1u);
  std::ranges::fill(text, std::byte{0xee});
  EXPECT_EQ(wire.sent.size(), 3u);
  EXPECT_TRUE(link.held());
  TxPacket next = numbered(10'000);
  EXPECT_EQ(link.send({&next, 1}), 0u) << "first what is here already";
  wire.room = 100;
  EXPECT_EQ(link.send({&next, 1}), 1u);
  ASSERT_EQ(wire.sent.size(), 11u);
  for (std::uint32_t i = 0; i < 11; ++i) EXPECT_EQ(number(wire.sent[i]), i * 1000);
  EXPECT_TRUE(
      std::ranges::equal(TcpView::parse(read_ip(wire.sent[9]).payload)->text(), Bytes{pattern(10'000)}.subspan(9000)));
  EXPECT_FALSE(link.held());
}

TEST_F(ImpairTest, without_memory_segments_are_lost_and_counted) {
  Impair link{wire, pool, settings("out_reorder=100%")};
  const auto text = pattern(3000);
  TxPacket p = numbered(0, text, 1000);
  arrive(p);
  pool.fail_every(1);
  EXPECT_EQ(link.send({&p, 1}), 1u);
  EXPECT_EQ(link.no_memory(), 3u);
  EXPECT_FALSE(link.held());
  EXPECT_TRUE(link.receive().empty());
  EXPECT_EQ(link.no_memory(), 6u);
}

}  // namespace
}  // namespace tunic
