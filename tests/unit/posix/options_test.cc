// Options, fcntl and ioctl, with the values that Linux shows.
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>

#include "host.h"

namespace tunic {
namespace {

TEST(Options, what_is_set_is_what_is_got) {
  struct Case {
    int domain, level, option, given, shown;
  };
  const Case cases[] = {
      {AF_INET, SOL_SOCKET, SO_REUSEADDR, 5, 1},
      {AF_INET, SOL_SOCKET, SO_REUSEPORT, 1, 1},
      {AF_INET, SOL_SOCKET, SO_KEEPALIVE, -1, 1},
      {AF_INET, SOL_SOCKET, SO_OOBINLINE, 1, 1},
      {AF_INET, SOL_SOCKET, SO_RCVBUF, 50'000, 100'000},
      {AF_INET, SOL_SOCKET, SO_SNDBUF, 50'000, 100'000},
      {AF_INET, SOL_SOCKET, SO_RCVLOWAT, 10, 10},
      {AF_INET, SOL_SOCKET, SO_RCVLOWAT, 0, 1},
      {AF_INET, IPPROTO_TCP, TCP_NODELAY, 1, 1},
      {AF_INET, IPPROTO_TCP, TCP_CORK, 1, 1},
      {AF_INET, IPPROTO_TCP, TCP_MAXSEG, 1000, 1000},
      {AF_INET, IPPROTO_TCP, TCP_KEEPIDLE, 11, 11},
      {AF_INET, IPPROTO_TCP, TCP_KEEPINTVL, 12, 12},
      {AF_INET, IPPROTO_TCP, TCP_KEEPCNT, 13, 13},
      {AF_INET, IPPROTO_TCP, TCP_USER_TIMEOUT, 14'000, 14'000},
      {AF_INET, IPPROTO_TCP, TCP_SYNCNT, 3, 3},
      {AF_INET, IPPROTO_TCP, TCP_LINGER2, 20, 20},
      {AF_INET, IPPROTO_TCP, TCP_QUICKACK, 1, 1},
      {AF_INET, IPPROTO_IP, IP_TTL, 9, 9},
      {AF_INET, IPPROTO_IP, IP_TTL, -1, 64},
      {AF_INET, IPPROTO_IP, IP_TOS, 0x1b, 0x18},
      {AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, 1, 1},
      {AF_INET6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9, 9},
      {AF_INET6, IPPROTO_IPV6, IPV6_TCLASS, 0x20, 0x20},
      {AF_INET6, IPPROTO_IP, IP_TTL, 9, 9},
  };
  Host host;
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.level) + "/" + std::to_string(c.option) + " " + std::to_string(c.given));
    const int fd = host.socket(c.domain);
    EXPECT_EQ(host.set(fd, c.level, c.option, c.given), 0);
    EXPECT_EQ(host.get(fd, c.level, c.option), c.shown);
    host.close(fd);
  }
}

TEST(Options, values_out_of_range) {
  struct Case {
    int level, option, value, code;
  };
  const Case cases[] = {
      {IPPROTO_TCP, TCP_KEEPIDLE, 0, EINVAL},
      {IPPROTO_TCP, TCP_KEEPIDLE, 32'768, EINVAL},
      {IPPROTO_TCP, TCP_KEEPCNT, 128, EINVAL},
      {IPPROTO_TCP, TCP_MAXSEG, 87, EINVAL},
      {IPPROTO_IP, IP_TTL, 0, EINVAL},
      {IPPROTO_IP, IP_TTL, 256, EINVAL},
      {SOL_SOCKET, SO_TYPE, 1, ENOPROTOOPT},
      {SOL_SOCKET, SO_ERROR, 1, ENOPROTOOPT},
      {SOL_SOCKET, SO_PEERCRED, 1, ENOPROTOOPT},
      {IPPROTO_TCP, TCP_MD5SIG, 1, ENOPROTOOPT},
      {IPPROTO_IPV6, IPV6_V6ONLY, 1, ENOPROTOOPT},
      {999, 1, 1, ENOPROTOOPT},
  };
  Host host;
  const int fd = host.socket();
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.level) + "/" + std::to_string(c.option));
    EXPECT_FAILS(host.set(fd, c.level, c.option, c.value), c.code);
  }
  EXPECT_FAILS(host.set(fd, SOL_SOCKET, SO_KEEPALIVE, char{1}), EINVAL);
  EXPECT_EQ(host.set(fd, IPPROTO_IP, IP_TTL, char{7}), 0);
  EXPECT_EQ(host.get(fd, IPPROTO_IP, IP_TTL), 7);
  const int bound = host.server(Address::v6("::1", 0));
  EXPECT_FAILS(host.set(bound, IPPROTO_IPV6, IPV6_V6ONLY, 1), EINVAL);
}

TEST(Options, lengths) {
  Host host;
  const int fd = host.socket();
  const auto get = [&](int option, void* value, socklen_t& n) {
    return host.with(fd, [&](Handle h) { return host.sockets().getsockopt(h, SOL_SOCKET, option, value, &n); });
  };
  char two[2] = {9, 9};
  socklen_t n = 2;
  EXPECT_EQ(get(SO_TYPE, two, n), 0);
  EXPECT_EQ(n, 2u);
  EXPECT_EQ(two[0], SOCK_STREAM);
  char lots[64];
  n = 64;
  EXPECT_EQ(get(SO_TYPE, lots, n), 0);
  EXPECT_EQ(n, 4u);
  n = static_cast<socklen_t>(-1);
  EXPECT_FAILS(get(SO_TYPE, lots, n), EINVAL);
  n = 4;
  EXPECT_FAILS(get(SO_TYPE, nullptr, n), EFAULT);
}

TEST(Options, what_a_socket_is) {
  Host host;
  const int door = host.server(Address::v6("::1", 0));
  EXPECT_EQ(host.get(door, SOL_SOCKET, SO_DOMAIN), AF_INET6);
  EXPECT_EQ(host.get(door, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  EXPECT_EQ(host.get(door, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
  EXPECT_EQ(host.get(door, SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(host.get(host.socket(), SOL_SOCKET, SO_ACCEPTCONN), 0);
}

TEST(Options, times) {
  Host host;
  const int fd = host.socket();
  EXPECT_EQ(host.get<timeval>(fd, SOL_SOCKET, SO_SNDTIMEO).tv_sec, 0);
  EXPECT_EQ(host.set(fd, SOL_SOCKET, SO_RCVTIMEO, timeval{3, 5}), 0);
  EXPECT_EQ(host.get<timeval>(fd, SOL_SOCKET, SO_RCVTIMEO).tv_sec, 3);
  EXPECT_EQ(host.get<timeval>(fd, SOL_SOCKET, SO_RCVTIMEO).tv_usec, 5);
  EXPECT_FAILS(host.set(fd, SOL_SOCKET, SO_RCVTIMEO, timeval{0, 1'000'000}), EDOM);
  EXPECT_EQ(host.set(fd, SOL_SOCKET, SO_RCVTIMEO, timeval{INT64_MAX, 0}), 0);
  EXPECT_EQ(host.get<timeval>(fd, SOL_SOCKET, SO_RCVTIMEO).tv_sec, 0);
  EXPECT_FAILS(host.set(fd, SOL_SOCKET, SO_RCVTIMEO, 1), EINVAL);
  const auto [client, server] = host.pair();
  EXPECT_EQ(host.set(server, SOL_SOCKET, SO_RCVTIMEO, timeval{-1, 0}), 0);  // as Linux: do not wait
  EXPECT_EQ(host.take(server), "!EAGAIN");
}

TEST(Options, linger) {
  Host host;
  const int fd = host.socket();
  EXPECT_EQ(host.get<struct linger>(fd, SOL_SOCKET, SO_LINGER).l_onoff, 0);
  const struct linger seven { .l_onoff = 1, .l_linger = 7 };
  EXPECT_EQ(host.set(fd, SOL_SOCKET, SO_LINGER, seven), 0);
  EXPECT_EQ(host.get<struct linger>(fd, SOL_SOCKET, SO_LINGER).l_onoff, 1);
  EXPECT_EQ(host.get<struct linger>(fd, SOL_SOCKET, SO_LINGER).l_linger, 7);
}

TEST(Options, tcp_info) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, std::string(1000, 'x'));
  EXPECT_EQ(host.take(server).size(), 1000u);
  const auto info = host.get<struct tcp_info>(client, IPPROTO_TCP, TCP_INFO);
  EXPECT_EQ(info.tcpi_state, static_cast<int>(State::established));
  EXPECT_EQ(info.tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
  EXPECT_GT(info.tcpi_snd_mss, 500u);
  EXPECT_GT(info.tcpi_snd_cwnd, 0u);
  EXPECT_GT(info.tcpi_rto, 0u);
  const int door = host.server();
  ASSERT_EQ(host.connect(host.socket(), host.name(door)), 0);
  EXPECT_EQ(host.get<struct tcp_info>(door, IPPROTO_TCP, TCP_INFO).tcpi_state, static_cast<int>(State::listen));
  EXPECT_EQ(host.get<struct tcp_info>(door, IPPROTO_TCP, TCP_INFO).tcpi_unacked, 1u);
}

TEST(Control, fcntl_flags) {
  Host host;
  const int fd = host.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
  const auto fcntl = [&](int command, int argument = 0) {
    return host.with(fd, [&](Handle h) { return host.sockets().fcntl(h, command, argument); });
  };
  EXPECT_EQ(fcntl(F_GETFL), O_RDWR);
  EXPECT_EQ(fcntl(F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(fcntl(F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_EQ(fcntl(F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(F_SETFD, 0), 0);
  EXPECT_EQ(fcntl(F_GETFD), 0);
  EXPECT_EQ(::fcntl(fd, F_GETFD), 0);  // for the kernel too
  EXPECT_FAILS(fcntl(F_SETFL, O_ASYNC), EINVAL);
  EXPECT_FAILS(fcntl(F_SETFL, O_DIRECT), EINVAL);
  EXPECT_FAILS(fcntl(F_SETOWN, 1), EINVAL);
}

TEST(Control, ioctl_counts) {
  Host host;
  const auto [client, server] = host.pair();
  const auto ioctl = [&](int fd, unsigned long request, int* argument) {
    return host.with(fd, [&](Handle h) { return host.sockets().ioctl(h, request, argument); });
  };
  host.say(client, "12345");
  int n = -1;
  EXPECT_EQ(ioctl(server, FIONREAD, &n), 0);
  EXPECT_EQ(n, 5);
  EXPECT_EQ(ioctl(server, SIOCATMARK, &n), 0);
  EXPECT_EQ(n, 0);
  EXPECT_EQ(ioctl(client, SIOCOUTQ, &n), 0);
  EXPECT_LE(n, 5);
  int on = 1;
  EXPECT_EQ(ioctl(server, FIONBIO, &on), 0);
  host.take(server);
  EXPECT_EQ(host.take(server), "!EAGAIN");
  EXPECT_FAILS(ioctl(server, TCGETS, &n), ENOTTY);
  EXPECT_FAILS(ioctl(server, FIONREAD, nullptr), EFAULT);
  EXPECT_FAILS(ioctl(host.server(), FIONREAD, &n), EINVAL);
}

}  // namespace
}  // namespace tunic
