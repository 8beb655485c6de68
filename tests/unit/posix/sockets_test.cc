// The life of a socket: numbers, names, states, and the errno of each wrong turn.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "host.h"

namespace tunic {
namespace {

const Address nobody = Address::v4("198.18.0.9", 80);  // packets to it go nowhere

TEST(Sockets, a_number_is_the_kernels_lowest_and_free_again_after_close) {
  Host host;
  const int fd = host.socket();
  ASSERT_GE(fd, 0);
  EXPECT_GE(::fcntl(fd, F_GETFD), 0);
  EXPECT_EQ(host.close(fd), 0);
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_EQ(host.socket(), fd);
  EXPECT_FAILS(host.close(-1), EBADF);
  EXPECT_FAILS(host.close(100'000), EBADF);
}

TEST(Sockets, a_number_closed_behind_our_back_can_be_used_again) {
  Host host;
  const int fd = host.socket();
  ::close(fd);
  EXPECT_EQ(host.socket(), fd);
  EXPECT_EQ(host.ready(fd), POLLOUT | POLLHUP);
}

TEST(Sockets, what_socket_takes) {
  Host host;
  EXPECT_FAILS(host.socket(AF_UNIX), EAFNOSUPPORT);
  EXPECT_FAILS(host.socket(AF_INET, SOCK_RAW), ESOCKTNOSUPPORT);
  EXPECT_FAILS(host.socket(AF_INET, SOCK_STREAM | 0x100000), EINVAL);
  EXPECT_FAILS(host.socket(AF_INET, 15), EINVAL);
  EXPECT_EQ(Sockets::check(AF_INET, SOCK_STREAM, IPPROTO_UDP).error(), static_cast<Error>(EPROTONOSUPPORT));
  EXPECT_TRUE(Sockets::check(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

TEST(Sockets, the_two_ends_see_the_same_pair_reversed) {
  Host host;
  for (const int domain : {AF_INET, AF_INET6}) {
    const auto [client, server] = host.pair(domain);
    EXPECT_EQ(host.name(client).text(), host.peer(server).text());
    EXPECT_EQ(host.name(server).text(), host.peer(client).text());
    EXPECT_EQ(host.say(client, "hello"), 5);
    EXPECT_EQ(host.take(server), "hello");
    EXPECT_EQ(host.say(server, "goodbye"), 7);
    EXPECT_EQ(host.take(client), "goodbye");
  }
}

TEST(Sockets, an_ipv6_socket_serves_both_families) {
  Host host;
  const int door = host.server(Address::v6("::", 0));
  const int client = host.socket(AF_INET);
  ASSERT_EQ(host.connect(client, Address::v4("127.0.0.1", host.name(door).port())), 0);
  Address peer;
  const int accepted = host.accept(door, &peer);
  ASSERT_GE(accepted, 0);
  EXPECT_EQ(peer.text(), "[::ffff:127.0.0.1]:" + std::to_string(host.name(client).port()));
  EXPECT_EQ(peer.length, sizeof(sockaddr_in6));
  EXPECT_EQ(host.name(accepted).text(), "[::ffff:127.0.0.1]:" + std::to_string(host.name(door).port()));
}

TEST(Sockets, a_name_is_cut_to_its_room_and_tells_its_length) {
  Host host;
  const int fd = host.server();
  sockaddr_in in;
  std::memset(&in, 0xee, sizeof in);
  socklen_t n = 4;
  ASSERT_EQ(
      host.with(fd, [&](Handle h) { return host.sockets().getsockname(h, reinterpret_cast<sockaddr*>(&in), &n); }), 0);
  EXPECT_EQ(n, sizeof in);
  EXPECT_EQ(ntohs(in.sin_port), host.name(fd).port());
  EXPECT_EQ(in.sin_addr.s_addr, 0xeeeeeeeeu);
  n = static_cast<socklen_t>(-1);
  EXPECT_FAILS(
      host.with(fd, [&](Handle h) { return host.sockets().getsockname(h, reinterpret_cast<sockaddr*>(&in), &n); }),
      EINVAL);
}

TEST(Sockets, wrong_binds) {
  Host host;
  const int fd = host.socket();
  Address shorter = Address::v4("127.0.0.1", 7);
  shorter.length = 15;
  EXPECT_FAILS(host.bind(fd, shorter), EINVAL);
  EXPECT_FAILS(host.bind(fd, Address::v6("::1", 7)), EAFNOSUPPORT);
  EXPECT_FAILS(host.bind(fd, Address::v4("198.18.0.3", 7)), EADDRNOTAVAIL);
  EXPECT_EQ(host.bind(fd, Address::v4("198.18.0.2", 7)), 0);
  EXPECT_FAILS(host.bind(fd, Address::v4("198.18.0.2", 8)), EINVAL);
  EXPECT_FAILS(host.bind(host.socket(), Address::v4("198.18.0.2", 7)), EADDRINUSE);
  EXPECT_FAILS(host.with(fd, [&](Handle h) { return host.sockets().bind(h, nullptr, sizeof(sockaddr_in)); }), EFAULT);
}

TEST(Sockets, wrong_accepts) {
  Host host;
  EXPECT_FAILS(host.accept(host.socket()), EINVAL);
  const int door = host.server();
  EXPECT_FAILS(host.accept(door, nullptr, 1), EINVAL);
  ASSERT_EQ(host.with(door, [&](Handle h) { return host.sockets().fcntl(h, F_SETFL, O_NONBLOCK); }), 0);
  EXPECT_FAILS(host.accept(door), EAGAIN);
}

TEST(Sockets, accept_sets_flags_and_inherits_times_but_not_nonblocking) {
  Host host;
  const int door = host.server();
  ASSERT_EQ(host.set_timeout(door, SO_RCVTIMEO, 1234ms), 0);
  const Address at = host.name(door);
  const auto flags = [&](int fd) {
    return host.with(fd, [&](Handle h) { return host.sockets().fcntl(h, F_GETFL, 0); });
  };
  for (const int wanted : {0, int{SOCK_NONBLOCK}}) {
    ASSERT_EQ(host.connect(host.socket(), at), 0);
    const int fd = host.accept(door, nullptr, wanted);
    EXPECT_EQ(flags(fd), O_RDWR | (wanted != 0 ? O_NONBLOCK : 0));
    EXPECT_EQ(host.get<timeval>(fd, SOL_SOCKET, SO_RCVTIMEO).tv_sec, 1);
  }
}

TEST(Sockets, no_number_left_loses_no_connection) {
  Host host;
  const int door = host.server();
  ASSERT_EQ(host.connect(host.socket(), host.name(door)), 0);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);
  close(next);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_FAILS(host.accept(door), EMFILE);
  EXPECT_FAILS(host.socket(), EMFILE);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(host.accept(door), next);
}

TEST(Sockets, a_refused_connection) {
  Host host;
  const int fd = host.socket();
  EXPECT_FAILS(host.connect(fd, Address::v4("127.0.0.1", 1)), ECONNREFUSED);
  EXPECT_FAILS(host.connect(fd, Address::v4("127.0.0.1", 1)), ECONNREFUSED);
}

TEST(Sockets, connecting_to_the_unspecified_address_means_this_host) {
  Host host;
  const int door = host.server();
  const int fd = host.socket();
  ASSERT_EQ(host.connect(fd, Address::v4("0.0.0.0", host.name(door).port())), 0);
  EXPECT_EQ(host.peer(fd).text(), host.name(door).text());
}

TEST(Sockets, connecting_twice) {
  Host host;
  const auto [client, server] = host.pair();
  EXPECT_FAILS(host.connect(client, host.name(server)), EISCONN);
  const int door = host.server();
  EXPECT_FAILS(host.connect(door, host.name(server)), EISCONN);
}

TEST(Sockets, a_connection_in_the_making) {
  Host host;
  const int fd = host.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_FAILS(host.connect(fd, nobody), EINPROGRESS);
  EXPECT_EQ(host.ready(fd), 0);
  EXPECT_FAILS(host.connect(fd, nobody), EALREADY);
  EXPECT_FAILS(host.with(fd,
                         [&](Handle h) {
                           Address a;
                           return host.sockets().getpeername(h, a.raw(), &a.length);
                         }),
               ENOTCONN);
  EXPECT_FAILS(host.say(fd, "x"), EAGAIN);
  EXPECT_FAILS(host.recv(fd, nullptr, 0), EAGAIN);
}

TEST(Sockets, a_nonblocking_connection_completes) {
  Host host;
  const int door = host.server();
  const int fd = host.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_FAILS(host.connect(fd, host.name(door)), EINPROGRESS);
  EXPECT_EQ(host.ready(fd, POLLOUT, 5000), POLLOUT);
  EXPECT_EQ(host.get(fd, SOL_SOCKET, SO_ERROR), 0);
  EXPECT_EQ(host.connect(fd, host.name(door)), 0);  // once, as Linux
  EXPECT_FAILS(host.connect(fd, host.name(door)), EISCONN);
}

TEST(Sockets, a_nonblocking_connection_fails) {
  Host host;
  const int fd = host.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_FAILS(host.connect(fd, Address::v4("127.0.0.1", 1)), EINPROGRESS);
  EXPECT_EQ(host.ready(fd, POLLOUT, 5000) & (POLLOUT | POLLERR | POLLHUP), POLLOUT | POLLERR | POLLHUP);
  EXPECT_EQ(host.get(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  EXPECT_EQ(host.get(fd, SOL_SOCKET, SO_ERROR), 0);
}

TEST(Sockets, connecting_has_the_time_of_sending) {
  Host host;
  const int fd = host.socket();
  ASSERT_EQ(host.set_timeout(fd, SO_SNDTIMEO, 5ms), 0);
  EXPECT_FAILS(host.connect(fd, nobody), EINPROGRESS);
  EXPECT_FAILS(host.connect(fd, nobody), EALREADY);
}

TEST(Sockets, a_blank_socket) {
  Host host;
  const int fd = host.socket();
  EXPECT_EQ(host.name(fd).text(), "0.0.0.0:0");
  EXPECT_EQ(host.name(host.socket(AF_INET6)).text(), "[::]:0");
  EXPECT_EQ(host.ready(fd), POLLOUT | POLLHUP);
  EXPECT_EQ(host.take(fd), "!ENOTCONN");
  EXPECT_FAILS(host.say(fd, "x", MSG_NOSIGNAL), EPIPE);
  EXPECT_FAILS(host.shutdown(fd, SHUT_WR), ENOTCONN);
  EXPECT_FAILS(host.shutdown(fd, 3), EINVAL);
}

TEST(Sockets, half_close) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.say(client, "last words"), 10);
  ASSERT_EQ(host.shutdown(client, SHUT_WR), 0);
  EXPECT_FAILS(host.say(client, "x", MSG_NOSIGNAL), EPIPE);
  EXPECT_EQ(host.take(server), "last words");
  EXPECT_EQ(host.take(server), "");
  EXPECT_EQ(host.ready(server) & POLLRDHUP, POLLRDHUP);
  EXPECT_EQ(host.say(server, "reply"), 5);
  EXPECT_EQ(host.take(client), "reply");
  ASSERT_EQ(host.close(server), 0);
  EXPECT_EQ(host.take(client), "");
}

TEST(Sockets, a_call_blocked_on_a_socket_that_is_closed_gives_ebadf) {
  Host host;
  const auto [client, server] = host.pair();
  const int door = host.server();
  const Handle reading = host.files().find(client), accepting = host.files().find(door);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      char octet;
      const iovec one{&octet, 1};
      EXPECT_FAILS(host.sockets().receive(reading, {&one, 1}, 0, true), EBADF);
    });
  threads.emplace_back([&] { EXPECT_FAILS(host.sockets().accept(accepting, nullptr, nullptr, 0), EBADF); });
  EXPECT_EQ(host.close(client), 0);
  EXPECT_EQ(host.close(door), 0);
  const int next = host.socket();  // the number, used again, is not theirs
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(host.ready(next), POLLOUT | POLLHUP);
}

TEST(Sockets, a_lingering_close_returns_when_all_is_acknowledged) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.set(client, SOL_SOCKET, SO_LINGER, linger{1, 60}), 0);
  const std::string text(40'000, 'x');  // less than the peer's first window
  ASSERT_EQ(host.say(client, text), 40'000);
  EXPECT_EQ(host.close(client), 0);
  EXPECT_EQ(host.take(server, text.size(), MSG_WAITALL), text);
  EXPECT_EQ(host.take(server), "");
}

TEST(Sockets, a_lingering_close_gives_up_when_its_time_is_over) {
  Host host;
  const int fd = host.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  ASSERT_EQ(host.set(fd, SOL_SOCKET, SO_LINGER, linger{1, 1}), 0);
  EXPECT_FAILS(host.connect(fd, nobody), EINPROGRESS);
  EXPECT_EQ(host.close(fd), 0);
}

TEST(Sockets, linger_0_resets) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.set(client, SOL_SOCKET, SO_LINGER, linger{1, 0}), 0);
  ASSERT_EQ(host.close(client), 0);
  EXPECT_EQ(host.take(server), "!ECONNRESET");
  EXPECT_EQ(host.take(server), "");
}

}  // namespace
}  // namespace tunic
