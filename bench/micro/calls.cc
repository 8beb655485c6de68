// What a socket call costs that does nothing or next to nothing, and whether that grows with the sockets that are open:
// the calls of tunic.h, without a device, over our own loopback.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "libtunic/tunic.h"

namespace {

/// Two connected ends and `n` sockets more. Made once for each number: a benchmark is called several times.
class Sockets {
 public:
  /// None if so many descriptors are not allowed.
  static Sockets* of(std::size_t n) {
    static Sockets all;
    rlimit limit{n + 200, n + 200};
    if (rlimit now; getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur >= limit.rlim_cur) limit = now;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || all.near_ < 0) return nullptr;
    while (all.more_.size() < n) {
      all.more_.push_back(tunic_socket(AF_INET, SOCK_STREAM, 0));
      if (all.more_.back() < 0) return nullptr;
    }
    for (; all.more_.size() > n; all.more_.pop_back()) tunic_close(all.more_.back());
    return &all;
  }
  int near() const { return near_; }
  int far() const { return far_; }

 private:
  Sockets() {
    setenv("TUNIC_DEVICE", "lo", 1);
    sockaddr_in at{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    auto* address = reinterpret_cast<sockaddr*>(&at);
    const int listener = tunic_socket(AF_INET, SOCK_STREAM, 0);
    near_ = tunic_socket(AF_INET, SOCK_STREAM, 0);
    if (tunic_bind(listener, address, length) != 0 || tunic_listen(listener, 1) != 0 ||
        tunic_getsockname(listener, address, &length) != 0 || tunic_connect(near_, address, length) != 0 ||
        (far_ = tunic_accept(listener, nullptr, nullptr)) < 0)
      near_ = -1;
    const int on = 1;
    for (const int fd : {near_, far_}) tunic_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tunic_close(listener);
  }
  ~Sockets() {
    for (const int fd : more_) tunic_close(fd);
    tunic_close(near_);
    tunic_close(far_);
  }

  int near_ = -1, far_ = -1;
  std::vector<int> more_;
};

template <class Call>
void measure(benchmark::State& state, Call call) {
  Sockets* sockets = Sockets::of(static_cast<std::size_t>(state.range(0)));
  if (sockets == nullptr) return state.SkipWithError("as many descriptors are not allowed");
  for (auto _ : state)
    if (!call(*sockets)) return state.SkipWithError("a call failed");
}
void sizes(benchmark::internal::Benchmark* b) { b->ArgName("sockets")->RangeMultiplier(10)->Range(10, 10'000); }

void call_recv_nothing(benchmark::State& state) {
  measure(state, [](const Sockets& s) {
    char octet;
    return tunic_recv(s.near(), &octet, 1, MSG_DONTWAIT) < 0;
  });
}
BENCHMARK(call_recv_nothing)->Apply(sizes);

void call_poll_nothing(benchmark::State& state) {
  measure(state, [](const Sockets& s) {
    pollfd p{s.near(), POLLIN, 0};
    return tunic_poll(&p, 1, 0) == 0;
  });
}
BENCHMARK(call_poll_nothing)->Apply(sizes);

/// One octet through our loopback and one back, four calls: each segment acknowledges the one before.
void call_request_and_answer(benchmark::State& state) {
  measure(state, [](const Sockets& s) {
    char octet = 'x';
    return tunic_send(s.near(), &octet, 1, 0) == 1 && tunic_recv(s.far(), &octet, 1, 0) == 1 &&
           tunic_send(s.far(), &octet, 1, 0) == 1 && tunic_recv(s.near(), &octet, 1, 0) == 1;
  });
}
BENCHMARK(call_request_and_answer)->Apply(sizes);

void call_socket_and_close(benchmark::State& state) {
  measure(state, [](const Sockets&) { return tunic_close(tunic_socket(AF_INET, SOCK_STREAM, 0)) == 0; });
}
BENCHMARK(call_socket_and_close)->Apply(sizes);

}  // namespace
