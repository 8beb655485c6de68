// The user calls of datagram sockets: UDP (RFC 768, RFC 1122 section 4.1) and ICMP echo. The port of an echo socket is
// the identifier of its requests.
#include <algorithm>

#include "core/impl.h"
#include "wire/icmp.h"
#include "wire/udp.h"

namespace tunic {

namespace {

constexpr std::size_t max_packet = 65'535;  // what the length fields of IPv4, IPv6 and UDP can say
constexpr std::size_t ipv4_header = 20;

std::size_t header_of(Transport t) { return t == Transport::udp ? UdpView::header_size : 0; }

/// The most text of one datagram.
std::size_t max_text(const IpAddr& to, Transport t) {
  return max_packet - header_of(t) - (to.is_v4() ? ipv4_header : 0);
}

std::size_t size_of(std::span<const Bytes> pieces) {
  std::size_t n = 0;
  for (const Bytes& b : pieces) n += b.size();
  return n;
}

/// Linux sends echo requests only.
bool is_echo_request(std::span<const Bytes> pieces, Family family) {
  std::array<std::uint8_t, 2> head{};
  std::size_t n = 0;
  for (const Bytes& b : pieces)
    for (std::size_t i = 0; i < b.size() && n < head.size(); ++i) head[n++] = byte_at(b, i);
  return size_of(pieces) >= IcmpView::header_size && head[0] == echo_request_type(family) && head[1] == 0;
}

FourTuple pair_of(const Socket& s) { return {s.local, *s.datagram->peer}; }

}  // namespace

Status Stack::Impl::bind_datagram(Socket& s, std::uint32_t index, const Endpoint& local) {
  DatagramSocket& d = *s.datagram;
  if (s.bound || d.peer) return fail(Error::invalid);
  const bool v4 = local.addr.is_v4();
  if (s.family == Family::v4 && !v4) return fail(Error::family);
  if (s.family == Family::v6 && v4 && (s.options.v6_only || d.transport == Transport::icmp))
    return fail(Error::invalid);
  const bool any = local.addr.is_any();
  if (!any && !addresses.is_local(local.addr) && !addresses.is_broadcast(local.addr) &&
      (!s.options.free_bind || local.addr.is_multicast()))
    return fail(Error::not_available);
  if (local.port == Port{} && s.options.bind_no_port)
    s.local = local;
  else if (auto taken = take_port(s, index, local); !taken)
    return taken;
  d.address_by_user = !any;
  d.port_by_user = local.port != Port{};
  return {};
}

// Port 0 takes a free one (RFC 6056, U5).
Status Stack::Impl::take_port(Socket& s, std::uint32_t index, const Endpoint& local) {
  DatagramTables& t = tables(s.datagram->transport);
  Endpoint chosen = local;
  if (chosen.port == Port{}) {
    const auto port = t.ephemeral.for_bind(local.addr, clock, [&](Port p) {
      return t.ports.is_unused(binding_of(s, index, {local.addr, p}));
    });
    if (!port) return fail(port.error());
    chosen.port = *port;
  }
  const auto binding = t.ports.bind(binding_of(s, index, chosen));
  if (!binding) return fail(binding.error());
  s.binding = *binding;
  s.bound = true;
  s.local = chosen;
  return {};
}

Status Stack::Impl::take_port_for(Socket& s, std::uint32_t index, const Endpoint& remote, Instant now) {
  if (s.bound) return {};
  DatagramTables& t = tables(s.datagram->transport);
  const auto port = t.ephemeral.for_connect(s.local.addr, remote, now, [&](Port p) {
    return t.ports.is_unused(binding_of(s, index, {s.local.addr, p}));
  });
  return port ? take_port(s, index, {s.local.addr, *port}) : fail(Error::again);
}

/// The address to speak to `to` from: the one it is bound to, else the one that fits.
Result<IpAddr> Stack::Impl::source_to(const Socket& s, const IpAddr& to) const {
  const IpAddr& bound = s.local.addr;
  IpAddr source = bound;
  if (bound.is_any() || addresses.is_broadcast(bound)) {
    const auto found = routes.source_to(to, addresses);
    if (!found) return fail(found.error());
    source = *found;
  } else if (bound.is_v4() != to.is_v4()) {
    return fail(bound.is_v4() ? Error::family : Error::unreachable);
  }
  if (source.is_loopback() && !addresses.is_local(to)) return fail(Error::invalid);
  return source;
}

/// Whether a datagram of `s` may go to `to` at all.
static Status check_destination(const Socket& s, const IpAddr& to, const Addresses& addresses, const Routes& routes) {
  if (s.family == Family::v4 && !to.is_v4()) return fail(Error::family);
  if (s.family == Family::v6 && to.is_v4()) {
    if (s.datagram->transport == Transport::icmp) return fail(Error::invalid);
    if (s.options.v6_only) return fail(Error::unreachable);
  }
  if (to.is_multicast()) return fail(Error::unreachable);
  if (auto way = routes.check(to, addresses); !way) return way;
  if (addresses.is_broadcast(to) && !s.options.broadcast) return fail(Error::denied);
  return {};
}

Status Stack::Impl::connect_datagram(Socket& s, std::uint32_t index, Endpoint remote, Instant now) {
  DatagramTables& t = tables(s.datagram->transport);
  if (auto taken = take_port_for(s, index, remote, now); !taken) return taken;
  remote = destination(s, remote);
  if (const auto ok = check_destination(s, remote.addr, addresses, routes); !ok) return ok;
  const auto source = source_to(s, remote.addr);
  if (!source) return fail(source.error());
  leave_peer(s, index);
  if (s.local.addr.is_any()) s.local.addr = *source;
  t.ports.set_address(s.binding, s.local.addr);
  s.datagram->peer = remote;
  s.flow_label = flow_label_of({s.local, remote});
  if (s.datagram->transport == Transport::icmp) return {};  // hears all answers to its identifier, as Linux
  const FourTuple pair = pair_of(s);
  const auto other = t.pairs.find(pair);
  if (!(other ? t.pairs.replace(pair, index) : t.pairs.insert(pair, index))) {
    s.datagram->peer.reset();
    return fail(Error::no_buffers);
  }
  s.datagram->next_of_pair = other.value_or(DatagramSocket::none);
  static_cast<void>(t.ports.set_listening(s.binding, false));
  return {};
}

// It hears anybody again.
void Stack::Impl::leave_peer(Socket& s, std::uint32_t index) {
  if (!s.datagram->peer) return;
  if (s.datagram->transport == Transport::icmp) return s.datagram->peer.reset();
  DatagramTables& t = tables(s.datagram->transport);
  const FourTuple pair = pair_of(s);
  const std::uint32_t next = std::exchange(s.datagram->next_of_pair, DatagramSocket::none);
  if (const std::uint32_t first = *t.pairs.find(pair); first != index) {
    DatagramSocket* before = at(first).datagram.get();
    while (before->next_of_pair != index) before = at(before->next_of_pair).datagram.get();
    before->next_of_pair = next;
  } else if (next == DatagramSocket::none) {
    t.pairs.erase(pair);
  } else {
    t.pairs.replace(pair, next);
  }
  s.datagram->peer.reset();
  static_cast<void>(t.ports.set_listening(s.binding, true));
}

// What bind() chose stays.
void Stack::Impl::disconnect_datagram(Socket& s, std::uint32_t index) {
  DatagramSocket& d = *s.datagram;
  leave_peer(s, index);
  Endpoint kept = s.local;
  if (!d.address_by_user) kept.addr = IpAddr::any(s.family);
  if (!d.port_by_user) kept.port = {};
  if (s.bound) {
    if (d.port_by_user)
      tables(d.transport).ports.set_address(s.binding, kept.addr);
    else
      unbind(s);
  }
  s.local = kept;
}

/// From where to where, and how, without the text.
Result<Outgoing> Stack::Impl::address(const Socket& s, const DatagramOptions& how) const {
  const DatagramSocket& d = *s.datagram;
  if (how.to && how.to->port == Port{} && d.transport == Transport::udp) return fail(Error::invalid);
  if (!how.to && !d.peer) return fail(Error::destination_required);
  const Endpoint to = destination(s, how.to ? *how.to : *d.peer);
  if (to.port == Port{} && d.transport == Transport::udp && s.family == Family::v6 && to.addr.is_v4())
    return fail(Error::invalid);  // as Linux, which lets the others have their way with a peer of port 0
  if (const auto ok = check_destination(s, to.addr, addresses, routes); !ok) return fail(ok.error());
  if (how.from && !how.from->is_any()) {
    if (how.from->is_v4() != to.addr.is_v4()) return fail(Error::invalid);
    if (!addresses.is_local(*how.from)) return fail(to.addr.is_v4() ? Error::unreachable : Error::invalid);
    if (how.from->is_loopback() && !addresses.is_local(to.addr)) return fail(Error::invalid);
  }
  const auto source = how.from && !how.from->is_any() ? Result<IpAddr>{*how.from} : source_to(s, to.addr);
  if (!source) return fail(source.error());
  const FourTuple pair{{*source, s.local.port}, to};
  const bool to_peer = d.peer == pair.remote && s.local == pair.local;
  return Outgoing{.pair = pair,
                  .flow_label = to_peer ? s.flow_label : flow_label_of(pair),
                  .ttl = how.ttl.value_or(s.options.ttl),
                  .tos = how.tos.value_or(s.options.tos),
                  .discover = how.discover.value_or(static_cast<MtuDiscover>(s.options.mtu_discover)),
                  .checksum = !s.options.no_checksum || !to.addr.is_v4()};
}

Result<std::size_t> Stack::Impl::send_datagram(Socket& s, std::uint32_t index, std::span<const Bytes> text,
                                               const DatagramOptions& how) {
  DatagramSocket& d = *s.datagram;
  if (const auto taken = take_port_for(s, index, how.to.value_or(Endpoint{}), clock); !taken)
    return fail(taken.error());
  const std::size_t size = size_of(text);
  if (size > max_packet) return fail(Error::too_long);
  if (d.transport == Transport::icmp && !is_echo_request(text, s.family)) return fail(Error::invalid);
  if (!d.gathering) {
    const auto outgoing = address(s, how);
    if (!outgoing) return fail(outgoing.error());
    d.gathering = *outgoing;
  }
  const IpAddr& to = d.gathering->pair.remote.addr;
  const auto failed = [&](Error e) {
    d.output.abandon();
    d.gathering.reset();
    return fail(e);
  };
  const std::size_t whole = d.output.open() + size;
  const std::size_t packet = whole + header_of(d.transport) + (to.is_v4() ? 20 : 40);
  const MtuDiscover discover = d.gathering->discover;
  const std::uint32_t mtu = datagram_mtu(to, discover);
  if (whole > max_text(to, d.transport) || (packet > mtu && !may_fragment(discover))) {
    report_too_long(s, index, d.gathering->pair.remote, mtu);
    return failed(Error::too_long);
  }
  if (const int error = d.take_error(); error != 0) return failed(static_cast<Error>(error));
  if (d.write_shut) return failed(Error::pipe);
  if (d.output.open() == 0 && !d.has_room(s.options.send_buffer)) return failed(Error::again);
  if (starves(index)) return failed(Error::again);
  if (!d.output.append(pool, text)) {
    if (!starves(index)) mark_edge(index);  // an edge will tell when to try again
    return failed(Error::again);
  }
  if ((how.more || s.options.cork) && d.transport == Transport::udp) return size;
  finish_gathered(s, index);
  return size;
}

// IP_RECVERR tells the MTU at once. Over IPv4 Linux names the peer's port, whatever port was asked for.
void Stack::Impl::report_too_long(Socket& s, std::uint32_t index, const Endpoint& to, std::uint32_t mtu) {
  if (!s.options.receive_errors) return;
  DatagramSocket& d = *s.datagram;
  ErrorReport report{.error = EMSGSIZE, .origin = origin::this_host, .info = mtu, .to = to};
  if (to.addr.is_v4()) report.to.port = d.peer ? d.peer->port : Port{};
  queue_report(s, index, report, {});
}

void Stack::Impl::finish_gathered(Socket& s, std::uint32_t index) {
  DatagramSocket& d = *s.datagram;
  if (!d.gathering) return;
  d.output.finish(*std::exchange(d.gathering, std::nullopt));
  mark_dirty(index);
}

// What was sent goes out; its port and its peer are free at once.
bool Stack::Impl::close_datagram(Socket& s, std::uint32_t index) {
  leave_peer(s, index);
  unbind(s);
  if (s.datagram->output.empty()) return false;
  s.datagram->read_shut = true;
  dying.push_back(id_of(index));
  return true;
}

std::uint32_t Stack::Impl::ready_datagram(Socket& s, std::uint32_t index) {
  const DatagramSocket& d = *s.datagram;
  std::uint32_t is = 0;
  if (d.readable() || d.read_shut) is |= ready::readable;
  if (d.error() != 0) is |= ready::error;
  if (d.read_shut) is |= ready::read_hangup;
  if (d.read_shut && d.write_shut) is |= ready::hangup;
  if (d.output.charge() * 2 < s.options.send_buffer && !starves(index)) is |= ready::writable;
  return is;
}

}  // namespace tunic
