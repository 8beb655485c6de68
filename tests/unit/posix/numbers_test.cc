// Several numbers for one socket: dup() and its kin, and what closing one of them means.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "host.h"

namespace tunic {
namespace {

bool is_free(int fd) { return ::fcntl(fd, F_GETFD) == -1; }

TEST(Dup, both_numbers_are_the_same_socket) {
  Host host;
  const auto [client, server] = host.pair();
  const int again = host.dup(server);
  ASSERT_GE(again, 0);
  EXPECT_NE(again, server);
  EXPECT_EQ(host.name(again).text(), host.name(server).text());
  host.say(client, "ab");
  EXPECT_EQ(host.take(again, 1), "a");
  EXPECT_EQ(host.take(server, 1), "b");
  EXPECT_EQ(host.fcntl(again, F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(host.fcntl(server, F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_EQ(host.set_timeout(server, SO_RCVTIMEO, 3s), 0);
  EXPECT_EQ(host.get<timeval>(again, SOL_SOCKET, SO_RCVTIMEO).tv_sec, 3);
}

TEST(Dup, the_last_number_closes_it) {
  Host host;
  const auto [client, server] = host.pair();
  const int again = host.dup(server);
  EXPECT_EQ(host.close(server), 0);
  EXPECT_TRUE(is_free(server));
  EXPECT_FAILS(host.say(server, "x"), EBADF);
  EXPECT_EQ(host.say(again, "x"), 1);
  EXPECT_EQ(host.take(client), "x");
  EXPECT_EQ(host.close(again), 0);
  EXPECT_EQ(host.take(client), "");
}

TEST(Dup, close_on_exec_belongs_to_the_number) {
  Host host;
  const int fd = host.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
  const int plain = host.dup(fd);
  const int closed = host.fcntl(plain, F_DUPFD_CLOEXEC, 0);
  EXPECT_EQ(host.fcntl(fd, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(host.fcntl(plain, F_GETFD), 0);
  EXPECT_EQ(host.fcntl(closed, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(host.fcntl(plain, F_SETFD, FD_CLOEXEC), 0);
  EXPECT_EQ(::fcntl(plain, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(host.fcntl(fd, F_SETFD, 0), 0);
  EXPECT_EQ(host.fcntl(plain, F_GETFD), FD_CLOEXEC);
}

TEST(Dup, the_lowest_number_from_one_on) {
  Host host;
  const int fd = host.socket();
  const int high = host.fcntl(fd, F_DUPFD, 700);
  EXPECT_EQ(high, 700);
  EXPECT_EQ(host.fcntl(high, F_DUPFD, 700), 701);
  EXPECT_FAILS(host.fcntl(fd, F_DUPFD, -1), EINVAL);
  EXPECT_FAILS(host.fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
  host.close(high);
  EXPECT_EQ(host.fcntl(fd, F_DUPFD, 700), 700);
}

TEST(Dup, no_number_is_left) {
  Host host;
  const int fd = host.socket();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{.rlim_cur = 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_FAILS(host.dup(fd), EMFILE);
  EXPECT_FAILS(host.dup_over(fd, 5000), EBADF);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FAILS(host.dup_over(fd, -1), EBADF);
}

TEST(Dup2, over_a_number_of_the_kernel) {
  Host host;
  const auto [client, server] = host.pair();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(host.dup_over(client, ends[1]), ends[1]);
  char c;
  EXPECT_EQ(::read(ends[0], &c, 1), 0);  // its writing end is closed
  EXPECT_EQ(host.say(ends[1], "x"), 1);
  EXPECT_EQ(host.take(server), "x");
  EXPECT_EQ(host.close(ends[1]), 0);
  EXPECT_TRUE(is_free(ends[1]));
  ::close(ends[0]);
}

TEST(Dup2, over_another_socket_which_it_closes) {
  Host host;
  const auto [client, server] = host.pair();
  const auto [other_client, other_server] = host.pair();
  EXPECT_EQ(host.dup_over(client, other_client), other_client);
  EXPECT_EQ(host.take(other_server), "");
  EXPECT_EQ(host.say(other_client, "x"), 1);
  EXPECT_EQ(host.take(server), "x");
  EXPECT_EQ(host.dup_over(client, other_client), other_client);  // over itself by another name
  EXPECT_EQ(host.say(other_client, "y"), 1);
  EXPECT_EQ(host.take(server), "y");
}

TEST(Dup2, the_kernels_over_a_socket) {
  Host host;
  const auto [client, server] = host.pair();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(host.with(client, [&](Handle h) { return host.sockets().replace(h, ends[1], true); }), client);
  EXPECT_EQ(host.files().find(client).use(), Use::none);
  EXPECT_EQ(::fcntl(client, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::write(client, "k", 1), 1);
  char c = 0;
  EXPECT_EQ(::read(ends[0], &c, 1), 1);
  EXPECT_EQ(c, 'k');
  EXPECT_EQ(host.take(server), "");
  EXPECT_FAILS(host.with(server, [&](Handle h) { return host.sockets().replace(h, 5000, false); }), EBADF);
  EXPECT_EQ(host.files().find(server).use(), Use::open);
  for (const int fd : {ends[0], ends[1], client}) ::close(fd);
}

// D11
TEST(Dup, a_blocked_call_ends_with_its_own_number_only) {
  Host host;
  const auto [client, server] = host.pair();
  const int again = host.dup(server);
  const Handle first = host.files().find(server), second = host.files().find(again);
  std::string got_first, got_second;
  const auto read = [&](const Handle& h) {
    char c;
    const iovec one{&c, 1};
    const ssize_t n = host.sockets().receive(h, {&one, 1}, 0, false);
    return n < 0 ? std::string{strerrorname_np(errno)} : std::string(static_cast<std::size_t>(n), c);
  };
  std::thread on_first{[&] { got_first = read(first); }}, on_second{[&] { got_second = read(second); }};
  EXPECT_EQ(host.close(server), 0);
  on_first.join();
  EXPECT_EQ(got_first, "EBADF");
  host.say(client, "x");
  on_second.join();
  EXPECT_EQ(got_second, "x");
}

// D11
TEST(Dup, a_number_used_again_is_not_the_old_one) {
  Host host;
  const int fd = host.socket();
  const Handle old = host.files().find(fd);
  host.close(fd);
  EXPECT_EQ(host.socket(AF_INET6), fd);
  EXPECT_FAILS(host.sockets().close(old), EBADF);
  EXPECT_FAILS(host.sockets().dup(old, 0, false), EBADF);
  EXPECT_EQ(host.name(fd).storage.ss_family, AF_INET6);
}

TEST(Dup, a_number_that_the_program_closed_behind_our_back) {
  Host host;
  const auto [client, server] = host.pair();
  ::close(client);
  ASSERT_EQ(host.dup(server, client), client);
  EXPECT_EQ(host.take(server), "");  // what it was is closed
}

}  // namespace
}  // namespace tunic
