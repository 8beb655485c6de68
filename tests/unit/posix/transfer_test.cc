// Octets in and out: what read, recv, write and send promise on Linux.
#include <csignal>

#include <array>
#include <atomic>
#include <thread>

#include "host.h"

namespace tunic {
namespace {

std::string pattern(std::size_t n) {
  std::string s(n, '\0');
  for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>('a' + i * i % 23);
  return s;
}

TEST(Receive, waits_for_what_comes) {
  Host host;
  const auto [client, server] = host.pair();
  std::string got;
  std::thread reader{[&, fd = server] { got = host.take(fd); }};
  host.say(client, "now");
  reader.join();
  EXPECT_EQ(got, "now");
}

TEST(Receive, does_not_wait_when_told_so) {
  Host host;
  const auto [client, server] = host.pair();
  EXPECT_EQ(host.take(server, 1, MSG_DONTWAIT), "!EAGAIN");
  ASSERT_EQ(host.set_timeout(server, SO_RCVTIMEO, 2ms), 0);
  EXPECT_EQ(host.take(server, 1), "!EAGAIN");
}

TEST(Receive, waitall_waits_for_all_of_it_or_the_end) {
  Host host;
  const auto [client, server] = host.pair();
  const std::string text = pattern(300'000);
  std::string got;
  std::thread reader{[&, fd = server] { got = host.take(fd, text.size(), MSG_WAITALL); }};
  for (std::size_t at = 0; at < text.size(); at += 1000) host.say(client, text.substr(at, 1000));
  reader.join();
  EXPECT_EQ(got, text);
  host.say(client, "rest");
  host.shutdown(client, SHUT_WR);
  EXPECT_EQ(host.take(server, 100, MSG_WAITALL), "rest");
}

TEST(Receive, waitall_gives_what_there_is_when_its_time_is_over) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.set_timeout(server, SO_RCVTIMEO, 2ms), 0);
  host.say(client, "some");
  EXPECT_EQ(host.take(server, 10, MSG_WAITALL | MSG_PEEK), "some");
  EXPECT_EQ(host.take(server, 10, MSG_WAITALL), "some");
}

TEST(Receive, low_water_mark) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.set(server, SOL_SOCKET, SO_RCVLOWAT, 6), 0);
  host.say(client, "abc");
  EXPECT_EQ(host.ready(server, POLLIN), 0);
  EXPECT_EQ(host.take(server, 10, MSG_DONTWAIT | MSG_PEEK), "abc");
  std::string got;
  std::thread reader{[&, fd = server] { got = host.take(fd, 10); }};
  host.say(client, "def");
  reader.join();
  EXPECT_EQ(got, "abcdef");
}

TEST(Receive, peek_takes_nothing) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "look");
  EXPECT_EQ(host.take(server, 2, MSG_PEEK), "lo");
  EXPECT_EQ(host.take(server, 9, MSG_PEEK), "look");
  std::string got;
  std::thread reader{[&, fd = server] { got = host.take(fd, 6, MSG_PEEK | MSG_WAITALL); }};
  host.say(client, "ed");
  reader.join();
  EXPECT_EQ(got, "looked");
  EXPECT_EQ(host.take(server), "looked");
}

TEST(Receive, trunc_throws_a_streams_octets_away) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, pattern(10'000));
  EXPECT_EQ(host.recv(server, nullptr, 0, MSG_TRUNC), 0);
  std::array<char, 9'990> kept{};
  EXPECT_EQ(host.recv(server, kept.data(), kept.size(), MSG_TRUNC | MSG_PEEK), 9'990);
  EXPECT_EQ(host.recv(server, kept.data(), kept.size(), MSG_TRUNC), 9'990);
  EXPECT_EQ(kept[0], 0);
  EXPECT_EQ(host.take(server), pattern(10'000).substr(9'990));
}

TEST(Receive, nothing_asked_for) {
  Host host;
  const auto [client, server] = host.pair();
  const auto read_nothing = [&](int fd) {
    return host.with(fd, [&](Handle h) { return host.sockets().receive(h, {}, 0, false); });
  };
  EXPECT_EQ(read_nothing(server), 0);                                 // read() of nothing never waits
  EXPECT_FAILS(host.recv(server, nullptr, 0, MSG_DONTWAIT), EAGAIN);  // recv() does
  host.say(client, "x");
  EXPECT_EQ(host.recv(server, nullptr, 0), 0);
  EXPECT_EQ(host.take(server), "x");
}

TEST(Receive, into_several_ranges) {
  Host host;
  const auto [client, server] = host.pair();
  host.say(client, "abcdefg");
  char a[2], b[3], c[9];
  const iovec v[] = {{a, 2}, {nullptr, 0}, {b, 3}, {c, 9}};
  EXPECT_EQ(host.with(server, [&](Handle h) { return host.sockets().receive(h, v, 0, false); }), 7);
  EXPECT_EQ(std::string(a, 2) + std::string(b, 3) + std::string(c, 2), "abcdefg");
}

TEST(Receive, no_memory_to_put_it) {
  Host host;
  const auto [client, server] = host.pair();
  EXPECT_FAILS(host.recv(server, nullptr, 5), EFAULT);
  EXPECT_FAILS(host.send(client, nullptr, 5), EFAULT);
  char x;
  const iovec huge[] = {{&x, SSIZE_MAX}, {&x, 1}};
  EXPECT_FAILS(host.with(client, [&](Handle h) { return host.sockets().send(h, huge, 0); }), EINVAL);
}

TEST(Receive, urgent_data) {
  Host host;
  const auto [client, server] = host.pair();
  EXPECT_FAILS(host.recv(server, nullptr, 0, MSG_OOB), EINVAL);
  host.say(client, "ab!", MSG_OOB);
  host.say(client, "cd");
  EXPECT_EQ(host.ready(server, POLLPRI, 1000), POLLPRI);
  EXPECT_EQ(host.take(server, 1, MSG_OOB), "!");
  EXPECT_EQ(host.take(server, 9, MSG_WAITALL), "ab");  // reading stops at the mark
  EXPECT_EQ(host.take(server), "cd");
}

TEST(Receive, urgent_data_in_line) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.set(server, SOL_SOCKET, SO_OOBINLINE, 1), 0);
  host.say(client, "ab!", MSG_OOB);
  EXPECT_FAILS(host.recv(server, nullptr, 0, MSG_OOB), EINVAL);
  EXPECT_EQ(host.take(server, 2), "ab");
  EXPECT_EQ(host.take(server), "!");
}

TEST(Send, waits_until_all_is_sent) {
  Host host;
  const auto [client, server] = host.pair();
  const std::string text = pattern(9'000'000);
  ssize_t sent = 0;
  std::thread writer{[&, fd = client] { sent = host.say(fd, text); }};
  EXPECT_EQ(host.take(server, text.size(), MSG_WAITALL), text);
  writer.join();
  EXPECT_EQ(sent, 9'000'000);
}

TEST(Send, what_fits_when_it_must_not_wait) {
  Host host;
  const auto [client, server] = host.pair();
  const std::string text = pattern(20'000'000);
  const ssize_t sent = host.say(client, text, MSG_DONTWAIT);
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, 20'000'000);
  while (host.say(client, text, MSG_DONTWAIT) > 0) continue;
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(host.ready(client, POLLOUT), 0);
  ASSERT_EQ(host.set_timeout(client, SO_SNDTIMEO, 2ms), 0);
  EXPECT_FAILS(host.say(client, text), EAGAIN);
}

TEST(Send, from_several_ranges) {
  Host host;
  const auto [client, server] = host.pair();
  char a[] = "ab", b[] = "cde";
  const iovec v[] = {{a, 2}, {nullptr, 0}, {b, 3}};
  EXPECT_EQ(host.with(client, [&](Handle h) { return host.sockets().send(h, v, 0); }), 5);
  EXPECT_EQ(host.with(client, [&](Handle h) { return host.sockets().send(h, {}, 0); }), 0);
  EXPECT_EQ(host.take(server), "abcde");
}

TEST(Send, an_error_after_part_was_sent_is_for_the_next_call) {
  Host host;
  const auto [client, server] = host.pair();
  const std::string text = pattern(20'000'000);
  ssize_t sent = 0;
  std::thread writer{[&, fd = client] { sent = host.say(fd, text); }};
  char first;
  ASSERT_EQ(host.recv(server, &first, 1), 1);
  ASSERT_EQ(host.close(server), 0);  // with octets unread: a reset
  writer.join();
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, 20'000'000);
  EXPECT_FAILS(host.say(client, "x"), ECONNRESET);
  EXPECT_FAILS(host.say(client, "x", MSG_NOSIGNAL), EPIPE);
}

// -- signals --

std::atomic<int> handled{0};
void count(int) { ++handled; }

/// A handler for a signal while it lives.
class Handler {
 public:
  Handler(int signal, int flags) : signal_{signal} {
    struct sigaction a {};
    a.sa_handler = count;
    a.sa_flags = flags;
    sigaction(signal, &a, &before_);
    handled = 0;
  }
  ~Handler() { sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

/// Runs `call` in a thread and signals it until it returns.
template <class F>
void interrupt(F call) {
  std::atomic<bool> done = false;
  std::thread t{[&] {
    call();
    done = true;
  }};
  while (!done) {
    pthread_kill(t.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  t.join();
}

TEST(Signals, a_broken_pipe_is_a_signal_unless_told_otherwise) {
  Host host;
  const Handler handler{SIGPIPE, 0};
  const int fd = host.socket();
  EXPECT_FAILS(host.say(fd, "x", MSG_NOSIGNAL), EPIPE);
  EXPECT_EQ(handled, 0);
  EXPECT_FAILS(host.say(fd, "x"), EPIPE);
  EXPECT_EQ(handled, 1);
}

TEST(Signals, a_handler_interrupts_whoever_waits) {
  Host host;
  const auto [client, server] = host.pair();
  const Handler handler{SIGUSR1, 0};
  interrupt([&, fd = server] { EXPECT_EQ(host.take(fd), "!EINTR"); });
  // and so too while another thread drives
  std::thread driver{[&, fd = client] { EXPECT_EQ(host.take(fd), "done"); }};
  interrupt([&, fd = server] { EXPECT_EQ(host.take(fd), "!EINTR"); });
  host.say(server, "done");
  driver.join();
}

TEST(Signals, with_sa_restart_it_goes_on_waiting) {
  Host host;
  const auto [client, server] = host.pair();
  const Handler handler{SIGUSR1, SA_RESTART};
  std::string got;
  std::thread reader{[&, fd = server] { got = host.take(fd); }};
  for (int i = 0; i < 100; ++i) {
    pthread_kill(reader.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  host.say(client, "still here");
  reader.join();
  EXPECT_EQ(got, "still here");
  EXPECT_GT(handled, 0);
}

TEST(Signals, a_wait_with_a_time_never_goes_on) {
  Host host;
  const auto [client, server] = host.pair();
  const Handler handler{SIGUSR1, SA_RESTART};
  ASSERT_EQ(host.set_timeout(server, SO_RCVTIMEO, 600s), 0);
  interrupt([&, fd = server] { EXPECT_EQ(host.take(fd), "!EINTR"); });
  interrupt([&, fd = server] {
    pollfd p{fd, POLLIN, 0};
    EXPECT_FAILS(host.poll({&p, 1}), EINTR);
  });
}

}  // namespace
}  // namespace tunic
