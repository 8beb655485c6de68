// services: echo (RFC 862), discard (RFC 863) and the character generator (RFC 864) over TCP, for any number of clients
// of both families. One thread, one poll(): no client can hold up another.
#include <poll.h>
#include <tunic.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "support/endpoint.h"
#include "support/listener.h"
#include "support/owned.h"
#include "support/page_buffer.h"
#include "support/program.h"
#include "support/stop.h"

namespace {

using namespace apps;

constexpr std::size_t block = 64 * 1024;

/// What a client may still expect of us.
enum class Next { wait, over };

/// One connection of one service. Calls return soon, whatever the client does.
class Client {
 public:
  explicit Client(Socket socket) : socket_{std::move(socket)} {}
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return socket_.fd(); }
  /// What poll() should wait for.
  virtual short events() const = 0;
  /// poll() says one of them came, or an error.
  virtual Next ready(short events) = 0;

 protected:
  /// Reads into `to`: the octets read, 0 at the end of the stream, -1 for nothing now; throws nothing, sets broken_.
  ssize_t read_some(char* to, std::size_t room) {
    const ssize_t n = tunic_read(fd(), to, room);
    if (n < 0 && errno != EAGAIN && errno != EINTR) broken_ = true;
    return n;
  }
  std::size_t write_some(const char* from, std::size_t size) {
    const ssize_t n = tunic_write(fd(), from, size);
    if (n < 0 && errno != EAGAIN && errno != EINTR) broken_ = true;
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  bool broken() const { return broken_; }

 private:
  Socket socket_;
  bool broken_ = false;  // reset by the peer, timed out
};

/// RFC 862: whatever comes is sent back. What the client does not take, we do not read: its own send queue stops it.
class Echo : public Client {
 public:
  using Client::Client;
  short events() const override { return begin_ < end_ ? POLLOUT : POLLIN; }
  Next ready(short) override {
    if (begin_ == end_) {
      begin_ = end_ = 0;
      const ssize_t n = read_some(buffer_.data(), buffer_.size());
      if (n == 0 || broken()) return Next::over;
      if (n > 0) end_ = static_cast<std::size_t>(n);
    }
    if (begin_ < end_) begin_ += write_some(buffer_.data() + begin_, end_ - begin_);
    return broken() ? Next::over : Next::wait;
  }

 private:
  PageBuffer buffer_{block};
  std::size_t begin_ = 0, end_ = 0;  // the octets that still go back
};

/// Reads what there is into nowhere; false at the end of the stream.
template <class Read>
bool swallow(Read read) {
  static PageBuffer nowhere{block};
  return read(nowhere.data(), nowhere.size()) != 0;
}

/// RFC 863: whatever comes is thrown away.
class Discard : public Client {
 public:
  using Client::Client;
  short events() const override { return POLLIN; }
  Next ready(short) override {
    const bool more = swallow([this](char* to, std::size_t room) { return read_some(to, room); });
    return more && !broken() ? Next::wait : Next::over;
  }
};

/// RFC 864's pattern: lines of 72 of the 95 printing characters, each line one further along the ring. It repeats after
/// 95 lines; the text here is long enough for one block from any place in it.
class Pattern {
 public:
  static constexpr std::size_t period = 95 * (72 + 2);
  Pattern() {
    for (std::size_t line = 0; text_.size() < period + block; ++line) {
      for (std::size_t i = 0; i < 72; ++i) text_.push_back(static_cast<char>(' ' + (line + i) % 95));
      text_ += "\r\n";
    }
  }
  const char* at(std::size_t place) const { return text_.data() + place; }

 private:
  std::string text_;
};

/// RFC 864: characters without end, and whatever comes is thrown away. A client that has only closed its own direction
/// still gets them; one that is gone answers with a reset.
class Chargen : public Client {
 public:
  using Client::Client;
  short events() const override { return static_cast<short>(POLLOUT | (ended_ ? 0 : POLLIN)); }
  Next ready(short events) override {
    static const Pattern pattern;
    if ((events & POLLIN) && !swallow([this](char* to, std::size_t room) { return read_some(to, room); }))
      ended_ = true;
    if (!broken()) place_ = (place_ + write_some(pattern.at(place_), block)) % Pattern::period;
    return broken() ? Next::over : Next::wait;
  }

 private:
  std::size_t place_ = 0;
  bool ended_ = false;
};

template <class C>
std::unique_ptr<Client> make_client(Socket socket) {
  return std::make_unique<C>(std::move(socket));
}

struct Service {
  const char* name;
  std::uint16_t port;  // 0: not asked for
  std::unique_ptr<Client> (*make)(Socket);
  Socket listener{};
};

using Services = std::array<Service, 3>;
using Clients = std::vector<std::unique_ptr<Client>>;

/// Takes what waits at the listener; false when descriptors or memory ran out.
bool accept_all(const Service& service, Clients& clients) {
  for (;;) {
    Accepted a = accept_from(service.listener);
    if (!a.socket) return !a.exhausted;
    clients.push_back(service.make(std::move(a.socket)));
  }
}

void serve(const Services& services, const Stop& stop) {
  Clients clients;
  bool exhausted = false;  // then the listeners are left alone for a second
  std::vector<pollfd> set;
  for (;;) {
    set.assign({{.fd = stop.fd(), .events = POLLIN, .revents = 0}});
    // poll() passes over descriptor -1, which is also that of a service not asked for.
    for (const Service& s : services)
      set.push_back({.fd = exhausted ? -1 : s.listener.fd(), .events = POLLIN, .revents = 0});
    for (const auto& c : clients) set.push_back({.fd = c->fd(), .events = c->events(), .revents = 0});
    if (tunic_poll(set.data(), set.size(), exhausted ? 1000 : -1) < 0 && errno != EINTR)
      fail("cannot wait for clients");
    if (set[0].revents != 0) return;

    exhausted = false;
    const std::size_t known = clients.size();
    for (std::size_t i = 0; i < services.size(); ++i)
      if (set[1 + i].revents != 0 && !accept_all(services[i], clients)) exhausted = true;
    const std::size_t first = 1 + services.size();
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
  Services all{
      {{"echo", 0, make_client<Echo>}, {"discard", 0, make_client<Discard>}, {"chargen", 0, make_client<Chargen>}}};
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
      line += fmt::format("{} {} on {}", line.empty() ? "services listening:" : ",", s.name,
                          to_string(local_end(s.listener.fd())));
    }
    say(line);
    serve(all, stop);
  });
}
