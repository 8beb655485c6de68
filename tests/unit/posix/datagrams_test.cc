// Datagrams through the calls: names, lengths, control messages, errors, as Linux has them.
#include <ctime>  // which linux/errqueue.h forgets

#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

#include <thread>

#include "envelope.h"

namespace tunic {
namespace {

/// A socket of datagrams that is bound.
int bound(Host& host, const Address& at) {
  const int fd = host.socket(at.storage.ss_family, SOCK_DGRAM);
  EXPECT_EQ(host.bind(fd, at), 0);
  return fd;
}
ssize_t say_to(Host& host, int fd, const std::string& text, const Address& to, int flags = 0) {
  Envelope m{{text}};
  m.address_to(to);
  return send(host, fd, m, flags);
}

TEST(Datagrams, sockets_that_there_are) {
  struct Case {
    int domain, type, protocol, code;
  };
  const Case cases[] = {
      {AF_INET, SOCK_DGRAM, 0, 0},
      {AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0},
      {AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0, 0},
      {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, 0},
      {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, 0},
      {AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6, EPROTONOSUPPORT},
      {AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, EPROTONOSUPPORT},
      {AF_INET, SOCK_DGRAM, IPPROTO_TCP, EPROTONOSUPPORT},
      {AF_INET, SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT},
      {AF_INET, SOCK_DGRAM, 263, EINVAL},
      {AF_INET, SOCK_DGRAM, -1, EINVAL},
      {AF_INET, SOCK_SEQPACKET, 0, ESOCKTNOSUPPORT},
      {AF_UNIX, SOCK_DGRAM, 0, EAFNOSUPPORT},
      {AF_INET, 11, 0, EINVAL},
  };
  Host host;
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.domain) + " " + std::to_string(c.type) + " " + std::to_string(c.protocol));
    if (c.code != 0) {
      EXPECT_FAILS(host.socket(c.domain, c.type, c.protocol), c.code);
      continue;
    }
    const int fd = host.socket(c.domain, c.type, c.protocol);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(host.get(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    EXPECT_EQ(host.get(fd, SOL_SOCKET, SO_PROTOCOL), c.protocol == 0 ? IPPROTO_UDP : c.protocol);
    EXPECT_FAILS(host.listen(fd), EOPNOTSUPP);
    EXPECT_FAILS(host.accept(fd), EOPNOTSUPP);
  }
}

TEST(Datagrams, each_call_is_one_message_and_names_who_sent_it) {
  for (const char* text : {"127.0.0.1", "::1"}) {
    Host host;
    const Address any = text[0] == '1' ? Address::v4(text, 0) : Address::v6(text, 0);
    const int a = bound(host, any), b = bound(host, any);
    EXPECT_EQ(say_to(host, a, "first", host.name(b)), 5);
    EXPECT_EQ(say_to(host, a, "", host.name(b)), 0);
    EXPECT_EQ(say_to(host, a, "third one", host.name(b)), 9);
    Envelope m{rooms({2, 0, 20})};
    m.take_name();
    EXPECT_EQ(receive(host, b, m), 5);
    EXPECT_EQ(m.text(5), "first");
    EXPECT_EQ(m.name.text(), host.name(a).text());
    EXPECT_EQ(m.head.msg_namelen, host.name(a).length);
    EXPECT_EQ(m.head.msg_flags, 0);
    EXPECT_EQ(host.ready(b), POLLIN | POLLOUT);
    EXPECT_EQ(host.take(b), "");
    EXPECT_EQ(host.take(b, 5), "third");  // the rest is lost
    EXPECT_EQ(host.take(b, 5, MSG_DONTWAIT), "!EAGAIN");
  }
}

TEST(Datagrams, what_is_cut_is_told) {
  Host host;
  const int a = bound(host, Address::v4("127.0.0.1", 0)), b = bound(host, Address::v4("127.0.0.1", 0));
  for (int i = 0; i < 3; ++i) say_to(host, a, "0123456789", host.name(b));
  Envelope m{rooms({4})};
  EXPECT_EQ(receive(host, b, m, MSG_PEEK), 4);
  EXPECT_EQ(m.head.msg_flags, MSG_TRUNC);
  EXPECT_EQ(receive(host, b, m, MSG_PEEK | MSG_TRUNC), 10);
  char four[4];
  EXPECT_EQ(host.recv(b, four, 4, MSG_TRUNC), 10);
  Envelope none{{}};
  EXPECT_EQ(receive(host, b, none), 0);
  EXPECT_EQ(none.head.msg_flags, MSG_TRUNC);
  Envelope name{rooms({20})};
  name.take_name();
  name.head.msg_namelen = 3;
  EXPECT_EQ(receive(host, b, name), 10);
  EXPECT_EQ(name.head.msg_namelen, sizeof(sockaddr_in));  // its full length, whatever there was room for
  EXPECT_EQ(name.name.storage.ss_family, AF_INET);
}

TEST(Datagrams, read_of_no_octets_takes_nothing) {
  Host host;
  const int a = bound(host, Address::v4("127.0.0.1", 0)), b = bound(host, Address::v4("127.0.0.1", 0));
  say_to(host, a, "there", host.name(b));
  EXPECT_EQ(host.with(b, [&](Handle h) { return host.sockets().receive(h, {}, 0, false); }), 0);
  EXPECT_EQ(host.take(b), "there");
}

TEST(Datagrams, a_reader_waits) {
  Host host;
  const int a = bound(host, Address::v4("127.0.0.1", 0)), b = bound(host, Address::v4("127.0.0.1", 0));
  std::string got;
  std::thread reader{[&] { got = host.take(b); }};
  say_to(host, a, "now", host.name(b));
  reader.join();
  EXPECT_EQ(got, "now");
  ASSERT_EQ(host.set_timeout(b, SO_RCVTIMEO, 2ms), 0);
  EXPECT_EQ(host.take(b), "!EAGAIN");
}

TEST(Datagrams, names_that_cannot_be) {
  Host host;
  const int v4 = host.socket(AF_INET, SOCK_DGRAM), v6 = host.socket(AF_INET6, SOCK_DGRAM);
  const Address to4 = Address::v4("127.0.0.1", 9), to6 = Address::v6("::1", 9);
  EXPECT_FAILS(host.say(v4, "x"), EDESTADDRREQ);
  EXPECT_FAILS(host.say(v6, "x"), EDESTADDRREQ);
  EXPECT_FAILS(say_to(host, v4, "x", to6), EAFNOSUPPORT);
  EXPECT_FAILS(say_to(host, v4, "x", Address::v4("127.0.0.1", 0)), EINVAL);
  Address unspecified = to4;
  unspecified.storage.ss_family = AF_UNSPEC;
  EXPECT_EQ(say_to(host, v4, "x", unspecified), 1);  // counts as AF_INET
  EXPECT_FAILS(say_to(host, v6, "x", unspecified), EDESTADDRREQ);
  unspecified.storage.ss_family = AF_UNIX;
  EXPECT_FAILS(say_to(host, v6, "x", unspecified), EINVAL);
  EXPECT_EQ(say_to(host, v6, "x", to4), 1);  // an IPv4 address as it is, or mapped
  EXPECT_EQ(say_to(host, v6, "x", Address::v6("::ffff:127.0.0.1", 9)), 1);
  Address brief = to4;
  brief.length = sizeof(sockaddr_in) - 1;
  EXPECT_FAILS(say_to(host, v4, "x", brief), EINVAL);
  EXPECT_FAILS(say_to(host, v6, "x", Address::v6("fe80::1", 9)), ENETUNREACH);  // on which link?
  EXPECT_FAILS(say_to(host, v4, std::string(65'508, 'x'), to4), EMSGSIZE);
  EXPECT_FAILS(say_to(host, v4, "x", to4, MSG_OOB), EOPNOTSUPP);
}

TEST(Datagrams, a_peer_is_chosen_and_left) {
  Host host;
  const int a = bound(host, Address::v4("127.0.0.1", 0)), b = bound(host, Address::v4("127.0.0.1", 0));
  const int c = host.socket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(host.connect(c, host.name(a)), 0);
  EXPECT_EQ(host.peer(c).text(), host.name(a).text());
  EXPECT_EQ(host.say(c, "to a"), 4);
  EXPECT_EQ(host.take(a), "to a");
  EXPECT_EQ(say_to(host, c, "to b", host.name(b)), 4);
  EXPECT_EQ(host.take(b), "to b");
  EXPECT_EQ(host.connect(c, host.name(b)), 0);
  EXPECT_EQ(host.say(c, "b again"), 7);
  EXPECT_EQ(host.take(b), "b again");
  Address nobody;
  nobody.storage.ss_family = AF_UNSPEC;
  nobody.length = sizeof(sa_family_t);
  EXPECT_EQ(host.connect(c, nobody), 0);
  EXPECT_FAILS(host.say(c, "x"), EDESTADDRREQ);
  Address peer;
  EXPECT_FAILS(host.with(c, [&](Handle h) { return host.sockets().getpeername(h, peer.raw(), &peer.length); }),
               ENOTCONN);
  nobody.length = 1;
  EXPECT_FAILS(host.connect(c, nobody), EINVAL);
  const int six = host.socket(AF_INET6, SOCK_DGRAM);
  EXPECT_EQ(host.connect(six, host.name(a)), 0);  // struct sockaddr_in
  EXPECT_EQ(host.say(six, "mapped"), 6);
  EXPECT_EQ(host.take(a), "mapped");
}

TEST(Datagrams, bind_without_a_family) {
  Host host;
  Address any = Address::v4("0.0.0.0", 0);
  any.storage.ss_family = AF_UNSPEC;
  EXPECT_EQ(host.bind(host.socket(AF_INET, SOCK_DGRAM), any), 0);
  EXPECT_EQ(host.bind(host.socket(AF_INET, SOCK_STREAM), any), 0);
  Address one = Address::v4("127.0.0.1", 0);
  one.storage.ss_family = AF_UNSPEC;
  EXPECT_FAILS(host.bind(host.socket(AF_INET, SOCK_DGRAM), one), EAFNOSUPPORT);
  Address any6 = Address::v6("::", 0);
  any6.storage.ss_family = AF_UNSPEC;
  EXPECT_FAILS(host.bind(host.socket(AF_INET6, SOCK_DGRAM), any6), EAFNOSUPPORT);
}

TEST(Datagrams, what_came_with_one_over_ipv4) {
  Host host;
  const int a = bound(host, Address::v4("127.0.0.1", 0)), b = bound(host, Address::v4("0.0.0.0", 0));
  for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVORIGDSTADDR})
    ASSERT_EQ(host.set(b, IPPROTO_IP, option, 1), 0);
  ASSERT_EQ(host.set(b, SOL_SOCKET, SO_TIMESTAMP, 1), 0);
  ASSERT_EQ(host.set(a, IPPROTO_IP, IP_TOS, 0x2c), 0);
  ASSERT_EQ(host.set(a, IPPROTO_IP, IP_TTL, 9), 0);
  const Address to = Address::v4("127.0.0.9", host.name(b).port());
  const time_t before = time(nullptr);
  say_to(host, a, "x", to);
  Envelope m{rooms({9}), 512};
  EXPECT_EQ(receive(host, b, m), 1);
  EXPECT_EQ(m.head.msg_flags, 0);
  const auto info = m.find<in_pktinfo>(IPPROTO_IP, IP_PKTINFO);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->ipi_addr.s_addr, inet_addr("127.0.0.9"));
  EXPECT_EQ(m.find<int>(IPPROTO_IP, IP_TTL), 9);
  EXPECT_EQ(m.find<std::uint8_t>(IPPROTO_IP, IP_TOS), 0x2c);
  const auto destination = m.find<sockaddr_in>(IPPROTO_IP, IP_ORIGDSTADDR);
  ASSERT_TRUE(destination);
  EXPECT_EQ(ntohs(destination->sin_port), host.name(b).port());
  const auto stamp = m.find<timeval>(SOL_SOCKET, SO_TIMESTAMP);
  ASSERT_TRUE(stamp);
  EXPECT_GE(stamp->tv_sec, before - 1);
  EXPECT_LE(stamp->tv_sec, time(nullptr) + 1);
  say_to(host, a, "x", to);
  Envelope brief{rooms({9}), CMSG_SPACE(sizeof(timeval))};
  EXPECT_EQ(receive(host, b, brief), 1);
  EXPECT_EQ(brief.head.msg_flags, MSG_CTRUNC);
  EXPECT_EQ(brief.head.msg_controllen, CMSG_SPACE(sizeof(timeval)));
}

TEST(Datagrams, what_came_with_one_over_ipv6_and_with_a_mapped_one) {
  Host host;
  const int b = bound(host, Address::v6("::", 0)), a = bound(host, Address::v6("::1", 0));
  const int four = bound(host, Address::v4("127.0.0.1", 0));
  for (const int option : {IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS})
    ASSERT_EQ(host.set(b, IPPROTO_IPV6, option, 1), 0);
  ASSERT_EQ(host.set(b, IPPROTO_IP, IP_RECVTTL, 1), 0);
  ASSERT_EQ(host.set(b, SOL_SOCKET, SO_TIMESTAMPNS, 1), 0);
  ASSERT_EQ(host.set(a, IPPROTO_IPV6, IPV6_TCLASS, 0x2d), 0);
  say_to(host, a, "x", Address::v6("::1", host.name(b).port()));
  Envelope m{rooms({9}), 512};
  EXPECT_EQ(receive(host, b, m), 1);
  const auto info = m.find<in6_pktinfo>(IPPROTO_IPV6, IPV6_PKTINFO);
  ASSERT_TRUE(info);
  EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&info->ipi6_addr));
  EXPECT_EQ(m.find<int>(IPPROTO_IPV6, IPV6_HOPLIMIT), 64);
  EXPECT_EQ(m.find<int>(IPPROTO_IPV6, IPV6_TCLASS), 0x2d);
  EXPECT_FALSE(m.find<int>(IPPROTO_IP, IP_TTL));
  EXPECT_TRUE(m.find<timespec>(SOL_SOCKET, SO_TIMESTAMPNS));
  say_to(host, four, "x", Address::v4("127.0.0.1", host.name(b).port()));
  Envelope mapped{rooms({9}), 512};
  mapped.take_name();
  EXPECT_EQ(receive(host, b, mapped), 1);
  const auto of_v4 = mapped.find<in6_pktinfo>(IPPROTO_IPV6, IPV6_PKTINFO);
  ASSERT_TRUE(of_v4);
  EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&of_v4->ipi6_addr));
  EXPECT_EQ(mapped.find<int>(IPPROTO_IP, IP_TTL), 64);
  EXPECT_FALSE(mapped.find<int>(IPPROTO_IPV6, IPV6_HOPLIMIT));
  EXPECT_EQ(mapped.name.text(), "[::ffff:127.0.0.1]:" + std::to_string(host.name(four).port()));
}

TEST(Datagrams, how_one_is_sent) {
  Host host;
  const int a = host.socket(AF_INET, SOCK_DGRAM), b = bound(host, Address::v4("198.18.0.2", 0));
  for (const int option : {IP_RECVTTL, IP_RECVTOS}) ASSERT_EQ(host.set(b, IPPROTO_IP, option, 1), 0);
  in_pktinfo from{};
  from.ipi_spec_dst.s_addr = inet_addr("198.18.0.2");
  Envelope m{{"x"}};
  m.address_to(host.name(b));
  m.add(IPPROTO_IP, IP_PKTINFO, from);
  m.add(IPPROTO_IP, IP_TTL, 7);
  m.add(IPPROTO_IP, IP_TOS, 0x10);
  m.add(IPPROTO_IPV6, IPV6_TCLASS, 0x99);  // another family's: passed over
  EXPECT_EQ(send(host, a, m), 1);
  Envelope got{rooms({9}), 512};
  got.take_name();
  EXPECT_EQ(receive(host, b, got), 1);
  EXPECT_EQ(got.find<int>(IPPROTO_IP, IP_TTL), 7);
  EXPECT_EQ(got.find<std::uint8_t>(IPPROTO_IP, IP_TOS), 0x10);
  EXPECT_EQ(got.name.text(), "198.18.0.2:" + std::to_string(host.name(a).port()));
}

TEST(Datagrams, control_messages_that_cannot_be) {
  Host host;
  const int v4 = host.socket(AF_INET, SOCK_DGRAM), v6 = host.socket(AF_INET6, SOCK_DGRAM);
  const auto with = [&](int fd, int level, int type, auto value) {
    Envelope m{{"x"}};
    m.address_to(fd == v4 ? Address::v4("127.0.0.1", 9) : Address::v6("::1", 9));
    m.add(level, type, value);
    return send(host, fd, m);
  };
  EXPECT_FAILS(with(v4, IPPROTO_IP, IP_TTL, 0), EINVAL);
  EXPECT_FAILS(with(v4, IPPROTO_IP, IP_TTL, 256), EINVAL);
  EXPECT_FAILS(with(v4, IPPROTO_IP, IP_TTL, char{1}), EINVAL);
  EXPECT_FAILS(with(v4, IPPROTO_IP, IP_TOS, -1), EINVAL);
  EXPECT_EQ(with(v4, IPPROTO_IP, IP_TOS, char{1}), 1);
  EXPECT_FAILS(with(v4, IPPROTO_IP, IP_PKTINFO, 5), EINVAL);
  EXPECT_FAILS(with(v4, IPPROTO_IP, 99, 5), EINVAL);
  EXPECT_FAILS(with(v4, SOL_SOCKET, 99, 5), EINVAL);
  EXPECT_EQ(with(v4, SOL_SOCKET, SCM_RIGHTS, 5), 1);
  EXPECT_FAILS(with(v6, IPPROTO_IPV6, IPV6_HOPLIMIT, 256), EINVAL);
  EXPECT_FAILS(with(v6, IPPROTO_IPV6, IPV6_TCLASS, -2), EINVAL);
  EXPECT_EQ(with(v6, IPPROTO_IPV6, IPV6_TCLASS, -1), 1);
  EXPECT_FAILS(with(v6, IPPROTO_IPV6, IPV6_PKTINFO, 5), EINVAL);
}

TEST(Datagrams, a_refusal_is_told_once) {
  Host host;
  const int a = host.socket(AF_INET, SOCK_DGRAM);
  const int closed = bound(host, Address::v4("127.0.0.1", 0));
  const Address to = host.name(closed);
  host.close(closed);
  ASSERT_EQ(host.connect(a, to), 0);
  EXPECT_EQ(host.say(a, "anybody?"), 8);
  EXPECT_EQ(host.take(a, 9, MSG_DONTWAIT), "!ECONNREFUSED");
  EXPECT_EQ(host.take(a, 9, MSG_DONTWAIT), "!EAGAIN");
}

TEST(Datagrams, the_queue_of_errors) {
  for (const bool six : {false, true}) {
    Host host;
    const Address any = six ? Address::v6("::1", 0) : Address::v4("127.0.0.1", 0);
    const int a = host.socket(any.storage.ss_family, SOCK_DGRAM);
    ASSERT_EQ(six ? host.set(a, IPPROTO_IPV6, IPV6_RECVERR, 1) : host.set(a, IPPROTO_IP, IP_RECVERR, 1), 0);
    const int closed = bound(host, any);
    const Address to = host.name(closed);
    host.close(closed);
    EXPECT_EQ(say_to(host, a, "anybody?", to), 8);
    EXPECT_NE(host.ready(a, POLLIN, 1000) & POLLERR, 0);
    Envelope m{rooms({4, 9}), 512};
    m.take_name();
    EXPECT_EQ(receive(host, a, m, MSG_ERRQUEUE), 8);
    EXPECT_EQ(m.text(8), "anybody?");
    EXPECT_EQ(m.head.msg_flags, MSG_ERRQUEUE);
    EXPECT_EQ(m.name.text(), to.text());
    struct Of4 {
      sock_extended_err said;
      sockaddr_in offender;
    };
    struct Of6 {
      sock_extended_err said;
      sockaddr_in6 offender;
    };
    const auto of4 = m.find<Of4>(IPPROTO_IP, IP_RECVERR);
    const auto of6 = m.find<Of6>(IPPROTO_IPV6, IPV6_RECVERR);
    ASSERT_TRUE(six ? of6.has_value() : of4.has_value());
    const sock_extended_err said = six ? of6->said : of4->said;
    EXPECT_EQ(said.ee_errno, static_cast<__u32>(ECONNREFUSED));
    EXPECT_EQ(said.ee_origin, six ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP);
    EXPECT_EQ(said.ee_type, six ? 1 : ICMP_DEST_UNREACH);
    EXPECT_EQ(said.ee_code, six ? 4 : ICMP_PORT_UNREACH);
    if (six)
      EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&of6->offender.sin6_addr));
    else
      EXPECT_EQ(of4->offender.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    EXPECT_FAILS(receive(host, a, m, MSG_ERRQUEUE), EAGAIN);
  }
}

TEST(Datagrams, that_must_not_be_cut) {
  Config config = Host::default_config();
  config.mtu = 1500;
  Host host{config};
  const int fd = host.socket(AF_INET6, SOCK_DGRAM);
  const Address away = Address::v6("fd00:7::9", 9);
  const std::string large(1453, 'x');
  EXPECT_EQ(say_to(host, fd, large, away), 1453);
  Envelope whole{{large}};
  whole.address_to(away);
  whole.add(IPPROTO_IPV6, IPV6_DONTFRAG, 1);
  EXPECT_FAILS(send(host, fd, whole), EMSGSIZE);
  ASSERT_EQ(host.set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1), 0);
  EXPECT_FAILS(say_to(host, fd, large, away), EMSGSIZE);
  EXPECT_EQ(say_to(host, fd, large.substr(1), away), 1452);
}

TEST(Datagrams, many_in_one_call) {
  Host host;
  const int a = bound(host, Address::v4("127.0.0.1", 0)), b = bound(host, Address::v4("127.0.0.1", 0));
  ASSERT_EQ(host.connect(a, host.name(b)), 0);
  Envelope x{{"one"}}, y{{"three"}}, z{{""}};
  mmsghdr out[3] = {{x.head, 0}, {y.head, 0}, {z.head, 0}};
  EXPECT_EQ(host.with(a, [&](Handle h) { return host.sockets().sendmmsg(h, out, 3, 0); }), 3);
  Envelope p{rooms({9})}, q{rooms({2})}, r{rooms({9})}, s{rooms({9})};
  mmsghdr in[4] = {{p.head, 0}, {q.head, 0}, {r.head, 0}, {s.head, 0}};
  EXPECT_EQ(host.with(b, [&](Handle h) { return host.sockets().recvmmsg(h, in, 4, MSG_WAITFORONE, nullptr); }), 3);
  EXPECT_EQ(in[0].msg_len, 3u);
  EXPECT_EQ(in[1].msg_len, 2u);
  EXPECT_EQ(in[1].msg_hdr.msg_flags, MSG_TRUNC);
  EXPECT_EQ(in[2].msg_len, 0u);
}

TEST(Datagrams, pieces_of_one_are_gathered) {
  Host host;
  const int a = bound(host, Address::v4("127.0.0.1", 0)), b = bound(host, Address::v4("127.0.0.1", 0));
  ASSERT_EQ(host.connect(a, host.name(b)), 0);
  EXPECT_EQ(host.say(a, "be", MSG_MORE), 2);
  EXPECT_EQ(host.say(a, "gun"), 3);
  EXPECT_EQ(host.take(b), "begun");
  ASSERT_EQ(host.set(a, IPPROTO_UDP, UDP_CORK, 1), 0);
  EXPECT_EQ(host.say(a, "cor"), 3);
  EXPECT_EQ(host.say(a, "ked"), 3);
  EXPECT_EQ(host.ready(b, POLLIN), 0);
  ASSERT_EQ(host.set(a, IPPROTO_UDP, UDP_CORK, 0), 0);
  EXPECT_EQ(host.take(b), "corked");
}

TEST(Datagrams, echo) {
  Host host;
  const int fd = host.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  icmphdr request{};
  request.type = ICMP_ECHO;
  request.un.echo.sequence = htons(7);
  std::string text(sizeof request + 4, 'e');
  std::memcpy(text.data(), &request, sizeof request);
  EXPECT_EQ(say_to(host, fd, text, Address::v4("127.0.0.1", 0)), static_cast<ssize_t>(text.size()));
  Envelope m{rooms({100})};
  m.take_name();
  EXPECT_EQ(receive(host, fd, m), static_cast<ssize_t>(text.size()));
  icmphdr reply;
  std::memcpy(&reply, m.pieces[0].data(), sizeof reply);
  EXPECT_EQ(reply.type, ICMP_ECHOREPLY);
  EXPECT_EQ(ntohs(reply.un.echo.sequence), 7);
  EXPECT_EQ(m.name.text(), "127.0.0.1:0");
  EXPECT_FAILS(say_to(host, fd, "short", Address::v4("127.0.0.1", 0)), EINVAL);
  EXPECT_FAILS(host.recv(fd, text.data(), 9, MSG_OOB), EOPNOTSUPP);
}

}  // namespace
}  // namespace tunic
