#include "core/stack.h"

#include <algorithm>

#include "core/impl.h"
#include "core/sysctl.h"

namespace tunic {

Stack::Stack(const Config& config) : impl_{std::make_unique<Impl>(config)} {}
Stack::~Stack() = default;

Instant Stack::poll(Instant now, Link& link) {
  impl_->clock = now;
  impl_->blocked = false;
  for (RxPacket& packet : link.receive()) impl_->receive(packet, now);
  impl_->run_timers(now);  // after the packets: what they acknowledge is not overdue, however late this call
  return impl_->drive(now, link);
}

bool Stack::wants_flush() const { return !impl_->dirty.empty() || !impl_->edges.empty() || !impl_->starved.empty(); }

Instant Stack::flush(Instant now, Link& link) {
  impl_->clock = now;
  return impl_->drive(now, link);
}

Result<SocketId> Stack::open(Family family, Transport transport) {
  const auto index = impl_->new_socket(family, transport);
  if (!index) return fail(index.error());
  Socket& s = impl_->at(*index);
  s.held = true;
  s.local = {IpAddr::any(family), {}};
  return impl_->id_of(*index);
}

Status Stack::bind(SocketId id, const Endpoint& local) {
  Socket* s = impl_->find(id);
  return s == nullptr ? fail(Error::bad_handle) : impl_->bind(*s, id.index, local);
}

Status Stack::listen(SocketId id, int backlog) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->datagram) return fail(Error::unsupported);
  const auto most = static_cast<std::int64_t>(impl_->config.tcp.max_backlog);
  const auto room = static_cast<std::uint32_t>(backlog < 0 ? most : std::clamp<std::int64_t>(backlog, 1, most));
  if (s->kind == Socket::Kind::listener) {
    s->listener->set_backlog(room);
    return {};
  }
  if (s->kind == Socket::Kind::connection && !impl_->forget_failed(*s)) return fail(Error::invalid);
  if (!s->bound)
    if (auto bound = impl_->bind_port(*s, id.index, {s->local.addr, {}}); !bound) return bound;
  if (auto free = impl_->ports.set_listening(s->binding, true); !free) return free;
  // A listener is a record of its own: connections on its port stay as they are (MUST-41, MUST-42).
  s->options.quick_ack = UserOptions{}.quick_ack;  // as Linux: the question is open again
  s->options.interactive = false;
  s->listener = std::make_unique<Listener>(room);
  ++s->listening;
  s->kind = Socket::Kind::listener;
  return {};
}

Result<SocketId> Stack::accept(SocketId id, Endpoint* remote) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->datagram) return fail(Error::unsupported);
  if (s->kind != Socket::Kind::listener) return fail(Error::invalid);
  if (s->listener->empty()) return fail(Error::again);
  const std::uint32_t index = s->listener->pop();
  Socket& child = impl_->at(index);
  child.queued = false;
  child.held = true;
  child.parent = {};
  if (remote != nullptr) *remote = child.connection->pair().remote;
  impl_->mark_edge(index);
  return impl_->id_of(index);
}

Status Stack::connect(SocketId id, const Endpoint& remote, Instant now) {
  Socket* s = impl_->find(id);
  return s == nullptr ? fail(Error::bad_handle) : impl_->connect(*s, id.index, remote, now);
}

Result<std::size_t> Stack::send(SocketId id, Bytes text, SendFlags flags) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->datagram) return send_datagram(id, {&text, 1}, {.more = flags.more});
  if (!s->connection) {  // as Linux: nothing is joined to it
    const int late = std::exchange(s->late_error, 0);
    return fail(late != 0 ? static_cast<Error>(late) : Error::pipe);
  }
  TcpContext c = impl_->context(s->local_peer);
  const bool zero_copy = flags.loan == Loan::acknowledged;
  if (zero_copy && !impl_->may_zero_copy(*s)) return fail(Error::no_buffers);
  const auto owner =
      flags.loan == Loan::none || flags.urgent ? Slice::Owner::slab : impl_->borrow_from(*s, text, zero_copy);
  if (zero_copy && owner == Slice::Owner::slab) s->zero_copy_copied = true;
  const auto sent = s->connection->send(text, flags.urgent, flags.more, c, owner);
  impl_->reserve_places(*s);
  if (sent) impl_->mark_dirty(id.index);
  if (!sent && sent.error() == Error::no_buffers) {  // an edge will tell when to try again
    if (!impl_->starves(id.index)) impl_->mark_edge(id.index, ready::writable);
    return fail(Error::again);
  }
  return sent;
}

Status Stack::end_loan(SocketId id) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  impl_->take_over(*s, Slice::Owner::lent);
  return {};
}

Status Stack::end_zero_copy(SocketId id) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  impl_->end_zero_copy(*s, id.index);
  return {};
}

Result<std::size_t> Stack::receive(SocketId id, MutBytes out, ReceiveFlags flags) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->datagram) {
    DatagramInfo info;
    return receive_datagram(id, {&out, 1}, flags, info);
  }
  if (!s->connection)
    return fail(flags.urgent && s->kind == Socket::Kind::blank ? Error::invalid : Error::not_connected);
  const auto got = flags.urgent ? s->connection->receive_urgent(out, flags.peek)
                                : s->connection->receive(out, flags.peek, flags.skip);
  if (!got || flags.peek) return got;
  if (s->connection->is_content() && !flags.urgent) {  // most calls: nothing is to be sent
    TcpContext c = impl_->context(s->local_peer);
    s->connection->rest(c);
  } else {
    impl_->mark_dirty(id.index);
  }
  return got;
}

Status Stack::disconnect(SocketId id) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->datagram)
    impl_->disconnect_datagram(*s, id.index);
  else
    impl_->disconnect(*s, id.index);
  return {};
}

Result<std::size_t> Stack::send_datagram(SocketId id, std::span<const Bytes> text, const DatagramOptions& how) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  return s->datagram ? impl_->send_datagram(*s, id.index, text, how) : fail(Error::unsupported);
}

Result<std::size_t> Stack::receive_datagram(SocketId id, std::span<const MutBytes> out, ReceiveFlags flags,
                                            DatagramInfo& info) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (!s->datagram) return fail(Error::unsupported);
  DatagramSocket& d = *s->datagram;
  if (const int error = d.take_error(); error != 0) return fail(static_cast<Error>(error));
  if (d.readable()) return d.receive(out, flags.peek, info);
  info = {};
  return d.read_shut && flags.waits ? Result<std::size_t>{0} : fail(Error::again);
}

Result<std::size_t> Stack::receive_error(SocketId id, std::span<const MutBytes> out, ErrorReport& report) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  return s->errors ? Result<std::size_t>{impl_->take_report(*s, out, report)} : fail(Error::again);
}

Transport Stack::transport(SocketId id) const {
  const Socket* s = impl_->find(id);
  return s != nullptr && s->datagram ? s->datagram->transport : Transport::tcp;
}

Status Stack::shutdown(SocketId id, Shutdown how) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->kind == Socket::Kind::listener) {
    if (how == Shutdown::write) return {};
    static_cast<void>(impl_->ports.set_listening(s->binding, false));
    impl_->stop_listening(*s);
    impl_->mark_edge(id.index);
    return {};
  }
  if (s->datagram) {
    DatagramSocket& d = *s->datagram;
    d.read_shut |= how != Shutdown::write;
    d.write_shut |= how != Shutdown::read;
    impl_->mark_edge(id.index);
    return d.peer ? Status{} : fail(Error::not_connected);  // done all the same, as Linux
  }
  if (!s->connection) return fail(Error::not_connected);
  const State state = s->connection->state();
  if (state == State::closed || state == State::time_wait) return fail(Error::not_connected);
  if (state == State::syn_sent) {
    s->connect_pending = false;  // nobody is to be told how it ended
    s->connection->abort();
  } else {
    if (how != Shutdown::write) s->connection->shutdown_read();
    if (how != Shutdown::read) s->connection->shutdown_write();
  }
  impl_->settle(id.index, impl_->clock);
  return {};
}

Status Stack::close(SocketId id) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->kind == Socket::Kind::listener) impl_->stop_listening(*s);
  s->held = false;
  s->errors.reset();
  if (s->datagram && impl_->close_datagram(*s, id.index)) return {};
  if (!s->connection) {
    impl_->free_socket(id.index);
    return {};
  }
  s->zero_copy.reset();
  impl_->take_over_all(*s);
  s->connection->close();
  impl_->settle(id.index, impl_->clock);
  return {};
}

Status Stack::abort(SocketId id) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->connection) s->connection->abort();
  return close(id);
}

std::uint32_t Stack::ready(SocketId id) const {
  Socket* s = impl_->find(id);
  if (s == nullptr) return ready::error;
  const std::uint32_t reports = s->errors ? ready::error : 0;
  if (s->connection) {
    const std::uint32_t is = s->connection->ready(impl_->config.tcp);
    const bool could_write = (is & ready::writable) != 0 && (is & (ready::error | ready::hangup)) == 0;
    return (could_write && impl_->starves(id.index) ? is & ~ready::writable : is) | reports;
  }
  if (s->datagram) return impl_->ready_datagram(*s, id.index) | reports;
  if (s->listener) return s->listener->empty() ? 0 : ready::readable;
  // A blank socket, as Linux.
  return ready::writable | ready::hangup | (s->late_error != 0 ? ready::error : 0) | reports;
}

std::optional<SocketId> Stack::take_edge(std::uint32_t* news) {
  while (!impl_->edges.empty()) {
    const SocketId id = impl_->edges.pop_front();
    Socket* s = impl_->find(id);
    if (s == nullptr) continue;
    const std::uint32_t edge = std::exchange(s->edge, 0);
    if (news != nullptr) *news = edge;
    return id;
  }
  return {};
}

Result<Endpoint> Stack::local(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (!s->connection) return s->local;
  const Endpoint& own = s->connection->pair().local;
  if (s->connection->state() != State::closed || s->connection->was_established()) return own;
  // As Linux: when connect() has failed the address that it chose is gone, and the port still told.
  return Endpoint{s->bound_by_user && !s->any_address ? s->local.addr : IpAddr::any(s->family), own.port};
}

Result<Endpoint> Stack::remote(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->datagram)
    return s->datagram->peer && s->datagram->peer->port != Port{} ? Result<Endpoint>{*s->datagram->peer}
                                                                  : fail(Error::not_connected);
  if (!s->connection) return fail(Error::not_connected);
  const State state = s->connection->state();
  if (state == State::closed || state == State::syn_sent || state == State::time_wait)
    return fail(Error::not_connected);
  return s->connection->pair().remote;
}

int Stack::error(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr) return 0;
  if (s->datagram) return s->datagram->error();
  return s->connection ? s->connection->error() : s->late_error;
}

int Stack::take_error(SocketId id) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return 0;
  if (s->datagram) return s->datagram->take_error();
  return s->connection ? s->connection->take_error() : std::exchange(s->late_error, 0);
}

Result<std::size_t> Stack::readable_bytes(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->listener) return fail(Error::invalid);
  if (s->datagram) return s->datagram->next_size();
  return s->connection ? s->connection->readable() : std::size_t{0};
}

Result<std::size_t> Stack::unacknowledged_bytes(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->listener) return fail(Error::invalid);
  if (s->datagram) return s->datagram->output.text().size();
  return s->connection ? s->connection->unacknowledged() : std::size_t{0};
}

Result<std::size_t> Stack::unsent_bytes(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (s->listener) return fail(Error::invalid);
  return s->connection ? s->connection->unsent() : std::size_t{0};
}

std::size_t Stack::lent_bytes(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr || !s->connection) return 0;
  const Sender& sender = s->connection->sender();
  return sender.borrowed(Slice::Owner::lent) + sender.borrowed(Slice::Owner::external);
}

std::optional<Instant> Stack::arrival(SocketId id, std::size_t n) const {
  const Socket* s = impl_->find(id);
  return s != nullptr && s->connection ? s->connection->arrival(n) : std::nullopt;
}

Result<bool> Stack::at_mark(SocketId id) const {
  const Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  return s->connection && s->connection->at_mark();
}

Status Stack::set_sysctl(std::string_view name, std::string_view value) {
  const Status done = tunic::set_sysctl(impl_->config, name, value);
  if (done) impl_->config_changed();
  return done;
}

Result<std::string> Stack::sysctl(std::string_view name) const {
  const Sysctl* const s = find_sysctl(name);
  return s == nullptr ? Result<std::string>{fail(Error::no_entry)} : s->show(impl_->config);
}

const Config& Stack::config() const { return impl_->config; }
const Counters& Stack::counters() const { return impl_->counters; }
Pool& Stack::pool() { return impl_->pool; }

std::uint64_t Stack::digest() const {
  std::uint64_t h = 0x9ae16a3b2f90404fu;
  const auto mix = [&h](std::uint64_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15u, h ^= h >> 32; };
  for (std::size_t i = 0; i < impl_->sockets.size(); ++i) {
    const Socket& s = impl_->sockets[i];
    mix(static_cast<std::uint64_t>(s.kind));
    mix(s.generation);
    mix(s.held);
    if (s.listener) mix(s.listener->waiting() << 32 | s.listener->half_open());
    if (s.connection) h = s.connection->digest(h);
    if (s.datagram) h = s.datagram->digest(h);
    if (s.errors) mix(s.errors->charge());
  }
  for (std::uint32_t i = impl_->time_wait.oldest(); i != TimeWaitTable::no_record; i = impl_->time_wait[i].next)
    mix(std::uint64_t{impl_->time_wait[i].snd_nxt} << 32 | impl_->time_wait[i].rcv_nxt);
  mix(impl_->demux.size());
  mix(impl_->ports.size());
  mix(impl_->udp.ports.size());
  mix(impl_->echo.ports.size());
  h = impl_->pmtu.digest(h);
  return impl_->reassembly.digest(h);
}

std::size_t Stack::connections() const { return impl_->demux.size(); }

bool Stack::unfinished() const {
  if (!impl_->replies.empty() || !impl_->loop.empty() || !impl_->stalled.empty()) return true;
  for (std::size_t i = 0; i < impl_->sockets.size(); ++i) {
    const Socket& s = impl_->sockets[i];
    if (s.connection ? s.connection->unfinished() : s.datagram && !s.datagram->output.empty()) return true;
  }
  return false;
}

void Stack::wipe_secrets() { impl_->secrets->prf.wipe(); }

Bytes Stack::secrets() const { return {reinterpret_cast<const std::byte*>(impl_->secrets.get()), sizeof(Secrets)}; }

}  // namespace tunic
