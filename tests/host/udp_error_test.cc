// What the network says of datagrams: who is told, and what (rows U3, U4, C1); and what we say of those that nobody
// here takes.
#include <string>

#include "datagram_host.h"

namespace tunic::test {
namespace {

Bytes as_bytes(const std::string& text) { return std::as_bytes(std::span{text}); }

struct Icmp {
  std::uint8_t type, code;
};
Icmp port_unreachable(Family f) { return f == Family::v4 ? Icmp{3, 3} : Icmp{1, 4}; }
Icmp time_exceeded(Family f) { return f == Family::v4 ? Icmp{11, 0} : Icmp{3, 0}; }
Icmp too_big(Family f) { return f == Family::v4 ? Icmp{3, 4} : Icmp{2, 0}; }

class UdpError : public DatagramHost {
 protected:
  SocketId bound(const Endpoint& local) {
    const SocketId s = *stack().open(local.addr.family(), Transport::udp);
    EXPECT_TRUE(stack().bind(s, local));
    return s;
  }
  SocketId connected(Family f) {
    const SocketId s = bound(us_at(f));
    EXPECT_TRUE(stack().connect(s, far(f), host_.now()));
    return s;
  }
  static Endpoint us_at(Family f) { return {us(f), Port{7}}; }
  static Endpoint far(Family f) { return {neighbour(f, 9), Port{53}}; }

  /// A router tells of a datagram from `local` to `remote`.
  void says(Icmp what, const Endpoint& local, const Endpoint& remote, std::uint32_t rest = 0,
            const std::string& text = "question") {
    const IpAddr& router = peer(local.addr.family());
    host_.inject_packet(
        icmp_packet(router, local.addr, what.type, what.code, rest, udp_packet(local, remote, as_bytes(text))));
    host_.poll();
  }
  Result<std::size_t> report(SocketId s, ErrorReport& r, std::string* quoted = nullptr) {
    std::array<std::byte, 2000> room;
    const MutBytes out{room};
    const auto got = stack().receive_error(s, {&out, 1}, r);
    if (got && quoted != nullptr) quoted->assign(reinterpret_cast<const char*>(room.data()), *got);
    return got;
  }
};

TEST_F(UdpError, a_closed_port_is_told_once) {  // U3, RFC 1122 section 4.1.3.1
  for (const Family f : families) {
    const auto out = answers(udp_packet({peer(f), Port{7}}, {us(f), Port{99}}, as_bytes("echo?")));
    ASSERT_EQ(out.size(), 1u);
    EXPECT_TRUE(out[0].is_icmp_error());
    EXPECT_EQ(out[0].type, port_unreachable(f).type);
    EXPECT_EQ(out[0].code, port_unreachable(f).code);
    EXPECT_EQ(out[0].dst, peer(f));
  }
  EXPECT_EQ(dropped(Drop::closed_port), 2u);
}

TEST_F(UdpError, an_error_is_told_to_the_connected_socket) {
  for (const Family f : families) {
    const SocketId s = connected(f);
    while (stack().take_edge()) {
    }
    says(port_unreachable(f), us_at(f), far(f));
    EXPECT_NE(stack().ready(s) & ready::error, 0u);
    EXPECT_EQ(stack().take_edge(), s);
    const std::string again = "again";
    const Bytes text = as_bytes(again);
    EXPECT_EQ(stack().send(s, text).error(), Error::refused);
    EXPECT_EQ(stack().send(s, text), 5u) << "told once";
    says(port_unreachable(f), us_at(f), far(f));
    EXPECT_EQ(stack().take_error(s), ECONNREFUSED);
    EXPECT_EQ(stack().take_error(s), 0);
    says(time_exceeded(f), us_at(f), far(f));
    EXPECT_EQ(stack().take_error(s), 0) << "soft, and nobody asked for it";
  }
  host_.flush();
  taken();
}

TEST_F(UdpError, an_error_of_another_pair_is_nobodys) {  // U4
  for (const Family f : families) {
    const SocketId s = connected(f);
    Endpoint other = far(f);
    other.port = Port{54};
    says(port_unreachable(f), us_at(f), other);
    says(port_unreachable(f), us_at(f), {neighbour(f, 10), Port{53}});
    says(port_unreachable(f), {us(f), Port{8}}, far(f));
    EXPECT_EQ(stack().take_error(s), 0);
  }
  EXPECT_EQ(dropped(Drop::icmp_unmatched), 6u);
}

TEST_F(UdpError, an_unconnected_socket_is_told_only_if_it_asks) {
  for (const Family f : families) {
    const SocketId s = bound(us_at(f));
    says(port_unreachable(f), us_at(f), far(f));
    EXPECT_EQ(stack().take_error(s), 0);
    ErrorReport r;
    EXPECT_EQ(report(s, r).error(), Error::again);
    ASSERT_TRUE(stack().set(s, Option::receive_errors, 1));
    says(time_exceeded(f), us_at(f), far(f), 0, "a question");
    EXPECT_NE(stack().ready(s) & ready::error, 0u);
    std::string quoted;
    ASSERT_EQ(report(s, r, &quoted), 10u);
    EXPECT_EQ(quoted, "a question");
    EXPECT_EQ(r.error, EHOSTUNREACH);
    EXPECT_EQ(r.origin, f == Family::v4 ? 2 : 3);
    EXPECT_EQ(r.type, time_exceeded(f).type);
    EXPECT_EQ(r.offender, peer(f));
    EXPECT_EQ(r.to, far(f));
    EXPECT_EQ(stack().take_error(s), 0) << "read with the last report";
    EXPECT_EQ(stack().ready(s) & ready::error, 0u);
  }
}

TEST_F(UdpError, a_small_path_is_learned_and_told) {  // C1
  for (const Family f : families) {
    const SocketId s = connected(f);
    ASSERT_TRUE(stack().set(s, Option::receive_errors, 1));
    says(too_big(f), us_at(f), far(f), 1300);
    ErrorReport r;
    ASSERT_TRUE(report(s, r));
    EXPECT_EQ(r.error, EMSGSIZE);
    EXPECT_EQ(r.info, 1300u);
    EXPECT_EQ(stack().get(s, Option::mtu), 1300);
  }
}

// All the way: our own refusal of our own datagram.
TEST_F(UdpError, a_closed_port_of_our_own_is_told_to_who_asked) {
  for (const Family f : families)
    for (const IpAddr& there : {us(f), IpAddr::loopback(f)}) {
      const SocketId s = *stack().open(f, Transport::udp), reporting = *stack().open(f, Transport::udp);
      ASSERT_TRUE(stack().set(reporting, Option::receive_errors, 1));
      for (const SocketId each : {s, reporting}) {
        ASSERT_TRUE(stack().connect(each, {there, Port{99}}, host_.now()));
        ASSERT_EQ(stack().send(each, as_bytes("anybody?")), 8u);
        host_.flush();
        lapse(1ms);
        looped_ += 2;  // the datagram and the error
        EXPECT_NE(stack().ready(each) & ready::error, 0u);
      }
      EXPECT_EQ(stack().send(s, as_bytes("x")).error(), Error::refused);
      ErrorReport r;
      std::string quoted;
      ASSERT_TRUE(report(reporting, r, &quoted));
      EXPECT_EQ(quoted, "anybody?");
      EXPECT_EQ(r.error, ECONNREFUSED);
      EXPECT_EQ(r.offender, there);
      EXPECT_EQ(r.to, (Endpoint{there, Port{99}}));
    }
}

TEST_F(UdpError, an_echo_socket_is_told_by_its_identifier) {
  for (const Family f : families) {
    const SocketId s = *stack().open(f, Transport::icmp);
    ASSERT_TRUE(stack().bind(s, {IpAddr::any(f), Port{77}}));
    ASSERT_TRUE(stack().set(s, Option::receive_errors, 1));
    const auto request = [&](std::uint16_t id) {
      return icmp_packet(peer(f), us(f), time_exceeded(f).type, 0, 0,
                         echo_request(us(f), neighbour(f, 9), id, 1, as_bytes("data")));
    };
    host_.inject_packet(request(78));
    host_.inject_packet(request(77));
    host_.poll();
    ErrorReport r;
    ASSERT_EQ(report(s, r), 12u) << "with the ICMP header";
    EXPECT_EQ(r.to.addr, neighbour(f, 9));
    EXPECT_EQ(report(s, r).error(), Error::again);
  }
  EXPECT_EQ(dropped(Drop::icmp_unmatched), 2u);
}

}  // namespace
}  // namespace tunic::test
