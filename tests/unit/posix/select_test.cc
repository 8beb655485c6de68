// select(), and the signal masks of ppoll(), pselect() and epoll_pwait().
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <limits>
#include <thread>

#include "host.h"

namespace tunic {
namespace {

struct Bits {
  Bits(std::initializer_list<int> all = {}) {
    FD_ZERO(&set);
    for (const int fd : all) FD_SET(fd, &set);
  }
  bool operator[](int fd) const { return FD_ISSET(fd, &set); }
  fd_set set;
};

TEST(Select, ours_and_the_kernels) {
  Host host;
  const auto [client, server] = host.pair();
  const int event = eventfd(1, EFD_CLOEXEC);
  Bits in{server, event}, out{server}, except{server};
  EXPECT_EQ(host.select(FD_SETSIZE, &in.set, &out.set, &except.set), 2);
  EXPECT_TRUE(in[event] && out[server] && !in[server] && !except[server]);
  host.say(client, "x");
  in = {server, event}, out = {};
  EXPECT_EQ(host.select(FD_SETSIZE, &in.set, nullptr, nullptr), 2);
  EXPECT_TRUE(in[event] && in[server]);
  in = {server};
  EXPECT_EQ(host.select(server, &in.set, nullptr, nullptr, 0), 0);  // numbers below the count alone
  ::close(event);
}

TEST(Select, the_end_is_readable_and_a_hang_up_is_not_exceptional) {
  Host host;
  const auto [client, server] = host.pair();
  host.shutdown(client, SHUT_WR);
  host.shutdown(server, SHUT_WR);
  ASSERT_EQ(host.ready(server, 0, -1), POLLHUP);
  Bits in{server}, except{server};
  EXPECT_EQ(host.select(FD_SETSIZE, &in.set, nullptr, &except.set), 1);
  EXPECT_TRUE(in[server]);
  except = {server};
  EXPECT_EQ(host.select(FD_SETSIZE, nullptr, nullptr, &except.set, 5), 0);
  EXPECT_FALSE(except[server]);
}

TEST(Select, what_the_kernel_tells_unasked_is_waited_out) {
  Host host;
  const auto [client, server] = host.pair();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ::close(ends[1]);  // the reading end reports POLLHUP for ever, which to select() is no room to write
  Bits in{server}, out{ends[0]};
  EXPECT_EQ(host.select(FD_SETSIZE, &in.set, &out.set, nullptr, 20), 0);
  std::thread writer{[&, fd = client] { host.say(fd, "x"); }};
  in = {server}, out = {ends[0]};
  EXPECT_EQ(host.select(FD_SETSIZE, &in.set, &out.set, nullptr), 1);
  EXPECT_TRUE(in[server] && !out[ends[0]]);
  writer.join();
  ::close(ends[0]);
}

TEST(Select, urgent_data_is_exceptional) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "!", MSG_OOB);
  Bits except{server};
  EXPECT_EQ(host.select(FD_SETSIZE, nullptr, nullptr, &except.set), 1);
}

TEST(Select, misuse_and_time) {
  Host host;
  const int door = host.server();
  Bits in{door, 900};
  EXPECT_FAILS(host.select(FD_SETSIZE, &in.set, nullptr, nullptr, 0), EBADF);
  EXPECT_TRUE(in[900]);  // left alone
  in = {door};
  EXPECT_EQ(host.select(FD_SETSIZE, &in.set, nullptr, nullptr, 1), 0);
  EXPECT_FALSE(in[door]);
}

TEST(Select, no_bits_are_looked_at_beyond_the_numbers_that_can_be) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "x");
  std::vector<fd_mask> large((1 << 20) / (8 * sizeof(fd_mask)));
  auto* in = reinterpret_cast<fd_set*>(large.data());
  FD_SET(server, in);
  EXPECT_EQ(host.select(std::numeric_limits<int>::max(), in, nullptr, nullptr), 1);
  EXPECT_TRUE(FD_ISSET(server, in));
}

TEST(Select, more_numbers_than_the_type_holds) {
  Host host;
  const auto [client, server] = host.pair();
  const int high = host.dup(server, 2000);
  if (high < 0) GTEST_SKIP() << "no descriptors that high";
  host.say(client, "x");
  std::array<fd_set, 2> large{};
  auto* words = reinterpret_cast<fd_mask*>(large.data());
  words[high / 64] = static_cast<fd_mask>(1UL << high % 64);
  EXPECT_EQ(host.select(high + 1, large.data(), nullptr, nullptr), 1);
  EXPECT_NE(words[high / 64], 0);
}

std::atomic<int> handled;

/// SIGUSR1 is blocked in this thread and comes through under `open`.
struct Masks {
  Masks() {
    struct sigaction a {};
    a.sa_handler = [](int) { ++handled; };
    a.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &a, nullptr);
    handled = 0;
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, &open);
  }
  ~Masks() {
    pthread_sigmask(SIG_SETMASK, &open, nullptr);
    signal(SIGUSR1, SIG_DFL);
  }
  sigset_t open;
};

// In each of the ways to sleep: in the seat, beside one who sits there, and beside him with the kernel's descriptors.
TEST(Masks, a_signal_comes_through_while_the_thread_sleeps_and_only_then) {
  Host host;
  const Masks masks;
  const auto [driver_end, far_end] = host.pair();
  const auto [client, server] = host.pair();
  const int door = server;
  const int event = eventfd(0, EFD_CLOEXEC);
  const int set = host.epoll();
  ASSERT_EQ(host.add(set, door), 0);
  const auto check = [&] {
    for (int with_kernel = 0; with_kernel < 2; ++with_kernel) {
      std::array<pollfd, 2> both{{{door, POLLIN, 0}, {event, POLLIN, 0}}};
      const std::span<pollfd> some{both.data(), with_kernel == 0 ? 1u : 2u};
      for (const Duration timeout : {Duration{}, Duration{5s}, Description::forever}) {
        handled = 0;
        pthread_kill(pthread_self(), SIGUSR1);
        EXPECT_EQ(host.sockets().poll(some, 1ms), 0);
        EXPECT_EQ(handled, 0);
        EXPECT_FAILS(host.sockets().poll(some, timeout, &masks.open), EINTR);
        EXPECT_EQ(handled, 1);
        Bits in{door};
        pthread_kill(pthread_self(), SIGUSR1);
        EXPECT_FAILS(host.sockets().select(FD_SETSIZE, &in.set, nullptr, nullptr, timeout, &masks.open), EINTR);
        EXPECT_EQ(handled, 2);
        pthread_kill(pthread_self(), SIGUSR1);
        EXPECT_EQ(host.epoll_wait(set, timeout == Duration{} ? 0 : -1, 4, &masks.open), (Host::Events{{-1, EINTR}}));
        EXPECT_EQ(handled, 3);
      }
    }
  };
  check();
  std::thread sitter{[&, fd = driver_end] { host.take(fd); }};
  check();
  host.say(far_end, "end");
  sitter.join();
  ASSERT_EQ(host.add(set, event), 0);
  check();
  host.say(client, "x");
  pthread_kill(pthread_self(), SIGUSR1);
  pollfd p{door, POLLIN, 0};
  handled = 0;
  EXPECT_EQ(host.sockets().poll({&p, 1}, Description::forever, &masks.open), 1);  // what is there comes first
  EXPECT_EQ(handled, 0);
  ::close(event);
}

}  // namespace
}  // namespace tunic
