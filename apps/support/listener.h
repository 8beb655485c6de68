// A listening socket that never blocks: the start of every server.
#pragma once

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <tunic.h>

#include "support/endpoint.h"
#include "support/owned.h"

namespace apps {

inline void switch_option(int fd, int level, int option, int value) {
  if (tunic_setsockopt(fd, level, option, &value, sizeof value) != 0) fail("cannot set an option of a socket");
}

/// Listens on `at`. The address `::` takes IPv6 and IPv4 clients alike.
inline Socket listen_at(const Endpoint& at) {
  Socket s{tunic_socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!s) fail_without_socket();
  // A server that is started again must not wait until the old connections have left TIME-WAIT.
  switch_option(s.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (at.family() == AF_INET6) switch_option(s.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (tunic_bind(s.fd(), at.raw(), at.length) != 0) fail(fmt::format("cannot bind {}", to_string(at)));
  if (tunic_listen(s.fd(), SOMAXCONN) != 0) fail(fmt::format("cannot listen on {}", to_string(at)));
  return s;
}

/// What accept() found.
struct Accepted {
  Socket socket;  // empty: nobody waits, or see `exhausted`
  Endpoint remote;
  bool exhausted = false;  // out of descriptors or memory: try again when a client has gone
};

inline Accepted accept_from(const Socket& listener) {
  Accepted a;
  do {
    a.remote.length = sizeof a.remote.storage;
    a.socket = Socket{tunic_accept4(listener.fd(), a.remote.raw(), &a.remote.length, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  } while (!a.socket && (errno == ECONNABORTED || errno == EINTR));  // that client gave up; the next one may not have
  if (!a.socket && errno != EAGAIN) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) fail("cannot accept a connection");
    a.exhausted = true;
  }
  return a;
}

}  // namespace apps
