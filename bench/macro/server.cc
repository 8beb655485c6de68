// The services over the socket calls: built over libtunic, where it is the peer `tunic`, and over the kernel's own
// calls (BENCH_KERNEL), where it is the peer `kernel`. One source, so that the calls alone differ.
//
//   --device D --address A [--raw] [--mtu N]    where our stack is; nothing to the kernel's
//   --wait blocking|alone|poll|epoll            a thread for each listener and each connection; one thread for one
//   connection
//                                               after the other; or one for all
//   --threads N                                 threads that accept and answer on port 7004 (blocking), 1
//   --send copy|zerocopy                        the source's calls (blocking): send(), or with MSG_ZEROCOPY
//   --buffer N                                  octets of a call, 262144
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "options.h"
#include "streams.h"

namespace {

using namespace bench;

#ifndef BENCH_KERNEL
/// The library would ask for a virtio_net_hdr: a descriptor of our own has none.
int open_raw(const std::string& device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) fail("the device");
  return fd;
}

void start(const Options& options) {
  const std::string device = options.text("--device", "tun0"),
                    address = options.text("--address", "198.18.0.2") + "/24";
  const std::string sysctl = options.text("--sysctl");
  tunic_config config{.size = sizeof config, .device = device.c_str(), .address = address.c_str()};
  config.linger = -1;
  config.mtu = static_cast<int>(options.number("--mtu", 0));
  if (!sysctl.empty()) config.sysctl = sysctl.c_str();
  if (options.has("--raw")) config.fd = open_raw(device);
  if (tunic_start(&config) != 0) {
    std::fprintf(stderr, "server: %s\n", tunic_start_error());
    std::exit(1);
  }
}
#else
void start(const Options&) {}
#endif

int listen_on(Port port, int flags) {
  const int fd = CALL(socket)(AF_INET, SOCK_STREAM | flags, 0);
  const int on = 1;
  sockaddr_in any{.sin_family = AF_INET, .sin_port = htons(port)};
  if (fd < 0 || CALL(setsockopt)(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      CALL(bind)(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 || CALL(listen)(fd, 4096) != 0)
    fail("listen");
  return fd;
}

int accept_from(int listener, int flags) {
  const int fd = CALL(accept4)(listener, nullptr, nullptr, flags);
  const int on = 1;
  if (fd >= 0) CALL(setsockopt)(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef BENCH_KERNEL
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);  // the default may be another
#endif
  return fd;
}

// ---- a thread for each connection ----

void echo(int fd, const Buffer& buffer) {
  for (ssize_t n = 0; (n = CALL(recv)(fd, buffer.data(), buffer.size, 0)) > 0;)
    if (!send_all(fd, buffer.data(), static_cast<std::size_t>(n))) return;
}

void once(int fd, const Buffer& buffer) {
  if (CALL(recv)(fd, buffer.data(), 1, 0) == 1) CALL(send)(fd, buffer.data(), 1, MSG_NOSIGNAL);
}

/// What is done with a connection, by blocking calls.
struct Service {
  Port port;
  void (*serve)(int, const Buffer&);
};

std::array<Service, 4> services(const Options& options) {
  const bool by_reference = options.text("--send") == "zerocopy";
  return {Service{port_sink, receive_by_copy},
          {port_source, by_reference ? send_by_reference : send_by_copy},
          {port_echo, echo},
          {port_once, once}};
}

/// Takes the connections of a listener and serves them, each in a thread of its own or one after the other.
void accept_and_serve(int listener, const Service& service, std::size_t size, bool own_threads) {
  const Buffer buffer{size};
  for (;;) {
    const int fd = accept_from(listener, 0);
    if (fd < 0) fail("accept");
    const auto serve = [fd, serve = service.serve](const Buffer& b) {
      serve(fd, b);
      CALL(close)(fd);
    };
    if (own_threads)
      std::thread{[serve, size] { serve(Buffer{size}); }}.detach();
    else
      serve(buffer);
  }
}

void serve_by_threads(const Options& options) {
  const std::size_t size = options.count("--buffer", 262'144);
  for (const Service& s : services(options)) {
    const int listener = listen_on(s.port, 0);
    for (std::size_t i = 0; i < (s.port == port_once ? options.count("--threads", 1) : 1); ++i)
      std::thread{accept_and_serve, listener, s, size, s.port != port_once}.detach();
  }
}

/// One thread: waits for a connection to any port, serves it to its end, and waits for the next.
[[noreturn]] void serve_alone(const std::array<Service, 4>& all, const std::array<pollfd, 4>& listeners,
                              std::size_t size) {
  const Buffer buffer{size};
  for (;;) {
    auto ready = listeners;
    CALL(poll)(ready.data(), ready.size(), -1);
    for (std::size_t i = 0; i < ready.size(); ++i) {
      if (ready[i].revents == 0) continue;
      const int fd = accept_from(ready[i].fd, 0);
      if (fd < 0) fail("accept");
      all[i].serve(fd, buffer);
      CALL(close)(fd);
    }
  }
}

// ---- one thread for all ----

/// Listeners and connections in one poll() or epoll; each is served when it is ready, without blocking.
class Loop {
 public:
  Loop(bool epoll, std::size_t buffer) : buffer_{buffer} {
    if (epoll) epoll_ = CALL(epoll_create1)(0);
    for (const Port port : {port_sink, port_source, port_echo, port_once})
      add(listen_on(port, SOCK_NONBLOCK), {.port = port, .listens = true}, POLLIN);
  }

  void run() {
    for (;;) epoll_ >= 0 ? wait_by_epoll() : wait_by_poll();
  }

 private:
  struct Entry {
    Port port{};
    bool listens = false;
    bool waits_for_room = false;
    std::size_t owed = 0;  // octets of an echo that did not fit
  };

  void add(int fd, Entry entry, short events) {
    if (static_cast<std::size_t>(fd) >= entries_.size()) entries_.resize(static_cast<std::size_t>(fd) + 1);
    entries_[static_cast<std::size_t>(fd)] = entry;
    if (epoll_ >= 0) {
      epoll_event e{.events = static_cast<std::uint32_t>(events), .data = {.fd = fd}};
      if (CALL(epoll_ctl)(epoll_, EPOLL_CTL_ADD, fd, &e) != 0) fail("epoll_ctl");
    } else {
      set_.push_back({fd, events, 0});
    }
  }

  void remove(int fd) {
    if (epoll_ < 0) std::erase_if(set_, [fd](const pollfd& p) { return p.fd == fd; });
    CALL(close)(fd);
  }

  void change(int fd, short events) {
    epoll_event e{.events = static_cast<std::uint32_t>(events), .data = {.fd = fd}};
    if (epoll_ >= 0) CALL(epoll_ctl)(epoll_, EPOLL_CTL_MOD, fd, &e);
    for (pollfd& p : set_)
      if (p.fd == fd) p.events = events;
  }

  void wait_by_epoll() {
    epoll_event events[64];
    const int n = CALL(epoll_wait)(epoll_, events, 64, -1);
    for (int i = 0; i < n; ++i) ready(events[i].data.fd);
  }

  void wait_by_poll() {
    CALL(poll)(set_.data(), set_.size(), -1);
    ready_.clear();
    for (const pollfd& p : set_)
      if (p.revents != 0) ready_.push_back(p.fd);
    for (const int fd : ready_) ready(fd);
  }

  void ready(int fd) {
    const Entry& entry = entries_[static_cast<std::size_t>(fd)];
    if (entry.listens) return accept_all(fd, entry.port);
    const bool goes_on = entry.port == port_source ? send_more(fd) : receive_more(fd, entry.port);
    if (!goes_on) remove(fd);
  }

  void accept_all(int listener, Port port) {
    for (int fd = 0; (fd = accept_from(listener, SOCK_NONBLOCK)) >= 0;)
      add(fd, {.port = port}, port == port_source ? POLLOUT : POLLIN);
  }

  bool send_more(int fd) { return CALL(send)(fd, buffer_.data(), buffer_.size, MSG_NOSIGNAL) > 0 || errno == EAGAIN; }

  bool receive_more(int fd, Port port) {
    Entry& entry = entries_[static_cast<std::size_t>(fd)];
    if (entry.owed == 0) {
      const ssize_t n = CALL(recv)(fd, buffer_.data(), buffer_.size, 0);
      if (n <= 0) return n < 0 && errno == EAGAIN;
      if (port == port_sink) return true;
      entry.owed = static_cast<std::size_t>(n);
    }
    const ssize_t sent = CALL(send)(fd, buffer_.data(), entry.owed, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    entry.owed -= sent > 0 ? static_cast<std::size_t>(sent) : 0;
    if (entry.waits_for_room != (entry.owed != 0)) {
      entry.waits_for_room = entry.owed != 0;
      change(fd, entry.waits_for_room ? POLLOUT : POLLIN);
    }
    return port != port_once;
  }

  int epoll_ = -1;
  std::vector<Entry> entries_;  // by number
  std::vector<pollfd> set_;
  std::vector<int> ready_;
  Buffer buffer_;
};

void allow_many_files() {
  rlimit limit{};
  for (const rlim_t many : {200'000u, 60'000u})
    if (limit = {many, many}; setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int count, char** words) {
  const Options options{count, words};
  std::signal(SIGTERM, [](int) { _exit(0); });
  allow_many_files();
  start(options);
  const std::string wait = options.text("--wait", "blocking");
  const std::size_t buffer = options.count("--buffer", 262'144);
  const std::array<Service, 4> all = services(options);
  std::array<pollfd, 4> listeners{};
  std::unique_ptr<Loop> loop;
  if (wait == "blocking")
    serve_by_threads(options);
  else if (wait == "alone")
    for (std::size_t i = 0; i < all.size(); ++i) listeners[i] = {listen_on(all[i].port, 0), POLLIN, 0};
  else
    loop = std::make_unique<Loop>(wait == "epoll", buffer);
  std::puts("ready");
  std::fflush(stdout);
  if (wait == "alone") serve_alone(all, listeners, buffer);
  if (loop) loop->run();
  for (;;) pause();
}
