// services: echo (RFC 862), discard (RFC 863) and the character generator (RFC 864) over TCP and UDP, for any number of
// clients of both families. One thread, one poll(): no client can hold up another.
#include <poll.h>
#include <tunic.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "services/datagram.h"
#include "services/stream.h"
#include "support/endpoint.h"
#include "support/listener.h"
#include "support/owned.h"
#include "support/program.h"
#include "support/stop.h"

namespace {

using namespace apps;
using namespace services;

/// One of the services, over TCP and UDP.
struct Service {
  const char* name;
  Kind kind;
  std::unique_ptr<Client> (*serve)(Socket);
  std::uint16_t port = 0;  // 0: not asked for
  Socket listener{};
  std::unique_ptr<Datagrams> datagrams{};
};

using Services = std::array<Service, 3>;
using Clients = std::vector<std::unique_ptr<Client>>;

/// Takes what waits at the listener; false when descriptors or memory ran out.
bool accept_all(const Service& service, Clients& clients) {
  for (;;) {
    Accepted a = accept_from(service.listener);
    if (!a.socket) return !a.exhausted;
    clients.push_back(service.serve(std::move(a.socket)));
  }
}

void serve(const Services& services, const Stop& stop) {
  Clients clients;
  bool exhausted = false;  // then the listeners are left alone for a second
  std::vector<std::uint16_t> ours;
  for (const Service& s : services) ours.push_back(s.port);
  std::vector<pollfd> set;
  for (;;) {
    set.assign({{.fd = stop.fd(), .events = POLLIN, .revents = 0}});
    // poll() passes over descriptor -1, which is also that of a service not asked for.
    for (const Service& s : services) {
      set.push_back({.fd = exhausted ? -1 : s.listener.fd(), .events = POLLIN, .revents = 0});
      const auto& d = s.datagrams;
      set.push_back({.fd = d ? d->fd() : -1, .events = d ? d->events() : short{}, .revents = 0});
    }
    const std::size_t first = set.size();
    for (const auto& c : clients) set.push_back({.fd = c->fd(), .events = c->events(), .revents = 0});
    if (tunic_poll(set.data(), set.size(), exhausted ? 1000 : -1) < 0 && errno != EINTR)
      fail("cannot wait for clients");
    if (set[0].revents != 0) return;

    exhausted = false;
    const std::size_t known = clients.size();
    for (std::size_t i = 0; i < services.size(); ++i) {
      if (set[1 + 2 * i].revents != 0 && !accept_all(services[i], clients)) exhausted = true;
      if (set[2 + 2 * i].revents != 0) services[i].datagrams->ready(ours);
    }
    for (std::size_t i = 0; i < known; ++i)
      if (const short got = set[first + i].revents; got != 0 && clients[i]->ready(got) == Next::over)
        clients[i].reset();
    std::erase(clients, nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The echo, discard and character generator services on Tunic's own TCP/IP stack.", "services"};
  std::string address = "::";
  Services all{{{"echo", Kind::echo, echo}, {"discard", Kind::discard, discard}, {"chargen", Kind::chargen, chargen}}};
  app.add_option("--address", address, "listen on this address only; without it on all, IPv4 and IPv6")
      ->check(check_address)
      ->type_name("ADDRESS");
  app.add_option("--echo", all[0].port, "port of the echo service")->check(CLI::Range(1, 65535))->type_name("PORT");
  app.add_option("--discard", all[1].port, "port of the discard service")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
  app.add_option("--chargen", all[2].port, "port of the character generator")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
  app.final_callback([&] {
    if (std::ranges::all_of(all, [](const Service& s) { return s.port == 0; }))
      throw CLI::RequiredError("at least one of --echo, --discard and --chargen");
  });

  return run_program(app, argc, argv, [&] {
    const Stop stop;
    std::string line;
    for (Service& s : all) {
      if (s.port == 0) continue;
      s.listener = listen_at(*endpoint(address, s.port));
      s.datagrams = std::make_unique<Datagrams>(s.kind, *endpoint(address, s.port));
      line += fmt::format("{} {} on {}", line.empty() ? "services listening:" : ",", s.name,
                          to_string(local_end(s.listener.fd())));
    }
    say(line);
    serve(all, stop);
  });
}
