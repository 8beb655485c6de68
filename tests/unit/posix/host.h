// One host alone for the tests of the socket layer: sockets over a Stack that talks to itself, and whose link leads
// nowhere.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/stack.h"
#include "posix/sockets.h"

namespace tunic {

class Nowhere final : public Link {
 public:
  std::span<RxPacket> receive(const ReadHint*) override { return {}; }
  std::size_t send(std::span<TxPacket> packets) override { return packets.size(); }
};

/// An address as the calls take it.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  static Address v4(const char* text, std::uint16_t port) {
    Address a;
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET, text, &in.sin_addr), 1);
    std::memcpy(&a.storage, &in, a.length = sizeof in);
    return a;
  }
  static Address v6(const char* text, std::uint16_t port) {
    Address a;
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET6, text, &in.sin6_addr), 1);
    std::memcpy(&a.storage, &in, a.length = sizeof in);
    return a;
  }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  std::uint16_t port() const {
    sockaddr_in in;
    std::memcpy(&in, &storage, sizeof in);
    return ntohs(in.sin_port);
  }
  /// "127.0.0.1:80" or "[::1]:80".
  std::string text() const {
    char host[INET6_ADDRSTRLEN];
    if (storage.ss_family == AF_INET) {
      sockaddr_in in;
      std::memcpy(&in, &storage, sizeof in);
      inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
      return std::string{host} + ":" + std::to_string(port());
    }
    sockaddr_in6 in;
    std::memcpy(&in, &storage, sizeof in);
    inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof host);
    return "[" + std::string{host} + "]:" + std::to_string(port());
  }
};

/// The calls by number, as a program makes them; a number that is not open is EBADF.
class Host {
 public:
  explicit Host(Config config = default_config()) : stack_{config} {}

  static Config default_config() {
    Config c;
    c.addresses = {{IpAddr::v4(0xc6120002u), 24}};
    std::byte v6[16]{};
    v6[0] = std::byte{0xfd};
    v6[3] = std::byte{7};
    v6[15] = std::byte{2};
    c.addresses.push_back({IpAddr::v6(v6), 64});
    return c;
  }

  int socket(int domain = AF_INET, int type = SOCK_STREAM, int protocol = 0) {
    const auto kind = Sockets::check(domain, type, protocol);
    if (!kind) return bad(static_cast<int>(kind.error()));
    return sockets_.socket(*kind, type);
  }
  int bind(int fd, const Address& a) {
    return with(fd, [&](Handle h) { return sockets_.bind(h, a.raw(), a.length); });
  }
  int listen(int fd, int backlog = 128) {
    return with(fd, [&](Handle h) { return sockets_.listen(h, backlog); });
  }
  int accept(int fd, Address* peer = nullptr, int flags = 0) {
    return with(fd, [&](Handle h) {
      return sockets_.accept(h, peer != nullptr ? peer->raw() : nullptr, peer != nullptr ? &peer->length : nullptr,
                             flags);
    });
  }
  int connect(int fd, const Address& a) {
    return with(fd, [&](Handle h) { return sockets_.connect(h, a.raw(), a.length); });
  }
  int shutdown(int fd, int how) {
    return with(fd, [&](Handle h) { return sockets_.shutdown(h, how); });
  }
  int close(int fd) {
    return with(fd, [&](Handle h) { return sockets_.close(h); });
  }
  int dup(int fd, int least = 0, bool close_on_exec = false) {
    return with(fd, [&](Handle h) { return sockets_.dup(h, least, close_on_exec); });
  }
  int dup_over(int fd, int number) {
    return with(fd, [&](Handle h) { return sockets_.dup_over(h, number, false); });
  }
  int fcntl(int fd, int command, int argument = 0) {
    return with(fd, [&](Handle h) { return sockets_.fcntl(h, command, argument); });
  }
  int select(int count, fd_set* in, fd_set* out, fd_set* except, int timeout = -1) {
    return sockets_.select(count, in, out, except, wait_time(timeout));
  }
  int epoll() { return sockets_.epoll_create(0); }
  /// With a socket or an epoll of ours, or a descriptor of the kernel; the data is the number.
  int epoll_ctl(int epoll, int operation, int fd, std::uint32_t events = 0) {
    epoll_event e{.events = events, .data = {.u64 = static_cast<std::uint64_t>(fd)}};
    const Handle set = files_.find(epoll), h = files_.find(fd);
    if (set.use() == Use::none) return sockets_.epoll_ctl(epoll, operation, h, &e);
    return h.use() == Use::none ? sockets_.epoll_ctl(set, operation, fd, &e)
                                : sockets_.epoll_ctl(set, operation, h, &e);
  }
  int add(int epoll, int fd, std::uint32_t events = EPOLLIN) { return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, events); }
  /// Numbers with what is told of them; one -1 for an error.
  using Events = std::vector<std::pair<int, std::uint32_t>>;
  Events epoll_wait(int epoll, int timeout = 0, std::size_t most = 16, const sigset_t* mask = nullptr) {
    std::vector<epoll_event> all(most);
    const int n = with(epoll, [&](Handle h) { return sockets_.epoll_wait(h, all, wait_time(timeout), mask); });
    if (n < 0) return {{-1, errno}};
    Events events;
    for (int i = 0; i < n; ++i) {
      const epoll_event e = all[static_cast<std::size_t>(i)];
      events.emplace_back(static_cast<int>(e.data.u64), std::uint32_t{e.events});
    }
    return events;
  }
  ssize_t recv(int fd, void* p, std::size_t n, int flags = 0) {
    const iovec one{p, n};
    return with(fd, [&](Handle h) { return sockets_.receive(h, {&one, 1}, flags, true); });
  }
  ssize_t send(int fd, const void* p, std::size_t n, int flags = 0) {
    const iovec one{const_cast<void*>(p), n};
    return with(fd, [&](Handle h) { return sockets_.send(h, {&one, 1}, flags); });
  }
  ssize_t say(int fd, const std::string& s, int flags = 0) { return send(fd, s.data(), s.size(), flags); }
  /// What one recv() of up to n octets gives; "!ENAME" for an error.
  std::string take(int fd, std::size_t n = 4096, int flags = 0) {
    std::string s(n, '\0');
    const ssize_t got = recv(fd, s.data(), n, flags);
    if (got < 0) return std::string{"!"} + strerrorname_np(errno);
    s.resize(static_cast<std::size_t>(got));
    return s;
  }
  int poll(std::span<pollfd> set, int timeout = -1) { return sockets_.poll(set, wait_time(timeout)); }
  /// revents of one number for `events`.
  int ready(int fd, int events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP, int timeout = 0) {
    pollfd p{fd, static_cast<short>(events), 0};
    return poll({&p, 1}, timeout) < 0 ? -1 : p.revents;
  }
  Address name(int fd) {
    Address a;
    EXPECT_EQ(with(fd, [&](Handle h) { return sockets_.getsockname(h, a.raw(), &a.length); }), 0);
    return a;
  }
  Address peer(int fd) {
    Address a;
    EXPECT_EQ(with(fd, [&](Handle h) { return sockets_.getpeername(h, a.raw(), &a.length); }), 0);
    return a;
  }
  template <class T>
  int set(int fd, int level, int option, const T& value) {
    return with(fd, [&](Handle h) { return sockets_.setsockopt(h, level, option, &value, sizeof value); });
  }
  template <class T = int>
  T get(int fd, int level, int option) {
    T value{};
    socklen_t n = sizeof value;
    EXPECT_EQ(with(fd, [&](Handle h) { return sockets_.getsockopt(h, level, option, &value, &n); }), 0);
    return value;
  }
  int set_timeout(int fd, int option, Duration d) {
    return set(fd, SOL_SOCKET, option, timeval{.tv_sec = d / 1s, .tv_usec = (d % 1s) / 1us});
  }

  /// A bound and listening socket.
  int server(const Address& at = Address::v4("127.0.0.1", 0), int backlog = 128) {
    const int fd = socket(at.storage.ss_family);
    EXPECT_EQ(bind(fd, at), 0);
    EXPECT_EQ(listen(fd, backlog), 0);
    return fd;
  }
  /// The two ends of a connection.
  std::pair<int, int> pair(int domain = AF_INET) {
    const int door = server(domain == AF_INET ? Address::v4("127.0.0.1", 0) : Address::v6("::1", 0));
    const int client = socket(domain);
    EXPECT_EQ(connect(client, name(door)), 0);
    const int accepted = accept(door);
    EXPECT_GE(accepted, 0);
    EXPECT_EQ(close(door), 0);
    return {client, accepted};
  }

  template <class F>
  auto with(int fd, F f) -> decltype(f(Handle{})) {
    const Handle h = files_.find(fd);
    return h.use() == Use::none ? bad(EBADF) : f(h);
  }
  Stack& stack() { return stack_; }
  Driver& driver() { return driver_; }
  Files& files() { return files_; }
  Sockets& sockets() { return sockets_; }

 private:
  static Duration wait_time(int timeout) {
    return timeout < 0 ? Description::forever : std::chrono::milliseconds{timeout};
  }
  static int bad(int code) {
    errno = code;
    return -1;
  }

  Stack stack_;
  Nowhere link_;
  Driver driver_{stack_, link_, -1};
  Files files_;
  Sockets sockets_{driver_, files_};
};

/// A call that is to fail, and how.
#define EXPECT_FAILS(call, code)                                 \
  do {                                                           \
    errno = 0;                                                   \
    EXPECT_EQ((call), -1);                                       \
    EXPECT_STREQ(strerrorname_np(errno), strerrorname_np(code)); \
  } while (false)

}  // namespace tunic
