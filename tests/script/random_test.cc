// Conversations made by chance, from a seed: a peer that writes, reads, loses, repeats and reorders. The laws are
// watched on every packet; in the end the network heals, and each side must have all that the other wrote
// (O1, O2, O4).
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "test_support/script.h"

namespace tunic::test {
namespace {

class Chance {
 public:
  Chance(std::uint32_t seed, Family family) : dice_{seed}, script_{setup(), {family, word(), word(), seed % 2 == 0}} {
    const auto local = script_.stack().local(script_.socket()), remote = script_.stack().remote(script_.socket());
    pair_ = {*local, *remote};
    EXPECT_TRUE(
        script_.stack().set(script_.socket(), Option::oob_inline, 1));  // urgent or not, the stream is the stream
  }

  void run() {
    for (int step = 0; step < 400 && lawful(); ++step) one();
    loss_ = 0;
    for (int step = 0; step < 3000 && lawful() && !done(); ++step) heal();
    if (!lawful()) return script_.finish();
    EXPECT_EQ(heard_.end_of(0), wrote_) << "of what the Stack's user wrote";
    EXPECT_EQ(read_, said_) << "of what the peer said";
  }
  bool failed() const { return script_.failed() || testing::Test::HasFailure(); }

 private:
  std::uint32_t word() { return static_cast<std::uint32_t>(dice_()); }
  std::int64_t upto(std::int64_t n) { return static_cast<std::int64_t>(dice_() % static_cast<std::uint64_t>(n + 1)); }
  bool lawful() { return !script_.failed() && script_.host().broken().empty(); }
  bool lost() { return upto(99) < loss_; }

  Setup setup() {
    loss_ = static_cast<int>(upto(30));
    Setup s = established({.mss = static_cast<std::uint16_t>(100 + upto(1360)), .peer_window = 20'000});
    if (upto(1) == 0) s.wscale = static_cast<std::uint8_t>(upto(8));
    s.sack = upto(1) == 0;
    s.timestamps = upto(1) == 0;
    s.active = upto(1) == 0;
    if (upto(3) == 0) s.link = {};
    return s;
  }
  Flow& flow() { return script_.host().laws().flow(pair_); }

  void one() {
    switch (upto(7)) {
      case 6:
        junk();
        break;
      case 7:
        choose();
        break;
      case 0:
        write(upto(9'000));
        break;
      case 1:
        read(upto(20'000));
        break;
      case 2:
      case 3:
        say(upto(60'000));
        break;
      case 4:
        acknowledge();
        break;
      default:
        pass(Duration{1ms} * upto(upto(9) == 0 ? 900 : 20));
    }
  }
  // Segments that no peer of this connection would send now. None of them may do harm.
  void junk() {
    const auto far = flow().our_edge + upto(100'000);
    const auto begin = upto(2) == 0 ? far : upto(said_);
    const auto n = begin == far ? upto(500) : std::min<std::int64_t>(upto(500), said_ - begin);
    auto s = segment(begin, static_cast<std::size_t>(n));
    s.flags = static_cast<std::uint8_t>(upto(255) & ~unsigned{flag::fin});
    if (upto(1) == 0) s.flags |= flag::ack;
    if (s.has(flag::rst) &&
        s.seq == static_cast<std::uint32_t>(script_.variant().their_isn + static_cast<std::uint64_t>(flow().acked)))
      return;
    s.ack += static_cast<std::uint32_t>(upto(1) == 0 ? -upto(5'000) : flow().snd_max - heard_.end_of(0) + upto(9'000));
    s.urgent = static_cast<std::uint16_t>(upto(65'535));
    if (s.options.ts && upto(3) == 0) s.options.ts->val -= static_cast<std::uint32_t>(upto(1 << 30));
    deliver(s);
  }
  void choose() {
    auto& stack = script_.stack();
    const auto socket = script_.socket();
    for (const auto option : {Option::no_delay, Option::cork, Option::quick_ack})
      EXPECT_TRUE(stack.set(socket, option, upto(1)));
    if (upto(3) == 0) write(1, {.urgent = true});
    script_.host().flush();
    listen();
  }

  void heal() {
    window_ = 20'000;
    EXPECT_TRUE(script_.stack().set(script_.socket(), Option::cork, 0));
    read(50'000);
    const auto missing = flow().acked - 1;
    if (missing < said_)
      deliver(segment(missing, static_cast<std::size_t>(std::min<std::int64_t>(1'000, said_ - missing))));
    deliver(segment(said_, 0));
    pass(10ms);
  }
  bool done() { return heard_.end_of(0) == wrote_ && read_ == said_ && flow().acked - 1 == said_; }

  void write(std::int64_t n, SendFlags flags = {}) {
    const auto text = pattern_text(wrote_, static_cast<std::size_t>(n), ours);
    const auto sent = script_.stack().send(script_.socket(), text, flags);
    if (sent) wrote_ += static_cast<std::int64_t>(*sent);
    script_.host().flush();
    listen();
  }

  void read(std::int64_t n) {
    std::vector<std::byte> text(static_cast<std::size_t>(n));
    const auto got = script_.stack().receive(script_.socket(), text);
    if (!got) return;
    for (std::size_t i = 0; i < *got; ++i)
      if (text[i] != pattern(static_cast<std::uint64_t>(read_) + i, theirs)) ADD_FAILURE() << "octet " << read_;
    read_ += static_cast<std::int64_t>(*got);
    script_.host().flush();
    listen();
  }

  // A segment from anywhere between what was acknowledged and the window's edge, so that holes and overlaps arise.
  void say(std::int64_t from) {
    const auto room = flow().our_edge - 1;
    const auto begin = std::clamp(from, std::max<std::int64_t>(0, flow().acked - 1 - 500), std::min(said_, room));
    auto n = std::min<std::int64_t>(upto(3'000), room - begin);
    if (n <= 0) return;
    auto s = segment(begin, static_cast<std::size_t>(n));
    s.gso_size = 0;
    said_ = std::max(said_, begin + n);
    deliver(s);
  }
  void acknowledge() {
    if (upto(7) == 0) window_ = upto(20'000);
    deliver(segment(said_, 0));
  }

  Segment segment(std::int64_t begin, std::size_t n) {
    const auto& v = script_.variant();
    Segment s;
    s.src = pair_.remote;
    s.dst = pair_.local;
    s.seq = static_cast<std::uint32_t>(v.their_isn + 1 + static_cast<std::uint64_t>(begin));
    s.ack = static_cast<std::uint32_t>(v.our_isn + 1 + static_cast<std::uint64_t>(heard_.end_of(0)));
    s.flags = flag::ack;
    edge_ = std::max(edge_, heard_.end_of(0) + window_);  // our own window does not move left either
    const auto field = (edge_ - heard_.end_of(0)) >> flow().scale_of_peer();
    s.window = static_cast<std::uint16_t>(std::min<std::int64_t>(field, 65'535));
    s.text = pattern_text(begin, n, theirs);
    if (flow().timestamps)
      s.options.ts =
          Stamp{static_cast<std::uint32_t>(0xffff'ff00u +
                                           static_cast<std::uint64_t>((script_.host().now() - Instant{3600s}) / 1ms)),
                echo_};
    return s;
  }
  void deliver(const Segment& s) {
    if (lost()) return;
    for (int copies = upto(19) == 0 ? 2 : 1; copies > 0; --copies) script_.host().inject(s);
    script_.host().poll();
    listen();
  }
  void pass(Duration d) {
    script_.host().advance(script_.host().now() + d);
    listen();
  }

  // The peer hears what is not lost (super-packets are lost by wire segments), and answers what is out of order with a
  // duplicate ACK, mostly.
  void listen() {
    auto& out = script_.host().out;
    int owed = 0;
    for (int rounds = 0; !out.empty() && rounds < 20; ++rounds) {
      for (; !out.empty(); out.pop_front()) owed += hear(out.front().segment);
      for (; owed > 0; --owed)
        if (!lost()) script_.host().inject(segment(said_, 0)), script_.host().poll();
    }
  }

  int hear(const Segment& s) {
    const std::size_t step = s.gso_size != 0 ? s.gso_size : std::max<std::size_t>(1, s.text.size());
    const auto begin = relative(s.seq, script_.variant().our_isn + 1, heard_.end_of(0));
    int out_of_order = 0;
    for (std::size_t at = 0; at < s.text.size(); at += step) {
      if (lost()) continue;
      const auto from = begin + static_cast<std::int64_t>(at);
      out_of_order += from > heard_.end_of(0) ? 1 : 0;
      heard_.add(from, from + static_cast<std::int64_t>(std::min(step, s.text.size() - at)));
      if (s.options.ts) echo_ = s.options.ts->val;
    }
    return out_of_order;
  }

  std::mt19937 dice_;
  int loss_ = 0;
  Script script_;
  FourTuple pair_;
  Intervals heard_;
  std::int64_t wrote_ = 0, read_ = 0, said_ = 0, window_ = 20'000, edge_ = 20'000;
  std::uint32_t echo_ = 0;
};

// `--gtest_random_seed=N` begins at seed 1000 N + 1.
TEST(Random, conversations_keep_the_laws) {
  const auto first = 1000 * static_cast<std::uint32_t>(GTEST_FLAG_GET(random_seed)) + 1;
  for (std::uint32_t seed = first; seed < first + 100; ++seed)
    for (const auto family : {Family::v4, Family::v6}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + (family == Family::v4 ? ", IPv4" : ", IPv6"));
      Chance c{seed, family};
      c.run();
      if (c.failed()) return;
    }
}

}  // namespace
}  // namespace tunic::test
