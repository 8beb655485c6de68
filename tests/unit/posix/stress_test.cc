// Eight threads, a million operations, each way to wait: whatever was written arrives, and whoever waits is woken, or
// the watchdog ends the program. Run under ThreadSanitizer too.
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "host.h"

namespace tunic {
namespace {

/// Ends the program, so that a wake-up that was lost is seen, when the test is not over in time.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::seconds patience)
      : thread_{[this, patience] {
          std::unique_lock lock{mutex_};
          if (over_.wait_for(lock, patience, [this] { return is_over_; })) return;
          std::fputs("somebody waits for ever\n", stderr);
          std::abort();
        }} {}
  ~Watchdog() {
    {
      const std::lock_guard lock{mutex_};
      is_over_ = true;
    }
    over_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread thread_;
};

/// How a reader waits before it reads without blocking.
enum class Way { read, poll, select, epoll, epoll_edge, shared_epoll };

struct Stress : testing::Test {
  const Watchdog watchdog{std::chrono::seconds{180}};
  Host host;
  std::atomic<std::int64_t> operations = 0, arrived = 0;

  void wait(Way way, int fd, int set) {
    ++operations;
    if (way == Way::poll) host.ready(fd, POLLIN, -1);
    if (way == Way::select) {
      fd_set in;
      FD_ZERO(&in);
      FD_SET(fd, &in);
      host.select(fd + 1, &in, nullptr, nullptr);
    }
    if (way >= Way::epoll) host.epoll_wait(set, -1, 1);
  }
  /// Counts what comes through `fd` until its end.
  void read_all(Way way, int fd, int set) {
    std::array<char, 2048> buffer;
    for (;;) {
      const ssize_t n = host.recv(fd, buffer.data(), buffer.size(), way == Way::read ? 0 : MSG_DONTWAIT);
      ++operations;
      if (n > 0)
        arrived += n;
      else if (n < 0 && errno == EAGAIN)
        wait(way, fd, set);
      else
        break;
    }
  }
};

TEST_F(Stress, separate_sockets_and_each_way_to_wait) {
  constexpr std::int64_t writes = 55'000;
  constexpr Way ways[] = {Way::read, Way::poll, Way::select, Way::epoll, Way::epoll_edge};
  std::vector<std::thread> threads;
  std::atomic<std::int64_t> written = 0;
  for (const Way way : ways) {
    const auto [client, server] = host.pair();
    host.set(client, IPPROTO_TCP, TCP_NODELAY, 1);
    const int set = host.epoll();
    host.add(set, server, EPOLLIN | (way == Way::epoll_edge ? EPOLLET : 0u));
    threads.emplace_back([this, way, fd = server, set] { read_all(way, fd, set); });
    threads.emplace_back([&, fd = client] {
      const std::string text(100, 'x');
      for (std::int64_t i = 0; i < writes; ++i) {
        written += host.say(fd, text.substr(0, static_cast<std::size_t>(1 + i % 100)));
        ++operations;
      }
      host.shutdown(fd, SHUT_WR);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(arrived, written);
  EXPECT_GE(operations, 2 * writes);
}

/// Each octet of one socket is told to one of four threads that wait in one epoll, and as many write.
TEST_F(Stress, one_socket_one_epoll_many_threads) {
  constexpr int sides = 4, writes = 40'000;
  const auto [client, server] = host.pair();
  host.set(client, IPPROTO_TCP, TCP_NODELAY, 1);
  const int set = host.epoll();
  ASSERT_EQ(host.add(set, server), 0);
  const int bell = eventfd(0, EFD_CLOEXEC);
  ASSERT_EQ(host.add(set, bell), 0);
  std::vector<std::thread> writers, readers;
  for (int i = 0; i < sides; ++i) {
    writers.emplace_back([&, fd = client] {
      for (int n = 0; n < writes; ++n) operations += host.say(fd, "x");
    });
    readers.emplace_back([&, fd = server] { read_all(Way::shared_epoll, fd, set); });
  }
  for (std::thread& t : writers) t.join();
  host.shutdown(client, SHUT_WR);
  for (std::thread& t : readers) t.join();
  EXPECT_EQ(arrived, sides * writes);
  ::close(bell);
}

/// Connections are accepted by many, one octet goes each way, and half of them are closed under a reader.
TEST_F(Stress, accepted_by_many_and_closed_under_a_reader) {
  constexpr int sides = 4, connections = 1000;
  const int door = host.server();
  const Address at = host.name(door);
  std::vector<std::thread> threads;
  std::atomic<int> taken = 0, wrong = 0;
  for (int i = 0; i < sides; ++i)
    threads.emplace_back([&] {
      while (taken++ < sides * connections) {
        const int fd = host.accept(door);
        if (host.take(fd, 1) != "a" || host.say(fd, "b") != 1) ++wrong;
        host.take(fd, 1);
        host.close(fd);
      }
    });
  for (int i = 0; i < sides; ++i)
    threads.emplace_back([&] {
      for (int c = 0; c < connections; ++c) {
        const int fd = host.socket();
        if (host.connect(fd, at) != 0 || host.say(fd, "a") != 1 || host.take(fd, 1) != "b") ++wrong;
        if (c % 10 == 0) {
          const Handle h = host.files().find(fd);
          std::thread reader{[&] {
            char octet;
            const iovec one{&octet, 1};
            if (host.sockets().receive(h, {&one, 1}, 0, false) != -1 || errno != EBADF) ++wrong;
          }};
          host.close(fd);
          reader.join();
        } else {
          host.close(fd);
        }
        operations += 6;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

/// Numbers come and go under those who look, wait and count.
TEST_F(Stress, numbers_come_and_go) {
  constexpr int sides = 4, rounds = 5000;
  const auto [client, server] = host.pair();
  const int set = host.epoll();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  std::atomic<bool> done = false;
  std::thread looker{[&] {
    while (!done) host.epoll_wait(set, 1);
  }};
  for (int i = 0; i < sides; ++i)
    threads.emplace_back([&, fd = server] {
      for (int n = 0; n < rounds; ++n) {
        const int again = host.dup(fd), own = host.socket();
        wrong += host.add(set, again, EPOLLOUT | EPOLLONESHOT) != 0;
        wrong += host.add(set, own) != 0;
        wrong += host.epoll_ctl(set, EPOLL_CTL_DEL, again) != 0;  // it would outlive its number: its socket does
        wrong += host.dup_over(own, again) != again;
        wrong += host.close(own) != 0;
        wrong += host.close(again) != 0;
        operations += 8;
      }
    });
  for (std::thread& t : threads) t.join();
  done = true;
  looker.join();
  EXPECT_EQ(wrong, 0);
  host.say(client, "x");
  EXPECT_EQ(host.take(server), "x");
}

}  // namespace
}  // namespace tunic
