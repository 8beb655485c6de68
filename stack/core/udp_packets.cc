// Datagrams in and out: who gets what came, and the packets of what waits.
#include <array>

#include "base/work.h"
#include "core/impl.h"
#include "ip/output.h"
#include "tcp/isn.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/udp.h"

namespace tunic {

namespace {
constexpr std::size_t broadcast_listeners = 32;  // at most so many sockets hear one broadcast: law 2
constexpr std::size_t quantum = 8;               // datagrams of a socket in turn
}  // namespace

std::optional<std::uint32_t> Stack::Impl::find_datagram_socket(Transport t, const FourTuple& pair) {
  if (const auto connected = tables(t).pairs.find(pair)) {  // U4; echo sockets have no pairs
    const Socket& s = at(*connected);
    if (s.local == pair.local && s.datagram->peer == pair.remote) return connected;
  }
  return tables(t).ports.find_listener(pair);
}

bool Stack::Impl::hand_over(std::uint32_t index, const DatagramInfo& info, Slice text) {
  Socket& s = at(index);
  if (!s.datagram->take(pool, info, std::move(text), s.options.receive_buffer)) return false;
  mark_edge(index, ready::readable);
  return true;
}

std::optional<Drop> Stack::Impl::deliver_udp(RxPacket& packet, const Datagram& d, Instant now) {
  const auto view = UdpView::parse(d.payload);
  if (!view) return Drop::bad_udp;  // U1
  Datagram checked = d;
  checked.payload = view->datagram();
  if (view->checksum() == 0) {
    if (!d.src.is_v4()) return Drop::bad_checksum;  // RFC 8200 section 8.1
  } else if (!transport_checksum_ok(checked, packet.offload)) {
    return Drop::bad_checksum;
  }
  if (view->src() == Port{} || view->dst() == Port{}) return Drop::port_zero;  // U3
  ++counters.udp_in;

  const FourTuple pair{{d.dst, view->dst()}, {d.src, view->src()}};
  const DatagramInfo info{.from = pair.remote, .to = d.dst, .ttl = d.ttl, .tos = d.tos, .received = now};
  const Slice text = packet.data.subslice(d.header_size + UdpView::header_size, view->text().size());
  if (d.broadcast) {
    std::array<std::uint32_t, broadcast_listeners> listeners;
    const std::size_t n = udp.ports.find_listeners(pair.local, listeners);
    bool taken = false;
    for (std::size_t i = 0; i < n; ++i, step()) taken |= hand_over(listeners[i], info, text);
    return taken ? std::nullopt : std::optional{n == 0 ? Drop::closed_port : Drop::receive_full};
  }
  const auto index = find_datagram_socket(Transport::udp, pair);
  if (!index) {
    refuse(packet.data.bytes(), problem::port_unreachable(d.src.family()), now);  // RFC 1122 section 4.1.3.1
    return Drop::closed_port;
  }
  packet.data = {};  // `text` holds what is needed of it
  return hand_over(*index, info, text) ? std::nullopt : std::optional{Drop::receive_full};
}

std::optional<Drop> Stack::Impl::deliver_echo_reply(RxPacket& packet, const Datagram& d, Instant now) {
  const auto reply = IcmpView::parse(d.payload);
  if (!reply) return Drop::bad_icmp;
  if (!transport_checksum_ok(d, packet.offload)) return Drop::bad_checksum;
  const FourTuple pair{{d.dst, Port{reply->id()}}, {d.src, {}}};
  const auto index = find_datagram_socket(Transport::icmp, pair);
  if (!index) return Drop::icmp_ignored;
  const DatagramInfo info{.from = pair.remote, .to = d.dst, .ttl = d.ttl, .tos = d.tos, .received = now};
  Slice message = packet.data.subslice(d.header_size, d.payload.size());
  packet.data = {};
  return hand_over(*index, info, std::move(message)) ? std::nullopt : std::optional{Drop::receive_full};
}

// What Linux makes of it: a connected socket is told what is hard, one that asked for reports everything (RFC 1122
// section 4.1.3.3). A quoted pair that is no socket's tells nobody anything (U4).
std::optional<Drop> Stack::Impl::datagram_error(Transport t, const IcmpError& e, Instant now) {
  FourTuple pair{{e.local, {}}, {e.remote, {}}};
  if (t == Transport::udp) {
    pair = e.pair();
  } else {
    if (byte_at(e.transport, 0) != echo_request_type(e.local.family())) return Drop::icmp_unmatched;
    pair.local.port = Port{load_be<std::uint16_t>(e.transport.data() + 4)};
  }
  const auto index = find_datagram_socket(t, pair);
  if (!index) return Drop::icmp_unmatched;
  Socket& s = at(*index);
  DatagramSocket& d = *s.datagram;
  const auto discovery = static_cast<MtuDiscover>(s.options.mtu_discover);
  const std::uint32_t mtu = e.too_big && e.mtu == 0 ? plateau_below(e.quoted_size) : e.mtu;
  if (e.too_big) {
    if (discovery < MtuDiscover::interface) learn_path_mtu(e.remote, mtu, now);
    if (discovery == MtuDiscover::dont) return {};
  }
  if (s.options.receive_errors) {
    const Bytes quoted = t == Transport::udp ? e.transport.subspan(UdpView::header_size) : e.transport;
    queue_report(s, *index, report_of(e, pair.remote, mtu), quoted);
  } else if (!(e.hard || e.too_big) || !d.peer) {
    return {};
  }
  d.fail(e.error);
  mark_edge(*index);
  return {};
}

bool Stack::Impl::output_datagrams(Socket& s, std::uint32_t index, Link& link) {
  DatagramSocket& d = *s.datagram;
  for (std::size_t n = 0; n < quantum && !d.output.empty(); ++n) {
    step();
    TxPacket* packet = begin_datagram(d.output.front().head.pair.remote.addr, link);
    if (packet == nullptr) return false;
    const bool sent = emit_datagram(*packet, d, link);
    ++(sent ? counters.udp_out : counters.udp_unsent);
    const bool was_full = d.output.charge() * 2 >= s.options.send_buffer;
    d.output.pop();
    if (was_full) mark_edge(index, ready::writable);
  }
  return true;
}

// The oldest datagram of `d` as a packet or its fragments. False: the way has become too
// narrow for one that must not be cut.
bool Stack::Impl::emit_datagram(TxPacket& packet, const DatagramSocket& d, Link& link) {
  const auto& [how, size] = d.output.front();
  const auto& [from, to] = how.pair;
  const MutBytes header = MutBytes{packet.headers}.subspan(packet.begin);
  std::uint8_t protocol = protocol::udp;
  std::size_t in_header = 0, field = UdpView::checksum_offset;
  if (d.transport == Transport::udp) {
    UdpHeader{from.port, to.port}.emit(header, size);
  } else {
    protocol = to.addr.is_v4() ? protocol::icmp : protocol::icmpv6;
    field = IcmpView::checksum_offset;
    in_header = IcmpView::header_size;
    std::array<std::byte, IcmpView::header_size> asked;
    d.output.text().copy_out(0, asked);
    const std::uint16_t sequence = load_be<std::uint16_t>(asked.data() + 6);
    IcmpEcho{echo_request_type(to.addr.family()), 0, static_cast<std::uint16_t>(from.port), sequence}.emit(header);
  }
  packet.end = static_cast<std::uint16_t>(packet.begin + UdpView::header_size);
  d.output.text().gather(in_header, size - in_header, packet);
  const IpFields fields{.src = from.addr,
                        .dst = to.addr,
                        .protocol = protocol,
                        .ttl = how.ttl,
                        .tos = how.tos,
                        .flow_label = how.flow_label};
  return transmit(packet, fields, how.discover, how.checksum ? std::optional{field} : std::nullopt, link).has_value();
}

}  // namespace tunic
