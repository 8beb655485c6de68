// The port table by the rules of datagrams: who may bind, and who of several gets a datagram.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "bind_calls.h"

namespace tunic {
namespace {

// What Linux 6.18 answers to the last call of each line, made on UDP sockets in an empty network namespace.
constexpr Case linux_answers[] = {
    {"A=4 A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=4 A@127.0.0.1 B=4 B@0.0.0.0", in_use},
    {"A=4 A@127.0.0.1 B=6 B@::1", ok},
    {"A=4 A@127.0.0.1 B=6 B@::", in_use},
    {"A=4 A@127.0.0.1 B=6 B@::ffff:127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 B=6 B@::ffff:0.0.0.0", in_use},
    {"A=4 A@127.0.0.2 B=4 B@127.0.0.1", ok},
    {"A=4 A@127.0.0.2 B=4 B@127.0.0.2", in_use},
    {"A=4 A@127.0.0.2 B=4 B@0.0.0.0", in_use},
    {"A=4 A@127.0.0.2 B=6 B@::1", ok},
    {"A=4 A@127.0.0.2 B=6 B@::", in_use},
    {"A=4 A@127.0.0.2 B=6 B@::ffff:127.0.0.1", ok},
    {"A=4 A@127.0.0.2 B=6 B@::ffff:0.0.0.0", in_use},
    {"A=4 A@0.0.0.0 B=4 B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=4 B@127.0.0.2", in_use},
    {"A=4 A@0.0.0.0 B=4 B@0.0.0.0", in_use},
    {"A=4 A@0.0.0.0 B=6 B@::1", ok},
    {"A=4 A@0.0.0.0 B=6 B@::", in_use},
    {"A=4 A@0.0.0.0 B=6 B@::ffff:127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=6 B@::ffff:0.0.0.0", in_use},
    {"A=6 A@::1 B=4 B@127.0.0.1", ok},
    {"A=6 A@::1 B=4 B@127.0.0.2", ok},
    {"A=6 A@::1 B=4 B@0.0.0.0", ok},
    {"A=6 A@::1 B=6 B@::1", in_use},
    {"A=6 A@::1 B=6 B@::", in_use},
    {"A=6 A@::1 B=6 B@::ffff:127.0.0.1", ok},
    {"A=6 A@::1 B=6 B@::ffff:0.0.0.0", ok},
    {"A=6 A@:: B=4 B@127.0.0.1", in_use},
    {"A=6 A@:: B=4 B@127.0.0.2", in_use},
    {"A=6 A@:: B=4 B@0.0.0.0", in_use},
    {"A=6 A@:: B=6 B@::1", in_use},
    {"A=6 A@:: B=6 B@::", in_use},
    {"A=6 A@:: B=6 B@::ffff:127.0.0.1", in_use},
    {"A=6 A@:: B=6 B@::ffff:0.0.0.0", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=6 A@::ffff:127.0.0.1 B=4 B@0.0.0.0", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=6 B@::1", ok},
    {"A=6 A@::ffff:127.0.0.1 B=6 B@::", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=6 B@::ffff:127.0.0.1", in_use},
    {"A=6 A@::ffff:127.0.0.1 B=6 B@::ffff:0.0.0.0", in_use},
    {"A=6 A@::ffff:0.0.0.0 B=4 B@127.0.0.1", in_use},
    {"A=6 A@::ffff:0.0.0.0 B=4 B@127.0.0.2", in_use},
    {"A=6 A@::ffff:0.0.0.0 B=4 B@0.0.0.0", in_use},
    {"A=6 A@::ffff:0.0.0.0 B=6 B@::1", ok},
    {"A=6 A@::ffff:0.0.0.0 B=6 B@::", in_use},
    {"A=6 A@::ffff:0.0.0.0 B=6 B@::ffff:127.0.0.1", in_use},
    {"A=6 A@::ffff:0.0.0.0 B=6 B@::ffff:0.0.0.0", in_use},
    {"A=6 A+o A@:: B=4 B@0.0.0.0", ok},
    {"A=4 A@0.0.0.0 B=6 B+o B@::", ok},
    {"A=6 A+o A@:: B=4 B@127.0.0.1", ok},
    {"A=6 A+o A@:: B=6 B+o B@::", in_use},
    {"A=6 A+o A@:: B=6 B@::ffff:127.0.0.1", ok},
    {"A=4 A@0.0.0.0 B=4 B+r B@0.0.0.0", in_use},
    {"A=4 A@127.0.0.1 B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=4 B+p B@0.0.0.0", in_use},
    {"A=4 A@127.0.0.1 B=4 B+p B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=4 B+p B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=4 B+r B+p B@0.0.0.0", in_use},
    {"A=4 A@127.0.0.1 B=4 B+r B+p B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 B=4 B+r B+p B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 B=4 B@0.0.0.0", in_use},
    {"A=4 A+r A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B@0.0.0.0", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A@0.0.0.0 B=4 B+p B@0.0.0.0", in_use},
    {"A=4 A+r A@127.0.0.1 B=4 B+p B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 B=4 B+p B@127.0.0.1", in_use},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B+p B@0.0.0.0", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B+p B@127.0.0.1", ok},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B+p B@127.0.0.1", ok},
    {"A=4 A+p A@0.0.0.0 B=4 B@0.0.0.0", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A+p A@0.0.0.0 B=4 B@127.0.0.1", in_use},
    {"A=4 A+p A@0.0.0.0 B=4 B+r B@0.0.0.0", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+p A@0.0.0.0 B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A+p A@0.0.0.0 B=4 B+p B@0.0.0.0", ok},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+p A@0.0.0.0 B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+p A@0.0.0.0 B=4 B+r B+p B@0.0.0.0", ok},
    {"A=4 A+p A@127.0.0.1 B=4 B+r B+p B@127.0.0.1", ok},
    {"A=4 A+p A@0.0.0.0 B=4 B+r B+p B@127.0.0.1", ok},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B@0.0.0.0", in_use},
    {"A=4 A+r A+p A@127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B@127.0.0.1", in_use},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B+r B@0.0.0.0", ok},
    {"A=4 A+r A+p A@127.0.0.1 B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B+r B@127.0.0.1", ok},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B+p B@0.0.0.0", ok},
    {"A=4 A+r A+p A@127.0.0.1 B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B+p B@127.0.0.1", ok},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B+r B+p B@0.0.0.0", ok},
    {"A=4 A+r A+p A@127.0.0.1 B=4 B+r B+p B@127.0.0.1", ok},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B+r B+p B@127.0.0.1", ok},
    {"A=4 A+r A@0.0.0.0 B=6 B+r B@::", ok},
    {"A=6 A+p A@:: B=4 B+p B@127.0.0.1", ok},
    {"A=4 A@0.0.0.0 A>127.0.0.1 B=4 B@0.0.0.0", in_use},
    {"A=4 A@0.0.0.0 A>127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=4 A@0.0.0.0 A>127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=6 A@:: A>::1 B=4 B@127.0.0.1", ok},
    {"A=6 A@:: A>::1 B=4 B@0.0.0.0", in_use},
    {"A=6 A@:: A>::1 B=6 B@::", in_use},
    {"A=6 A@:: A>::ffff:127.0.0.1 B=4 B@127.0.0.2", ok},
    {"A=6 A@:: A>::ffff:127.0.0.1 B=4 B@127.0.0.1", in_use},
    {"A=6 A@:: A>::ffff:127.0.0.1 B=6 B@::1", ok},
    {"A=6 A@::1 A>::1 B=4 B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 A-r B=4 B+r B@127.0.0.1", in_use},
    {"A=4 A@127.0.0.1 A+r B=4 B+r B@127.0.0.1", ok},
    {"A=4 A@127.0.0.1 A+p B=4 B+p B@127.0.0.1", ok},
    {"A=4 A@127.0.0.1 A% B=4 B@127.0.0.1", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 C=4 C+r C@0.0.0.0", ok},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 C=4 C@0.0.0.0", in_use},
    {"A=4 A+p A@127.0.0.1 B=4 B+p B@127.0.0.1 C=4 C+r C@127.0.0.1", in_use},
};

TEST(DatagramPorts, answers_as_linux) {
  for (const Case& c : linux_answers) {
    const Status status = Sockets{PortRules::datagram}.run(c.calls);
    EXPECT_EQ(status.has_value(), c.last == ok) << c.calls;
    if (!status) {
      EXPECT_EQ(status.error(), Error::in_use);
    }
  }
}

struct Taker {
  const char *calls, *to;
  char taker;
};

// Which socket the same kernel gives a datagram from a stranger to an address. One answer is left out: of an IPv4 and
// an IPv6 socket that share one IPv4 address, Linux prefers the former. Here it is the later.
constexpr Taker linux_takers[] = {
    {"A=4 A+r A@0.0.0.0 B=4 B+r B@127.0.0.1", "127.0.0.1", 'B'},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@0.0.0.0", "127.0.0.1", 'A'},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B@0.0.0.0", "127.0.0.1", 'B'},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1", "127.0.0.1", 'B'},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 C=4 C+r C@127.0.0.1", "127.0.0.1", 'C'},
    {"A=4 A+r A@127.0.0.1 B=4 B+r B@127.0.0.1 B%", "127.0.0.1", 'A'},
    {"A=6 A@::", "127.0.0.1", 'A'},
    {"A=6 A@::", "::1", 'A'},
    {"A=6 A+o A@::", "127.0.0.1", '-'},
    {"A=6 A+r A@:: B=4 B+r B@0.0.0.0", "127.0.0.1", 'B'},
    {"A=4 A+r A@0.0.0.0 B=6 B+r B@::", "127.0.0.1", 'A'},
    {"A=6 A+r A@:: B=6 B+r B@::1", "::1", 'B'},
    {"A=6 A+r A@:: B=6 B+r B@::1", "127.0.0.1", 'A'},
    {"A=6 A+r A@:: B=6 B+r B@::ffff:127.0.0.1", "127.0.0.1", 'B'},
    {"A=4 A@127.0.0.1", "127.0.0.2", '-'},
    {"A=4 A@0.0.0.0", "127.0.0.2", 'A'},
    {"A=4 A@0.0.0.0 A>127.0.0.1", "127.0.0.1", '-'},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B@0.0.0.0 B>127.0.0.1", "127.0.0.1", 'A'},
    {"A=6 A+r A@::ffff:127.0.0.1 B=4 B+r B@127.0.0.1", "127.0.0.1", 'B'},
    {"A=4 A+r A+p A@0.0.0.0 B=4 B+r B@0.0.0.0", "127.0.0.1", 'B'},
    {"A=4 A+r A@0.0.0.0 B=4 B+r B+p B@0.0.0.0", "127.0.0.1", 'B'},
};

TEST(DatagramPorts, the_same_socket_takes_as_in_linux) {
  for (const Taker& t : linux_takers) {
    Sockets sockets{PortRules::datagram};
    ASSERT_TRUE(sockets.run(t.calls)) << t.calls;
    EXPECT_EQ(sockets.taker(t.to), t.taker) << t.calls << " to " << t.to;
  }
}

TEST(DatagramPorts, reuse_port_spreads_flows_and_keeps_each) {
  PortTable table{prf, PortRules::datagram};
  const IpAddr any = IpAddr::any(Family::v4);
  for (std::uint32_t i = 0; i < 4; ++i)
    ASSERT_TRUE(table.bind({.addr = any, .port = port, .reuse_port = true, .owner = i}));
  std::set<std::uint32_t> takers;
  for (std::uint16_t p = 1; p <= 200; ++p) {
    const FourTuple pair{{IpAddr::v4(v4(1)), port}, {IpAddr::v4(v4(9)), Port{p}}};
    const auto owner = table.find_listener(pair);
    ASSERT_TRUE(owner);
    EXPECT_EQ(table.find_listener(pair), owner);
    takers.insert(*owner);
  }
  EXPECT_EQ(takers.size(), 4u);
}

TEST(DatagramPorts, a_broadcast_goes_to_all_that_could_take_it) {
  PortTable table{prf, PortRules::datagram};
  const IpAddr net = IpAddr::v4(0xc61200ff);
  const auto bind = [&](const IpAddr& addr, std::uint32_t owner, bool v6_only = false) {
    return *table.bind({.addr = addr, .port = port, .v6_only = v6_only, .reuse_address = true, .owner = owner});
  };
  bind(IpAddr::any(Family::v4), 1);
  bind(IpAddr::any(Family::v6), 2);
  bind(net, 3);
  bind(IpAddr::v4(0xc6120002), 4);
  bind(IpAddr::any(Family::v6), 5, true);
  const BindingId connected = bind(IpAddr::any(Family::v4), 6);
  ASSERT_TRUE(table.set_listening(connected, false));
  std::array<std::uint32_t, 8> owners;
  const std::size_t n = table.find_listeners({net, port}, owners);
  EXPECT_EQ((std::set<std::uint32_t>{owners.begin(), owners.begin() + n}), (std::set<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(table.find_listeners({net, port}, std::span{owners}.first(2)), 2u) << "no more than there is room for";
}

}  // namespace
}  // namespace tunic
