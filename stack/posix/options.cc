// Options and what fcntl() and ioctl() know of a socket.
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "posix/blocking.h"
#include "posix/tcp_info.h"

namespace tunic {

namespace {

/// How a number given to setsockopt() becomes one of the Stack's.
enum class Kind : std::uint8_t {
  number,
  flag,     // anything but 0 means 1
  buffer,   // Linux shows twice what it is given
  hops,     // -1: the default
  traffic,  // -1: 0; the two ECN bits belong to TCP (RFC 3168 section 5)
};

struct Row {
  int level, name;
  Option option;
  Kind kind;
};

constexpr Row rows[] = {
    {SOL_SOCKET, SO_REUSEADDR, Option::reuse_address, Kind::flag},
    {SOL_SOCKET, SO_REUSEPORT, Option::reuse_port, Kind::flag},
    {SOL_SOCKET, SO_KEEPALIVE, Option::keep_alive, Kind::flag},
    {SOL_SOCKET, SO_OOBINLINE, Option::oob_inline, Kind::flag},
    {SOL_SOCKET, SO_RCVBUF, Option::receive_buffer, Kind::buffer},
    {SOL_SOCKET, SO_SNDBUF, Option::send_buffer, Kind::buffer},
    {IPPROTO_TCP, TCP_NODELAY, Option::no_delay, Kind::flag},
    {IPPROTO_TCP, TCP_CORK, Option::cork, Kind::flag},
    {IPPROTO_TCP, TCP_MAXSEG, Option::max_segment, Kind::number},
    {IPPROTO_TCP, TCP_KEEPIDLE, Option::keep_idle, Kind::number},
    {IPPROTO_TCP, TCP_KEEPINTVL, Option::keep_interval, Kind::number},
    {IPPROTO_TCP, TCP_KEEPCNT, Option::keep_count, Kind::number},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, Option::user_timeout, Kind::number},
    {IPPROTO_TCP, TCP_SYNCNT, Option::syn_count, Kind::number},
    {IPPROTO_TCP, TCP_LINGER2, Option::linger2, Kind::number},
    {IPPROTO_TCP, TCP_QUICKACK, Option::quick_ack, Kind::flag},
    {IPPROTO_IP, IP_TTL, Option::ttl, Kind::hops},
    {IPPROTO_IP, IP_TOS, Option::tos, Kind::traffic},
    {IPPROTO_IPV6, IPV6_V6ONLY, Option::v6_only, Kind::flag},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, Option::ttl, Kind::hops},
    {IPPROTO_IPV6, IPV6_TCLASS, Option::tos, Kind::traffic},
};

const Row* find(const Description& s, int level, int name) {
  if (level == IPPROTO_IPV6 && s.family == Family::v4) return nullptr;
  const auto row = std::ranges::find_if(rows, [&](const Row& r) { return r.level == level && r.name == name; });
  return row == std::end(rows) ? nullptr : row;
}

/// The beginning of `value`, where it is long enough for a T.
template <class T>
Result<T> read(Bytes value) {
  T t;
  if (value.size() < sizeof t) return fail(Error::invalid);
  std::memcpy(&t, value.data(), sizeof t);
  return t;
}

/// As much of `t` as there is room for; how much that is.
template <class T>
socklen_t write(const T& t, std::span<std::byte> value) {
  const std::size_t n = std::min(sizeof t, value.size());
  std::memcpy(value.data(), &t, n);
  return static_cast<socklen_t>(n);
}

/// IP options may also be a single octet.
Result<int> read_number(int level, Bytes value) {
  if (level == IPPROTO_IP && value.size() < sizeof(int) && !value.empty()) return byte_at(value, 0);
  return read<int>(value);
}

Result<std::int64_t> to_stack(const Row& row, int n, const TcpSettings& tcp) {
  switch (row.kind) {
    case Kind::flag:
      return n != 0;
    case Kind::hops:
      return n != -1 ? n : row.level == IPPROTO_IP ? tcp.ttl : tcp.hop_limit;
    case Kind::traffic:
      if (n < -1) return fail(Error::invalid);
      return n == -1 ? 0 : n & 0xfc;
    case Kind::number:
    case Kind::buffer:
      break;
  }
  return n;
}

Result<Duration> to_timeout(Bytes value) {
  const auto t = read<timeval>(value);
  if (!t) return fail(t.error());
  if (t->tv_usec < 0 || t->tv_usec >= 1'000'000) return fail_as(EDOM);
  if (t->tv_sec < 0) return Duration{};  // as Linux: do not wait
  if (t->tv_sec > Duration::max() / 1s - 1) return Description::forever;
  const Duration d = std::chrono::seconds{t->tv_sec} + std::chrono::microseconds{t->tv_usec};
  return d == Duration{} ? Description::forever : d;
}

timeval from_timeout(Duration d) {
  if (d == Description::forever) return {};
  return {.tv_sec = d / 1s, .tv_usec = (d % 1s) / 1us};
}

}  // namespace

int Sockets::getsockopt(Handle h, int level, int option, void* value, socklen_t* length) {
  return answer(once(h, [&]() -> Status {
    if (length == nullptr) return fail_as(EFAULT);
    if (static_cast<int>(*length) < 0) return fail(Error::invalid);
    if (value == nullptr && *length != 0) return fail_as(EFAULT);
    const auto n = get_option(*h.socket, level, option, {static_cast<std::byte*>(value), *length});
    if (!n) return fail(n.error());
    *length = *n;
    return {};
  }));
}

int Sockets::take_error(Description& s) {
  const int late = std::exchange(s.settings.late_error, 0);
  return late != 0 ? late : driver_.change().take_error(s.id);
}

Result<socklen_t> Sockets::get_option(Description& s, int level, int option, std::span<std::byte> value) {
  const Stack& stack = driver_.stack();
  if (level == SOL_SOCKET) switch (option) {
      case SO_ERROR:
        return write(take_error(s), value);
      case SO_TYPE:
        return write(int{SOCK_STREAM}, value);
      case SO_DOMAIN:
        return write(s.family == Family::v4 ? AF_INET : AF_INET6, value);
      case SO_PROTOCOL:
        return write(int{IPPROTO_TCP}, value);
      case SO_RCVLOWAT:
        return write(s.receive_low, value);
      case SO_RCVTIMEO:
        return write(from_timeout(s.receive_timeout), value);
      case SO_SNDTIMEO:
        return write(from_timeout(s.send_timeout), value);
      case SO_ACCEPTCONN: {
        const auto info = stack.info(s.id);
        return write(int{info && info->state == State::listen}, value);
      }
      case SO_LINGER: {
        const auto seconds = stack.get(s.id, Option::linger);
        if (!seconds) return fail(seconds.error());
        const struct linger l {
          .l_onoff = *seconds >= 0, .l_linger = static_cast<int>(std::max<std::int64_t>(*seconds, 0))
        };
        return write(l, value);
      }
      default:
        break;
    }
  if (level == IPPROTO_TCP && option == TCP_INFO) {
    const auto info = stack.info(s.id);
    return info ? Result<socklen_t>{write(to_linux(*info), value)} : fail(info.error());
  }
  if (level == IPPROTO_TCP && option == TCP_INQ) return write(int{s.settings.queue_length}, value);
  const Row* row = find(s, level, option);
  if (row == nullptr) return fail(Error::no_option);
  const auto n = stack.get(s.id, row->option);
  if (!n) return fail(n.error());
  return write(static_cast<int>(row->kind == Kind::buffer ? *n * 2 : *n), value);
}

int Sockets::setsockopt(Handle h, int level, int option, const void* value, socklen_t length) {
  return answer(once(h, [&]() -> Status {
    if (static_cast<int>(length) < 0) return fail(Error::invalid);
    if (value == nullptr && length != 0) return fail_as(EFAULT);
    return set_option(*h.socket, level, option, {static_cast<const std::byte*>(value), length});
  }));
}

Status Sockets::set_option(Description& s, int level, int option, Bytes value) {
  Stack& stack = driver_.change();
  if (level == SOL_SOCKET) {
    if (value.size() < sizeof(int)) return fail(Error::invalid);
    switch (option) {
      case SO_RCVLOWAT: {
        const int n = *read<int>(value);
        s.receive_low = n < 0 ? std::numeric_limits<int>::max() : std::max(n, 1);
        return stack.set(s.id, Option::receive_low, s.receive_low);
      }
      case SO_RCVTIMEO:
      case SO_SNDTIMEO: {
        const auto timeout = to_timeout(value);
        if (!timeout) return fail(timeout.error());
        (option == SO_RCVTIMEO ? s.receive_timeout : s.send_timeout) = *timeout;
        return {};
      }
      case SO_LINGER: {
        const auto l = read<struct linger>(value);
        return l ? stack.set(s.id, Option::linger, l->l_onoff != 0 ? l->l_linger : -1) : fail(l.error());
      }
      default:
        break;
    }
  }
  if (level == IPPROTO_TCP && option == TCP_INQ) {
    const auto on = read<int>(value);
    if (!on || *on < 0 || *on > 1) return fail(Error::invalid);
    s.settings.queue_length = *on != 0;
    return {};
  }
  const Row* row = find(s, level, option);
  if (row == nullptr) return fail(Error::no_option);
  const auto given = read_number(level, value);
  if (!given) return fail(given.error());
  const auto n = to_stack(*row, *given, stack.config().tcp);
  return n ? stack.set(s.id, row->option, *n) : fail(n.error());
}

int Sockets::fcntl(Handle h, int command, int argument) {
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return dup(h, argument, command == F_DUPFD_CLOEXEC);
  return answer(once(h, [&]() -> Result<int> {
    Description& s = *h.socket;
    switch (command) {
      case F_GETFL:
        return O_RDWR | (s.nonblocking ? O_NONBLOCK : 0);
      case F_SETFL:
        if ((argument & (O_ASYNC | O_DIRECT)) != 0) return fail(Error::invalid);  // SIGIO is not sent
        s.nonblocking = (argument & O_NONBLOCK) != 0;
        return 0;
      case F_GETFD:
      case F_SETFD:
        if (const int r = ::fcntl(h.fd, command, argument); r >= 0) return r;
        return fail_as(errno);
      default:
        return fail(Error::invalid);
    }
  }));
}

int Sockets::ioctl(Handle h, unsigned long request, int* argument) {
  return answer(once(h, [&]() -> Status {
    if (request != FIONBIO && request != FIONREAD && request != SIOCOUTQ && request != SIOCATMARK)
      return fail_as(ENOTTY);
    if (argument == nullptr) return fail_as(EFAULT);
    if (request == FIONBIO) {
      h.socket->nonblocking = *argument != 0;
      return {};
    }
    const auto n = count(h.socket->id, request);
    if (!n) return fail(n.error());
    *argument = *n;
    return {};
  }));
}

Result<int> Sockets::count(SocketId id, unsigned long request) {
  const Stack& stack = driver_.stack();
  if (request == SIOCATMARK) {
    const auto at = stack.at_mark(id);
    return at ? Result<int>{*at} : fail(at.error());
  }
  const auto info = stack.info(id);
  if (info && info->state == State::listen) return fail(Error::invalid);
  const auto n = request == FIONREAD ? stack.readable_bytes(id) : stack.unacknowledged_bytes(id);
  return n ? Result<int>{static_cast<int>(*n)} : fail(n.error());
}

}  // namespace tunic
