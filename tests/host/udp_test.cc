// UDP of a whole Stack: what comes in is delivered or dropped (rows U1 to U5), what goes out is right, and what
// programs see is what Linux shows.
#include <set>
#include <string>

#include "datagram_host.h"

namespace tunic::test {
namespace {

Bytes as_bytes(const std::string& text) { return std::as_bytes(std::span{text}); }
std::string failed(Error e) { return "error " + std::to_string(static_cast<int>(e)); }
const std::string nothing = failed(Error::again);

class Udp : public DatagramHost {
 protected:
  SocketId open(Family f, Transport t = Transport::udp) { return *stack().open(f, t); }
  SocketId bound(const Endpoint& local) {
    const SocketId s = open(local.addr.family());
    EXPECT_TRUE(stack().bind(s, local));
    return s;
  }
  SocketId connected(const Endpoint& local, const Endpoint& remote) {
    const SocketId s = bound(local);
    EXPECT_TRUE(stack().connect(s, remote, host_.now()));
    return s;
  }
  Result<std::size_t> send(SocketId s, const std::string& text, const DatagramOptions& how = {}) {
    const Bytes b = as_bytes(text);
    const auto sent = stack().send_datagram(s, {&b, 1}, how);
    host_.flush();
    return sent;
  }
  std::string receive(SocketId s, DatagramInfo* info = nullptr, ReceiveFlags flags = {}, std::size_t room = 70'000) {
    std::string text(room, '?');
    const MutBytes out = std::as_writable_bytes(std::span{text});
    DatagramInfo ignored;
    const auto got = stack().receive_datagram(s, {&out, 1}, flags, info == nullptr ? ignored : *info);
    return got ? text.substr(0, *got) : failed(got.error());
  }
  void arrives(const Endpoint& from, const Endpoint& to, const std::string& text, const UdpOverrides& with = {}) {
    host_.inject_packet(udp_packet(from, to, as_bytes(text), with));
    host_.poll();
  }
};

TEST_F(Udp, a_datagram_to_ourselves_arrives_whole) {
  for (const Family f : families) {
    const Endpoint at{IpAddr::loopback(f), Port{7}};
    const SocketId server = bound(at), client = open(f);
    const std::size_t most = f == Family::v4 ? 65'507 : 65'527;
    EXPECT_EQ(receive(server), nothing);
    EXPECT_EQ(stack().ready(server), ready::writable);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1472}, most}) {
      const std::string text(size, 'x');
      ASSERT_EQ(send(client, text, {.to = at}), size);
      ++looped_;
      EXPECT_EQ(stack().ready(server), ready::writable | ready::readable);
      EXPECT_EQ(stack().readable_bytes(server), size);
      DatagramInfo info;
      EXPECT_EQ(receive(server, &info), text);
      EXPECT_EQ(info.size, size);
      EXPECT_EQ(info.from, (Endpoint{at.addr, stack().local(client)->port}));
      EXPECT_EQ(info.to, at.addr);
    }
    EXPECT_EQ(receive(server), nothing);
    EXPECT_EQ(send(client, std::string(most + 1, 'x'), {.to = at}).error(), Error::too_long);
  }
}

TEST_F(Udp, a_connected_socket_talks_to_its_peer) {
  for (const Family f : families) {
    const Endpoint remote{peer(f), Port{53}};
    const SocketId s = open(f);
    EXPECT_EQ(send(s, "who?").error(), Error::destination_required);
    ASSERT_TRUE(stack().connect(s, remote, host_.now()));
    EXPECT_EQ(stack().remote(s), remote);
    const Endpoint local = *stack().local(s);
    EXPECT_EQ(local.addr, us(f));
    ASSERT_EQ(send(s, "who?"), 4u);
    const auto out = taken();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].from, local);
    EXPECT_EQ(out[0].to, remote);
    EXPECT_EQ(out[0].text.size(), 4u);
    arrives(remote, local, "me");
    EXPECT_EQ(receive(s), "me");
    ASSERT_TRUE(stack().disconnect(s));
    EXPECT_EQ(stack().local(s), (Endpoint{IpAddr::any(f), {}})) << "what nobody chose goes";
    EXPECT_EQ(stack().remote(s).error(), Error::not_connected);
  }
}

TEST_F(Udp, lengths_that_lie_are_dropped) {  // U1
  for (const Family f : families) {
    const Endpoint at{us(f), Port{7}}, from{peer(f), Port{9}};
    const SocketId s = bound(at);
    for (std::uint16_t said = 0; said <= 20; ++said) {
      for (std::size_t real = 0; real <= 20; ++real) {
        Octets datagram = udp(from, at, as_bytes(std::string(said > 8 ? said - 8u : 0u, 'x')));
        datagram[4] = std::byte{};
        datagram[5] = std::byte{static_cast<std::uint8_t>(said)};
        datagram.resize(real, std::byte{'y'});
        const std::uint64_t dropped_before = dropped(Drop::bad_udp);
        host_.inject_packet(encode({.src = from.addr, .dst = at.addr, .payload = datagram}));
        host_.poll();
        const bool fits = said >= 8 && said <= real;
        EXPECT_EQ(dropped(Drop::bad_udp) - dropped_before, fits ? 0u : 1u) << said << " of " << real;
        EXPECT_EQ(receive(s), fits ? std::string(said - 8u, 'x') : nothing) << said << " of " << real;
      }
    }
  }
}

TEST_F(Udp, a_checksum_must_be_right_and_ipv6_must_have_one) {  // U1
  for (const Family f : families) {
    const Endpoint at{us(f), Port{7}}, from{peer(f), Port{9}};
    const SocketId s = bound(at);
    arrives(from, at, "bad", {.checksum = 0x1234});
    EXPECT_EQ(receive(s), nothing);
    arrives(from, at, "none", {.checksum = 0});
    EXPECT_EQ(receive(s), f == Family::v4 ? "none" : nothing);
    arrives(from, at, "good");
    EXPECT_EQ(receive(s), "good");
  }
  EXPECT_EQ(dropped(Drop::bad_checksum), 3u);
}

TEST_F(Udp, a_checksum_that_comes_out_zero_is_sent_as_ones) {  // RFC 768
  const SocketId s = connected({us4, Port{7}}, {peer4, Port{9}});
  bool seen = false;
  for (std::uint32_t i = 0; i < 65'536 && !seen; ++i) {
    const std::string text{static_cast<char>(i >> 8), static_cast<char>(i & 0xff)};
    ASSERT_EQ(send(s, text), 2u);
    const auto out = taken();
    ASSERT_EQ(out.size(), 1u);
    ASSERT_FALSE(out[0].payload[6] == std::byte{} && out[0].payload[7] == std::byte{});
    seen = out[0].payload[6] == std::byte{0xff} && out[0].payload[7] == std::byte{0xff};
  }
  EXPECT_TRUE(seen);
}

TEST_F(Udp, a_full_queue_drops_the_newest) {  // U2
  const SocketId s = bound({us4, Port{7}});
  ASSERT_TRUE(stack().set(s, Option::receive_buffer, 2304));
  for (int i = 0; i < 100; ++i) arrives({peer4, Port{9}}, {us4, Port{7}}, std::to_string(i));
  int read = 0;
  for (std::string text; (text = receive(s)) != nothing; ++read) EXPECT_EQ(text, std::to_string(read));
  EXPECT_GT(read, 20);
  EXPECT_EQ(dropped(Drop::receive_full), 100u - static_cast<unsigned>(read));
  arrives({peer4, Port{9}}, {us4, Port{7}}, "more");
  DatagramInfo info;
  EXPECT_EQ(receive(s, &info), "more");
  EXPECT_EQ(info.drops, 100u - static_cast<unsigned>(read));
}

TEST_F(Udp, port_0_gets_nothing_and_no_answer) {  // U3
  bound({us4, Port{7}});
  EXPECT_TRUE(is_silent(udp_packet({peer4, Port{0}}, {us4, Port{7}}, as_bytes("x"))));
  EXPECT_TRUE(is_silent(udp_packet({peer4, Port{9}}, {us4, Port{0}}, as_bytes("x"))));
  EXPECT_EQ(dropped(Drop::port_zero), 2u);
}

TEST_F(Udp, a_connected_socket_hears_its_peer_alone) {  // U4
  for (const Family f : families) {
    const Endpoint at{us(f), Port{7}}, remote{peer(f), Port{9}};
    const SocketId s = connected(at, remote);
    arrives({remote.addr, Port{10}}, at, "spoofed port");
    arrives({neighbour(f, 7), Port{9}}, at, "spoofed address");
    EXPECT_EQ(receive(s), nothing);
    arrives(remote, at, "peer");
    EXPECT_EQ(receive(s), "peer");
    ASSERT_TRUE(stack().disconnect(s));
    EXPECT_EQ(stack().local(s), at) << "bind() chose it";
    arrives({remote.addr, Port{10}}, at, "anybody");
    EXPECT_EQ(receive(s), "anybody");
  }
  taken();  // what was said of those that nobody took
}

TEST_F(Udp, of_sockets_that_share_a_port_the_connected_one_comes_first) {
  const Endpoint at{us4, Port{7}}, remote{peer4, Port{9}};
  const auto open_shared = [&] {
    const SocketId s = open(Family::v4);
    EXPECT_TRUE(stack().set(s, Option::reuse_address, 1));
    EXPECT_TRUE(stack().bind(s, at));
    return s;
  };
  const SocketId any = open_shared(), first = open_shared(), second = open_shared();
  ASSERT_TRUE(stack().connect(first, remote, host_.now()));
  ASSERT_TRUE(stack().connect(second, remote, host_.now()));
  arrives(remote, at, "1");
  EXPECT_EQ(receive(second), "1") << "the latest";
  ASSERT_TRUE(stack().close(first));
  arrives(remote, at, "2");
  EXPECT_EQ(receive(second), "2");
  ASSERT_TRUE(stack().close(second));
  arrives(remote, at, "3");
  EXPECT_EQ(receive(any), "3");
}

TEST_F(Udp, ephemeral_ports_cannot_be_predicted) {  // U5, N3
  std::set<Port> ports;
  std::array<int, 8> bins{};
  constexpr int rounds = 1600;
  for (int i = 0; i < rounds; ++i) {
    const SocketId s = open(Family::v4);
    ASSERT_TRUE(stack().connect(s, {peer4, Port{53}}, host_.now()));
    const Port p = stack().local(s)->port;
    ASSERT_GE(p, Port{32'768});
    ports.insert(p);
    ++bins[(static_cast<unsigned>(p) - 32'768) / 4096];
    ASSERT_TRUE(stack().close(s));
    host_.lapse(1ms);
  }
  EXPECT_GT(ports.size(), std::size_t{rounds} * 9 / 10);
  double chi = 0;
  for (const int n : bins) chi += (n - rounds / 8) * (n - rounds / 8) / (rounds / 8.0);
  EXPECT_LT(chi, 29.9) << "7 degrees of freedom, p = 0.0001";
}

TEST_F(Udp, a_broadcast_reaches_every_socket_of_the_port) {
  const Endpoint any{IpAddr::any(Family::v4), Port{7}}, net{IpAddr::v4(0xc61200ff), Port{7}}, from{peer4, Port{9}};
  std::array<SocketId, 3> sockets;
  for (SocketId& s : sockets) {
    s = open(Family::v4);
    ASSERT_TRUE(stack().set(s, Option::reuse_address, 1));
    ASSERT_TRUE(stack().bind(s, &s == &sockets[2] ? Endpoint{us4, Port{7}} : any));
  }
  arrives(from, net, "to all");
  EXPECT_EQ(receive(sockets[0]), "to all");
  EXPECT_EQ(receive(sockets[1]), "to all");
  EXPECT_EQ(receive(sockets[2]), nothing) << "bound to one address, as Linux";
  EXPECT_TRUE(is_silent(udp_packet(from, {net.addr, Port{8}}, as_bytes("x")))) << "U3: nobody answers a broadcast";
  EXPECT_EQ(send(sockets[0], "x", {.to = net}).error(), Error::denied);
  ASSERT_TRUE(stack().set(sockets[0], Option::broadcast, 1));
  ASSERT_EQ(send(sockets[0], "x", {.to = net}), 1u);
  const auto out = taken();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].dst, net.addr);
  EXPECT_EQ(out[0].src, us4);
}

TEST_F(Udp, what_may_not_be_cut_is_refused_with_the_mtu) {
  for (const Family f : families) {
    const SocketId s = connected({us(f), Port{7}}, {peer(f), Port{9}});
    ASSERT_TRUE(stack().set(s, Option::mtu_discover, 2));
    const std::size_t most = 1500 - 8 - (f == Family::v4 ? 20 : 40);
    EXPECT_EQ(send(s, std::string(most + 1, 'x')).error(), Error::too_long);
    EXPECT_EQ(stack().ready(s) & ready::error, 0u) << "nobody asked for a report";
    ASSERT_TRUE(stack().set(s, Option::receive_errors, 1));
    EXPECT_EQ(send(s, std::string(most + 1, 'x')).error(), Error::too_long);
    EXPECT_NE(stack().ready(s) & ready::error, 0u);
    EXPECT_EQ(stack().take_error(s), 0);
    ErrorReport r;
    EXPECT_EQ(stack().receive_error(s, {}, r), 0u);
    EXPECT_EQ(r.error, EMSGSIZE);
    EXPECT_EQ(r.origin, 1);
    EXPECT_EQ(r.info, 1500u);
    EXPECT_EQ(r.to, (Endpoint{peer(f), Port{9}}));
    ASSERT_EQ(send(s, std::string(most, 'x')), most);
    EXPECT_EQ(taken().size(), 1u);
    ASSERT_TRUE(stack().set(s, Option::mtu_discover, 1));
    ASSERT_EQ(send(s, std::string(most + 1, 'x')), most + 1);
    const auto parts = taken();
    ASSERT_EQ(parts.size(), 2u);
    const auto whole = join_fragments(parts);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->payload.size(), most + 9);
  }
}

TEST_F(Udp, peek_leaves_it_and_a_short_read_loses_the_rest) {
  const SocketId s = bound({us4, Port{7}});
  arrives({peer4, Port{9}}, {us4, Port{7}}, "abcdef");
  arrives({peer4, Port{9}}, {us4, Port{7}}, "next");
  DatagramInfo info;
  EXPECT_EQ(receive(s, &info, {.peek = true}), "abcdef");
  EXPECT_EQ(receive(s, &info, {}, 2), "ab");
  EXPECT_EQ(info.size, 6u);
  EXPECT_EQ(receive(s), "next");
}

TEST_F(Udp, more_gathers_one_datagram) {
  const SocketId s = connected({us4, Port{7}}, {peer4, Port{9}});
  ASSERT_EQ(send(s, "one ", {.more = true}), 4u);
  ASSERT_EQ(send(s, "data", {.more = true}), 4u);
  EXPECT_TRUE(taken().empty());
  ASSERT_EQ(send(s, "gram"), 4u);
  const auto out = taken();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].text.size(), 12u);
  ASSERT_TRUE(stack().set(s, Option::cork, 1));
  ASSERT_EQ(send(s, "corked"), 6u);
  EXPECT_TRUE(taken().empty());
  ASSERT_TRUE(stack().set(s, Option::cork, 0));
  host_.flush();
  EXPECT_EQ(taken().size(), 1u) << "UDP_CORK";
}

TEST_F(Udp, a_datagram_is_sent_as_it_says) {
  const SocketId s = bound({IpAddr::any(Family::v4), Port{7}});
  ASSERT_TRUE(stack().set(s, Option::tos, 0x20));
  ASSERT_EQ(send(s, "x", {.to = Endpoint{peer4, Port{9}}, .from = us4, .ttl = 3}), 1u);
  EXPECT_EQ(send(s, "x", {.to = Endpoint{peer4, Port{9}}, .from = neighbour(Family::v4, 3)}).error(),
            Error::unreachable);
  EXPECT_EQ(send(s, "x", {.to = Endpoint{peer4, Port{0}}}).error(), Error::invalid);
  EXPECT_EQ(send(s, "x", {.to = Endpoint{peer6, Port{9}}}).error(), Error::family);
  EXPECT_EQ(send(s, "x", {.to = Endpoint{IpAddr::v4(0xe0000001), Port{9}}}).error(), Error::unreachable);
  const auto out = taken();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].ttl, 3);
  EXPECT_EQ(out[0].tos, 0x20);
}

TEST_F(Udp, what_the_link_refuses_waits_in_the_send_buffer) {
  const SocketId s = connected({us4, Port{7}}, {peer4, Port{9}});
  ASSERT_TRUE(stack().set(s, Option::send_buffer, 4608));
  host_.refuses = true;
  std::size_t queued = 0;
  while (send(s, std::string(100, 'x'))) ++queued;
  EXPECT_GT(queued, 10u);
  EXPECT_LT(queued, 100u);
  EXPECT_EQ(stack().ready(s) & ready::writable, 0u);
  while (stack().take_edge()) {
  }
  host_.refuses = false;
  lapse(10ms);
  EXPECT_EQ(taken().size(), queued);
  EXPECT_NE(stack().ready(s) & ready::writable, 0u);
  EXPECT_EQ(stack().take_edge(), s);
}

TEST_F(Udp, what_was_sent_before_close_goes_out) {
  const SocketId s = connected({us4, Port{7}}, {peer4, Port{9}});
  host_.refuses = true;
  ASSERT_EQ(send(s, "last words"), 10u);
  ASSERT_TRUE(stack().close(s));
  EXPECT_TRUE(stack().unfinished());
  bound({us4, Port{7}});  // its port is free
  host_.refuses = false;
  lapse(10ms);
  EXPECT_EQ(taken().size(), 1u);
  EXPECT_FALSE(stack().unfinished());
}

TEST_F(Udp, shutdown_is_told_as_in_linux) {
  const SocketId s = open(Family::v4);
  EXPECT_EQ(stack().shutdown(s, Shutdown::read).error(), Error::not_connected) << "and yet";
  EXPECT_NE(stack().ready(s) & ready::read_hangup, 0u);
  EXPECT_EQ(receive(s), nothing);
  EXPECT_EQ(receive(s, nullptr, {.waits = true}), "") << "nobody waits for what cannot come";
  const SocketId c = connected({us4, Port{7}}, {peer4, Port{9}});
  EXPECT_TRUE(stack().shutdown(c, Shutdown::write));
  EXPECT_EQ(stack().send(c, as_bytes("x")).error(), Error::pipe);
  EXPECT_TRUE(stack().shutdown(c, Shutdown::both));
  EXPECT_NE(stack().ready(c) & ready::hangup, 0u);
}

TEST_F(Udp, a_datagram_socket_is_not_a_stream) {
  const SocketId s = open(Family::v4);
  EXPECT_EQ(stack().listen(s, 1).error(), Error::unsupported);
  EXPECT_EQ(stack().accept(s).error(), Error::unsupported);
  EXPECT_EQ(stack().set(s, Option::no_delay, 1).error(), Error::no_option);
  EXPECT_EQ(stack().get(s, Option::mtu).error(), Error::not_connected);
  EXPECT_EQ(stack().connections(), 0u);
  ASSERT_TRUE(stack().connect(s, {peer4, Port{9}}, host_.now()));
  EXPECT_EQ(stack().get(s, Option::mtu), 1500);
}

TEST_F(Udp, bind_may_leave_the_port_to_connect) {
  const SocketId s = open(Family::v4);
  ASSERT_TRUE(stack().set(s, Option::bind_no_port, 1));
  ASSERT_TRUE(stack().bind(s, {us4, {}}));
  EXPECT_EQ(stack().local(s), (Endpoint{us4, {}}));
  ASSERT_TRUE(stack().connect(s, {peer4, Port{9}}, host_.now()));
  EXPECT_NE(stack().local(s)->port, Port{});
}

class EchoSocket : public Udp {
 protected:
  std::string request(std::uint8_t type) {
    return std::string{static_cast<char>(type)} + std::string(6, '\0') + "\7abc";
  }
};

TEST_F(EchoSocket, requests_go_out_and_replies_come_in) {
  for (const Family f : families) {
    const std::uint8_t type = f == Family::v4 ? 8 : 128;
    const SocketId s = open(f, Transport::icmp);
    EXPECT_EQ(stack().transport(s), Transport::icmp);
    ASSERT_EQ(send(s, request(type), {.to = Endpoint{peer(f), {}}}), 11u);
    const auto out = taken();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].type, type);
    const auto id = static_cast<std::uint16_t>(out[0].rest >> 16);
    EXPECT_EQ(Port{id}, stack().local(s)->port);
    EXPECT_EQ(out[0].rest & 0xffff, 7u);
    const std::string data = "abc";
    host_.inject_packet(echo_reply(peer(f), us(f), static_cast<std::uint16_t>(id + 1), 7, as_bytes(data)));
    host_.inject_packet(echo_reply(peer(f), us(f), id, 7, as_bytes(data)));
    host_.poll();
    DatagramInfo info;
    const std::string reply = receive(s, &info);
    ASSERT_EQ(reply.size(), 11u);
    EXPECT_EQ(reply[0], static_cast<char>(f == Family::v4 ? 0 : 129));
    EXPECT_EQ(reply.substr(8), "abc");
    EXPECT_EQ(info.from, (Endpoint{peer(f), {}}));
    EXPECT_EQ(receive(s), nothing);
    EXPECT_EQ(send(s, request(0), {.to = Endpoint{peer(f), {}}}).error(), Error::invalid) << "requests alone";
    EXPECT_EQ(send(s, "short", {.to = Endpoint{peer(f), {}}}).error(), Error::invalid);
  }
}

TEST_F(EchoSocket, we_can_ping_ourselves) {
  const SocketId s = open(Family::v4, Transport::icmp);
  ASSERT_TRUE(stack().connect(s, {IpAddr::loopback(Family::v4), {}}, host_.now()));
  ASSERT_EQ(send(s, request(8)), 11u);
  looped_ += 2;
  EXPECT_EQ(receive(s).size(), 11u);
}

}  // namespace
}  // namespace tunic::test
