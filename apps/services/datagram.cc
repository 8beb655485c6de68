#include "services/datagram.h"

#include <netinet/in.h>
#include <poll.h>
#include <tunic.h>

#include <algorithm>

#include "services/pattern.h"
#include "support/listener.h"
#include "support/program.h"

namespace services {
namespace {

constexpr std::size_t largest = 65'535;
constexpr std::size_t largest_chargen = 512;  // RFC 864
constexpr std::uint16_t first_user_port = 1024;
constexpr int datagrams_at_once = 64;  // then the others have their turn

apps::Socket bind_at(const apps::Endpoint& at) {
  apps::Socket s{tunic_socket(at.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!s) apps::fail_without_socket();
  // An answer must come from the address that was asked (RFC 1122 section 4.1.3.5).
  if (at.family() == AF_INET6) {
    apps::switch_option(s.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    apps::switch_option(s.fd(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else {
    apps::switch_option(s.fd(), IPPROTO_IP, IP_PKTINFO, 1);
  }
  if (tunic_bind(s.fd(), at.raw(), at.length) != 0)
    apps::fail(fmt::format("cannot bind {} for datagrams", to_string(at)));
  return s;
}

std::uint16_t port_of(const apps::Endpoint& e) {
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&e.storage);
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&e.storage);
  return ntohs(e.family() == AF_INET ? v4->sin_port : v6->sin6_port);
}

}  // namespace

Datagrams::Datagrams(Kind kind, const apps::Endpoint& at)
    : kind_{kind}, socket_{bind_at(at)}, text_(largest), control_(256) {}

short Datagrams::events() const { return held_ ? POLLOUT : POLLIN; }

void Datagrams::ready(const std::vector<std::uint16_t>& never) {
  if (held_ && !answer(waiting_)) return;
  for (int i = 0; i < datagrams_at_once; ++i) {
    iovec text{.iov_base = text_.data(), .iov_len = text_.size()};
    msghdr m{};
    m.msg_name = peer_.raw();
    m.msg_namelen = sizeof peer_.storage;
    m.msg_iov = &text;
    m.msg_iovlen = 1;
    m.msg_control = control_.data();
    m.msg_controllen = control_.size();
    const ssize_t n = tunic_recvmsg(socket_.fd(), &m, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) continue;  // an error of an answer before: its receiver is gone
    peer_.length = m.msg_namelen;
    control_size_ = m.msg_controllen;
    const std::uint16_t port = port_of(peer_);
    if (port < first_user_port || std::ranges::find(never, port) != never.end()) continue;
    if (!answer(static_cast<std::size_t>(n))) return;
  }
}

/// False when there is no room: it is tried again when there is.
bool Datagrams::answer(std::size_t size) {
  static const Pattern pattern;
  if (kind_ == Kind::discard) return true;
  iovec text{.iov_base = text_.data(), .iov_len = size};
  // No more than was asked with: whoever forges the address of its questions gains nothing by our answers.
  const std::size_t lines = std::min(size, largest_chargen);
  if (kind_ == Kind::chargen) text = {.iov_base = const_cast<char*>(pattern.at(place_)), .iov_len = lines};
  msghdr m{};
  m.msg_name = peer_.raw();
  m.msg_namelen = peer_.length;
  m.msg_iov = &text;
  m.msg_iovlen = 1;
  m.msg_control = control_size_ != 0 ? control_.data() : nullptr;
  m.msg_controllen = control_size_;
  held_ = tunic_sendmsg(socket_.fd(), &m, 0) < 0 && errno == EAGAIN;
  waiting_ = size;
  if (!held_ && kind_ == Kind::chargen) place_ = (place_ + lines) % Pattern::period;
  return !held_;
}

}  // namespace services
