// socket_pair: the life of one connection, told as it happens. Both ends live in this program, on the stack's own
// loopback, so no device and no rights are needed, and every line shows what the stack itself says at that moment.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <tunic.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

#include "support/endpoint.h"
#include "support/listener.h"
#include "support/owned.h"
#include "support/program.h"

namespace {

using namespace apps;
using namespace std::chrono_literals;

/// The states of RFC 9293 §3.3.2, by the numbers that TCP_INFO gives.
std::string_view state_name(int state) {
  constexpr std::array names{"?",         "ESTABLISHED", "SYN-SENT",   "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2",
                             "TIME-WAIT", "CLOSED",      "CLOSE-WAIT", "LAST-ACK",     "LISTEN",     "CLOSING"};
  return names[static_cast<std::size_t>(state > 0 && state < static_cast<int>(names.size()) ? state : 0)];
}

int state_of(const Socket& s) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (tunic_getsockopt(s.fd(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) fail("cannot ask a socket for its state");
  return info.tcpi_state;
}

/// The segments of the last call may still be on their way: looks until the socket has left the states it should leave.
void wait_while(const Socket& s, int one, int other) {
  const auto end = std::chrono::steady_clock::now() + 2s;
  for (int state = state_of(s); state == one || state == other; state = state_of(s)) {
    if (std::chrono::steady_clock::now() > end) throw Failure{fmt::format("a socket stays in {}", state_name(state))};
    pollfd p{.fd = s.fd(), .events = 0, .revents = 0};
    tunic_poll(&p, 1, 1);
  }
}

void wait_readable(const Socket& s) {
  pollfd p{.fd = s.fd(), .events = POLLIN, .revents = 0};
  if (tunic_poll(&p, 1, 2000) != 1) throw Failure{"what was sent does not arrive"};
}

std::string port_of(const Endpoint& e) {
  const std::string text = to_string(e);
  return text.substr(text.rfind(':') + 1);
}

/// The story: numbered steps, what they mean, and the sockets as they are.
class Story {
 public:
  void step(std::string_view call, std::string_view meaning) {
    fmt::print("\n{:>2}. {}\n    {}\n\n", ++steps_, call, meaning);
  }
  void show(std::string_view who, const Socket& s) {
    const auto remote = remote_end(s.fd());
    fmt::print("      {:<10} fd {:<4} {:<24} {:<27} {}\n", who, s.fd(), to_string(local_end(s.fd())),
               remote ? "-> " + to_string(*remote) : "", state_name(state_of(s)));
  }
  void note(const std::string& line) { fmt::print("      {}\n", line); }

 private:
  int steps_ = 0;
};

/// Sends a line from one end and takes it in at the other.
void pass(Story& story, const Socket& from, const Socket& to, std::string_view from_name, std::string_view to_name,
          std::string_view text) {
  if (tunic_write(from.fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail("cannot send");
  std::string got(text.size(), '\0');
  for (std::size_t have = 0; have < got.size();) {
    const ssize_t n = tunic_read(to.fd(), got.data() + have, got.size() - have);
    if (n <= 0) fail("cannot receive");
    have += static_cast<std::size_t>(n);
  }
  story.note(fmt::format("{} wrote \"{}\", {} read \"{}\"", from_name, text, to_name, got));
}

Socket blank_socket(int family) {
  Socket s{tunic_socket(family, SOCK_STREAM, 0)};
  if (!s) fail_without_socket();
  return s;
}

/// What becomes of one more connection between these two endpoints.
std::string connect_answer(const Endpoint& from, const Endpoint& to) {
  const Socket s = blank_socket(from.family());
  if (tunic_bind(s.fd(), from.raw(), from.length) != 0) return reason(errno);
  return tunic_connect(s.fd(), to.raw(), to.length) == 0 ? "success" : reason(errno);
}

// ---- the chapters ----

Socket open_the_door(Story& story, const Endpoint& at) {
  Socket door = blank_socket(at.family());
  fmt::print(
      "A socket is an endpoint, ip:port, reached through a file descriptor. A connection is a pair of sockets.\n"
      "Here is one from its first moment to its last, on the stack's own loopback.\n");
  story.step("socket()", "makes a blank socket: a descriptor to reach it by, and no address yet.");
  story.show("server", door);

  story.step(fmt::format("bind({})", to_string(at)),
             "gives it an address and a port: now it is an endpoint, and no one else can be.");
  switch_option(door.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (tunic_bind(door.fd(), at.raw(), at.length) != 0) fail("cannot bind " + to_string(at));
  story.show("server", door);

  story.step("listen()", "lets connections come to it. It has no peer and never will: it is a door, not a line.");
  if (tunic_listen(door.fd(), 1) != 0) fail("cannot listen");
  story.show("server", door);
  say("socket_pair listening on " + to_string(local_end(door.fd())));
  return door;
}

Socket knock(Story& story, const Socket& door) {
  story.step("socket(), and at once connect()",
             "the client never called bind(). connect() does it for it: the stack picks an ephemeral port, one that\n"
             "    is free for as long as this lasts. SYN, SYN-ACK and ACK went by while connect() waited.");
  const Endpoint to = local_end(door.fd());
  Socket client = blank_socket(to.family());
  story.show("client", client);
  if (tunic_connect(client.fd(), to.raw(), to.length) != 0) fail("cannot connect to " + to_string(to));
  story.show("client", client);
  return client;
}

Socket let_in(Story& story, const Socket& door, const Socket& client) {
  story.step("accept()",
             "returns a new socket, with a descriptor of its own and the same local address and port as the door,\n"
             "    which stays open for the next one. What tells them apart is the peer.");
  Socket accepted{tunic_accept4(door.fd(), nullptr, nullptr, SOCK_CLOEXEC)};
  if (!accepted) fail("cannot accept");
  story.show("server", door);
  story.show("accepted", accepted);
  story.show("client", client);
  return accepted;
}

void show_the_pair(Story& story, const Socket& client, const Socket& accepted) {
  const std::string client_local = to_string(local_end(client.fd())),
                    client_remote = to_string(remote_end(client.fd()).value());
  const std::string server_local = to_string(local_end(accepted.fd())),
                    server_remote = to_string(remote_end(accepted.fd()).value());
  story.step("the socket pair",
             "is the connection: two endpoints, seen from either side. Each end sees the other's view reversed.");
  story.note(fmt::format("the client sees    {{{}, {}}}", client_local, client_remote));
  story.note(fmt::format("the server sees    {{{}, {}}}", server_local, server_remote));
  if (client_local != server_remote || client_remote != server_local)
    throw Failure{"the two ends do not see the same pair"};
}

void talk(Story& story, const Socket& client, const Socket& accepted) {
  story.step("write() and read()", "octets go both ways, each way in its own order.");
  pass(story, client, accepted, "client", "server", "Who am I?");
  pass(story, accepted, client, "server", "client", to_string(remote_end(accepted.fd()).value()));
}

void close_half(Story& story, const Socket& client, const Socket& accepted) {
  story.step("shutdown(client, SHUT_WR)",
             "the client has nothing more to say: its FIN closes one direction. The server reads the end of the\n"
             "    stream, and may go on talking for as long as it likes.");
  if (tunic_shutdown(client.fd(), SHUT_WR) != 0) fail("cannot shut down");
  wait_readable(accepted);
  wait_while(client, TCP_ESTABLISHED, TCP_FIN_WAIT1);
  story.show("client", client);
  story.show("accepted", accepted);
  char end = 0;
  if (tunic_read(accepted.fd(), &end, 1) != 0) throw Failure{"the stream goes on after its end"};
  story.note("server read 0 octets: the end of the stream");
  pass(story, accepted, client, "server", "client", "One more thing.");
}

void close_the_rest(Story& story, const Socket& client, Socket accepted) {
  story.step("close(accepted)",
             "the server's FIN closes the other direction. From CLOSE-WAIT it goes through LAST-ACK, and once the\n"
             "    client's ACK is in, the server has forgotten the connection. The client must not, not yet.");
  accepted = Socket{};
  wait_readable(client);
  wait_while(client, TCP_FIN_WAIT2, TCP_CLOSING);
  story.show("client", client);
}

void remember(Story& story, Socket client, const Socket& door) {
  story.step(
      "close(client), and TIME-WAIT",
      "who closes first keeps the pair for a minute: the last ACK may have to be sent again, and segments of\n"
      "    this connection that are late must not be taken for those of a new one. So the same pair again is refused:");
  const Endpoint was = local_end(client.fd()), to = local_end(door.fd());
  client = Socket{};
  story.note(fmt::format("bind({}), connect({}): {}", to_string(was), to_string(to), connect_answer(was, to)));

  story.step("a new connection", "from another ephemeral port is another pair. It need not wait.");
  const Socket next = blank_socket(to.family());
  if (tunic_connect(next.fd(), to.raw(), to.length) != 0) fail("cannot connect again");
  story.show("client 2", next);
  story.note(fmt::format("port {} before, port {} now", port_of(was), port_of(local_end(next.fd()))));
}

void tell(const Endpoint& at) {
  Story story;
  const Socket door = open_the_door(story, at);
  Socket client = knock(story, door);
  Socket accepted = let_in(story, door, client);
  show_the_pair(story, client, accepted);
  talk(story, client, accepted);
  close_half(story, client, accepted);
  close_the_rest(story, client, std::move(accepted));
  remember(story, std::move(client), door);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The life of a connection on Tunic's own TCP/IP stack, told as it happens.", "socket_pair"};
  std::string address = "127.0.0.1";
  std::uint16_t port = 5050;
  app.add_option("--address", address, "an address of the stack's loopback: 127.x.y.z or ::1")
      ->check(check_address)
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--port", port, "the port of the server's end; 0 takes a free one")
      ->check(CLI::Range(0, 65535))
      ->type_name("PORT")
      ->capture_default_str();

  return run_program(app, argc, argv, [&] {
    setenv("TUNIC_DEVICE", "lo", 0);  // loopback is all it needs
    tell(*endpoint(address, port));
  });
}
