// The user calls that make, name, join and end sockets.
#include <algorithm>

#include "core/impl.h"
#include "tcp/isn.h"

namespace tunic {

// What is out of range is brought to the nearest value in it (Config says the ranges). The key goes elsewhere.
static Config in_range(Config c) {
  c.key = {};
  c.mtu = std::clamp(c.mtu, Config::least_mtu, Config::most_mtu);
  if (c.routes.size() > Config::most_routes) c.routes.resize(Config::most_routes);
  for (Route& r : c.routes) {
    const bool v4 = r.destination.addr.is_v4();
    if (r.mtu != 0) r.mtu = std::clamp(r.mtu, v4 ? Config::least_mtu : Config::least_mtu_v6, Config::most_mtu);
  }
  c.memory = std::clamp<std::size_t>(c.memory, 4u << 20, std::size_t{16} << 30);
  c.max_sockets = std::clamp<std::uint32_t>(c.max_sockets, 1, 1u << 30);
  c.ip.mtu_expires = std::max<Duration>(c.ip.mtu_expires, 1s);
  c.ip.min_pmtu = std::clamp<std::uint32_t>(c.ip.min_pmtu, 68, 65'535);
  c.ip.ipfrag_high_thresh = std::clamp<std::size_t>(c.ip.ipfrag_high_thresh, 64u << 10, 4u << 20);
  c.ip.icmp_msgs_per_sec = std::max<std::uint32_t>(c.ip.icmp_msgs_per_sec, 1);
  c.ip.icmp_msgs_burst = std::max<std::uint32_t>(c.ip.icmp_msgs_burst, 1);
  c.tcp.syn_retries = std::clamp(c.tcp.syn_retries, 0, 127);  // as setsockopt() has it
  c.tcp.keep_count = std::clamp(c.tcp.keep_count, 1, 127);
  c.tcp.time_wait_records = std::max<std::uint32_t>(c.tcp.time_wait_records, 1);
  c.tcp.port_first = std::max<std::uint16_t>(c.tcp.port_first, 1);
  c.tcp.port_last = std::max(c.tcp.port_last, c.tcp.port_first);
  return c;
}

Stack::Impl::Impl(const Config& c)
    : config{in_range(c)},
      secrets{std::make_unique<Secrets>(Prf{c.key})},
      prf{secrets->prf},
      pool{config.memory},
      addresses{config.addresses},
      routes{config.routes, addresses},
      pmtu{prf, {config.ip.mtu_expires, config.ip.min_pmtu}},
      identification{prf},
      reassembly{prf, {config.ip.ipfrag_high_thresh, config.ip.ipfrag_time, config.ip.ip6frag_time}},
      error_limit{prf},
      echo_limit{prf, 2},
      reset_limit{prf, 3},
      demux{prf},
      ports{prf},
      ephemeral{prf, config.tcp.port_first, config.tcp.port_last},
      udp{PortTable{prf, PortRules::datagram}, Demux{prf},
          EphemeralPorts{prf, config.tcp.port_first, config.tcp.port_last, Purpose::udp_port}},
      echo{PortTable{prf, PortRules::datagram}, Demux{prf}, EphemeralPorts{prf, 1, 65'535, Purpose::echo_id}},
      time_wait{config.tcp.time_wait_records} {
  config_changed();
}

/// Tells those who keep what they need of the Config; the others read it each time.
void Stack::Impl::config_changed() {
  const TcpSettings& t = config.tcp;
  ephemeral.set_range(t.port_first, t.port_last);
  udp.ephemeral.set_range(t.port_first, t.port_last);
  std::vector<Port> reserved;
  for (const std::uint16_t p : config.reserved_ports) reserved.push_back(Port(p));
  udp.ephemeral.reserve(reserved);
  ephemeral.reserve(std::move(reserved));
  pmtu.set({config.ip.mtu_expires, config.ip.min_pmtu});
  reassembly.set({config.ip.ipfrag_high_thresh, config.ip.ipfrag_time, config.ip.ip6frag_time});
  wheel.arm(reassembly_timer, reassembly.next());
  time_wait.set_most(t.time_wait_records);
  while (time_wait.size() > t.time_wait_records) forget_record(time_wait.oldest());
}

Stack::Impl::~Impl() {
  for (std::size_t i = 0; i < sockets.size(); ++i) cancel_timer(sockets[i]);
  wheel.cancel(time_wait_timer);
  wheel.cancel(reassembly_timer);
}

Socket* Stack::Impl::find(SocketId s) {
  if (s.index >= sockets.size()) return nullptr;
  Socket& socket = at(s.index);
  return socket.held && socket.generation == s.generation ? &socket : nullptr;
}

std::optional<std::uint32_t> Stack::Impl::find_pair(const FourTuple& pair) const {
  const auto found = demux.find(pair);
  if (!found) return {};
  const bool is_record = (*found & record_bit) != 0;
  const FourTuple& is = is_record ? time_wait[*found & ~record_bit].pair : sockets[*found].connection->pair();
  return is == pair ? found : std::nullopt;
}

Result<std::uint32_t> Stack::Impl::new_socket(Family family, Transport transport) {
  if (live >= config.max_sockets) return fail(Error::too_many);
  std::uint32_t index;
  if (free_slots.empty()) {
    index = static_cast<std::uint32_t>(sockets.size());
    sockets.add();
  } else {
    index = free_slots.back();
    free_slots.pop_back();
  }
  Socket& s = at(index);
  s.kind = Socket::Kind::blank;
  s.family = family;
  s.options.ttl = family == Family::v4 ? config.tcp.ttl : config.tcp.hop_limit;
  s.options.v6_only = family == Family::v6 && config.v6_only;
  s.options.syn_count = static_cast<std::uint8_t>(config.tcp.syn_retries);
  s.options.keep_count = static_cast<std::uint8_t>(config.tcp.keep_count);
  s.options.keep_idle = to_milliseconds(config.tcp.keep_idle);
  s.options.keep_interval = to_milliseconds(config.tcp.keep_interval);
  s.options.receive_buffer = to_octets(config.tcp.receive_buffer);
  s.options.send_buffer = to_octets(config.tcp.send_buffer);
  if (transport != Transport::tcp) {
    s.kind = Socket::Kind::datagram;
    s.datagram = std::make_unique<DatagramSocket>(transport);
    s.options.receive_buffer = to_octets(config.udp.receive_buffer);
    s.options.send_buffer = to_octets(config.udp.send_buffer);
    s.options.reuse_address = transport == Transport::icmp;  // as Linux: two may have one identifier
  }
  ++live;
  return index;
}

void Stack::Impl::free_socket(std::uint32_t index) {
  Socket& s = at(index);
  cancel_timer(s);
  unbind(s);
  pool.unreserve(s.places);
  const std::uint32_t next = s.generation + 1;
  sockets.renew(index);
  s.generation = next == 0 ? 1 : next;
  free_slots.push_back(index);
  --live;
}

Binding Stack::Impl::binding_of(const Socket& s, std::uint32_t index, const Endpoint& local) const {
  return {.addr = local.addr,
          .port = local.port,
          .v6_only = s.options.v6_only || (s.datagram && s.datagram->transport == Transport::icmp),  // ICMPv6 alone
          .mapped = s.family == Family::v6 && local.addr.is_v4(),
          .reuse_address = s.options.reuse_address,
          .reuse_port = s.options.reuse_port,
          .owner = index};
}

Endpoint Stack::Impl::destination(const Socket& s, Endpoint to) {
  if (!to.addr.is_any()) return to;
  const bool v4 = to.addr.is_v4() || s.local.addr.is_v4();
  to.addr = IpAddr::loopback(v4 ? Family::v4 : Family::v6);
  return to;
}

// An OPEN may name its local address (RFC 9293 §3.9.1.1, MUST-43).
Status Stack::Impl::bind(Socket& s, std::uint32_t index, const Endpoint& local) {
  if (s.datagram) return bind_datagram(s, index, local);
  if (s.kind != Socket::Kind::blank || s.bound) return fail(Error::invalid);
  const bool v4 = local.addr.is_v4();
  if (s.family == Family::v4 && !v4) return fail(Error::family);
  if (s.family == Family::v6 && v4 && s.options.v6_only) return fail(Error::invalid);
  if (!v4 && local.addr.is_multicast()) return fail(Error::invalid);
  const bool group = local.addr.is_multicast() || local.addr.is_broadcast();  // as Linux, though no stream comes of it
  if (!local.addr.is_any() && !group && !s.options.free_bind && !addresses.is_local(local.addr))
    return fail(Error::not_available);
  if (local.port == Port{} && s.options.bind_no_port)
    s.local = local;
  else if (const Status bound = bind_port(s, index, local); !bound)
    return bound;
  if (!v4 && !local.addr.is_any()) s.options.v6_only = true;  // as Linux tells it
  return {};
}

Status Stack::Impl::bind_port(Socket& s, std::uint32_t index, const Endpoint& local) {
  Endpoint chosen = local;
  if (chosen.port == Port{}) {
    const auto port = ephemeral.for_bind(local.addr, clock, [&](Port p) {
      return ports.is_unused(binding_of(s, index, {local.addr, p}));
    });
    if (!port) return fail(port.error());
    chosen.port = *port;
  }
  const auto binding = ports.bind(binding_of(s, index, chosen));
  if (!binding) return fail(binding.error());
  s.binding = *binding;
  s.bound = s.bound_by_user = true;
  s.any_address = chosen.addr.is_any();
  s.local = chosen;
  return {};
}

void Stack::Impl::unbind(Socket& s) {
  if (!s.bound) return;
  (s.datagram ? tables(s.datagram->transport).ports : ports).release(s.binding);
  s.bound = s.bound_by_user = false;
  s.local = {IpAddr::any(s.family), {}};
}

bool Stack::Impl::pair_is_free(const FourTuple& pair, Instant now) const {
  const auto found = find_pair(pair);
  if (!found) return true;
  return (*found & record_bit) != 0 && time_wait.reusable(*found & ~record_bit, now, config.tcp);
}

// A connection that never came to be leaves a blank socket behind.
Status Stack::Impl::forget_failed(Socket& s) {
  if (s.connection->state() != State::closed || s.connection->was_established()) return fail(Error::is_connected);
  cancel_timer(s);
  s.connection.reset();
  s.kind = Socket::Kind::blank;
  return {};
}

Status Stack::Impl::connect(Socket& s, std::uint32_t index, Endpoint remote, Instant now) {
  if (s.datagram) return connect_datagram(s, index, remote, now);
  if (s.kind == Socket::Kind::listener) return fail(Error::is_connected);
  if (s.kind == Socket::Kind::connection) {
    const State state = s.connection->state();
    if (state == State::syn_sent || state == State::syn_received) return fail(Error::already);
    if (const int error = s.connection->take_error(); error != 0) {
      s.connect_pending = false;
      static_cast<void>(forget_failed(s));
      return fail(static_cast<Error>(error));
    }
    const bool untold = std::exchange(s.connect_pending, false);
    if (untold && s.connection->was_established()) return {};
    if (auto failed = forget_failed(s); !failed) return failed;
    if (untold) return fail(Error::aborted);  // as Linux: somebody else was told why
  }
  if (s.family == Family::v4 && !remote.addr.is_v4()) return fail(Error::family);
  if (s.family == Family::v6 && remote.addr.is_v4() && s.options.v6_only) return fail(Error::unreachable);
  remote = destination(s, remote);
  if (remote.addr.is_multicast() || addresses.is_broadcast(remote.addr)) return fail(Error::unreachable);  // MUST-46
  if (remote.port == Port{}) return fail(Error::refused);  // H8: no such port
  const bool chosen = !s.local.addr.is_any();
  if (chosen && s.local.addr.is_v4() != remote.addr.is_v4())
    return fail(s.local.addr.is_v4() ? Error::family : Error::unreachable);  // as Linux
  if (auto way = routes.check(remote.addr, addresses); !way) return way;
  const auto source = chosen ? Result<IpAddr>{s.local.addr} : routes.source_to(remote.addr, addresses);  // MUST-44
  if (!source) return fail(source.error());
  if (source->is_loopback() && !addresses.is_local(remote.addr)) return fail(Error::invalid);

  FourTuple pair{{*source, s.local.port}, remote};
  if (!s.bound) {
    const auto port = ephemeral.for_connect(*source, remote, now, [&](Port p) {
      return !ports.is_claimed(p) && Endpoint{*source, p} != remote && pair_is_free({{*source, p}, remote}, now);
    });
    if (!port) return fail(port.error());
    pair.local.port = *port;
  } else if (!pair_is_free(pair, now)) {
    return fail(Error::not_available);
  }

  Seq32 iss = config.tcp.test_isn ? Seq32{*config.tcp.test_isn} : initial_sequence(prf, pair, now);
  if (const auto old = find_pair(pair)) {
    iss = beyond(iss, time_wait[*old & ~record_bit].snd_nxt);
    forget_record(*old & ~record_bit);
  }
  if (!demux.insert(pair, index)) return fail(Error::no_buffers);
  if (s.bound) {
    ports.set_address(s.binding, *source);
  } else {
    s.binding = ports.bind_automatic(*source, pair.local.port);
    s.bound = true;
  }
  s.local = pair.local;  // for all its segments (MUST-45)
  s.in_demux = true;
  s.flow_label = flow_label_of(pair);
  s.local_peer = addresses.is_local(remote.addr);
  s.kind = Socket::Kind::connection;
  s.connect_pending = true;
  s.late_error = 0;
  s.connection = std::make_unique<Connection>(pair, s.options, config.tcp, first_hop_mtu(remote.addr));
  follow_path(s, now);
  s.connection->open_active(iss, timestamp_offset(prf, pair));
  settle(index, now);
  return fail(Error::in_progress);
}

// As Linux: what bind() chose stays; a port that connect() took goes, though it is still told.
void Stack::Impl::disconnect(Socket& s, std::uint32_t index) {
  if (s.kind == Socket::Kind::listener) {
    static_cast<void>(ports.set_listening(s.binding, false));
    stop_listening(s);
  }
  if (s.kind == Socket::Kind::connection) {
    Connection& c = *s.connection;
    const State before = c.state();
    if (const auto reset = c.disconnect()) reply(*reset);
    s.late_error =
        before == State::closed || before == State::time_wait ? c.take_error() : static_cast<int>(Error::reset);
    if (s.in_demux) demux.erase(c.pair());
    s.in_demux = s.connect_pending = false;
    cancel_timer(s);
    s.connection.reset();
    if (s.zero_copy) report_zero_copy(s, index);
    s.kind = Socket::Kind::blank;
    const Port port = s.local.port;
    if (!s.bound_by_user) {
      unbind(s);
      s.local.port = port;
    } else if (s.any_address) {
      s.local.addr = IpAddr::any(s.family);
      ports.set_address(s.binding, s.local.addr);
    }
  }
  mark_edge(index);
}

void Stack::Impl::stop_listening(Socket& s) {
  Listener& l = *s.listener;
  while (!l.empty()) {  // established, and nobody will ever accept them
    const std::uint32_t index = l.pop();
    at(index).queued = false;
    at(index).connection->abort();
    settle(index, clock);
  }
  s.listener.reset();  // half-open ones find no parent and are reset
  s.kind = Socket::Kind::blank;
}

void Stack::Impl::settle(std::uint32_t index, Instant now) {
  Socket& s = at(index);
  Connection& c = *s.connection;
  if (s.embryo && (c.was_established() || c.state() == State::closed)) {
    s.embryo = false;
    Socket* parent = find(s.parent);
    const bool listening = parent != nullptr && parent->listener && parent->listening == s.listening;
    if (!c.was_established()) {
      if (listening) parent->listener->on_half_open_gone();
    } else if (listening) {
      parent->listener->on_established(index);
      s.queued = true;
      mark_edge(s.parent.index);
    } else {
      c.abort();
    }
  }
  if (const std::uint32_t learned = c.take_learned_mtu(); learned != 0) {
    learn_path_mtu(c.pair().remote.addr, learned, now);
    follow_path(s, now);
  }
  if (s.in_demux && c.state() == State::time_wait) enter_time_wait(s, now);
  if (s.in_demux && c.state() == State::closed) {
    demux.erase(c.pair());
    s.in_demux = false;
  }
  const bool ended = !s.in_demux;
  if (ended) {
    cancel_timer(s);
    if (!s.bound_by_user) unbind(s);
    if (!s.held && !s.queued) dying.push_back(id_of(index));
  }
  mark_edge(index, c.take_edge());
  mark_dirty(index);
}

void Stack::Impl::enter_time_wait(Socket& s, Instant now) {
  if (time_wait.full()) {  // R10: the oldest makes room
    forget_record(time_wait.oldest());
    ++counters.time_wait_recycled;
  }
  const FourTuple& pair = s.connection->pair();
  const BindingId hold = ports.hold(s.binding, pair.local.addr);
  const std::uint32_t record = time_wait.add(*s.connection, static_cast<std::uint32_t>(hold), now, config.tcp);
  demux.replace(pair, record | record_bit);
  s.in_demux = false;
  s.time_wait = record;
  s.time_wait_generation = time_wait[record].generation;
  wheel.arm(time_wait_timer, time_wait.next());
}

void Stack::Impl::forget_record(std::uint32_t record) {
  demux.erase(time_wait[record].pair);
  ports.release(BindingId{time_wait[record].binding});
  time_wait.remove(record);
}

bool Stack::Impl::starves(std::uint32_t index) {
  if (pool.has_spare(Connection::send_part)) return false;
  if (!std::exchange(at(index).starved, true)) starved.push_back(id_of(index));
  return true;
}

void Stack::Impl::feed_starved() {
  if (starved.empty() || !pool.has_spare(Connection::send_part)) return;
  while (!starved.empty()) {
    const SocketId id = starved.pop_front();
    if (at(id.index).generation != id.generation) continue;
    at(id.index).starved = false;
    mark_edge(id.index, ready::writable);
  }
}

void Stack::Impl::arm_timer(std::uint32_t index, Instant when) {
  Socket& s = at(index);
  if (!s.timer) s.timer = timers.take();
  s.timer->owner = index;
  wheel.arm(*s.timer, when);
}

void Stack::Impl::cancel_timer(Socket& s) {
  if (!s.timer) return;
  wheel.cancel(*s.timer);
  timers.give_back(std::move(s.timer));
}

void Stack::Impl::mark_dirty(std::uint32_t index) {
  Socket& s = at(index);
  if (std::exchange(s.dirty, true)) return;
  dirty.push_back(id_of(index));
}

void Stack::Impl::mark_edge(std::uint32_t index, std::uint8_t news) {
  Socket& s = at(index);
  if (news == 0 || !s.held) return;
  if (s.edge == 0) edges.push_back(id_of(index));
  s.edge |= news;
}

}  // namespace tunic
