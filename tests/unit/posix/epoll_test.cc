// Epolls of ours, with sockets and the kernel's descriptors, and sockets of ours in epolls of the kernel.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "host.h"

namespace tunic {
namespace {

using Events = Host::Events;

/// A descriptor of the kernel's.
class Event {
 public:
  Event() : fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {}
  ~Event() { close(fd); }
  void set() { eventfd_write(fd, 1); }
  void clear() {
    eventfd_t n;
    eventfd_read(fd, &n);
  }
  const int fd;
};

/// Raw events of an epoll of the kernel's.
struct KernelEpoll {
  ~KernelEpoll() { close(fd); }
  Events wait(int timeout = 0) const {
    epoll_event all[8];
    Events events;
    const int n = ::epoll_wait(fd, all, 8, timeout);
    for (int i = 0; i < n; ++i) events.emplace_back(static_cast<int>(all[i].data.u64), std::uint32_t{all[i].events});
    return events;
  }
  const int fd = epoll_create1(EPOLL_CLOEXEC);
};

struct EpollTest : testing::Test {
  Host host;
  const int set = host.epoll();
  const std::pair<int, int> ends = host.pair();
  const int client = ends.first, server = ends.second;
  void SetUp() override { host.set(client, IPPROTO_TCP, TCP_NODELAY, 1); }
};

TEST_F(EpollTest, level_is_told_until_it_is_gone) {
  ASSERT_EQ(host.add(set, server, EPOLLIN), 0);
  EXPECT_EQ(host.epoll_wait(set), Events{});
  host.say(client, "ab");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  host.take(server, 1);
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  host.take(server, 1);
  EXPECT_EQ(host.epoll_wait(set), Events{});
  host.shutdown(client, SHUT_WR);
  ASSERT_EQ(host.epoll_ctl(set, EPOLL_CTL_MOD, server, EPOLLIN | EPOLLOUT | EPOLLRDHUP), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN | EPOLLOUT | EPOLLRDHUP}}));
  EXPECT_EQ(host.epoll_ctl(set, EPOLL_CTL_DEL, server), 0);
  EXPECT_EQ(host.epoll_wait(set), Events{});
}

TEST_F(EpollTest, an_edge_is_told_once) {
  host.say(client, "a");
  ASSERT_EQ(host.add(set, server, EPOLLIN | EPOLLET), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(host.epoll_wait(set), Events{});
  host.say(client, "b");
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(host.epoll_wait(set), Events{});
  ASSERT_EQ(host.epoll_ctl(set, EPOLL_CTL_MOD, server, EPOLLIN | EPOLLET), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));  // as Linux: it is asked anew
  EXPECT_EQ(host.take(server), "ab");
  host.say(client, "c");
  host.take(server);
  EXPECT_EQ(host.epoll_wait(set), Events{});  // read before anybody looked
}

TEST_F(EpollTest, room_to_write_is_an_edge_only_after_there_was_none) {
  ASSERT_EQ(host.add(set, client, EPOLLOUT | EPOLLET), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{client, EPOLLOUT}}));
  host.say(client, "x");
  host.take(server);
  EXPECT_EQ(host.epoll_wait(set, 20), Events{});  // acknowledged, which is no news
  const std::string much(1 << 20, 'x');
  while (host.say(client, much, MSG_DONTWAIT) > 0) continue;
  host.epoll_wait(set);
  Events got;
  while (got.empty() && host.take(server, 100'000).size() > 6) got = host.epoll_wait(set);
  if (got.empty()) got = host.epoll_wait(set, -1);
  EXPECT_EQ(got, (Events{{client, EPOLLOUT}}));
}

// As Linux: text is news also to who has not read the text before it, an acknowledgment never is.
TEST_F(EpollTest, an_acknowledgment_is_no_edge_while_text_stands_unread) {
  host.set(server, IPPROTO_TCP, TCP_NODELAY, 1);
  const int both = host.epoll();
  const KernelEpoll kernel;
  ASSERT_EQ(host.add(set, server, EPOLLIN | EPOLLET), 0);
  ASSERT_EQ(host.add(both, server, EPOLLIN | EPOLLOUT | EPOLLET), 0);
  ASSERT_EQ(host.add(kernel.fd, server, EPOLLIN | EPOLLET), 0);
  EXPECT_EQ(host.epoll_wait(both), (Events{{server, EPOLLOUT}}));
  const auto expect = [&](Events one, Events two, const char* what) {
    EXPECT_EQ(host.epoll_wait(set), one) << what;
    EXPECT_EQ(host.epoll_wait(both), two) << what;
    EXPECT_EQ(kernel.wait(), one) << what;
  };
  const Events none, in{{server, EPOLLIN}}, in_out{{server, EPOLLIN | EPOLLOUT}};
  host.say(client, "a");
  expect(in, in_out, "text");
  host.say(client, "b");
  expect(in, in_out, "more text");
  host.set(client, IPPROTO_TCP, TCP_QUICKACK, 1);
  host.say(server, "x");
  while (host.get<tcp_info>(server, IPPROTO_TCP, TCP_INFO).tcpi_unacked != 0) host.epoll_wait(set, 1);
  expect(none, none, "an acknowledgment");
  EXPECT_EQ(host.take(server, 1), "a");
  expect(none, none, "a part was read");
  host.shutdown(client, SHUT_WR);
  expect(in, in_out, "the end");
}

TEST_F(EpollTest, each_datagram_is_an_edge_and_sending_one_is_none) {
  const int receiver = host.socket(AF_INET, SOCK_DGRAM), sender = host.socket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(host.bind(receiver, Address::v4("127.0.0.1", 0)), 0);
  ASSERT_EQ(host.bind(sender, Address::v4("127.0.0.1", 0)), 0);
  ASSERT_EQ(host.connect(sender, host.name(receiver)), 0);
  ASSERT_EQ(host.connect(receiver, host.name(sender)), 0);
  ASSERT_EQ(host.add(set, receiver, EPOLLIN | EPOLLET), 0);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(host.say(sender, "x"), 1);
    EXPECT_EQ(host.epoll_wait(set), (Events{{receiver, EPOLLIN}}));
    EXPECT_EQ(host.epoll_wait(set), Events{});
  }
  EXPECT_EQ(host.say(receiver, "y"), 1);
  EXPECT_EQ(host.epoll_wait(set), Events{});
}

TEST_F(EpollTest, one_that_cannot_be_exposed_is_an_error_of_poll_and_select) {
  ASSERT_EQ(host.add(set, server), 0);
  host.say(client, "x");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  pollfd p{.fd = set, .events = POLLIN, .revents = 0};
  fd_set in;
  FD_ZERO(&in);
  FD_SET(set, &in);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_FAILS(host.poll({&p, 1}, 0), EMFILE);
  EXPECT_FAILS(host.select(set + 1, &in, nullptr, nullptr, 0), EMFILE);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(host.poll({&p, 1}, 0), 1);
  EXPECT_EQ(host.select(set + 1, &in, nullptr, nullptr, 0), 1);
}

TEST_F(EpollTest, one_shot) {
  ASSERT_EQ(host.add(set, server, EPOLLIN | EPOLLONESHOT), 0);
  host.say(client, "a");
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  host.say(client, "b");
  host.shutdown(client, SHUT_RDWR);
  host.shutdown(server, SHUT_RDWR);
  EXPECT_EQ(host.epoll_wait(set), Events{});  // not even a hang-up
  ASSERT_EQ(host.epoll_ctl(set, EPOLL_CTL_MOD, server, EPOLLIN | EPOLLONESHOT), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN | EPOLLHUP}}));
  EXPECT_EQ(host.epoll_wait(set), Events{});
}

TEST_F(EpollTest, misuse) {
  EXPECT_FAILS(host.epoll_ctl(set, EPOLL_CTL_MOD, server), ENOENT);
  EXPECT_FAILS(host.epoll_ctl(set, EPOLL_CTL_DEL, server), ENOENT);
  EXPECT_EQ(host.add(set, server), 0);
  EXPECT_FAILS(host.add(set, server), EEXIST);
  EXPECT_FAILS(host.epoll_ctl(set, 99, server), EINVAL);
  EXPECT_FAILS(host.epoll_ctl(set, EPOLL_CTL_MOD, server, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
  EXPECT_FAILS(host.add(set, client, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
  EXPECT_FAILS(host.add(set, client, EPOLLRDHUP | EPOLLEXCLUSIVE), EINVAL);
  EXPECT_EQ(host.add(set, client, EPOLLIN | EPOLLEXCLUSIVE), 0);
  EXPECT_FAILS(host.epoll_ctl(set, EPOLL_CTL_MOD, client, EPOLLIN), EINVAL);
  EXPECT_FAILS(host.add(set, 5000), EBADF);
  EXPECT_FAILS(host.add(set, set), EINVAL);
  const int other = host.epoll();
  EXPECT_FAILS(host.add(set, other, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
  ASSERT_EQ(host.add(set, other), 0);
  EXPECT_FAILS(host.add(other, set), ELOOP);
  const int file = ::open("/proc/self/exe", O_RDONLY);
  EXPECT_FAILS(host.add(set, file), EPERM);
  ::close(file);
}

TEST_F(EpollTest, all_have_their_turn) {
  std::vector<int> told;
  for (int i = 0; i < 5; ++i) {
    const auto [from, to] = host.pair();
    host.say(from, "x");
    ASSERT_EQ(host.add(set, to), 0);
    told.push_back(to);
  }
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(host.epoll_wait(set, 0, 1), (Events{{told[static_cast<std::size_t>(i % 5)], EPOLLIN}}));
}

TEST_F(EpollTest, ours_and_the_kernels_in_one) {
  Event event;
  ASSERT_EQ(host.add(set, event.fd), 0);
  ASSERT_EQ(host.add(set, server), 0);
  EXPECT_EQ(host.epoll_wait(set), Events{});
  event.set();
  EXPECT_EQ(host.epoll_wait(set, -1), (Events{{event.fd, EPOLLIN}}));
  host.say(client, "x");
  Events both = host.epoll_wait(set, -1);
  std::ranges::sort(both);
  EXPECT_EQ(both.size(), 2u);
  const Events one = host.epoll_wait(set, -1, 1), other = host.epoll_wait(set, -1, 1);
  EXPECT_NE(one, other);  // neither half starves the other
  event.clear();
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  for (int i = 0; i < 100; ++i) {
    host.take(server, 1, MSG_DONTWAIT);
    Events got;
    std::thread waiter{[&] { got = host.epoll_wait(set, -1); }};
    if (i % 2 == 0)
      event.set();
    else
      host.say(client, "x");
    waiter.join();
    EXPECT_EQ(got, (Events{{i % 2 == 0 ? event.fd : server, EPOLLIN}}));
    if (i % 2 == 0) event.clear();
  }
}

TEST_F(EpollTest, the_last_number_takes_it_away) {
  const int again = host.dup(server);
  ASSERT_EQ(host.add(set, server), 0);
  ASSERT_EQ(host.add(set, again, EPOLLOUT), 0);
  host.say(client, "x");
  EXPECT_EQ(host.epoll_wait(set).size(), 2u);
  host.close(server);
  EXPECT_FAILS(host.epoll_ctl(set, EPOLL_CTL_DEL, server), EBADF);
  EXPECT_EQ(host.epoll_wait(set).size(), 2u);  // as Linux: what it stood for is open yet
  host.close(again);
  EXPECT_EQ(host.epoll_wait(set), Events{});
}

TEST_F(EpollTest, its_own_numbers) {
  const int again = host.dup(set);
  ASSERT_EQ(host.add(set, server), 0);
  host.say(client, "x");
  EXPECT_EQ(host.epoll_wait(again), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(host.close(set), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{-1, EBADF}}));
  EXPECT_EQ(host.epoll_wait(again), (Events{{server, EPOLLIN}}));
  host.take(server);
  Events got;
  const Handle h = host.files().find(again);
  std::thread waiter{[&] {
    epoll_event e;
    EXPECT_FAILS(host.sockets().epoll_wait(h, {&e, 1}, Description::forever, nullptr), EBADF);
  }};
  EXPECT_EQ(host.close(again), 0);
  waiter.join();
}

TEST_F(EpollTest, in_another_epoll_and_in_poll) {
  const int outer = host.epoll();
  ASSERT_EQ(host.add(set, server), 0);
  ASSERT_EQ(host.add(outer, set), 0);
  EXPECT_EQ(host.epoll_wait(outer), Events{});
  EXPECT_EQ(host.ready(set, POLLIN), 0);
  host.say(client, "x");
  EXPECT_EQ(host.epoll_wait(outer, -1), (Events{{set, EPOLLIN}}));
  EXPECT_EQ(host.ready(set, POLLIN), POLLIN);
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(host.ready(set, POLLIN), POLLIN);
  host.take(server);
  EXPECT_EQ(host.epoll_wait(outer), Events{});
  EXPECT_EQ(host.ready(set, POLLIN), 0);
  Events got;
  std::thread waiter{[&] { got = host.epoll_wait(outer, -1); }};
  host.say(client, "x");
  waiter.join();
  EXPECT_EQ(got, (Events{{set, EPOLLIN}}));
}

TEST_F(EpollTest, a_closed_socket_leaves_no_news_in_another_epoll) {
  ASSERT_EQ(host.add(set, server), 0);
  EXPECT_EQ(host.ready(set, POLLIN), 0);
  host.say(client, "x");
  EXPECT_EQ(host.ready(set, POLLIN), POLLIN);
  EXPECT_EQ(host.close(server), 0);
  EXPECT_EQ(host.ready(set, POLLIN), 0);
}

TEST_F(EpollTest, options_that_make_a_socket_ready) {
  ASSERT_EQ(host.set(server, SOL_SOCKET, SO_RCVLOWAT, 3), 0);
  ASSERT_EQ(host.add(set, server), 0);
  host.say(client, "ab");
  EXPECT_EQ(host.epoll_wait(set), Events{});
  ASSERT_EQ(host.set(server, SOL_SOCKET, SO_RCVLOWAT, 1), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(host.epoll_ctl(set, EPOLL_CTL_DEL, server), 0);

  ASSERT_EQ(host.fcntl(client, F_SETFL, O_NONBLOCK), 0);
  const std::string much(100'000, 'x');
  while (host.say(client, much) > 0) continue;
  ASSERT_EQ(host.add(set, client, EPOLLOUT), 0);
  EXPECT_EQ(host.epoll_wait(set), Events{});
  ASSERT_EQ(host.set(client, SOL_SOCKET, SO_SNDBUF, 2'000'000), 0);
  EXPECT_EQ(host.epoll_wait(set), (Events{{client, EPOLLOUT}}));
}

TEST_F(EpollTest, an_exclusive_edge_wakes_one_of_many) {
  constexpr int many = 4;
  std::vector<int> sets;
  std::vector<std::thread> threads;
  std::atomic<int> woken = 0;
  for (int i = 0; i < many; ++i) {
    sets.push_back(host.epoll());
    ASSERT_EQ(host.add(sets.back(), server, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE), 0);
  }
  for (const int each : sets)
    threads.emplace_back([&, each] {
      if (!host.epoll_wait(each, 300).empty()) ++woken;
    });
  pollfd none{-1, 0, 0};
  ::poll(&none, 1, 50);  // all sleep by now, or what follows is easier
  host.say(client, "x");
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(woken, 1);
}

TEST_F(EpollTest, one_event_wakes_one_thread) {
  ASSERT_EQ(host.add(set, server, EPOLLIN | EPOLLET), 0);
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      if (!host.epoll_wait(set, 300).empty()) ++woken;
    });
  pollfd none{-1, 0, 0};
  ::poll(&none, 1, 50);
  host.say(client, "x");
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(woken, 1);
}

TEST_F(EpollTest, a_doorbell_rings_while_there_is_something) {
  const KernelEpoll kernel;
  ASSERT_EQ(host.add(kernel.fd, server, EPOLLIN | EPOLLRDHUP), 0);
  EXPECT_EQ(kernel.wait(), Events{});
  host.say(client, "ab");
  EXPECT_EQ(kernel.wait(-1), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(kernel.wait(), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(host.take(server, 1), "a");
  EXPECT_EQ(kernel.wait(), (Events{{server, EPOLLIN}}));
  EXPECT_EQ(host.take(server, 1), "b");
  EXPECT_EQ(kernel.wait(), Events{});  // the call that took the last
  ASSERT_EQ(host.epoll_ctl(kernel.fd, EPOLL_CTL_MOD, server, EPOLLOUT), 0);
  EXPECT_EQ(kernel.wait(), (Events{{server, EPOLLIN}}));  // look again, whatever was asked for
  ASSERT_EQ(host.epoll_ctl(kernel.fd, EPOLL_CTL_MOD, server, EPOLLIN), 0);
  EXPECT_EQ(kernel.wait(), Events{});
  EXPECT_FAILS(host.add(kernel.fd, server), EEXIST);
  std::thread waiter{[&] { EXPECT_EQ(kernel.wait(-1), (Events{{server, EPOLLIN}})); }};
  host.say(client, "c");
  waiter.join();
  ASSERT_EQ(host.epoll_ctl(kernel.fd, EPOLL_CTL_DEL, server), 0);
  EXPECT_EQ(kernel.wait(), Events{});
  EXPECT_FAILS(host.epoll_ctl(kernel.fd, EPOLL_CTL_DEL, server), ENOENT);
}

TEST_F(EpollTest, a_doorbell_rings_for_each_edge) {
  const KernelEpoll kernel;
  ASSERT_EQ(host.add(kernel.fd, server, EPOLLIN | EPOLLET), 0);
  for (int i = 0; i < 3; ++i) {
    host.say(client, "x");
    EXPECT_EQ(kernel.wait(-1), (Events{{server, EPOLLIN}}));
    EXPECT_EQ(kernel.wait(), Events{});
  }
  ASSERT_EQ(host.epoll_ctl(kernel.fd, EPOLL_CTL_MOD, server, EPOLLIN | EPOLLONESHOT), 0);
  EXPECT_EQ(kernel.wait(), (Events{{server, EPOLLIN}}));
  host.say(client, "x");
  EXPECT_EQ(kernel.wait(), Events{});
}

TEST_F(EpollTest, a_doorbell_forgets_epolls_that_were_closed) {
  int number = -1;
  {
    const KernelEpoll closed;
    number = closed.fd;
    ASSERT_EQ(host.add(closed.fd, server, EPOLLOUT), 0);
  }
  const KernelEpoll another;  // by the number of the closed one
  ASSERT_EQ(another.fd, number);
  const KernelEpoll kernel;
  ASSERT_EQ(host.add(kernel.fd, server), 0);
  EXPECT_EQ(kernel.wait(), Events{});
  {
    const KernelEpoll closed;
    ASSERT_EQ(host.add(closed.fd, server, EPOLLOUT), 0);
    EXPECT_EQ(kernel.wait(), (Events{{server, EPOLLIN}}));  // the wishes of both
  }
  ASSERT_EQ(host.epoll_ctl(kernel.fd, EPOLL_CTL_MOD, server, EPOLLIN), 0);
  EXPECT_EQ(kernel.wait(), Events{});
  EXPECT_EQ(another.wait(), Events{});
}

TEST_F(EpollTest, a_doorbell_remembers_epolls_that_are_open) {
  const KernelEpoll first, second;
  const int again = host.dup(server);
  ASSERT_EQ(host.add(first.fd, server, EPOLLIN), 0);
  ASSERT_EQ(host.add(second.fd, again, EPOLLIN), 0);
  EXPECT_EQ(host.close(again), 0);
  const Event other;  // by the number that was closed
  ASSERT_EQ(other.fd, again);
  ASSERT_EQ(host.epoll_ctl(first.fd, EPOLL_CTL_MOD, server, EPOLLRDHUP), 0);
  host.say(client, "x");
  EXPECT_EQ(second.wait(-1), (Events{{again, EPOLLIN}}));
}

TEST_F(EpollTest, a_doorbell_is_all_numbers_of_its_socket_and_goes_with_the_last) {
  const KernelEpoll kernel;
  const int again = host.dup(server);
  ASSERT_EQ(host.add(kernel.fd, server), 0);
  host.say(client, "x");
  EXPECT_EQ(host.close(server), 0);
  EXPECT_EQ(kernel.wait(-1), (Events{{server, EPOLLIN}}));  // as Linux
  EXPECT_EQ(host.take(again), "x");
  EXPECT_EQ(kernel.wait(), Events{});
  host.say(client, "x");
  EXPECT_EQ(host.close(again), 0);
  EXPECT_EQ(kernel.wait(), Events{});
}

TEST_F(EpollTest, a_doorbell_that_a_forked_child_holds_open_is_quiet_when_its_socket_is_closed) {
  const KernelEpoll kernel;
  ASSERT_EQ(host.add(kernel.fd, server), 0);
  host.say(client, "x");
  EXPECT_EQ(kernel.wait(-1), (Events{{server, EPOLLIN}}));
  const int held = fcntl(server, F_DUPFD_CLOEXEC, 0);  // as the child's copy of the number
  EXPECT_EQ(host.close(server), 0);
  EXPECT_EQ(kernel.wait(), Events{});
  ::close(held);
}

TEST_F(EpollTest, an_epoll_of_ours_in_one_of_the_kernels) {
  const KernelEpoll kernel;
  ASSERT_EQ(host.add(set, server), 0);
  ASSERT_EQ(host.add(kernel.fd, set), 0);
  EXPECT_EQ(kernel.wait(), Events{});
  host.say(client, "x");
  EXPECT_EQ(kernel.wait(-1), (Events{{set, EPOLLIN}}));
  host.take(server);
  EXPECT_EQ(kernel.wait(), Events{});
}

}  // namespace
}  // namespace tunic
