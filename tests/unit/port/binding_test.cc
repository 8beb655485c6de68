#include "port/binding.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "bind_calls.h"

namespace tunic {
namespace {

// What Linux 6.18 answers to the last call of each line, made on kernel sockets in an empty network namespace.
// One answer is left out: Linux remembers a cleared REUSEPORT of the only socket of a port, so that B=4 B+p B@ passes
// after A=4 A+p A@ A-p. Here what the sockets say now counts.
constexpr Case linux_answers[] = {
    {"A=4 A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=4 A@0.0.0.0 B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 B=4 B@0.0.0.0", in_use},
    {"A=4 A@0.0.0.0 B=4 B@0.0.0.0", in_use},
    {"A=6 A@::1 B=6 B@::1", in_use},
    {"A=6 A@:: B=6 B@::1", in_use},
    {"A=6 A@::1 B=6 B@::", in_use},
    {"A=6 A@:: B=6 B@::", in_use},
    {"A=6 A@:: B=4 B@0.0.0.0", in_use},
    {"A=6 A@:: B=4 B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=6 B@::", in_use},
    {"A=4 A@127.0.0.1 B=6 B@::", in_use},
    {"A=6 A+o A@:: B=4 B@0.0.0.0", ok},
    {"A=6 A+o A@:: B=4 B@127.0.0.1", ok},
    {"A=4 A@0.0.0.0 B=6 B+o B@::", ok},
    {"A=4 A@127.0.0.1 B=6 B+o B@::", ok},
    {"A=6 A+o A@:: B=6 B@::", in_use},
    {"A=6 A@:: B=6 B+o B@::", in_use},
    {"A=6 A+o A@:: B=6 B@::1", in_use},
    {"A=6 A@::1 B=4 B@127.0.0.1", ok},
    {"A=6 A@::1 B=4 B@0.0.0.0", ok},
    {"A=4 A@0.0.0.0 B=6 B@::1", ok},
    {"A=6 A@::ffff:127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=6 A@::ffff:127.0.0.1 B=4 B@0.0.0.0", in_use},
    {"A=6 A@::ffff:0.0.0.0 B=4 B@127.0.0.1", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=6 B@::", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=6 B+o B@::", ok},
    {"A=6 A@::ffff:127.0.0.1 B=6 B@::1", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 A! B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 A! B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A! B=4 B+r B@0.0.0.0", in_use},
    {"A=6 A+r A@:: A! B=4 B+r B@0.0.0.0", in_use},
    {"A=6 A+r A@:: B=4 B+r B@0.0.0.0", ok},
    {"A=6 A+r A+o A@:: A! B=4 B+r B@0.0.0.0", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 A! B!", in_use},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 A!", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 A! C=4 C+r C@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.2 A! B!", ok},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B@127.0.0.2 A! B!", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+p A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 B=4 B+p B@127.0.0.1", in_use},
    {"A=4 A+p A@127.0.0.1 A! B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+p A@127.0.0.1 A! B=4 B+p B@127.0.0.1 B!", ok},
    {"A=4 A+p A@0.0.0.0 A! B=4 B+p B@127.0.0.1 B!", ok},
    {"A=6 A+p A@:: A! B=4 B+p B@0.0.0.0 B!", ok},
    {"A=4 A+p A@127.0.0.1 A! B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+p A+r A@127.0.0.1 A! B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+p A+r A@127.0.0.1 B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+p A+r A@127.0.0.1 A! B=4 B+r B+p B@127.0.0.1", ok},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1 C=4 C@127.0.0.1", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1 C=4 C+r C@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 C=4 C@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A% B=4 B@127.0.0.1", ok},
    {"A=4 A@127.0.0.1 A! A% B=4 B@127.0.0.1", ok},
    {"A=4 A@127.0.0.1 A! C<A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A! C<A@127.0.0.1 A% B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A! C<A@127.0.0.1 A% B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A! C<A@127.0.0.1 A% B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A! C<A@127.0.0.1 A% B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 A! C<A@127.0.0.1 A% B=4 B+r B@127.0.0.1 B!", ok},
    {"A=4 A+r A@127.0.0.1 A! C<A@127.0.0.1 B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 A! C<A@127.0.0.1 A% B=4 B@127.0.0.2", ok},
    {"A=4 A@0.0.0.0 A! C<A@127.0.0.1 A% B=4 B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 A! C<A@127.0.0.1 A% B=4 B@0.0.0.0", in_use},
    {"A=4 A+r A@0.0.0.0 A! C<A@127.0.0.1 A% B=4 B+r B@0.0.0.0", ok},
    {"A=6 A@:: A! C<A@127.0.0.1 A% B=4 B@127.0.0.1", in_use},
    {"A=6 A@:: A! C<A@127.0.0.1 A% B=4 B@127.0.0.2", ok},
    {"A=6 A@:: A! C<A@127.0.0.1 A% B=6 B@::1", ok},
    {"A=6 A@:: A! C<A@127.0.0.1 A% B=6 B@::", in_use},
    {"A=6 A@:: A! C<A@127.0.0.1 A% B=6 B+o B@::", ok},
    {"A=6 A@:: A! C<A@::1 A% B=4 B@0.0.0.0", in_use},
    {"A=6 A@:: A! C<A@::1 A% B=6 B@::1", in_use},
    {"A=6 A+r A@:: A! C<A@::1 A% B=6 B+r B@::1", ok},
    {"A=4 A@127.0.0.1 A! C<A@127.0.0.1 C. A% B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A! C<A@127.0.0.1 C. A% B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A! C<A@127.0.0.1 C. A% B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A! C<A@127.0.0.1 C. A% B=4 B+r B@127.0.0.1 B!", ok},
    {"A=4 A+p A@127.0.0.1 A! C<A@127.0.0.1 A% B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+p A@127.0.0.1 A! C<A@127.0.0.1 C. A% B=4 B+p B@127.0.0.1 B!", ok},
    {"A=4 A+p A@127.0.0.1 A! C<A@127.0.0.1 C. A% B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A! A+r C<A@127.0.0.1 A% B=4 B+r B@127.0.0.1", ok},
    {"A=4 A@127.0.0.1 A! C<A@127.0.0.1 A+r A% B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A+r B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 A-r B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A-r B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A+p B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 A-r B!", in_use},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 B-r B!", in_use},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 A-r A!", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1 A-p A!", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1 A! B-p B!", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1 B! A-p A!", in_use},
    {"A=4 A@0.0.0.0 A>127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=4 A@0.0.0.0 A>127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 A>127.0.0.1 B=4 B+r B@127.0.0.1 B!", ok},
    {"A=4 A@127.0.0.1 A>127.0.0.1 A. B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A>127.0.0.1 A. B=4 B+r B@127.0.0.1 B!", ok},
    {"A=4 A@127.0.0.1 A! A^ A!", ok},
    {"A=4 A@127.0.0.1 A! C<A@127.0.0.1 A^ A!", in_use},
    {"A=4 A+r A@127.0.0.1 A! C<A@127.0.0.1 A^ A!", ok},
    {"A=4 A@127.0.0.1 A! A^ B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A@127.0.0.1 A! A^ B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 A! A^ B=4 B+r B@127.0.0.1 B! A!", in_use},
    {"A=4 A@127.0.0.1 A! A!", ok},
    {"A=6 A+o A@:: A! C<A@::1 A% B=4 B@0.0.0.0", ok},
    {"A=6 A+r A@:: A! C<A@127.0.0.1 A% B=4 B+r B@0.0.0.0", ok},
    {"A=6 A+o A+r A@:: B=6 B+r B@:: A! B!", in_use},
    {"A=6 A+o A+p A@:: A! B=6 B+p B@:: B!", ok},
    {"A=6 A@:: A>::1 B=4 B@0.0.0.0", in_use},
    {"A=6 A@:: A>::1 B=4 B@127.0.0.1", ok},
    {"A=6 A@:: A>::ffff:127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=6 A@:: A>::ffff:127.0.0.1 B=6 B@::1", ok},
};

TEST(PortTable, answers_as_linux) {
  for (const Case& c : linux_answers) {
    const Status status = Sockets{}.run(c.calls);
    EXPECT_EQ(status.has_value(), c.last == ok) << c.calls;
    if (!status) {
      EXPECT_EQ(status.error(), Error::in_use);
    }
  }
}

TEST(PortTable, ports_do_not_touch_each_other) {
  PortTable table{prf};
  for (std::uint32_t p = 1; p < 65'536; ++p)
    ASSERT_TRUE(table.bind({.addr = IpAddr::any(Family::v6), .port = Port(p), .owner = p}));
  EXPECT_EQ(table.size(), 65'535u);
  for (std::uint32_t p = 1; p < 65'536; ++p) ASSERT_FALSE(table.can_bind({.addr = IpAddr::v4(v4(1)), .port = Port(p)}));
}

TEST(PortTable, an_automatic_port_blocks_nobody) {  // N3
  PortTable table{prf};
  const IpAddr local = IpAddr::v4(v4(1));
  const BindingId first = table.bind_automatic(local, port);
  EXPECT_EQ(table.bind_automatic(local, port), first) << "one record for all that are alike";
  EXPECT_FALSE(table.is_claimed(port));
  EXPECT_FALSE(table.is_unused({.addr = IpAddr::any(Family::v4), .port = port}));
  EXPECT_TRUE(table.is_unused({.addr = IpAddr::v4(v4(2)), .port = port}));
  const auto listener = table.bind({.addr = local, .port = port, .owner = 4});
  ASSERT_TRUE(listener);
  EXPECT_TRUE(table.set_listening(*listener, true));
  EXPECT_TRUE(table.is_claimed(port));
  const BindingId time_wait = table.hold(first, local);
  table.release(first);
  table.release(first);
  table.release(*listener);
  EXPECT_TRUE(table.bind({.addr = local, .port = port}));
  EXPECT_EQ(table.size(), 2u);
  table.release(time_wait);
  EXPECT_EQ(table.size(), 1u);
}

TEST(PortTable, connections_hold_the_port_until_the_last_goes) {
  PortTable table{prf};
  const IpAddr local = IpAddr::v4(v4(1));
  const BindingId listener = *table.bind({.addr = local, .port = port});
  ASSERT_TRUE(table.set_listening(listener, true));
  std::vector<BindingId> children;
  for (int i = 0; i < 1000; ++i) children.push_back(table.hold(listener, local));
  EXPECT_EQ(table.size(), 2u);
  table.release(listener);
  for (const BindingId child : children) {
    ASSERT_FALSE(table.can_bind({.addr = local, .port = port, .reuse_address = true}));
    table.release(child);
  }
  EXPECT_TRUE(table.can_bind({.addr = local, .port = port}));
  EXPECT_EQ(table.size(), 0u);
}

FourTuple request(const IpAddr& local, std::uint32_t peer = 1) {
  return {{local, port}, {local.is_v4() ? IpAddr::v4(0xc6120000u + peer) : IpAddr::loopback(Family::v6), Port(peer)}};
}

TEST(PortTable, the_most_specific_listener_answers) {
  PortTable table{prf};
  const auto listen = [&](const Binding& b) {
    const BindingId id = *table.bind(b);
    EXPECT_TRUE(table.set_listening(id, true));
    return id;
  };
  const auto any6 = IpAddr::any(Family::v6), any4 = IpAddr::any(Family::v4), one = IpAddr::loopback(Family::v6);
  EXPECT_FALSE(table.find_listener(request(any4)));
  const BindingId both = listen({.addr = any6, .port = port, .reuse_port = true, .owner = 1});
  EXPECT_EQ(table.find_listener(request(IpAddr::v4(v4(1)))), 1u);
  EXPECT_EQ(table.find_listener(request(one)), 1u);
  const BindingId all4 = listen({.addr = any4, .port = port, .reuse_port = true, .owner = 2});
  listen({.addr = IpAddr::v4(v4(1)), .port = port, .reuse_port = true, .owner = 3});
  listen({.addr = one, .port = port, .reuse_port = true, .owner = 4});
  EXPECT_EQ(table.find_listener(request(IpAddr::v4(v4(1)))), 3u);
  EXPECT_EQ(table.find_listener(request(IpAddr::v4(v4(2)))), 2u);
  EXPECT_EQ(table.find_listener(request(one)), 4u);
  table.release(all4);
  EXPECT_EQ(table.find_listener(request(IpAddr::v4(v4(2)))), 1u);
  table.release(both);
  EXPECT_FALSE(table.find_listener(request(IpAddr::v4(v4(2)))));
}

TEST(PortTable, a_v6_only_listener_does_not_answer_ipv4) {
  PortTable table{prf};
  const BindingId id = *table.bind({.addr = IpAddr::any(Family::v6), .port = port, .v6_only = true, .owner = 1});
  EXPECT_FALSE(table.find_listener(request(IpAddr::loopback(Family::v6)))) << "bound is not listening";
  ASSERT_TRUE(table.set_listening(id, true));
  EXPECT_TRUE(table.find_listener(request(IpAddr::loopback(Family::v6))));
  EXPECT_FALSE(table.find_listener(request(IpAddr::v4(v4(1)))));
  ASSERT_TRUE(table.set_listening(id, false));
  EXPECT_FALSE(table.find_listener(request(IpAddr::loopback(Family::v6))));
}

TEST(PortTable, reuse_port_shares_requests_evenly_and_steadily) {
  PortTable table{prf};
  constexpr std::uint32_t listeners = 4, requests = 40'000;
  for (std::uint32_t i = 0; i < listeners; ++i)
    ASSERT_TRUE(table.set_listening(
        *table.bind({.addr = IpAddr::any(Family::v4), .port = port, .reuse_port = true, .owner = i}), true));
  std::array<std::uint32_t, listeners> taken{};
  for (std::uint32_t i = 0; i < requests; ++i) {
    const auto owner = table.find_listener(request(IpAddr::v4(v4(1)), i));
    ASSERT_EQ(owner, table.find_listener(request(IpAddr::v4(v4(1)), i)));
    ++taken.at(*owner);
  }
  for (const std::uint32_t n : taken) EXPECT_NEAR(n, requests / listeners, 400);  // 4.6 standard deviations
}

}  // namespace
}  // namespace tunic
