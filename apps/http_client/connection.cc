#include "http_client/connection.h"

#include <poll.h>
#include <tunic.h>

#include <cerrno>

namespace http {
namespace {

constexpr int patience_ms = 60'000;

bool would_block() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Connection::Connection(const Url& url, apps::Families families, const apps::Stop& stop) : stop_{stop} {
  int error = 0;
  for (const apps::Endpoint& e : apps::look_up(url.host, url.port, families, SOCK_STREAM)) {
    remote_ = e;
    error = try_connect(remote_);
    if (error == 0) return;
  }
  throw apps::Failure{fmt::format("cannot connect to {}: {}", to_string(remote_), apps::reason(error))};
}

int Connection::try_connect(const apps::Endpoint& to) {
  socket_ = apps::Socket{tunic_socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket_) apps::fail_without_socket();
  if (tunic_connect(socket_.fd(), to.raw(), to.length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  wait(POLLOUT);
  int error = 0;
  socklen_t length = sizeof error;
  if (tunic_getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

void Connection::wait(short events) {
  pollfd set[] = {{.fd = stop_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = socket_.fd(), .events = events, .revents = 0}};
  int n = 0;
  do n = tunic_poll(set, 2, patience_ms);
  while (n < 0 && errno == EINTR);
  if (n < 0) apps::fail("cannot wait for the server");
  if (n == 0)
    throw apps::Failure{fmt::format("{} has not answered for {} seconds", to_string(remote_), patience_ms / 1000)};
  if (set[0].revents != 0) throw apps::Failure{"interrupted"};
}

void Connection::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = tunic_write(socket_.fd(), text.data(), text.size());
    if (n > 0)
      text.remove_prefix(static_cast<std::size_t>(n));
    else if (would_block())
      wait(POLLOUT);
    else
      apps::fail("cannot send the request to " + to_string(remote_));
  }
}

std::size_t Connection::receive(char* to, std::size_t room) {
  for (;;) {
    const ssize_t n = tunic_read(socket_.fd(), to, room);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (!would_block()) apps::fail("the connection to " + to_string(remote_) + " failed");
    wait(POLLIN);
  }
}

}  // namespace http
