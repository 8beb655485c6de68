// nc: standard input to a peer, and what the peer says to standard output, over TCP or UDP. Named after Hobbit's netcat
// (1996), whose options of these names mean the same.
#include <poll.h>
#include <sys/socket.h>
#include <tunic.h>
#include <unistd.h>

#include <iterator>
#include <string>
#include <utility>

#include "support/listener.h"
#include "support/owned.h"
#include "support/page_buffer.h"
#include "support/program.h"
#include "support/resolve.h"
#include "support/stop.h"

namespace {

using namespace apps;

struct Wishes {
  std::string host, port;
  bool listens = false, datagrams = false;
  Families families = Families::any;
  int patience = 0;  // seconds of silence after which it ends; 0: no end
  int type() const { return datagrams ? SOCK_DGRAM : SOCK_STREAM; }
};

constexpr std::size_t buffer = 256 * 1024;
constexpr std::size_t most_of_a_datagram = 65'507;
constexpr int connect_patience_ms = 60'000;

/// Waits for one of `events` on `fd`; false when time is up.
bool wait_for(int fd, short events, int milliseconds, const Stop& stop) {
  pollfd set[] = {{.fd = stop.fd(), .events = POLLIN, .revents = 0}, {.fd = fd, .events = events, .revents = 0}};
  int n = 0;
  do n = tunic_poll(set, 2, milliseconds);
  while (n < 0 && errno == EINTR);
  if (n < 0) fail("cannot wait for the peer");
  if (set[0].revents != 0) throw Failure{"interrupted"};
  return n != 0;
}

Socket make_socket(const Endpoint& e, int type) {
  Socket s{tunic_socket(e.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!s) fail_without_socket();
  return s;
}

/// 0, or errno.
int try_connect(const Socket& s, const Endpoint& to, const Stop& stop) {
  if (tunic_connect(s.fd(), to.raw(), to.length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_for(s.fd(), POLLOUT, connect_patience_ms, stop)) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof error;
  return tunic_getsockopt(s.fd(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/// To the first address of the host that answers.
Socket connect_to(const Wishes& w, const Stop& stop) {
  int error = 0;
  Endpoint last;
  for (const Endpoint& e : look_up(w.host, w.port, w.families, w.type())) {
    Socket s = make_socket(e, w.type());
    error = try_connect(s, last = e, stop);
    if (error == 0) return s;
  }
  throw Failure{fmt::format("cannot connect to {}: {}", to_string(last), reason(error))};
}

/// The first client; nobody else is taken.
Socket accept_one(const Endpoint& at, const Stop& stop) {
  const Socket listener = listen_at(at);
  fmt::print(stderr, "nc listening on {}\n", to_string(local_end(listener.fd())));
  for (;;) {
    wait_for(listener.fd(), POLLIN, -1, stop);
    Accepted a = accept_from(listener);
    if (a.socket) return std::move(a.socket);
    if (a.exhausted) throw Failure{"cannot accept a connection: no descriptor or memory is left"};
  }
}

/// A socket whose peer is whoever sends the first datagram, which is left to be read.
Socket first_sender(const Endpoint& at, const Stop& stop) {
  Socket s = make_socket(at, SOCK_DGRAM);
  if (at.family() == AF_INET6) switch_option(s.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (tunic_bind(s.fd(), at.raw(), at.length) != 0) fail(fmt::format("cannot bind {}", to_string(at)));
  fmt::print(stderr, "nc listening on {}\n", to_string(local_end(s.fd())));
  for (;;) {
    wait_for(s.fd(), POLLIN, -1, stop);
    Endpoint peer;
    if (tunic_recvfrom(s.fd(), nullptr, 0, MSG_PEEK, peer.raw(), &peer.length) < 0) continue;
    if (tunic_connect(s.fd(), peer.raw(), peer.length) != 0) fail(fmt::format("cannot answer {}", to_string(peer)));
    return s;
  }
}

Socket listen_for(const Wishes& w, const Stop& stop) {
  const Endpoint at = look_up(w.host, w.port, w.families, w.type()).front();
  return w.datagrams ? first_sender(at, stop) : accept_one(at, stop);
}

/// One of the two directions: what was read from one side and not yet written to the other.
class Lane {
 public:
  explicit Lane(std::size_t most) : most_{most} {}

  /// Something waits to be written.
  bool is_full() const { return begin_ < end_; }
  /// More may be read.
  bool wants() const { return !is_full() && !over_; }
  /// All was read and written.
  bool is_over() const { return over_ && !is_full(); }
  /// `read` gives what read() does. A datagram of no octets is not the end of anything.
  template <class Read>
  void fill(Read read, bool datagrams, const char* what) {
    const ssize_t n = read(buffer_.data(), most_);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) fail(what);
    begin_ = 0;
    end_ = static_cast<std::size_t>(n);
    over_ = n == 0 && !datagrams;
  }
  template <class Write>
  void drain(Write write, const char* what) {
    const ssize_t n = write(buffer_.data() + begin_, end_ - begin_);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) fail(what);
    begin_ += static_cast<std::size_t>(n);
  }

 private:
  PageBuffer buffer_{buffer};
  std::size_t most_, begin_ = 0, end_ = 0;
  bool over_ = false;
};

bool has_input() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) > 0;
}

/// Both directions until both have ended: ours with standard input, which closes our half of the connection; the peer's
/// with its own close, after which a listener says only what stands ready. Datagrams have no end: -w or Ctrl-C is
/// theirs.
void relay(const Socket& peer, const Wishes& w, const Stop& stop) {
  Lane out{w.datagrams ? most_of_a_datagram : buffer}, in{buffer};
  bool told = false;  // the peer, that no more will come
  while (!in.is_over() || !(out.is_over() || (w.listens && !out.is_full() && !has_input()))) {
    const short events = static_cast<short>((out.is_full() ? POLLOUT : 0) | (in.wants() ? POLLIN : 0));
    pollfd set[] = {{.fd = stop.fd(), .events = POLLIN, .revents = 0},
                    {.fd = out.wants() ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
                    {.fd = events != 0 ? peer.fd() : -1, .events = events, .revents = 0},
                    {.fd = in.is_full() ? STDOUT_FILENO : -1, .events = POLLOUT, .revents = 0}};
    const int n = tunic_poll(set, std::size(set), w.patience == 0 ? -1 : w.patience * 1000);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot wait for the peer");
    if (n == 0) return;
    if (set[0].revents != 0 && w.datagrams) return;
    if (set[0].revents != 0) throw Failure{"interrupted"};
    if (set[1].revents != 0)
      out.fill([](char* to, std::size_t room) { return ::read(STDIN_FILENO, to, room); }, false,
               "cannot read standard input");
    if ((set[2].revents & ~POLLOUT) != 0 && in.wants())
      in.fill([&](char* to, std::size_t room) { return tunic_read(peer.fd(), to, room); }, w.datagrams,
              "the peer cannot be heard");
    if (set[2].revents != 0 && out.is_full())
      out.drain([&](const char* from, std::size_t size) { return tunic_write(peer.fd(), from, size); },
                "the peer cannot be told");
    if (set[3].revents != 0)
      in.drain([](const char* from, std::size_t size) { return ::write(STDOUT_FILENO, from, size); },
               "cannot write standard output");
    if (out.is_over() && !w.datagrams && !std::exchange(told, true)) tunic_shutdown(peer.fd(), SHUT_WR);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Standard input to a peer and the peer to standard output, on Tunic's own TCP/IP stack.", "nc"};
  Wishes w;
  bool only_v4 = false, only_v6 = false;
  app.add_flag("-l", w.listens, "wait for a peer at HOST PORT, which is one of our own addresses, or :: or 0.0.0.0");
  app.add_flag("-u", w.datagrams, "UDP: each read of standard input is a datagram");
  CLI::Option* v4 = app.add_flag("-4", only_v4, "use IPv4 alone");
  app.add_flag("-6", only_v6, "use IPv6 alone")->excludes(v4);
  app.add_option("-w", w.patience, "end after so many seconds in which neither side said anything")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS");
  app.add_option("HOST", w.host, "a name or an address")->required()->type_name("");
  app.add_option("PORT", w.port, "1 to 65535")->required()->check(check_port)->type_name("");
  app.footer(
      "The end of standard input closes our half of a TCP connection; nc ends when the peer has closed its own.\n"
      "UDP has no end: -w or Ctrl-C is one. Names are looked up by the system's resolver, over the kernel's network.");

  return run_program(app, argc, argv, [&] {
    w.families = families_of(only_v4, only_v6);
    const Stop stop;
    relay(w.listens ? listen_for(w, stop) : connect_to(w, stop), w, stop);
  });
}
