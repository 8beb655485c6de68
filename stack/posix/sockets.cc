// The life of a socket: blank, bound, listening or connected, closed.
#include "posix/sockets.h"

#include <netinet/in.h>

#include "posix/address.h"
#include "posix/blocking.h"

namespace tunic {

namespace {

constexpr int type_mask = 0xf;  // of the second argument of socket(); the rest are flags
constexpr int type_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

constexpr int max_protocol = 262;  // IPPROTO_MAX - 1

/// Whether `protocol` is what 0 means.
bool is_default(int protocol, int of_type) { return protocol == 0 || protocol == of_type; }

}  // namespace

Result<SocketKind> Sockets::check(int domain, int type, int protocol) {
  const int kind = type & type_mask;
  if ((type & ~(type_mask | type_flags)) != 0 || kind > SOCK_PACKET) return fail(Error::invalid);
  if (domain != AF_INET && domain != AF_INET6) return fail(Error::family);
  if (protocol < 0 || protocol > max_protocol) return fail(Error::invalid);
  const Family family = domain == AF_INET ? Family::v4 : Family::v6;
  if (kind == SOCK_STREAM && is_default(protocol, IPPROTO_TCP)) return SocketKind{family, Transport::tcp};
  if (kind == SOCK_DGRAM && is_default(protocol, IPPROTO_UDP)) return SocketKind{family, Transport::udp};
  if (kind == SOCK_DGRAM && protocol == (family == Family::v4 ? IPPROTO_ICMP : int{IPPROTO_ICMPV6}))
    return SocketKind{family, Transport::icmp};
  return fail_as(kind == SOCK_STREAM || kind == SOCK_DGRAM ? EPROTONOSUPPORT : ESOCKTNOSUPPORT);
}

/// Makes the reserved number `fd` this socket.
Description& Sockets::settle(int fd, SocketId id, SocketKind kind, int type) {
  Description& d = *new Description;  // its numbers own it
  d.id = id;
  d.family = kind.family;
  d.transport = kind.transport;
  d.nonblocking = (type & SOCK_NONBLOCK) != 0;
  drop(files_.put(fd, d), false);
  return d;
}

int Sockets::socket(SocketKind kind, int type) {
  const auto open = [&]() -> Result<int> {
    const std::lock_guard gate{driver_};
    const Result<int> fd = files_.reserve((type & SOCK_CLOEXEC) != 0);
    if (!fd) return fd;
    if (const auto id = driver_.change().open(kind.family, kind.transport)) {
      settle(*fd, *id, kind, type);
      return fd;
    } else {
      Files::unreserve(*fd);
      return fail(id.error());
    }
  };
  return answer(open());
}

int Sockets::bind(Handle h, const sockaddr* address, socklen_t length) {
  return answer(once(h, [&]() -> Status {
    const auto local = read_local(address, length, h.socket->family);
    return local ? driver_.change().bind(h.socket->id, *local) : fail(local.error());
  }));
}

int Sockets::listen(Handle h, int backlog) {
  return answer(once(h, [&] { return driver_.change().listen(h.socket->id, backlog); }));
}

int Sockets::accept(Handle h, sockaddr* address, socklen_t* length, int flags) {
  if ((flags & ~type_flags) != 0) return answer(Status{fail(Error::invalid)});
  if (address != nullptr && length == nullptr) return answer(Status{fail_as(EFAULT)});
  return answer(blocking(h, {ready::readable, &Description::receive_timeout},
                         [&] { return accept_one(*h.socket, address, length, flags); }));
}

/// Nothing is taken from the queue unless there is a number for it.
Result<int> Sockets::accept_one(const Description& listener, sockaddr* address, socklen_t* length, int flags) {
  if (listener.transport != Transport::tcp) return fail(Error::unsupported);
  const auto info = driver_.stack().info(listener.id);
  if (!info) return fail(info.error());
  if (info->state != State::listen) return fail(Error::invalid);
  if ((driver_.stack().ready(listener.id) & ready::readable) == 0) return fail(Error::again);
  const Result<int> fd = files_.reserve((flags & SOCK_CLOEXEC) != 0);
  if (!fd) return fd;
  Endpoint peer;  // a connection that the peer has reset since is accepted too; reading tells of that
  const auto id = driver_.change().accept(listener.id, &peer);
  const Status told = !id                  ? fail(id.error())
                      : address == nullptr ? Status{}
                                           : write_address(peer, listener.family, address, length);
  if (!told) {
    Files::unreserve(*fd);
    if (id) (void)driver_.change().close(*id);
    return fail(told.error());
  }
  Description& s = settle(*fd, *id, {listener.family, listener.transport}, flags);
  s.receive_timeout = listener.receive_timeout;
  s.send_timeout = listener.send_timeout;
  s.settings = listener.settings;
  s.settings.late_error = 0;
  return fd;
}

int Sockets::connect(Handle h, const sockaddr* address, socklen_t length) {
  Error unfinished = Error::in_progress;  // what "not yet" is called: `already` unless this call began it
  bool begun = false;
  const auto attempt = [&]() -> Status {
    const Description& d = *h.socket;
    const auto leaves = is_unspecified(address, length);
    if (!leaves) return fail(leaves.error());
    if (*leaves) return driver_.change().disconnect(d.id);
    const auto remote = read_peer(address, length, {d.family, d.transport});
    if (!remote) return fail(remote.error());
    const Status s = driver_.change().connect(d.id, *remote, now());
    if (s || (s.error() != Error::in_progress && s.error() != Error::already)) return s;
    if (!std::exchange(begun, true)) unfinished = s.error();
    return fail(Error::again);
  };
  const Status s = blocking(h, {ready::writable, &Description::send_timeout}, attempt);
  return answer(begun && !s && s.error() == Error::again ? Status{fail(unfinished)} : s);
}

int Sockets::shutdown(Handle h, int how) {
  return answer(once(h, [&]() -> Status {
    if (how < SHUT_RD || how > SHUT_RDWR) return fail(Error::invalid);
    return driver_.change().shutdown(h.socket->id, static_cast<Shutdown>(how));
  }));
}

int Sockets::getsockname(Handle h, sockaddr* address, socklen_t* length) {
  return answer(once(h, [&]() -> Status {
    if (address == nullptr || length == nullptr) return fail_as(EFAULT);
    const auto local = driver_.stack().local(h.socket->id);
    return local ? write_address(*local, h.socket->family, address, length) : fail(local.error());
  }));
}

int Sockets::getpeername(Handle h, sockaddr* address, socklen_t* length) {
  return answer(once(h, [&]() -> Status {
    if (address == nullptr || length == nullptr) return fail_as(EFAULT);
    const auto remote = driver_.stack().remote(h.socket->id);
    return remote ? write_address(*remote, h.socket->family, address, length) : fail(remote.error());
  }));
}

}  // namespace tunic
