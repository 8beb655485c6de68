#include "posix/option_rows.h"

#include <asm/socket.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <algorithm>

namespace tunic {

namespace {

constexpr int max_fin_wait = 120;  // seconds

constexpr OptionRow rows[] = {
    {SOL_SOCKET, SO_REUSEADDR, Option::reuse_address, Rule::flag},
    {SOL_SOCKET, SO_REUSEPORT, Option::reuse_port, Rule::flag},
    {SOL_SOCKET, SO_KEEPALIVE, Option::keep_alive, Rule::flag},
    {SOL_SOCKET, SO_OOBINLINE, Option::oob_inline, Rule::flag},
    {SOL_SOCKET, SO_RCVBUF, Option::receive_buffer, Rule::buffer},
    {SOL_SOCKET, SO_SNDBUF, Option::send_buffer, Rule::buffer},
    {SOL_SOCKET, SO_RCVLOWAT, Option::receive_low, Rule::low_water},
    {SOL_SOCKET, SO_BROADCAST, Option::broadcast, Rule::flag},
    {SOL_SOCKET, SO_NO_CHECK, Option::no_checksum, Rule::flag},
    {SOL_SOCKET, SO_TIMESTAMP, Kept::stamp, Rule::stamp},
    {SOL_SOCKET, SO_TIMESTAMPNS, Kept::stamp, Rule::stamp},
    {SOL_SOCKET, SO_TIMESTAMP_NEW, Kept::stamp, Rule::stamp},
    {SOL_SOCKET, SO_TIMESTAMPNS_NEW, Kept::stamp, Rule::stamp},
    {SOL_SOCKET, SO_RXQ_OVFL, Kept::overflow, Rule::flag},
    {SOL_SOCKET, SO_ZEROCOPY, Kept::zero_copy, Rule::bit, stream | udp},
    {SOL_SOCKET, SO_DEBUG, Kept::debug, Rule::flag},
    {SOL_SOCKET, SO_DONTROUTE, Kept::dont_route, Rule::flag},
    {SOL_SOCKET, SO_PRIORITY, Kept::priority, Rule::number},
    {SOL_SOCKET, SO_MARK, Kept::mark, Rule::number},
    {SOL_SOCKET, SO_INCOMING_CPU, Kept::incoming_cpu, Rule::number},
    {SOL_SOCKET, SO_BUSY_POLL, Kept::busy_poll, Rule::natural},
    {SOL_SOCKET, SO_PREFER_BUSY_POLL, Kept::prefer_busy_poll, Rule::flag},
    {IPPROTO_TCP, TCP_NODELAY, Option::no_delay, Rule::flag, stream},
    {IPPROTO_TCP, TCP_CORK, Option::cork, Rule::flag, stream},
    {IPPROTO_TCP, TCP_MAXSEG, Option::max_segment, Rule::number, stream},
    {IPPROTO_TCP, TCP_KEEPIDLE, Option::keep_idle, Rule::number, stream},
    {IPPROTO_TCP, TCP_KEEPINTVL, Option::keep_interval, Rule::number, stream},
    {IPPROTO_TCP, TCP_KEEPCNT, Option::keep_count, Rule::number, stream},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, Option::user_timeout, Rule::number, stream},
    {IPPROTO_TCP, TCP_SYNCNT, Option::syn_count, Rule::number, stream},
    {IPPROTO_TCP, TCP_LINGER2, Option::linger2, Rule::fin_wait, stream},
    {IPPROTO_TCP, TCP_QUICKACK, Option::quick_ack, Rule::flag, stream},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, Option::defer_accept, Rule::number, stream},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, Option::window_clamp, Rule::number, stream},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, Option::not_sent_low, Rule::number, stream},
    {IPPROTO_TCP, TCP_INQ, Kept::queue_length, Rule::bit, stream},
    {IPPROTO_UDP, UDP_CORK, Option::cork, Rule::flag, udp},
    {IPPROTO_UDP, UDP_GRO, Kept::coalesced, Rule::flag, udp},
    {IPPROTO_IP, IP_TTL, Option::ttl, Rule::hops},
    {IPPROTO_IP, IP_TOS, Option::tos, Rule::traffic},
    {IPPROTO_IP, IP_MTU_DISCOVER, Option::mtu_discover, Rule::number},
    {IPPROTO_IP, IP_RECVERR, Option::receive_errors, Rule::flag},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, Option::bind_no_port, Rule::flag},
    {IPPROTO_IP, IP_FREEBIND, Option::free_bind, Rule::flag},
    {IPPROTO_IP, IP_PKTINFO, Kept::packet_info, Rule::flag},
    {IPPROTO_IP, IP_RECVTTL, Kept::ttl, Rule::flag},
    {IPPROTO_IP, IP_RECVTOS, Kept::tos, Rule::flag},
    {IPPROTO_IP, IP_RECVORIGDSTADDR, Kept::destination, Rule::flag},
    {IPPROTO_IPV6, IPV6_V6ONLY, Option::v6_only, Rule::flag},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, Option::ttl, Rule::hops},
    {IPPROTO_IPV6, IPV6_TCLASS, Option::tos, Rule::traffic_class},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, Option::mtu_discover, Rule::number},
    {IPPROTO_IPV6, IPV6_RECVERR, Option::receive_errors, Rule::flag},
    {IPPROTO_IPV6, IPV6_DONTFRAG, Kept::dont_fragment, Rule::flag},
    {IPPROTO_IPV6, IPV6_FREEBIND, Option::free_bind, Rule::flag},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, Kept::packet_info_v6, Rule::flag},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, Kept::hops, Rule::flag},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, Kept::traffic_class, Rule::flag},
    {IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, Kept::destination_v6, Rule::flag},
};

Kinds kind_of(Transport t) { return t == Transport::tcp ? stream : t == Transport::udp ? udp : echo; }

int without_ecn(int octet, SocketKind s) { return s.transport == Transport::tcp ? octet & 0xfc : octet & 0xff; }

}  // namespace

bool has_level(SocketKind s, int level) {
  switch (level) {
    case SOL_SOCKET:
    case IPPROTO_IP:
      return true;
    case IPPROTO_IPV6:
      return s.family == Family::v6;
    case IPPROTO_TCP:
      return s.transport == Transport::tcp;
    case IPPROTO_UDP:
      return s.transport == Transport::udp;
    default:
      return false;
  }
}

const OptionRow* find_option(SocketKind s, int level, int name) {
  if (!has_level(s, level)) return nullptr;
  const auto row = std::ranges::find_if(
      rows, [&](const OptionRow& r) { return r.level == level && r.name == name && (r.kinds & kind_of(s.transport)); });
  return row == std::end(rows) ? nullptr : row;
}

Result<std::int64_t> number_to_keep(const OptionRow& row, int given, SocketKind s, int default_hops) {
  switch (row.rule) {
    case Rule::number:
      return given;
    case Rule::flag:
      return given != 0;
    case Rule::natural:
      return given >= 0 ? Result<std::int64_t>{given} : fail(Error::invalid);
    case Rule::bit:
      return given == 0 || given == 1 ? Result<std::int64_t>{given} : fail(Error::invalid);
    case Rule::buffer:
      return given < 0 ? 0x7fff'ffff : given;
    case Rule::low_water:
      return given < 0 ? 0x7fff'ffff : std::max(given, 1);
    case Rule::hops:
      return given == -1 ? default_hops : given;
    case Rule::traffic:
      return without_ecn(given, s);
    case Rule::traffic_class:
      if (given < -1 || given > 255) return fail(Error::invalid);
      return given == -1 ? 0 : without_ecn(given, s);
    case Rule::fin_wait:
      return given < 0 ? -1 : std::min(given, max_fin_wait);
    case Rule::stamp:
      return given != 0 ? row.name : 0;
  }
  return fail(Error::invalid);
}

int number_to_show(const OptionRow& row, std::int64_t kept) {
  if (row.rule == Rule::buffer) return static_cast<int>(kept * 2);
  if (row.rule == Rule::stamp) return kept == row.name;
  return static_cast<int>(kept);
}

}  // namespace tunic
