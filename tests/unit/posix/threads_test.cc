// Many threads in one stack. Run under ThreadSanitizer too.
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "host.h"

namespace tunic {
namespace {

/// Sends back what comes until the end, waiting now by poll() and now in recv().
void echo(Host& host, int fd) {
  std::string buffer(8192, '\0');
  for (int turn = 0;; ++turn) {
    if (turn % 3 == 0) host.ready(fd, POLLIN, -1);
    const ssize_t n = host.recv(fd, buffer.data(), buffer.size());
    if (n <= 0 || host.send(fd, buffer.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) break;
  }
  host.close(fd);
}

TEST(Threads, eight_of_them_lose_nothing) {
  constexpr int sides = 4, connections = 60, rounds = 100;
  Host host;
  const int door = host.server();
  const Address at = host.name(door);
  std::atomic<int> wrong = 0, served = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < sides; ++i)
    threads.emplace_back([&] {
      while (served++ < sides * connections) echo(host, host.accept(door));
    });
  for (int i = 0; i < sides; ++i)
    threads.emplace_back([&, i] {
      std::minstd_rand random{static_cast<unsigned>(i)};
      for (int c = 0; c < connections; ++c) {
        const int fd = host.socket();
        if (host.connect(fd, at) != 0) ++wrong;
        for (int r = 0; r < rounds; ++r) {
          const std::string text(1 + random() % 3000, static_cast<char>('a' + r % 26));
          if (host.say(fd, text) != static_cast<ssize_t>(text.size())) ++wrong;
          if (host.take(fd, text.size(), MSG_WAITALL) != text) ++wrong;
        }
        host.close(fd);
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Threads, many_wait_for_one_socket) {
  Host host;
  const auto [client, server] = host.pair();
  std::atomic<int> got = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i)
    readers.emplace_back([&, fd = server] {
      char octet;
      while (host.recv(fd, &octet, 1) == 1) ++got;
    });
  for (int i = 0; i < 2000; ++i) host.say(client, "x");
  host.shutdown(client, SHUT_WR);
  for (std::thread& t : readers) t.join();
  EXPECT_EQ(got, 2000);
}

TEST(Threads, one_that_is_to_be_cancelled_finishes_its_calls_and_takes_nothing_with_it) {
  Host host;
  const auto [client, server] = host.pair();
  const int event = eventfd(0, EFD_CLOEXEC);
  for (int round = 0; round < 20; ++round) {
    std::string got;
    std::thread reader{[&, fd = server] { got = host.take(fd, 1); }};
    std::thread cancelled{[&, fd = client] {
      pthread_cancel(pthread_self());
      EXPECT_EQ(host.say(fd, "x"), 1);  // wakes the reader by a write to its doorbell
      EXPECT_EQ(host.close(host.socket()), 0);
      const int set = host.epoll();
      EXPECT_EQ(host.add(set, event), 0);
      EXPECT_EQ(host.epoll_wait(set), Host::Events{});
      EXPECT_EQ(host.close(set), 0);
      int state = 0;
      pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);  // or gtest's own output would be the end
      EXPECT_EQ(state, PTHREAD_CANCEL_ENABLE);
    }};
    cancelled.join();
    reader.join();
    EXPECT_EQ(got, "x");
  }
  ::close(event);
}

TEST(Threads, sockets_come_and_go_while_others_look) {
  Host host;
  std::atomic<bool> done = false;
  std::thread looker{[&] {
    while (!done) {
      std::vector<pollfd> set;
      for (int fd = 0; fd < 64; ++fd)
        if (host.files().find(fd).use() == Use::open) set.push_back({fd, POLLIN, 0});
      host.poll(set, 0);
    }
  }};
  for (int i = 0; i < 2000; ++i) {
    const int a = host.socket(), b = host.server();
    host.close(a);
    host.close(b);
  }
  done = true;
  looker.join();
}

}  // namespace
}  // namespace tunic
