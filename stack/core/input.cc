// Packets in: IP, then the protocol, then the demux, then one of CLOSED, LISTEN, TIME-WAIT or a connection.
#include "core/impl.h"
#include "tcp/isn.h"
#include "wire/protocol.h"

namespace tunic {

void Stack::Impl::receive(RxPacket& packet, Instant now) {
  ++counters.received;
  if (const auto drop = deliver(packet, false, now))
    counters.drop(*drop);
  else
    ++counters.delivered;
}

std::optional<Drop> Stack::Impl::deliver(RxPacket& packet, bool reassembled, Instant now) {
  const auto datagram = tunic::accept(packet.data.bytes(), {packet.looped, reassembled}, packet.offload, addresses);
  if (!datagram) {
    if (const auto& problem = datagram.error().problem) refuse(packet.data.bytes(), *problem, now);
    return datagram.error().why;
  }
  const auto& d = *datagram;
  if (!routes.check(d.src, addresses))
    return Drop::martian_source;  // no answer could go there, as Linux with rp_filter
  if (d.fragment) return fragment_arrives(packet, d, now);
  if (d.protocol == protocol::tcp) {
    if (!transport_checksum_ok(d, packet.offload)) return Drop::bad_checksum;  // MUST-3
    return deliver_tcp(packet, d.header_size, d.payload.size(), d.src, d.dst, now);
  }
  if (d.protocol == protocol::udp) return deliver_udp(packet, d, now);
  if (d.protocol == (d.src.is_v4() ? protocol::icmp : protocol::icmpv6)) return deliver_icmp(packet, d, now);
  refuse(packet.data.bytes(), unknown_protocol(d), now);
  return Drop::bad_protocol;
}

// A fragment that is kept counts as delivered; the last one has the fate of the whole.
std::optional<Drop> Stack::Impl::fragment_arrives(RxPacket& packet, const Datagram& d, Instant now) {
  auto whole = reassembly.arrives(packet.data.bytes(), d, pool, counters, now);
  wheel.arm(reassembly_timer, reassembly.next());
  if (!whole) {
    if (const auto& problem = whole.error().problem) refuse(packet.data.bytes(), *problem, now);
    return whole.error().why;
  }
  if (whole->empty()) return {};
  RxPacket joined{std::move(*whole), {}, packet.looped};
  return deliver(joined, true, now);
}

std::optional<Drop> Stack::Impl::deliver_tcp(RxPacket& packet, std::size_t offset, std::size_t size, const IpAddr& src,
                                             const IpAddr& dst, Instant now) {
  ++counters.tcp_in;
  const auto view = TcpView::parse(packet.data.bytes().subspan(offset, size));
  if (!view) return Drop::bad_tcp;
  if (view->src() == Port{} || view->dst() == Port{}) return Drop::port_zero;  // H8

  Segment seg;
  seg.pair = {{dst, view->dst()}, {src, view->src()}};
  seg.wire_seq = view->seq();
  seg.wire_ack = view->ack();
  seg.flags = view->flags();
  seg.window = view->window();
  seg.urgent = view->urgent();
  seg.options = TcpOptions::parse(view->options());
  if (seg.options.malformed) ++counters.bad_options;
  const std::size_t header = view->header_size();
  seg.text = std::move(packet.data);
  seg.text.drop_front(offset + header);
  seg.text.truncate(size - header);
  if (seg.text.empty()) seg.text = {};
  seg.gso_size = packet.offload.gso_size;

  if (const auto found = find_pair(seg.pair)) {
    if (*found & record_bit) return time_wait_arrives(*found & ~record_bit, seg, now);
    const std::uint32_t index = *found;
    Socket& s = at(index);
    const Socket* parent = s.embryo ? find(s.parent) : nullptr;
    const bool accept_full = parent != nullptr && parent->listener && parent->listener->accept_full();
    TcpContext c = context(s.local_peer);
    const auto drop = s.connection->segment_arrives(seg, now, accept_full, c);
    settle(index, now);
    return drop;
  }
  if (const auto listener = ports.find_listener(seg.pair)) return listen_arrives(*listener, seg, now, nullptr);

  // CLOSED: section 3.10.7.1
  if (!seg.flags.has(RST)) reply(reset_for(seg));
  return Drop::closed_port;
}

bool Stack::Impl::has_room(const Listener& l) const {
  return !l.accept_full() && l.half_open() < config.tcp.syn_queue && live < config.max_sockets;
}

// LISTEN: section 3.10.7.2
std::optional<Drop> Stack::Impl::listen_arrives(std::uint32_t listener_index, Segment& seg, Instant now,
                                                const std::uint32_t* reopened) {
  if (seg.flags.has(RST)) return Drop::tcp_reset;  // first
  if (seg.flags.has(ACK)) {                        // second
    reply(reset_for(seg));
    return Drop::tcp_ack;
  }
  if (!seg.flags.has(SYN)) return Drop::tcp_state;  // fourth
  Socket& listening = at(listener_index);           // third
  Listener& listener = *listening.listener;
  if (!has_room(listener)) return Drop::listen_overflow;
  const auto index = new_socket(listening.family);
  if (!index) return Drop::no_memory;
  Socket& child = at(*index);
  if (!demux.insert(seg.pair, *index)) {
    free_socket(*index);
    return Drop::no_memory;
  }
  child.kind = Socket::Kind::connection;
  child.in_demux = true;
  child.embryo = true;
  child.parent = id_of(listener_index);
  child.listening = listening.listening;
  child.bound = true;
  child.binding = ports.hold(listening.binding, seg.pair.local.addr);
  child.local = seg.pair.local;
  child.flow_label = flow_label_of(seg.pair);
  child.local_peer = addresses.is_local(seg.pair.remote.addr);
  child.options = listening.options;
  child.connection =
      std::make_unique<Connection>(seg.pair, child.options, config.tcp, first_hop_mtu(seg.pair.remote.addr));
  follow_path(child, now);
  Seq32 iss = config.tcp.test_isn ? Seq32{*config.tcp.test_isn} : initial_sequence(prf, seg.pair, now);
  if (reopened != nullptr) iss = beyond(iss, *reopened);
  child.connection->open_passive(seg, iss, timestamp_offset(prf, seg.pair), now, config.tcp);
  listener.on_half_open();
  settle(*index, now);
  return {};
}

std::optional<Drop> Stack::Impl::time_wait_arrives(std::uint32_t record, Segment& seg, Instant now) {
  const auto listener = ports.find_listener(seg.pair);
  switch (time_wait.segment_arrives(record, seg, listener.has_value())) {
    case TimeWaitTable::Answer::ignore:
      break;
    case TimeWaitTable::Answer::restart:  // answered each time (MUST-13)
      time_wait.restart(record, now, config.tcp);
      reply(time_wait.acknowledgment(record, now));
      return {};
    case TimeWaitTable::Answer::acknowledge:
      if (!time_wait.may_acknowledge(record, seg, now)) break;
      reply(time_wait.acknowledgment(record, now));
      return {};
    case TimeWaitTable::Answer::reopen: {
      if (!has_room(*at(*listener).listener)) return Drop::listen_overflow;
      const std::uint32_t snd_nxt = time_wait[record].snd_nxt;
      forget_record(record);
      return listen_arrives(*listener, seg, now, &snd_nxt);
    }
  }
  return Drop::tcp_state;
}

void Stack::Impl::reply(const Reply& r) {
  if (r.flags.has(RST)) {
    const IpAddr& dst = r.pair.remote.addr;
    constexpr Rate resets{.interval = 1ms, .burst = 200};
    if (!addresses.is_local(dst) && !reset_limit.take(dst, clock, resets)) {
      ++counters.resets_limited;
      return;
    }
    ++counters.tcp_resets_out;
  }
  if (!replies.push(r)) ++counters.reply_overflow;
}

}  // namespace tunic
