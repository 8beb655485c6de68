// What numbers each option takes, and what it shows of them then: a table of what Linux 6.18 does on fresh sockets.
#include <asm/socket.h>
#include <linux/in6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <sstream>

#include "host.h"

namespace tunic {
namespace {

/// Sockets: t TCP over IPv4, T over IPv6; u and U UDP; e and E ICMP echo. Values: `5` is shown again, `5>1` is shown as
/// 1, `5!EINVAL` is refused. Between two neighbours that fare alike all values do.
struct Case {
  const char* sockets;
  int level, option;
  const char* values;
};

constexpr Case cases[] = {
    {"tTuUeE", SOL_SOCKET, SO_REUSEADDR, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_REUSEPORT, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_KEEPALIVE, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_OOBINLINE, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_BROADCAST, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_NO_CHECK, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_TIMESTAMP, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_TIMESTAMPNS, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_TIMESTAMP_NEW, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_TIMESTAMPNS_NEW, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_RXQ_OVFL, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_DEBUG, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_DONTROUTE, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_PRIORITY, "-2 2147483647"},
    {"tTuUeE", SOL_SOCKET, SO_MARK, "-2 2147483647"},
    {"tTuUeE", SOL_SOCKET, SO_INCOMING_CPU, "-2 2147483647"},
    {"tTuUeE", SOL_SOCKET, SO_BUSY_POLL, "-2!EINVAL -1!EINVAL 0 50 2147483647"},
    {"tTuUeE", SOL_SOCKET, SO_PREFER_BUSY_POLL, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", SOL_SOCKET, SO_BSDCOMPAT, "-2>0 -1>0 0 1>0 2147483647>0"},
    {"tTuUeE", SOL_SOCKET, SO_TYPE, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", SOL_SOCKET, SO_ERROR, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", SOL_SOCKET, SO_PROTOCOL, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", SOL_SOCKET, SO_DOMAIN, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", SOL_SOCKET, SO_ACCEPTCONN, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", SOL_SOCKET, SO_SNDLOWAT, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", SOL_SOCKET, SO_COOKIE, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", SOL_SOCKET, SO_PASSCRED, "-2!EOPNOTSUPP 2147483647!EOPNOTSUPP"},
    {"tTuUeE", SOL_SOCKET, SO_PASSSEC, "-2!EOPNOTSUPP 2147483647!EOPNOTSUPP"},
    {"tTuUeE", SOL_SOCKET, SO_LINGER, "-2!EINVAL 2147483647!EINVAL"},
    {"tTuUeE", SOL_SOCKET, SO_RCVTIMEO, "-2!EINVAL 2147483647!EINVAL"},
    {"tTuUeE", SOL_SOCKET, SO_SNDTIMEO, "-2!EINVAL 2147483647!EINVAL"},
    {"tTuUeE", SOL_SOCKET, SO_RCVTIMEO_NEW, "-2!EINVAL 2147483647!EINVAL"},
    {"tT", SOL_SOCKET, SO_RCVLOWAT, "0>1 1 100000"},
    {"uUeE", SOL_SOCKET, SO_RCVLOWAT, "-1>2147483647 0>1 1 2147483647"},
    {"tT", IPPROTO_TCP, TCP_NODELAY, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tT", IPPROTO_TCP, TCP_CORK, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tT", IPPROTO_TCP, TCP_KEEPIDLE, "-2!EINVAL 0!EINVAL 1 32767 32768!EINVAL 2147483647!EINVAL"},
    {"tT", IPPROTO_TCP, TCP_KEEPINTVL, "-2!EINVAL 0!EINVAL 1 32767 32768!EINVAL 2147483647!EINVAL"},
    {"tT", IPPROTO_TCP, TCP_KEEPCNT, "-2!EINVAL 0!EINVAL 1 127 128!EINVAL 2147483647!EINVAL"},
    {"tT", IPPROTO_TCP, TCP_USER_TIMEOUT, "-2!EINVAL -1!EINVAL 0 2147483647"},
    {"tT", IPPROTO_TCP, TCP_SYNCNT, "-2!EINVAL 0!EINVAL 1 127 128!EINVAL 2147483647!EINVAL"},
    {"tT", IPPROTO_TCP, TCP_LINGER2, "-2>-1 -1 0>60 1 88 127>120 2147483647>120"},
    {"tT", IPPROTO_TCP, TCP_QUICKACK, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tT", IPPROTO_TCP, TCP_INQ, "-2!EINVAL -1!EINVAL 0 1 2!EINVAL 2147483647!EINVAL"},
    {"uU", IPPROTO_UDP, UDP_CORK, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"uU", IPPROTO_UDP, UDP_GRO, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", IPPROTO_IP, IP_FREEBIND, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", IPPROTO_IP, IP_TTL, "-2!EINVAL -1>64 0!EINVAL 1 255 256!EINVAL 2147483647!EINVAL"},
    {"tT", IPPROTO_IP, IP_TOS,
     "-2>252 -1>252 0 1>0 3>0 4 7>4 87>84 88 "
     "127>124 128 255>252 256>0 1500>220 32767>252 32768>0 100000>160 2147483647>252"},
    {"uUeE", IPPROTO_IP, IP_TOS, "-2>254 -1>255 0 255 256>0 1500>220 32767>255 32768>0 100000>160 2147483647>255"},
    {"tTuUeE", IPPROTO_IP, IP_MTU, "-2!ENOPROTOOPT 2147483647!ENOPROTOOPT"},
    {"tTuUeE", IPPROTO_IP, IP_MTU_DISCOVER, "-2!EINVAL -1!EINVAL 0 4 7!EINVAL 2147483647!EINVAL"},
    {"tTuUeE", IPPROTO_IP, IP_RECVERR, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", IPPROTO_IP, IP_PKTINFO, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", IPPROTO_IP, IP_RECVTTL, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", IPPROTO_IP, IP_RECVTOS, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"tTuUeE", IPPROTO_IP, IP_ORIGDSTADDR, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_V6ONLY, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_UNICAST_HOPS, "-2!EINVAL -1>64 1 255 256!EINVAL 2147483647!EINVAL"},
    {"T", IPPROTO_IPV6, IPV6_TCLASS,
     "-2!EINVAL -1>0 0 1>0 3>0 4 7>4 "
     "87>84 88 127>124 128 255>252 256!EINVAL 2147483647!EINVAL"},
    {"UE", IPPROTO_IPV6, IPV6_TCLASS, "-2!EINVAL -1>0 0 255 256!EINVAL 2147483647!EINVAL"},
    {"TUE", IPPROTO_IPV6, IPV6_MTU_DISCOVER, "-2!EINVAL -1!EINVAL 0 4 7!EINVAL 2147483647!EINVAL"},
    {"TUE", IPPROTO_IPV6, IPV6_RECVERR, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_RECVPKTINFO, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_RECVHOPLIMIT, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_RECVTCLASS, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_ORIGDSTADDR, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_FREEBIND, "-2>1 -1>1 0 1 2>1 2147483647>1"},
    {"TUE", IPPROTO_IPV6, IPV6_DONTFRAG, "-2>1 -1>1 0 1 2>1 2147483647>1"},
};

int make(Host& host, char kind) {
  switch (kind) {
    case 't':
      return host.socket(AF_INET);
    case 'T':
      return host.socket(AF_INET6);
    case 'u':
      return host.socket(AF_INET, SOCK_DGRAM);
    case 'U':
      return host.socket(AF_INET6, SOCK_DGRAM);
    case 'e':
      return host.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    default:
      return host.socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
  }
}

TEST(OptionRows, take_and_show_what_linux_does) {
  Host host;
  for (const Case& c : cases)
    for (const char* kind = c.sockets; *kind != 0; ++kind) {
      std::istringstream values{c.values};
      for (std::string value; values >> value;) {
        SCOPED_TRACE(std::string{*kind} + " " + std::to_string(c.level) + "/" + std::to_string(c.option) + " " + value);
        const std::size_t mark = value.find_first_of(">!");
        const int given = std::stoi(value.substr(0, mark));
        const int fd = make(host, *kind);
        errno = 0;
        const int r = host.set(fd, c.level, c.option, given);
        if (mark != std::string::npos && value[mark] == '!') {
          EXPECT_EQ(r, -1);
          EXPECT_EQ(strerrorname_np(errno), value.substr(mark + 1));
        } else {
          EXPECT_EQ(r, 0);
          EXPECT_EQ(host.get(fd, c.level, c.option),
                    mark == std::string::npos ? given : std::stoi(value.substr(mark + 1)));
        }
        host.close(fd);
      }
    }
}

TEST(OptionRows, of_another_kind_of_socket) {
  Host host;
  struct Other {
    char kind;
    int level, option, get_code;
  };
  const Other others[] = {
      {'u', IPPROTO_TCP, TCP_NODELAY, EOPNOTSUPP},
      {'U', IPPROTO_TCP, TCP_NODELAY, ENOPROTOOPT},
      {'t', IPPROTO_UDP, UDP_CORK, EOPNOTSUPP},
      {'e', IPPROTO_UDP, UDP_CORK, EOPNOTSUPP},
      {'t', IPPROTO_IPV6, IPV6_V6ONLY, EOPNOTSUPP},
      {'u', IPPROTO_IPV6, IPV6_RECVERR, EOPNOTSUPP},
      {'t', 999, 1, EOPNOTSUPP},
      {'T', 999, 1, ENOPROTOOPT},
      {'t', IPPROTO_TCP, 200, ENOPROTOOPT},
      {'t', SOL_SOCKET, 200, ENOPROTOOPT},
      {'T', IPPROTO_IPV6, IPV6_HOPLIMIT, ENOPROTOOPT},
  };
  for (const Other& o : others) {
    SCOPED_TRACE(std::string{o.kind} + " " + std::to_string(o.level) + "/" + std::to_string(o.option));
    const int fd = make(host, o.kind);
    EXPECT_FAILS(host.set(fd, o.level, o.option, 1), ENOPROTOOPT);
    int value = 0;
    socklen_t n = sizeof value;
    EXPECT_FAILS(host.with(fd, [&](Handle h) { return host.sockets().getsockopt(h, o.level, o.option, &value, &n); }),
                 o.get_code);
  }
}

/// What lengths do, which differs from level to level: `shown` is what is got of a 1 given in so many octets, or an
/// errno below 0.
TEST(OptionRows, lengths) {
  struct Length {
    int level, option;
    socklen_t length;
    int shown;
  };
  const Length lengths[] = {
      {SOL_SOCKET, SO_REUSEADDR, 3, -EINVAL},
      {SOL_SOCKET, SO_REUSEADDR, 5, 1},
      {SOL_SOCKET, 200, 3, -EINVAL},
      {SOL_SOCKET, SO_LINGER, 7, -EINVAL},
      {SOL_SOCKET, SO_RCVTIMEO, 15, -EINVAL},
      {IPPROTO_TCP, TCP_NODELAY, 3, -EINVAL},
      {IPPROTO_TCP, TCP_NODELAY, 64, 1},
      {IPPROTO_TCP, 200, 3, -EINVAL},
      {IPPROTO_IP, IP_RECVTTL, 0, 0},
      {IPPROTO_IP, IP_RECVTTL, 1, 1},
      {IPPROTO_IP, IP_RECVTTL, 3, 1},
      {IPPROTO_IP, IP_RECVTTL, 64, 1},
      {IPPROTO_IP, IP_TTL, 0, -EINVAL},
      {IPPROTO_IP, IP_MTU, 1, -ENOPROTOOPT},
      {IPPROTO_IPV6, IPV6_RECVERR, 3, -EINVAL},
      {IPPROTO_IPV6, IPV6_RECVERR, 64, 1},
      {IPPROTO_IPV6, IPV6_DONTFRAG, 0, 0},
      {IPPROTO_IPV6, IPV6_DONTFRAG, 3, 0},
      {IPPROTO_IP, IP_TTL, socklen_t(-1), -EINVAL},
      {SOL_SOCKET, SO_DEBUG, socklen_t(-1), -EINVAL},
  };
  Host host;
  for (const Length& l : lengths) {
    SCOPED_TRACE(std::to_string(l.level) + "/" + std::to_string(l.option) + " " + std::to_string(l.length));
    const int fd = host.socket(AF_INET6);
    char value[64] = {1};
    const auto set = [&] {
      return host.with(fd, [&](Handle h) { return host.sockets().setsockopt(h, l.level, l.option, value, l.length); });
    };
    if (l.shown < 0) {
      EXPECT_FAILS(set(), -l.shown);
    } else {
      EXPECT_EQ(set(), 0);
      EXPECT_EQ(host.get(fd, l.level, l.option), l.shown);
    }
    host.close(fd);
  }
}

TEST(OptionRows, what_there_is_no_room_for_is_cut) {
  Host host;
  const int fd = host.socket(AF_INET6);
  struct Room {
    int level, option;
    socklen_t room, given;
  };
  const Room rooms[] = {
      {SOL_SOCKET, SO_TYPE, 2, 2},
      {SOL_SOCKET, SO_TYPE, 9, 4},
      {SOL_SOCKET, SO_LINGER, 256, 8},
      {SOL_SOCKET, SO_RCVTIMEO, 8, 8},
      {SOL_SOCKET, SO_RCVTIMEO, 256, 16},
      {SOL_SOCKET, SO_COOKIE, 9, 8},
      {IPPROTO_IP, IP_TTL, 2, 1},
      {IPPROTO_IP, IP_TTL, 0, 0},
      {IPPROTO_IP, IP_TTL, 9, 4},
      {IPPROTO_IPV6, IPV6_TCLASS, 2, 2},
      {IPPROTO_TCP, TCP_KEEPCNT, 3, 3},
      {SOL_SOCKET, SO_BINDTODEVICE, 16, 0},
      {IPPROTO_IPV6, IPV6_TCLASS, socklen_t(-1), 4},
  };
  for (const Room& r : rooms) {
    SCOPED_TRACE(std::to_string(r.level) + "/" + std::to_string(r.option) + " " + std::to_string(r.room));
    char value[256];
    socklen_t n = r.room;
    EXPECT_EQ(host.with(fd, [&](Handle h) { return host.sockets().getsockopt(h, r.level, r.option, value, &n); }), 0);
    EXPECT_EQ(n, r.given);
  }
}

TEST(OptionRows, null) {
  Host host;
  const int fd = host.socket(AF_INET6);
  const auto set = [&](int level, int option, socklen_t n) {
    return host.with(fd, [&](Handle h) { return host.sockets().setsockopt(h, level, option, nullptr, n); });
  };
  EXPECT_FAILS(set(SOL_SOCKET, SO_DEBUG, 4), EFAULT);
  EXPECT_FAILS(set(SOL_SOCKET, SO_DEBUG, 0), EINVAL);
  EXPECT_FAILS(set(IPPROTO_IP, IP_RECVTTL, 4), EFAULT);
  EXPECT_EQ(set(IPPROTO_IP, IP_RECVTTL, 0), 0);
  EXPECT_EQ(set(IPPROTO_IPV6, IPV6_V6ONLY, 4), 0);  // NULL counts as 0
  EXPECT_FAILS(set(IPPROTO_IPV6, IPV6_V6ONLY, 0), EINVAL);
  int value;
  socklen_t n = 4;
  const auto get = [&](int level, int option, void* p, socklen_t* length) {
    return host.with(fd, [&](Handle h) { return host.sockets().getsockopt(h, level, option, p, length); });
  };
  EXPECT_FAILS(get(SOL_SOCKET, SO_DEBUG, nullptr, &n), EFAULT);
  EXPECT_FAILS(get(SOL_SOCKET, SO_DEBUG, &value, nullptr), EFAULT);
  EXPECT_FAILS(get(IPPROTO_IPV6, IPV6_V6ONLY, nullptr, &n), EFAULT);
  EXPECT_FAILS(get(SOL_SOCKET, 200, nullptr, &n), ENOPROTOOPT);
}

}  // namespace
}  // namespace tunic
