// http_server: the files of a directory, over HTTP/1.1, to as many clients as come. One thread, one poll().
#include <poll.h>
#include <sys/resource.h>
#include <tunic.h>

#include <algorithm>
#include <list>
#include <string>
#include <vector>

#include "http_server/client.h"
#include "http_server/site.h"
#include "support/endpoint.h"
#include "support/listener.h"
#include "support/program.h"
#include "support/stop.h"

namespace {

using namespace apps;
using namespace std::chrono_literals;
using http::Client;
using http::Clock;

/// Each client takes a descriptor, and another while a file is sent. Who comes when there is no room waits in the
/// accept queue.
std::size_t room_for_clients() {
  constexpr rlim_t others = 24;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("cannot ask how many descriptors there may be");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("cannot ask for more descriptors");
  return limit.rlim_cur > others + 2 ? (limit.rlim_cur - others) / 2 : 1;
}

class Server {
 public:
  Server(Socket listener, const http::Site& site, const http::Log& log)
      : listener_{std::move(listener)}, site_{site}, log_{log} {}

  void run(const Stop& stop) {
    for (;;) {
      describe(stop);
      if (tunic_poll(set_.data(), set_.size(), timeout()) < 0 && errno != EINTR) fail("cannot wait for clients");
      if (set_[0].revents != 0) return;
      serve_clients();
      if (set_[1].revents != 0 || exhausted_) accept_clients();
    }
  }

 private:
  void describe(const Stop& stop) {
    set_.assign({{.fd = stop.fd(), .events = POLLIN, .revents = 0},
                 {.fd = may_accept() ? listener_.fd() : -1, .events = POLLIN, .revents = 0}});
    for (const Client& s : clients_) set_.push_back({.fd = s.fd(), .events = s.events(), .revents = 0});
  }

  int timeout() const {
    if (clients_.empty()) return exhausted_ ? 1000 : -1;
    const auto first = std::ranges::min_element(clients_, {}, &Client::deadline)->deadline();
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, exhausted_ ? 1000 : 60'000));
  }

  void serve_clients() {
    const auto now = Clock::now();
    std::size_t i = 2;
    std::erase_if(clients_, [&](Client& s) {
      const bool due = set_[i++].revents != 0 || now >= s.deadline();
      return due && !s.advance(now);
    });
  }

  bool may_accept() const { return !exhausted_ && clients_.size() < room_; }

  void accept_clients() {
    while (clients_.size() < room_) {
      Accepted a = accept_from(listener_);
      exhausted_ = a.exhausted;
      if (!a.socket) return;
      // Replies are written in large blocks, so a last part segment should not wait for the ACK of what went before. A
      // client that is gone already shows in its own time.
      const int on = 1;
      static_cast<void>(tunic_setsockopt(a.socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
      log_.accepted(a.socket, a.remote);
      clients_.emplace_back(std::move(a.socket), a.remote, site_, log_, Clock::now());
    }
  }

  Socket listener_;
  const http::Site& site_;
  const http::Log& log_;
  std::list<Client> clients_;
  std::vector<pollfd> set_;  // stop, listener, then the clients in their order
  const std::size_t room_ = room_for_clients();
  bool exhausted_ = false;  // descriptors ran out: the next who comes waits until someone leaves, or a second
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Serves the files of a directory over HTTP/1.1 on Tunic's own TCP/IP stack.", "http_server"};
  std::string address = "::", directory;
  std::uint16_t port = 8080;
  bool log_wanted = false;
  app.add_option("--address", address, "listen on this address only; without it on all, IPv4 and IPv6")
      ->check(check_address)
      ->type_name("ADDRESS");
  app.add_option("--port", port, "listen on this port")
      ->check(CLI::Range(0, 65535))
      ->type_name("PORT")
      ->capture_default_str();
  app.add_flag("--log", log_wanted, "print a line for each connection and each request");
  app.add_option("DIR", directory, "the directory to serve")->required()->check(CLI::ExistingDirectory)->type_name("");

  return run_program(app, argc, argv, [&] {
    const Stop stop;
    const http::Site site{directory};
    const http::Log log{log_wanted};
    Socket listener = listen_at(*endpoint(address, port));
    say("http_server listening on " + to_string(local_end(listener.fd())));
    Server{std::move(listener), site, log}.run(stop);
  });
}
