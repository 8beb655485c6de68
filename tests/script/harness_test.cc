// The harness must be able to fail: each kind of wrong packet, wrong time and wrong call is noticed.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "test_support/script.h"

namespace tunic::test {
namespace {

// EXPECT_NONFATAL_FAILURE runs its statement where it sees no locals.
void run_short(const char* lines) {
  Script s{established({.mss = 1000})};
  s.run(lines);
}

TEST(Harness, notices_a_packet_that_is_not_expected) {
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10"), "is not expected");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms < . 1:1(0) ack 1"), "is not expected");
  EXPECT_NONFATAL_FAILURE(run_short("0ms < P. 1:11(10) ack 1\n 1s nothing"), "is not expected");
}

TEST(Harness, notices_a_packet_that_is_missing_or_late) {
  EXPECT_NONFATAL_FAILURE(run_short("0ms > . 1:1(0) ack 1"), "nothing came out");
  EXPECT_NONFATAL_FAILURE(run_short("0ms < P. 1:11(10) ack 1\n 30ms > . 1:1(0) ack 11"), "nothing came out");
  EXPECT_NONFATAL_FAILURE(run_short("0ms < P. 1:11(10) ack 1\n 50ms > . 1:1(0) ack 11"), "the time differs");
}

TEST(Harness, notices_each_field) {
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms > F. 1:11(10) ack 1"), "the flags differs");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms > P. 2:12(10) ack 1"), "the sequence number differs");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms > P. 1:12(11) ack 1"), "the size of the text differs");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms > P. 1:11(10) ack 2"), "the acknowledgment differs");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms > P. 1:11(10) ack 1 win 1"), "the window differs");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms > P. 1:11(10) ack 1 <sack 1:2>"), "the SACK blocks differs");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms > P. 1:11(10) ack 1 <mss 5>"), "the MSS option differs");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 10\n 0ms #2 > P. 1:11(10) ack 1"), "the peer differs");
}

TEST(Harness, notices_results_of_calls) {
  EXPECT_NONFATAL_FAILURE(run_short("0ms read 1"), "only 0 octets");
  EXPECT_NONFATAL_FAILURE(run_short("0ms read eof"), "the call gave EAGAIN");
  EXPECT_NONFATAL_FAILURE(run_short("0ms < P. 1:11(10) ack 1\n 0ms read again"), "the call gave 1 octets");
  EXPECT_NONFATAL_FAILURE(run_short("0ms write 1 again"), "the call gave success");
  EXPECT_NONFATAL_FAILURE(run_short("0ms expect state CLOSED"), "the state is ESTABLISHED");
  EXPECT_NONFATAL_FAILURE(run_short("0ms expect readable"), "it is not readable");
  EXPECT_NONFATAL_FAILURE(run_short("0ms expect error ECONNRESET"), "the pending error is none");
  EXPECT_NONFATAL_FAILURE(run_short("0ms expect drop martian_source 1"), "dropped as martian_source: 0");
}

TEST(Harness, notices_nonsense) {
  EXPECT_NONFATAL_FAILURE(run_short("0ms frobnicate"), "unknown action");
  EXPECT_NONFATAL_FAILURE(run_short("soon write 1"), "a line begins with a time");
  EXPECT_NONFATAL_FAILURE(run_short("0ms < . 1:3(1) ack 1"), "end is not seq + size");
  EXPECT_NONFATAL_FAILURE(run_short("0ms < . 1:1(0)"), "has an acknowledgment number");
}

// ---- the strict reader and the laws, shown packets that a Stack must never send ----

Segment ours_to_peer() {
  Segment s;
  s.src = {IpAddr::v4(0xc612'0002u), Port{80}};
  s.dst = {IpAddr::v4(0xc612'0001u), Port{40'001}};
  s.seq = 101;
  s.ack = 501;
  s.flags = flag::ack;
  s.window = 1000;
  return s;
}

std::string read(const std::vector<std::byte>& packet, const Demands& d = {}) {
  const auto r = read_strictly(packet, {}, d);
  return r ? "" : r.error();
}

// O7: each bit of the headers and of the text is protected or checked
TEST(StrictReader, notices_every_flipped_bit) {
  auto s = ours_to_peer();
  s.text = pattern_text(0, 8, ours);
  const auto good = encode(s);
  EXPECT_EQ(read(good), "");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= std::byte(1u << bit % 8);
    EXPECT_NE(read(bad), "") << "bit " << bit;
  }
}

TEST(StrictReader, notices_bad_options) {
  auto s = ours_to_peer();
  s.options.mss = std::uint16_t{1000};
  EXPECT_EQ(read(encode(s)), "MSS outside a SYN");
  s.options = {};
  s.options.raw = {std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0}};
  EXPECT_EQ(read(encode(s)), "octets after the end of options are not zero");
  s.options.raw = {std::byte{8}, std::byte{10}, std::byte{1}, std::byte{0}};
  EXPECT_EQ(read(encode(s)), "an option's length");
  s.options.raw = {std::byte{1}, std::byte{77}, std::byte{2}, std::byte{1}};
  EXPECT_EQ(read(encode(s)), "an option that nobody asked for: kind 77");
}

TEST(StrictReader, notices_sizes) {
  auto s = ours_to_peer();
  s.text = pattern_text(0, 1461, ours);
  EXPECT_EQ(read(encode(s)), "larger than the MTU");
  s.text.resize(1460);
  EXPECT_EQ(read(encode(s)), "");
}

struct Onlooker {
  Laws laws;
  Segment mine = ours_to_peer();

  // The handshake of a peer with IRS 500 and a window of 2000; our ISS is 100.
  Onlooker() {
    auto syn = theirs_at(500, flag::syn);
    syn.options.sack_ok = true;
    laws.injected(syn);
    auto syn_ack = ours_to_peer();
    syn_ack.seq = 100;
    syn_ack.flags = flag::syn | flag::ack;
    syn_ack.options.sack_ok = true;
    EXPECT_FALSE(laws.sent(syn_ack));
    laws.injected(theirs_at(501, flag::ack));
  }
  static Segment theirs_at(std::uint32_t seq, std::uint8_t flags, std::size_t text = 0) {
    auto s = ours_to_peer();
    std::swap(s.src, s.dst);
    s.seq = seq;
    s.ack = (flags & flag::ack) != 0 ? 101 : 0;
    s.flags = flags;
    s.window = 2000;
    s.text.resize(text);
    return s;
  }
  std::string verdict() { return laws.sent(mine).value_or(""); }
};

TEST(Laws, a_good_segment_breaks_none) {
  Onlooker o;
  o.mine.text = pattern_text(0, 2000, ours);
  EXPECT_EQ(o.verdict(), "");
}

TEST(Laws, no_amplification) {
  Laws laws;
  auto rst = ours_to_peer();
  rst.flags = flag::rst;
  EXPECT_EQ(laws.sent(rst).value_or(""), "law 3: more packets out than in for a source that is not validated");
  laws.injected(Onlooker::theirs_at(7, flag::ack));
  EXPECT_EQ(laws.sent(rst).value_or(""), "");
  EXPECT_NE(laws.sent(rst).value_or(""), "");
}

TEST(Laws, nothing_is_acknowledged_that_never_came) {
  Onlooker o;
  o.mine.ack = 502;
  EXPECT_EQ(o.verdict(), "law 9: acknowledges what never came");
  o.laws.injected(Onlooker::theirs_at(501, flag::ack, 1));
  EXPECT_EQ(o.verdict(), "");
}

TEST(Laws, no_window_moves_left) {
  Onlooker o;
  o.mine.window = 999;
  EXPECT_EQ(o.verdict().substr(0, 42), "law 9: the window's right edge moves left,");
}

TEST(Laws, text_is_always_the_same) {
  Onlooker o;
  o.mine.text = pattern_text(1, 10, ours);
  EXPECT_EQ(o.verdict(), "law 9: another octet at position 0");
}

TEST(Laws, nothing_beyond_the_peers_window) {
  Onlooker o;
  o.mine.text = pattern_text(0, 2001, ours);
  EXPECT_EQ(o.verdict(), "text beyond the peer's window");
}

TEST(Laws, nothing_beyond_our_fin) {
  Onlooker o;
  o.mine.flags = flag::ack | flag::fin;
  EXPECT_EQ(o.verdict(), "");
  o.mine.seq = 102;
  o.mine.flags = flag::ack;
  o.mine.text = pattern_text(1, 1, ours);
  EXPECT_EQ(o.verdict(), "text or FIN beyond our FIN");
}

TEST(Laws, sack_is_of_what_came) {
  Onlooker o;
  o.mine.options.sack = {{600, 700}};
  EXPECT_EQ(o.verdict(), "a SACK block of what never came");
}

TEST(Laws, options_are_negotiated) {
  Onlooker o;
  o.mine.options.ts = Stamp{1, 2};
  EXPECT_EQ(o.verdict(), "timestamps though not negotiated");
}

}  // namespace
}  // namespace tunic::test
