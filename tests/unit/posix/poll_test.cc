// poll(): our sockets and the kernel's descriptors, alone and together.
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "host.h"

namespace tunic {
namespace {

/// A descriptor of the kernel.
class Event {
 public:
  Event() : fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {}
  ~Event() { close(fd); }
  void set() { eventfd_write(fd, 1); }
  const int fd;
};

TEST(Poll, the_states_of_a_socket) {
  Host host;
  EXPECT_EQ(host.ready(host.socket()), POLLOUT | POLLHUP);
  const int door = host.server();
  EXPECT_EQ(host.ready(door), 0);
  const int client = host.socket();
  ASSERT_EQ(host.connect(client, host.name(door)), 0);
  EXPECT_EQ(host.ready(door), POLLIN);
  const int server = host.accept(door);
  EXPECT_EQ(host.ready(server), POLLOUT);
  host.say(client, "x");
  EXPECT_EQ(host.ready(server), POLLIN | POLLOUT);
  host.take(server);
  host.shutdown(client, SHUT_WR);
  EXPECT_EQ(host.ready(server), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(host.ready(server, POLLOUT), POLLOUT);
  host.shutdown(server, SHUT_WR);
  EXPECT_EQ(host.ready(server, 0), POLLHUP);
}

TEST(Poll, both_names_of_readable_and_writable) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "x");
  EXPECT_EQ(host.ready(server, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

TEST(Poll, numbers_that_are_nothing) {
  Host host;
  const int gone = host.socket();
  host.close(gone);
  const int fd = host.socket(), extra = host.server();
  std::array<pollfd, 3> set{{{-1, POLLIN, 99}, {fd + 500, POLLIN, 0}, {extra, POLLIN, 0}}};
  EXPECT_EQ(host.poll(set, 0), 1);
  EXPECT_EQ(set[0].revents, 0);
  EXPECT_EQ(set[1].revents, POLLNVAL);
  EXPECT_EQ(set[2].revents, 0);
}

TEST(Poll, its_time_is_over) {
  Host host;
  const Event event;
  std::array<pollfd, 2> set{{{host.server(), POLLIN, 0}, {event.fd, POLLIN, 0}}};
  EXPECT_EQ(host.poll(set, 0), 0);
  EXPECT_EQ(host.poll(set, 2), 0);
  EXPECT_EQ(host.poll({&set[0], 1}, 2), 0);
}

TEST(Poll, only_the_kernels) {
  Host host;
  Event event;
  event.set();
  EXPECT_EQ(host.ready(event.fd, POLLIN), POLLIN);
}

TEST(Poll, either_side_wakes_a_mixed_set) {
  Host host;
  Event event;
  const auto [client, server] = host.pair();
  const auto wait = [&, ours = server] {
    std::array<pollfd, 2> set{{{event.fd, POLLIN, 0}, {ours, POLLIN, 0}}};
    EXPECT_EQ(host.poll(set), 1);
    return std::pair{set[0].revents, set[1].revents};
  };
  std::pair<short, short> got;
  std::thread first{[&] { got = wait(); }};
  host.say(client, "x");
  first.join();
  EXPECT_EQ(got, (std::pair<short, short>{0, POLLIN}));
  EXPECT_EQ(host.take(server), "x");
  std::thread second{[&] { got = wait(); }};
  event.set();
  second.join();
  EXPECT_EQ(got, (std::pair<short, short>{POLLIN, 0}));
}

TEST(Poll, a_mixed_set_beside_a_thread_that_drives) {
  Host host;
  const auto [driver_end, quiet_end] = host.pair();
  const auto [client, server] = host.pair();
  host.set(client, IPPROTO_TCP, TCP_NODELAY, 1);
  std::thread driver{[&, fd = driver_end] { host.take(fd); }};
  for (int i = 0; i < 100; ++i) {
    Event event;
    std::thread poller{[&, ours = server] {
      std::array<pollfd, 2> set{{{event.fd, POLLIN, 0}, {ours, POLLIN, 0}}};
      EXPECT_EQ(host.poll(set), 1);
    }};
    if (i % 2 == 0)
      event.set();
    else
      host.say(client, "x");
    poller.join();
    if (i % 2 != 0) host.take(server);
  }
  host.say(quiet_end, "end");
  driver.join();
}

TEST(Poll, a_socket_closed_meanwhile) {
  Host host;
  const int door = host.server();
  std::thread closer;
  pollfd p{door, POLLIN, 0};
  closer = std::thread{[&] { host.close(door); }};
  EXPECT_EQ(host.poll({&p, 1}), 1);
  EXPECT_EQ(p.revents, POLLNVAL);
  closer.join();
}

TEST(Poll, the_same_number_twice_and_many_numbers) {
  Host host;
  const auto [client, server] = host.pair();
  std::vector<pollfd> set(300, pollfd{server, POLLIN, 0});
  std::thread writer{[&, fd = client] { host.say(fd, "x"); }};
  EXPECT_EQ(host.poll(set), 300);
  writer.join();
}

}  // namespace
}  // namespace tunic
