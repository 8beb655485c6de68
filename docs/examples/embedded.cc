// Two hosts in one process. Each is a Stack of its own, a link in memory joins them, and one loop drives both: no
// thread, no device, no rights. One host serves HTTP/1.1; the other fetches a page and 64 MiB, over IPv4 and IPv6.
//
//   g++ -std=c++23 -O2 docs/examples/embedded.cc -Ibuild/release/include/tunic build/release/lib/libtunic.a -o embedded
//
// To put a Stack into a program of your own, keep three things: a Link, where its packets come from and go to; turn(),
// which is the whole loop; and look(), your answer when a socket may be ready.
#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "buf/memory_link.h"
#include "core/stack.h"
#include "wire/text.h"

namespace {

using namespace tunic;

constexpr Port http{80};
constexpr std::size_t most_of_a_request = 8192;
using Files = std::map<std::string, std::string, std::less<>>;

// ---- what a Stack must be given: time, addresses, a secret ----

/// A Stack has no clock: this is the one that we hand in.
Instant now() { return Instant{std::chrono::steady_clock::now().time_since_epoch()}; }

IpAddr address(const char* text) {
  std::array<std::byte, 16> octets{};
  if (inet_pton(AF_INET, text, octets.data()) == 1) return IpAddr::v4(octets.data());
  if (inet_pton(AF_INET6, text, octets.data()) == 1) return IpAddr::v6(octets.data());
  throw std::invalid_argument{text};
}

Config host(const char* v4, const char* v6) {
  Config config;
  config.addresses = {{address(v4), 24}, {address(v6), 64}};
  config.link = MemoryLink::traits;
  if (getentropy(config.key.data(), config.key.size()) != 0)
    throw std::runtime_error{"the kernel gives no random numbers"};
  return config;
}

// ---- the loop ----

/// One turn of one host: packets and timers in, what its program has to say, packets out. Returns when the next is due.
template <class Program>
Instant turn(Stack& stack, Link& link, Program& program) {
  stack.poll(now(), link);
  while (const auto socket = stack.take_edge()) program.look(*socket);
  return stack.flush(now(), link);
}

// ---- the two programs. Calls never block: what they cannot do now they say with Error::again ----

/// Gives `text` to the socket as far as it has room, and cuts off what it took. True when nothing is left.
bool push(Stack& stack, SocketId socket, std::string_view& text, SendFlags flags = {}) {
  while (!text.empty()) {
    const auto taken = stack.send(socket, std::as_bytes(std::span{text}), flags);
    if (!taken) return false;
    text.remove_prefix(*taken);
  }
  return true;
}

class Server {
 public:
  /// One IPv6 socket without an address of its own serves both families.
  Server(Stack& stack, Files files)
      : stack_{stack}, files_{std::move(files)}, listener_{stack.open(Family::v6).value()} {
    stack_.bind(listener_, {IpAddr::any(Family::v6), http}).value();
    stack_.listen(listener_, 16).value();
  }

  void look(SocketId socket) {
    if (socket != listener_) return serve(socket);
    while (const auto guest = stack_.accept(listener_)) {
      newest_pair_ = {stack_.local(*guest).value(), stack_.remote(*guest).value()};
      guests_[guest->index] = {};
      serve(*guest);
    }
  }

  const Files& files() const { return files_; }
  std::size_t guests() const { return guests_.size(); }
  FourTuple newest_pair() const { return newest_pair_; }

 private:
  struct Guest {
    std::string request;                    // as far as it came
    std::string head;                       // of the answer
    std::string_view head_left, body_left;  // of the answer, what was not sent yet
  };

  /// Answers one request after the other, until the guest has to send or to read something.
  void serve(SocketId socket) {
    Guest& guest = guests_.at(socket.index);
    while (push(stack_, socket, guest.head_left, {.more = true}) && push(stack_, socket, guest.body_left)) {
      if (const std::size_t end = guest.request.find("\r\n\r\n"); end != std::string::npos) {
        answer(guest);
        guest.request.erase(0, end + 4);
        continue;
      }
      std::array<char, 2048> some;
      const auto got = stack_.receive(socket, std::as_writable_bytes(std::span{some}));
      if (!got && got.error() == Error::again) return;
      if (!got || *got == 0 || guest.request.size() > most_of_a_request) return leave(socket);
      guest.request.append(some.data(), *got);
    }
    if ((stack_.ready(socket) & (ready::error | ready::hangup)) != 0) leave(socket);
  }

  void answer(Guest& guest) {
    const std::string_view line = std::string_view{guest.request}.substr(0, guest.request.find("\r\n"));
    const std::string_view path = line.starts_with("GET ") ? line.substr(4, line.find(' ', 4) - 4) : "";
    const auto file = files_.find(path);
    const bool found = file != files_.end();
    guest.body_left = found ? std::string_view{file->second} : "";
    guest.head = std::string{found ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found"} +
                 "\r\nContent-Length: " + std::to_string(guest.body_left.size()) + "\r\n\r\n";
    guest.head_left = guest.head;
  }

  void leave(SocketId socket) {
    guests_.erase(socket.index);
    static_cast<void>(stack_.close(socket));
  }

  Stack& stack_;
  Files files_;
  SocketId listener_;
  std::map<std::uint32_t, Guest> guests_;  // by index of their socket
  FourTuple newest_pair_{};
};

class Client {
 public:
  /// The socket is blank; connect() binds it to a port that the stack picks, and sends the SYN.
  Client(Stack& stack, const Endpoint& server) : stack_{stack}, socket_{stack.open(server.addr.family()).value()} {
    if (const auto begun = stack_.connect(socket_, server, now()); begun || begun.error() != Error::in_progress)
      throw std::runtime_error{"cannot connect to " + text(server)};
  }
  ~Client() { static_cast<void>(stack_.close(socket_)); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void ask(const std::string& path) {
    request_ = "GET " + path + " HTTP/1.1\r\nHost: embedded\r\n\r\n";
    request_left_ = request_;
    answer_.clear();
    body_ = length_ = 0;
    look(socket_);
  }

  void look(SocketId) {
    if (const int error = stack_.take_error(socket_); error != 0)
      throw std::system_error{error, std::generic_category()};
    if (!push(stack_, socket_, request_left_)) return;
    while (!done()) {
      const auto got = stack_.receive(socket_, std::as_writable_bytes(std::span{some_}));
      if (!got && got.error() == Error::again) return;
      if (!got || *got == 0) throw std::runtime_error{"the server hung up"};
      answer_.append(some_.data(), *got);
      if (body_ == 0) read_head();
    }
  }

  bool done() const { return body_ != 0 && answer_.size() >= body_ + length_; }
  std::string_view body() const { return std::string_view{answer_}.substr(body_); }
  FourTuple pair() const { return {stack_.local(socket_).value(), stack_.remote(socket_).value()}; }

 private:
  void read_head() {
    constexpr std::string_view field = "\r\nContent-Length: ";
    const std::size_t end = answer_.find("\r\n\r\n"), at = answer_.find(field);
    if (end == std::string::npos || at > end) return;
    length_ = std::stoul(answer_.substr(at + field.size()));
    body_ = end + 4;
    answer_.reserve(body_ + length_);
  }

  Stack& stack_;
  SocketId socket_;
  std::string request_, answer_;
  std::string_view request_left_;
  std::size_t body_ = 0, length_ = 0;  // where it begins, once the head is there; its octets
  std::array<char, 256 * 1024> some_{};
};

// ---- the story ----

std::string random_text(std::size_t size) {
  std::mt19937_64 random{size};
  std::string text(size, '\0');
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(text.data() + i, &word, sizeof word);
  }
  return text;
}

/// FNV-1a, 64 bits.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

/// Two Stacks, the cable between them, and the server; fetches come and go.
struct World {
  Stack left{host("198.18.0.1", "fd00:7::1")}, right{host("198.18.0.2", "fd00:7::2")};
  MemoryLink cable{left.pool(), right.pool()};
  Server server{right,
                {{"/", "<!doctype html>\n<title>Tunic</title>\n<p>Two hosts in one process.</p>\n"},
                 {"/random.bin", random_text(64u << 20)}}};

  /// Gives both hosts their turns until `done`; waits when neither has anything to do.
  template <class Program, class Done>
  void run(Program& client, Done done) {
    while (!done()) {
      const Instant left_due = turn(left, cable.left(), client), right_due = turn(right, cable.right(), server);
      if (cable.waiting() || done()) continue;
      if (std::min(left_due, right_due) == never) throw std::runtime_error{"both hosts wait, and for nothing"};
      std::this_thread::sleep_until(
          std::chrono::steady_clock::time_point{std::min(left_due, right_due).time_since_epoch()});
    }
  }

  void fetch(Client& client, const std::string& path) {
    const Instant begin = now();
    client.ask(path);
    run(client, [&] { return client.done(); });
    const double seconds = std::chrono::duration<double>(now() - begin).count();
    const std::uint64_t sum = checksum(client.body());
    if (client.body().empty() || sum != checksum(server.files().at(path)))
      throw std::runtime_error{path + " arrived with other contents"};
    std::printf("  %-12s %9zu octets, checksum %016lx at both ends", path.c_str(), client.body().size(), sum);
    if (client.body().size() >= 1u << 20)
      std::printf(", %.3f s: %.2f Gbit/s", seconds, static_cast<double>(client.body().size()) * 8 / seconds / 1e9);
    std::printf("\n");
  }

  void visit(const char* family, const char* address_of_server) {
    const Endpoint at{address(address_of_server), http};
    std::printf("\n%s   http://%s/\n", family, text(at).c_str());
    std::optional<Client> client{std::in_place, left, at};
    for (const auto& [path, contents] : server.files()) fetch(*client, path);
    const FourTuple near = client->pair(), far = server.newest_pair();
    if (near != far.reversed()) throw std::runtime_error{"the two ends see different pairs"};
    std::printf("  the socket pair as the client sees it  %s -> %s\n", text(near.local).c_str(),
                text(near.remote).c_str());
    std::printf("  the socket pair as the server sees it  %s -> %s\n", text(far.local).c_str(),
                text(far.remote).c_str());
    client.reset();  // a FIN goes out, and the server answers with its own
    struct Nobody {
      void look(SocketId) {}
    } nobody;
    run(nobody, [&] { return server.guests() == 0 && right.connections() == 0; });
  }
};

}  // namespace

int main() try {
  const Instant begin = now();
  World world;
  std::printf("Two of our stacks in one process, in one loop, without a thread:\n");
  std::printf("  client, 198.18.0.1 and fd00:7::1  <-- memory -->  198.18.0.2 and fd00:7::2, HTTP/1.1 server\n");
  world.visit("IPv4", "198.18.0.2");
  world.visit("IPv6", "fd00:7::2");
  const Counters &us = world.left.counters(), &them = world.right.counters();
  std::printf(
      "\nWhat it did: 2 connections, 4 files, every checksum the same, each socket pair the reverse of the other "
      "end's.\n");
  std::printf(
      "%lu packets went from server to client and %lu back; %lu segments were as predicted, %lu were sent twice.\n",
      them.sent, us.sent, us.predicted + them.predicted, us.tcp_retransmits + them.tcp_retransmits);
  std::printf("The client remembers %zu connections in TIME-WAIT, as the end that closes first does. It took %.1f s.\n",
              world.left.connections(), std::chrono::duration<double>(now() - begin).count());
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "embedded: %s\n", e.what());
  return 1;
}
