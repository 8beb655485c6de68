// Who may speak to whom: sources that no peer can have, and destinations that no connection can have.
#include <gtest/gtest.h>

#include <vector>

#include "test_support/script.h"

namespace tunic::test {
namespace {

IpAddr v6(std::initializer_list<int> first, int last = 0) {
  std::array<std::byte, 16> a{};
  std::size_t i = 0;
  for (int b : first) a[i++] = static_cast<std::byte>(b);
  a[15] = static_cast<std::byte>(last);
  return IpAddr::v6(a.data());
}

std::vector<IpAddr> bad_addresses(Family f) {
  if (f == Family::v4)
    return {IpAddr::v4(0u),           IpAddr::v4(0x0001'0203u), IpAddr::v4(0x7f00'0001u), IpAddr::v4(0xe000'0001u),
            IpAddr::v4(0xefff'ffffu), IpAddr::v4(0xf000'0001u), IpAddr::v4(0xffff'ffffu), IpAddr::v4(0xc612'00ffu)};
  return {v6({}), v6({}, 1), v6({0xff, 0x02}, 1), v6({0xff, 0x0e}, 5)};
}

Segment to_listener(const Script& s, const IpAddr& src, std::uint8_t flags) {
  Segment seg;
  seg.src = {src, Port{40'000}};
  seg.dst = {s.variant().family == Family::v4 ? IpAddr::v4(0xc612'0002u) : v6({0xfd, 0, 0, 7}, 2), Port{80}};
  seg.flags = flags;
  seg.window = 1000;
  return seg;
}

// I5, I6, RFC 9293 §3.9.2.3 (MUST-63): no answer and no state
TEST(Addresses, martian_sources) {
  repeat(listening(), [](Script& s) {
    auto sources = bad_addresses(s.variant().family);
    sources.push_back(to_listener(s, {}, 0).dst.addr);  // our own, from outside: a land attack
    for (const auto& source : sources)
      for (const unsigned flags :
           {unsigned{flag::syn}, unsigned{flag::ack}, unsigned{flag::rst}, flag::syn | unsigned{flag::ack}}) {
        s.host().inject(to_listener(s, source, static_cast<std::uint8_t>(flags)));
        s.host().poll();
      }
    s.run("1s nothing\n 0ms expect connections 0");
    EXPECT_EQ(s.stack().counters().of(Drop::martian_source), 4 * sources.size());
  });
}

// RFC 9293 §3.9.2.3 (MUST-57): nobody answers for everybody
TEST(Addresses, syn_to_many) {
  repeat(listening(), [](Script& s) {
    const auto peer = s.variant().family == Family::v4 ? IpAddr::v4(0xc612'0001u) : v6({0xfd, 0, 0, 7}, 1);
    const auto everybody =
        s.variant().family == Family::v4
            ? std::vector{IpAddr::v4(0xffff'ffffu), IpAddr::v4(0xe000'0001u), IpAddr::v4(0xc612'00ffu)}
            : std::vector{v6({0xff, 0x02}, 1)};
    for (const auto& destination : everybody) {
      auto syn = to_listener(s, peer, flag::syn);
      syn.dst.addr = destination;
      s.host().inject(syn);
      s.host().poll();
    }
    s.run("1s nothing\n 0ms expect connections 0");
  });
}

// Packets for other hosts are not ours: we do not forward (I13)
TEST(Addresses, not_ours) {
  repeat(listening(), [](Script& s) {
    const auto peer = s.variant().family == Family::v4 ? IpAddr::v4(0xc612'0001u) : v6({0xfd, 0, 0, 7}, 1);
    auto syn = to_listener(s, peer, flag::syn);
    syn.dst.addr = s.variant().family == Family::v4 ? IpAddr::v4(0xc612'0009u) : v6({0xfd, 0, 0, 7}, 9);
    s.host().inject(syn);
    s.host().poll();
    s.run("1s nothing\n 0ms expect drop not_ours 1");
  });
}

// RFC 9293 §3.9.1.1 (MUST-46): OPEN to an address that is nobody's alone
TEST(Addresses, connect_to_many) {
  for (const auto family : {Family::v4, Family::v6}) {
    Script s{blank(), {.family = family}};
    const auto everybody = family == Family::v4 ? std::vector{IpAddr::v4(0xffff'ffffu), IpAddr::v4(0xe000'0001u)}
                                                : std::vector{v6({0xff, 0x02}, 1)};
    for (const auto& destination : everybody) {
      const auto socket = *s.stack().open(family);
      const auto status = s.stack().connect(socket, {destination, Port{80}}, s.host().now());
      ASSERT_FALSE(status);
      EXPECT_TRUE(status.error() == Error::unreachable || status.error() == Error::denied) << int(status.error());
      EXPECT_TRUE(s.stack().close(socket));
    }
    s.run("1s nothing");
  }
}

}  // namespace
}  // namespace tunic::test
