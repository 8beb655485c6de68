// The load that every peer is put under: sockets of the kernel, the same for all.
//
//   load push --to ADDRESS --seconds S    writes to the sink           --size N: octets a call, 262144
//   load pull                             reads from the source        --clients K: connections at once, 1
//   load rr                               request, answer, and again   --size N: octets of each, 1
//   load crr                              connect, request, answer, close
//   load idle --clients N                 opens N connections to the echo and holds them; each line of input that says
//                                         `touch` has an octet go each way on all of them; ends with its input
//
// --spread: the streams are on one CPU each. --idle N opens N connections more that are silent. Prints one line of
// JSON. --histogram: with all latencies.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "histogram.h"
#include "options.h"

namespace {

using namespace bench;
constexpr std::size_t under_way = 64;  // requests at once; of more clients each has its turn
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

/// When to begin to count, and when to end.
struct Span {
  Clock::time_point begin, end;

  explicit Span(double warm_up, double seconds)
      : begin{Clock::now() + duration(warm_up)}, end{begin + duration(seconds)} {}
  static Clock::duration duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{seconds});
  }
};

struct Target {
  sockaddr_storage address{};
  socklen_t length = 0;

  Target(const std::string& text, unsigned short port) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      length = sizeof *v4;
    } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      length = sizeof *v6;
    } else {
      errno = EINVAL;
      fail("--to");
    }
  }
};

int open_socket(const Target& to, int flags = 0) {
  const int fd = socket(to.address.ss_family, SOCK_STREAM | flags, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int connected(const Target& to) {
  const int fd = open_socket(to);
  const linger reset{.l_onoff = 1,
                     .l_linger = 0};  // thousands that close in peace would be there when the next run begins
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0) fail("connect");
  return fd;
}

struct Result {
  std::uint64_t octets = 0;
  Histogram latency;
  double seconds = 0;
};

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

// ---- streams ----

/// Calls `move` (read or write) until time is up, and counts the octets after the warm-up.
template <class Move>
Result stream(int fd, std::size_t size, const Span& span, Move move) {
  std::unique_ptr<void, void (*)(void*)> buffer{std::aligned_alloc(4096, (size + 4095) / 4096 * 4096), std::free};
  std::memset(buffer.get(), 'x', size);
  Result result;
  Clock::time_point now = Clock::now(), begun{};
  while (now < span.end) {
    const ssize_t n = move(fd, buffer.get(), size);
    if (n <= 0) fail("stream");
    now = Clock::now();
    if (begun != Clock::time_point{})
      result.octets += static_cast<std::uint64_t>(n);
    else if (now >= span.begin)
      begun = now;
  }
  result.seconds = std::chrono::duration<double>(now - begun).count();
  close(fd);
  return result;
}

Result streams(const Options& options, const Span& span, Port port, auto move) {
  const Target to{options.text("--to"), port};
  std::vector<Result> results(options.count("--clients", 1));
  std::vector<std::thread> threads;
  const std::size_t size = options.count("--size", 262'144);
  for (std::size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i, fd = connected(to)] {
      if (options.has("--spread")) stay_on_cpu(i);
      results[i] = stream(fd, size, span, move);
    });
  for (std::thread& t : threads) t.join();
  Result all = results.front();
  for (std::size_t i = 1; i < results.size(); ++i) all.octets += results[i].octets;
  return all;
}

// ---- request and answer ----

/// Writes and reads at once what is too much for the buffers on the way, so that neither side waits for the other's
/// reads.
void exchange_much(int fd, char* buffer, std::size_t size) {
  for (std::size_t put = 0, got = 0; got < size;) {
    pollfd p{fd, static_cast<short>(put < size ? POLLIN | POLLOUT : POLLIN), 0};
    poll(&p, 1, -1);
    if (p.revents & POLLOUT)
      put += static_cast<std::size_t>(std::max<ssize_t>(send(fd, buffer, size - put, MSG_DONTWAIT), 0));
    if (!(p.revents & ~POLLOUT)) continue;
    const ssize_t n = recv(fd, buffer, size - got, MSG_DONTWAIT);
    if (n <= 0) fail("recv");
    got += static_cast<std::size_t>(n);
  }
}

void exchange(int fd, char* buffer, std::size_t size) {
  if (size > 32'768) return exchange_much(fd, buffer, size);
  if (write(fd, buffer, size) != static_cast<ssize_t>(size)) fail("write");
  for (std::size_t got = 0; got < size;) {
    const ssize_t n = read(fd, buffer, size - got);
    if (n <= 0) fail("read");
    got += static_cast<std::size_t>(n);
  }
}

/// Runs `once` again and again, and takes down how long it took.
Result repeat(const Span& span, auto once) {
  Result result;
  Clock::time_point begun{}, now = Clock::now();
  while (now < span.end) {
    const Clock::time_point before = now;
    once();
    now = Clock::now();
    if (begun != Clock::time_point{})
      result.latency.add(static_cast<std::uint64_t>((now - before).count()));
    else if (now >= span.begin)
      begun = now;
  }
  if (begun != Clock::time_point{}) result.seconds = std::chrono::duration<double>(now - begun).count();
  return result;
}

/// One of many clients that one thread drives by epoll.
struct Client {
  int fd = -1;
  std::size_t got = 0;
  bool asks = false;
  Clock::time_point since{};
};

int epoll_of_all(std::vector<Client>& clients, std::uint32_t events) {
  const int epoll = epoll_create1(0);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    epoll_event e{.events = events, .data = {.u64 = i}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &e) != 0) fail("epoll_ctl");
  }
  return epoll;
}

/// Has `ready` called for each client that has news, until time is up. It says when one of its rounds has ended.
Result drive(int epoll, std::vector<Client>& clients, const Span& span, auto ready) {
  Result result;
  Clock::time_point begun{}, now = Clock::now();
  std::vector<epoll_event> events(64);
  while (now < span.end) {
    const int n = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    now = Clock::now();
    if (begun == Clock::time_point{} && now >= span.begin) begun = now;
    for (int i = 0; i < n; ++i) {
      Client& c = clients[events[static_cast<std::size_t>(i)].data.u64];
      const Clock::time_point since = c.since;
      if (ready(c, events[static_cast<std::size_t>(i)]) && begun != Clock::time_point{})
        result.latency.add(static_cast<std::uint64_t>((now - since).count()));
    }
  }
  if (begun != Clock::time_point{}) result.seconds = seconds_since(begun);
  return result;
}

Result rr(const Options& options, const Span& span) {
  const Target to{options.text("--to"), port_echo};
  const std::size_t size = options.count("--size", 1);
  std::vector<char> buffer(size, 'x');
  std::vector<Client> clients(options.count("--clients", 1));
  for (Client& c : clients) c.fd = connected(to);
  if (clients.size() == 1) return repeat(span, [&] { exchange(clients[0].fd, buffer.data(), size); });
  const auto ask = [&](Client& c) {
    c.since = Clock::now();
    c.got = 0;
    c.asks = true;
    if (write(c.fd, buffer.data(), size) != static_cast<ssize_t>(size)) fail("write");
  };
  const int epoll = epoll_of_all(clients, EPOLLIN);
  std::size_t next = 0;
  const auto ask_next = [&] {
    while (clients[next].asks) next = (next + 1) % clients.size();
    ask(clients[next]);
  };
  for (std::size_t i = 0; i < std::min(clients.size(), under_way); ++i) ask_next();
  return drive(epoll, clients, span, [&](Client& c, const epoll_event&) {
    const ssize_t n = read(c.fd, buffer.data(), size - c.got);
    if (n <= 0) fail("read");
    if ((c.got += static_cast<std::size_t>(n)) < size) return false;
    c.asks = false;
    ask_next();
    return true;
  });
}

// ---- connect, request, answer, close ----

void connect_and_ask(const Target& to) {
  const int fd = open_socket(to);
  char octet = 'x';
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0) fail("connect");
  exchange(fd, &octet, 1);
  while (read(fd, &octet, 1) > 0) {
  }
  close(fd);
}

Result crr(const Options& options, const Span& span) {
  const Target to{options.text("--to"), port_once};
  std::vector<Client> clients(options.count("--clients", 1));
  if (clients.size() == 1) return repeat(span, [&] { connect_and_ask(to); });
  const int epoll = epoll_create1(0);
  const auto begin = [&](Client& c) {
    c.since = Clock::now();
    c.fd = open_socket(to, SOCK_NONBLOCK);
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0 && errno != EINPROGRESS)
      fail("connect");
    epoll_event e{.events = EPOLLOUT, .data = {.u64 = static_cast<std::uint64_t>(&c - clients.data())}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c.fd, &e);
  };
  for (Client& c : clients) begin(c);
  return drive(epoll, clients, span, [&](Client& c, const epoll_event& event) {
    char octets[16] = "x";
    if (event.events & EPOLLOUT) {
      if (write(c.fd, octets, 1) != 1) fail("write");
      epoll_event e{.events = EPOLLIN, .data = event.data};
      epoll_ctl(epoll, EPOLL_CTL_MOD, c.fd, &e);
      return false;
    }
    while (const ssize_t n = read(c.fd, octets, sizeof octets)) {
      if (n < 0 && errno == EAGAIN) return false;
      if (n < 0) fail("read");
    }
    close(c.fd);
    begin(c);
    return true;
  });
}

// ---- silent connections ----

void idle(const Options& options) {
  const Target to{options.text("--to"), port_echo};
  std::vector<int> sockets(options.count("--clients", 1));
  char octet = 'x';
  for (int& fd : sockets) {
    fd = connected(to);
    if (options.has("--touch")) exchange(fd, &octet, 1);
  }
  std::printf("{\"open\":%zu}\n", sockets.size());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "touch")
      for (const int fd : sockets) exchange(fd, &octet, 1);
    std::printf("{\"done\":\"%s\"}\n", line.c_str());
    std::fflush(stdout);
  }
}

void open_silent(const Options& options) {
  const Target to{options.text("--to"), port_echo};
  for (std::size_t i = 0; i < options.count("--idle", 0); ++i) connected(to);
}

void allow_many_files() {
  rlimit limit{};
  for (const rlim_t many : {200'000u, 60'000u})
    if (limit = {many, many}; setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void print(const std::string& work, const Result& r, bool histogram) {
  const bool is_stream = r.latency.total() == 0;
  if (r.seconds <= 0 || (is_stream && r.octets == 0)) {
    errno = ETIMEDOUT;
    fail("nothing went through");
  }
  const double rate = is_stream ? static_cast<double>(r.octets) * 8 / 1e9 / r.seconds
                                : static_cast<double>(r.latency.total()) / r.seconds;
  std::printf("{\"work\":\"%s\",\"rate\":%.4f,\"unit\":\"%s\",\"seconds\":%.3f", work.c_str(), rate,
              is_stream ? "Gbit/s" : "1/s", r.seconds);
  if (!is_stream)
    for (const auto& [name, part] : {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}})
      std::printf(",\"%s_us\":%.3f", name, r.latency.microseconds(part));
  if (histogram) {
    std::printf(",\"histogram\":");
    r.latency.print();
  }
  std::printf("}\n");
}

}  // namespace

int main(int count, char** words) {
  const Options options{count, words};
  const std::string work = options.command();
  allow_many_files();
  if (work == "idle") return idle(options), 0;
  open_silent(options);
  close(connected({options.text("--to"), port_echo}));  // until there is a way, which is no matter of speed
  const Span span{options.number("--warm-up", 0.2), options.number("--seconds", 1)};
  Result result;
  if (work == "push")
    result = streams(options, span, port_sink, [](int fd, void* b, std::size_t n) { return write(fd, b, n); });
  else if (work == "pull")
    result = streams(options, span, port_source, [](int fd, void* b, std::size_t n) { return read(fd, b, n); });
  else if (work == "rr")
    result = rr(options, span);
  else if (work == "crr")
    result = crr(options, span);
  else
    return std::fprintf(stderr, "load: push, pull, rr, crr or idle, not '%s'\n", work.c_str()), 2;
  print(work, result, options.has("--histogram"));
}
