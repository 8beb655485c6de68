// The way to a destination: how large packets on it may be.
#include <algorithm>

#include "core/impl.h"

namespace tunic {

PathMtu Stack::Impl::path_mtu(const IpAddr& dst, Instant now) const {
  if (addresses.is_local(dst)) return {loop_mtu};
  return pmtu.mtu_to(dst, first_hop_mtu(dst), now);
}

std::uint32_t Stack::Impl::first_hop_mtu(const IpAddr& dst) const {
  return addresses.is_local(dst) ? loop_mtu : routes.mtu_to(dst, config.mtu);
}

void Stack::Impl::follow_path(Socket& s, Instant now) {
  const IpAddr& peer = s.connection->pair().remote.addr;
  const PathMtu path = path_mtu(peer, now);
  s.connection->set_first_hop_mtu(first_hop_mtu(peer));
  s.connection->set_path_mtu(path.octets, path.until);
  s.path_news = path_news;
}

// RFC 5927: the quoted pair finds the connection (RFC 1122 section 4.2.3.9), and that asks whether the quoted segment
// is in flight. A record in TIME-WAIT has nothing in flight.
std::optional<Drop> Stack::Impl::tcp_error(const IcmpError& e, Instant now) {
  const FourTuple pair = e.pair();
  const bool v4 = pair.remote.addr.is_v4();
  NetworkError told{.seq = Seq32{load_be<std::uint32_t>(e.transport.data() + 4)}, .error = e.error, .hard = e.hard};
  if (e.too_big) told.mtu = e.mtu != 0 ? e.mtu : plateau_below(e.quoted_size);
  if (e.too_big && v4) told.mtu = std::max(told.mtu, config.ip.min_pmtu);  // C2
  if (e.too_big && !v4 && told.mtu < PmtuCache::min_v6) return Drop::icmp_ignored;
  const auto found = find_pair(pair);
  if (!found || (*found & record_bit) != 0) return Drop::icmp_unmatched;
  Socket& s = at(*found);
  const auto drop = s.connection->network_error(told, now, config.tcp);
  const bool ended = !drop && s.connection->state() == State::closed;  // connect() fails
  if (ended && s.held && (v4 || s.connection->options.receive_errors))
    queue_report(s, *found, report_of(e, pair.remote, told.mtu), e.transport);
  settle(*found, now);
  return drop;
}

std::uint32_t Stack::Impl::datagram_mtu(const IpAddr& dst, MtuDiscover discover) const {
  if (addresses.is_local(dst)) return loop_datagram_mtu;
  return uses_path_mtu(discover) ? path_mtu(dst, clock).octets : config.mtu;
}

bool Stack::Impl::learn_path_mtu(const IpAddr& dst, std::uint32_t mtu, Instant now) {
  const bool lower = !addresses.is_local(dst) && pmtu.learn(dst, mtu, first_hop_mtu(dst), now);
  if (lower) ++path_news;
  return lower;
}

void Stack::set_mtu(std::uint32_t octets) {
  impl_->config.mtu = std::clamp(octets, Config::least_mtu, Config::most_mtu);
  ++impl_->path_news;
}

void Stack::set_link(const LinkTraits& link) { impl_->config.link = link; }

}  // namespace tunic
