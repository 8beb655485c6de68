// Routes of a whole Stack: what each call says of a way that is closed, how large packets leave, and from which of
// several addresses. The errors are Linux's, asked with the same routes in a namespace of its own.
#include "datagram_host.h"

namespace tunic::test {
namespace {

using Kind = Route::Kind;

IpAddr in_net(Family f, std::uint8_t net) {  // 203.0.NET.9, 2001:db8:NET::9
  if (f == Family::v4) return IpAddr::v4(0xcb000009u | std::uint32_t{net} << 8);
  std::array<std::byte, 16> a{std::byte{0x20}, std::byte{1}, std::byte{0x0d}, std::byte{0xb8}, {}, std::byte{net}};
  a[15] = std::byte{9};
  return IpAddr::v6(a.data());
}
Prefix net(Family f, std::uint8_t n) { return {in_net(f, n), static_cast<std::uint8_t>(f == Family::v4 ? 24 : 48)}; }

const std::pair<Kind, Error> closed[] = {{Kind::unreachable, Error::host_unreachable},
                                         {Kind::blackhole, Error::invalid},
                                         {Kind::prohibit, Error::denied},
                                         {Kind::none, Error::unreachable}};
constexpr std::uint8_t narrow = 8, open_net = 9;
constexpr std::uint32_t narrow_mtu = 1400;

class Routed : public DatagramHost {
 protected:
  Routed() : DatagramHost{routed()} {}
  static Config routed() {
    Config c = config();
    for (const Family f : families) {
      for (std::uint8_t i = 0; i < std::size(closed); ++i)
        c.routes.push_back({.destination = net(f, i), .kind = closed[i].first});
      c.routes.push_back({.destination = net(f, narrow), .mtu = narrow_mtu});
    }
    return c;
  }
  SocketId open(Family f, Transport t) { return *stack().open(f, t); }
  std::vector<SocketId> sockets(Family f, Transport t) {  // one of them bound
    const std::vector<SocketId> two{open(f, t), open(f, t)};
    EXPECT_TRUE(stack().bind(two[1], {us(f), {}}));
    return two;
  }
  static Octets echo(Family f) {
    return Octets{std::byte{f == Family::v4 ? std::uint8_t{8} : std::uint8_t{128}}, {}, {}, {}, {}, {}, {}, {}};
  }
};

TEST_F(Routed, each_call_says_why_there_is_no_way) {
  for (const Family f : families) {
    for (std::uint8_t i = 0; i < std::size(closed); ++i) {
      const Endpoint there{in_net(f, i), Port{9}}, elsewhere{in_net(f, open_net), Port{9}};
      const Error why = closed[i].second;
      for (const Transport t : {Transport::tcp, Transport::udp, Transport::icmp}) {
        for (const SocketId s : sockets(f, t)) {
          const IpAddr before = stack().local(s)->addr;
          EXPECT_EQ(stack().connect(s, there, host_.now()), fail(why));
          EXPECT_EQ(stack().local(s)->addr, before);
          if (t == Transport::tcp) {
            EXPECT_EQ(stack().connect(s, elsewhere, host_.now()), fail(Error::in_progress)) << "it is as it was";
          } else {
            const Octets text = echo(f);
            const Bytes piece{text};
            EXPECT_EQ(stack().send_datagram(s, {&piece, 1}, {.to = there}), fail(why));
            EXPECT_EQ(stack().send_datagram(s, {&piece, 1}, {.to = there, .from = us(f)}), fail(why));
            EXPECT_EQ(stack().send_datagram(s, {&piece, 1}, {.to = elsewhere}), text.size());
          }
          EXPECT_TRUE(stack().abort(s));
        }
      }
      host_.flush();
      for (const IpRead& p : taken()) EXPECT_EQ(p.dst, elsewhere.addr);
    }
  }
}

TEST_F(Routed, whoever_cannot_be_answered_is_not_heard) {
  for (const Family f : families) {
    const SocketId listener = open(f, Transport::tcp);
    ASSERT_TRUE(stack().bind(listener, {us(f), Port{80}}));
    ASSERT_TRUE(stack().listen(listener, 5));
    const Endpoint us80{us(f), Port{80}};
    const Segment syn{.src = {in_net(f, 0), Port{1}}, .dst = us80, .seq = 1, .flags = flag::syn, .window = 1000};
    EXPECT_TRUE(is_silent(encode(syn)));
    EXPECT_TRUE(is_silent(echo_request(in_net(f, 1), us(f), 1, 1, {})));
    EXPECT_TRUE(is_silent(udp_packet({in_net(f, 2), Port{1}}, {us(f), Port{99}}, {})));
    EXPECT_TRUE(is_silent(encode({.src = in_net(f, 3), .dst = us(f), .protocol = 200}))) << "an unknown protocol";
    EXPECT_EQ(answers(echo_request(in_net(f, open_net), us(f), 1, 1, {})).size(), 1u);
  }
  EXPECT_EQ(dropped(Drop::martian_source), 8u);
}

TEST_F(Routed, its_mtu_is_that_of_the_first_hop) {
  for (const Family f : families) {
    const Endpoint there{in_net(f, narrow), Port{9}};
    const std::size_t ip = f == Family::v4 ? 20 : 40;
    const SocketId stream = open(f, Transport::tcp);
    EXPECT_EQ(stack().connect(stream, there, host_.now()), fail(Error::in_progress));
    host_.flush();
    ASSERT_FALSE(host_.out.empty());
    EXPECT_EQ(host_.out.back().segment.options.mss, narrow_mtu - ip - 20);
    EXPECT_TRUE(stack().abort(stream));

    const SocketId s = open(f, Transport::udp);
    ASSERT_TRUE(stack().connect(s, there, host_.now()));
    EXPECT_EQ(stack().get(s, Option::mtu), static_cast<int>(narrow_mtu));
    ASSERT_TRUE(stack().send(s, Octets(narrow_mtu - ip - 8)));
    host_.flush();
    EXPECT_EQ(taken().size(), 1u);
    ASSERT_TRUE(stack().send(s, Octets(narrow_mtu - ip - 7)));
    host_.flush();
    EXPECT_EQ(taken().size(), 2u) << "fragments";
    EXPECT_TRUE(stack().close(s));
  }
}

TEST(RouteSettings, are_brought_into_their_range) {
  Config c;
  c.routes.assign(Config::most_routes + 1, {.destination = net(Family::v6, 1), .mtu = 1000});
  const Stack stack{c};
  ASSERT_EQ(stack.config().routes.size(), Config::most_routes);
  EXPECT_EQ(stack.config().routes[0].mtu, Config::least_mtu_v6);
}

const IpAddr second4 = IpAddr::v4(0xc6130002u);  // 198.19.0.2
const IpAddr second6 = v6("2001 0db8 0000 0000 0000 0000 0000 0002");

class SeveralAddresses : public DatagramHost {
 protected:
  SeveralAddresses() : DatagramHost{several()} {}
  static Config several() {
    Config c = config();
    c.addresses.push_back({second4, 24});
    c.addresses.push_back({second6, 64});
    c.routes.push_back({.destination = net(Family::v4, 1), .source = second4});
    c.routes.push_back({.destination = net(Family::v6, 1), .source = us6});
    c.routes.push_back({.destination = {IpAddr::any(Family::v4), 0}, .gateway = IpAddr::v4(0xc6130001u)});
    return c;
  }
};

TEST_F(SeveralAddresses, each_answers_from_the_address_that_was_asked) {  // RFC 1122 section 3.3.4.2
  // Of both families:
  const SocketId listener = *stack().open(Family::v6);
  ASSERT_TRUE(stack().bind(listener, {IpAddr{}, Port{80}}));
  ASSERT_TRUE(stack().listen(listener, 5));
  for (const IpAddr& asked : {us4, second4, us6, second6}) {
    const Family f = asked.family();
    const Endpoint there{peer(f), Port{4000}};
    host_.inject({.src = there, .dst = {asked, Port{80}}, .seq = 1, .flags = flag::syn, .window = 1000});
    host_.poll();
    ASSERT_FALSE(host_.out.empty());
    EXPECT_EQ(host_.out.back().segment.src, (Endpoint{asked, Port{80}}));
    host_.inject({.src = there, .dst = {asked, Port{81}}, .seq = 1, .flags = flag::syn, .window = 1000});
    host_.poll();
    EXPECT_TRUE(host_.out.back().segment.has(flag::rst));
    EXPECT_EQ(host_.out.back().segment.src, (Endpoint{asked, Port{81}}));

    const auto reply = answers(echo_request(peer(f), asked, 1, 1, {}));
    ASSERT_EQ(reply.size(), 1u);
    EXPECT_EQ(reply[0].src, asked);
    const auto error = answers(udp_packet({peer(f), Port{1}}, {asked, Port{99}}, {}));
    ASSERT_EQ(error.size(), 1u);
    EXPECT_TRUE(error[0].is_icmp_error());
    EXPECT_EQ(error[0].src, asked);
  }
}

TEST_F(SeveralAddresses, the_source_that_nobody_chose) {
  const std::pair<IpAddr, IpAddr> ways[] = {
      {peer4, us4},                                          // on the first network
      {IpAddr::v4(0xc6130009u), second4},                    // on the second
      {in_net(Family::v4, 1), second4},                      // as its route says
      {in_net(Family::v4, 2), second4},                      // by the gateway's network
      {peer6, us6},                                          // RFC 6724 section 5 rule 8
      {in_net(Family::v6, 2), second6},                      // rule 6
      {v6("fd01 0000 0000 0000 0000 0000 0000 0001"), us6},  // rule 6
      {in_net(Family::v6, 1), us6},                          // as its route says
  };
  for (const auto& [to, from] : ways) {
    const Endpoint there{to, Port{9}};
    const SocketId stream = *stack().open(to.family()), joined = *stack().open(to.family(), Transport::udp),
                   single = *stack().open(to.family(), Transport::udp);
    EXPECT_EQ(stack().connect(stream, there, host_.now()), fail(Error::in_progress));
    EXPECT_EQ(stack().local(stream)->addr, from);
    ASSERT_TRUE(stack().connect(joined, there, host_.now()));
    EXPECT_EQ(stack().local(joined)->addr, from);
    const Octets text(1);
    const Bytes piece{text};
    ASSERT_TRUE(stack().send_datagram(single, {&piece, 1}, {.to = there}));
    EXPECT_TRUE(stack().local(single)->addr.is_any());
    host_.flush();
    const auto out = taken();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].src, from);
    for (const SocketId s : {stream, joined, single}) EXPECT_TRUE(stack().abort(s));
  }
}

}  // namespace
}  // namespace tunic::test
