// Options and what fcntl() and ioctl() know of a socket. Lengths, NULLs and their errors are Linux's, which differ from
// level to level.
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "posix/blocking.h"
#include "posix/option_rows.h"
#include "posix/tcp_info.h"

namespace tunic {

namespace {

/// The beginning of `value`, where it is long enough for a T.
template <class T>
Result<T> read(Bytes value) {
  T t;
  if (value.size() < sizeof t) return fail(Error::invalid);
  if (value.data() == nullptr) return fail_as(EFAULT);
  std::memcpy(&t, value.data(), sizeof t);
  return t;
}

/// As much of `t` as there is room for; how much that is. IP gives a number that fits into an octet as one where there
/// is no room for an int.
template <class T>
Result<socklen_t> write(const T& t, std::span<std::byte> value, int level = SOL_SOCKET) {
  std::size_t n = std::min(sizeof t, value.size());
  if constexpr (std::is_same_v<T, int>)
    if (level == IPPROTO_IP && n > 0 && n < sizeof t && t >= 0 && t <= 255) n = 1;
  if (n != 0 && value.data() == nullptr) return fail_as(EFAULT);
  if (n != 0) std::memcpy(value.data(), &t, n);
  return static_cast<socklen_t>(n);
}

/// A number: of IP it may be shorter than an int, and is an octet then, or 0; of IPv6 NULL is 0. Of each, one option
/// goes its own way.
Result<int> read_number(int level, int option, Bytes value) {
  if (level == IPPROTO_IPV6 && option == IPV6_DONTFRAG && value.size() < sizeof(int)) return 0;
  if (level == IPPROTO_IPV6 && value.size() >= sizeof(int) && value.data() == nullptr) return 0;
  if (level != IPPROTO_IP || value.size() >= sizeof(int)) return read<int>(value);
  if (value.empty()) return option == IP_FREEBIND ? Result<int>{fail(Error::invalid)} : 0;
  return value.data() == nullptr ? Result<int>{fail_as(EFAULT)} : byte_at(value, 0);
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

SocketKind kind_of(const Stack& stack, const Description& s) { return {s.family, stack.transport(s.id)}; }

int type_of(Transport t) { return t == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM; }

int protocol_of(SocketKind s) {
  if (s.transport == Transport::tcp) return IPPROTO_TCP;
  if (s.transport == Transport::udp) return IPPROTO_UDP;
  return s.family == Family::v4 ? IPPROTO_ICMP : int{IPPROTO_ICMPV6};
}

/// What sockets of one host's own families have.
bool is_of_local_sockets(int option) { return option == SO_PASSCRED || option == SO_PASSSEC; }

}  // namespace

int Sockets::take_error(Description& s) {
  const int late = std::exchange(s.settings.late_error, 0);
  return late != 0 ? late : driver_.change().take_error(s.id);
}

int Sockets::getsockopt(Handle h, int level, int option, void* value, socklen_t* length) {
  return answer(once(h, [&]() -> Status {
    if (!has_level(kind_of(driver_.stack(), *h.socket), level))
      return fail(h.socket->family == Family::v4 ? Error::unsupported : Error::no_option);  // so Linux
    if (length == nullptr) return fail_as(EFAULT);
    std::size_t room = *length;
    if (static_cast<int>(*length) < 0) {
      if (level != IPPROTO_IPV6) return fail(Error::invalid);
      room = sizeof(int);
    }
    const auto n = get_option(*h.socket, level, option, {static_cast<std::byte*>(value), room});
    if (!n) return fail(n.error());
    *length = *n;
    return {};
  }));
}

Result<socklen_t> Sockets::get_option(Description& s, int level, int option, std::span<std::byte> value) {
  const Stack& stack = driver_.stack();
  const SocketKind kind = kind_of(stack, s);
  if (level == SOL_SOCKET) switch (option) {
      case SO_ERROR:
        return write(take_error(s), value);
      case SO_TYPE:
        return write(type_of(kind.transport), value);
      case SO_DOMAIN:
        return write(s.family == Family::v4 ? AF_INET : AF_INET6, value);
      case SO_PROTOCOL:
        return write(protocol_of(kind), value);
      case SO_SNDLOWAT:
        return write(1, value);
      case SO_RCVTIMEO:
      case SO_RCVTIMEO_NEW:
        return write(from_timeout(s.receive_timeout), value);
      case SO_SNDTIMEO:
      case SO_SNDTIMEO_NEW:
        return write(from_timeout(s.send_timeout), value);
      case SO_BSDCOMPAT:
        return write(0, value);
      case SO_BINDTODEVICE:
        return socklen_t{0};
      case SO_COOKIE: {
        if (value.size() < sizeof(std::uint64_t)) return fail(Error::invalid);
        return write(std::uint64_t{s.id.generation} << 32 | s.id.index, value);
      }
      case SO_ACCEPTCONN: {
        const auto info = stack.info(s.id);
        return write(int{info && info->state == State::listen}, value);
      }
      case SO_LINGER: {
        const auto seconds = stack.get(s.id, Option::linger);
        if (!seconds) return fail(seconds.error());
        const struct linger said { .l_onoff = *seconds >= 0, .l_linger = s.settings[Kept::linger_time] };
        return write(said, value);
      }
      default:
        if (is_of_local_sockets(option)) return fail(Error::unsupported);
        break;
    }
  if (level == IPPROTO_TCP && option == TCP_INFO) {
    const auto info = stack.info(s.id, now());
    return info ? write(to_linux(*info), value) : fail(info.error());
  }
  if (level == IPPROTO_TCP && option == TCP_CONGESTION) {
    const auto name = stack.congestion(s.id);
    if (!name) return fail(name.error());
    std::array<char, 16> padded{};  // TCP_CA_NAME_MAX
    name->copy(padded.data(), padded.size() - 1);
    return write(padded, value);
  }
  if ((level == IPPROTO_IP && option == IP_MTU) || (level == IPPROTO_IPV6 && option == IPV6_MTU)) {
    const auto octets = stack.get(s.id, Option::mtu);
    return octets ? write(static_cast<int>(*octets), value, level) : fail(octets.error());
  }
  const OptionRow* row = find_option(kind, level, option);
  if (row == nullptr) return fail(Error::no_option);
  if (const Kept* kept = std::get_if<Kept>(&row->home))
    return write(number_to_show(*row, s.settings[*kept]), value, level);
  const auto n = stack.get(s.id, std::get<Option>(row->home));
  return n ? write(number_to_show(*row, *n), value, level) : fail(n.error());
}

int Sockets::setsockopt(Handle h, int level, int option, const void* value, socklen_t length) {
  return answer(once(h, [&]() -> Status {
    if (static_cast<int>(length) < 0) return fail(Error::invalid);
    if (!has_level(kind_of(driver_.stack(), *h.socket), level)) return fail(Error::no_option);
    return set_option(*h.socket, level, option, {static_cast<const std::byte*>(value), length});
  }));
}

Status Sockets::set_option(Description& s, int level, int option, Bytes value) {
  if (level == SOL_SOCKET && option == SO_BINDTODEVICE) return bind_to_device(value);
  const bool names_control = level == IPPROTO_TCP && option == TCP_CONGESTION;
  const bool has_short_values = level == IPPROTO_IP || level == IPPROTO_IPV6 || names_control;
  if (!has_short_values && value.size() < sizeof(int)) return fail(Error::invalid);
  Stack& stack = driver_.change();
  if (level == SOL_SOCKET) {
    if (value.data() == nullptr) return fail_as(EFAULT);
    switch (option) {
      case SO_RCVTIMEO:
      case SO_RCVTIMEO_NEW:
      case SO_SNDTIMEO:
      case SO_SNDTIMEO_NEW: {
        const auto timeout = to_timeout(value);
        if (!timeout) return fail(timeout.error());
        const bool receives = option == SO_RCVTIMEO || option == SO_RCVTIMEO_NEW;
        (receives ? s.receive_timeout : s.send_timeout) = *timeout;
        return {};
      }
      case SO_LINGER: {
        const auto l = read<struct linger>(value);
        if (!l) return fail(l.error());
        const Status set = stack.set(s.id, Option::linger, l->l_onoff != 0 ? l->l_linger : -1);
        if (set && l->l_onoff != 0) s.settings.set(Kept::linger_time, l->l_linger);
        return set;
      }
      case SO_RCVBUFFORCE:
        return set_option(s, level, SO_RCVBUF, value);
      case SO_SNDBUFFORCE:
        return set_option(s, level, SO_SNDBUF, value);
      case SO_BSDCOMPAT:
        return {};
      default:
        if (is_of_local_sockets(option)) return fail(Error::unsupported);
        break;
    }
  }
  if (names_control) {
    if (value.empty()) return fail(Error::invalid);
    if (value.data() == nullptr) return fail_as(EFAULT);
    std::string_view name{reinterpret_cast<const char*>(value.data()), std::min<std::size_t>(value.size(), 15)};
    name = name.substr(0, name.find('\0'));
    return stack.set_congestion(s.id, name);
  }
  const SocketKind kind = kind_of(stack, s);
  const OptionRow* row = find_option(kind, level, option);
  if (row == nullptr) return fail(Error::no_option);
  const auto given = read_number(level, option, value);
  if (!given) return fail(given.error());
  const TcpSettings& tcp = stack.config().tcp;
  const auto n = number_to_keep(*row, *given, kind, level == IPPROTO_IP ? tcp.ttl : tcp.hop_limit);
  if (!n) return fail(n.error());
  if (const Option* of_stack = std::get_if<Option>(&row->home)) return stack.set(s.id, *of_stack, *n);
  const Kept kept = std::get<Kept>(row->home);
  s.settings.set(kept, static_cast<int>(*n));
  return kept == Kept::stamp && kind.transport == Transport::tcp ? stack.set(s.id, Option::receive_times, *n != 0)
                                                                 : Status{};
}

/// SO_BINDTODEVICE: no name is any device, which is what a socket has; ours has no name here.
Status Sockets::bind_to_device(Bytes name) {
  if (!name.empty() && name.data() == nullptr) return fail_as(EFAULT);
  return name.empty() || name[0] == std::byte{0} ? Status{} : fail_as(ENODEV);
}

int Sockets::fcntl(Handle h, int command, int argument) {
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return dup(h, argument, command == F_DUPFD_CLOEXEC);
  return answer(once(h, [&]() -> Result<int> {
    Description& s = *h.socket;
    switch (command) {
      case F_GETFL:
        return O_RDWR | (s.nonblocking ? O_NONBLOCK : 0) | (s.append ? O_APPEND : 0);
      case F_SETFL:
        if ((argument & (O_ASYNC | O_DIRECT)) != 0) return fail(Error::invalid);  // SIGIO is not sent
        s.nonblocking = (argument & O_NONBLOCK) != 0;
        s.append = (argument & O_APPEND) != 0;
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
  if (request == FIOCLEX || request == FIONCLEX) return fcntl(h, F_SETFD, request == FIOCLEX ? FD_CLOEXEC : 0);
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
  const Transport transport = stack.transport(id);
  if (transport == Transport::icmp) return fail_as(ENOTTY);  // as Linux
  if (request == SIOCATMARK) {
    if (transport != Transport::tcp) return fail_as(ENOTTY);
    const auto at = stack.at_mark(id);
    return at ? Result<int>{*at} : fail(at.error());
  }
  const auto info = stack.info(id);
  if (info && info->state == State::listen) return fail(Error::invalid);
  const auto n = request == FIONREAD ? stack.readable_bytes(id) : stack.unacknowledged_bytes(id);
  return n ? Result<int>{static_cast<int>(*n)} : fail(n.error());
}

}  // namespace tunic
