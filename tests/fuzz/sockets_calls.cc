// Z7: the calls that make, name, join and end sockets.
#include "fuzz/sockets_world.h"

namespace tunic::fuzz {

void World::open(Handle& h) {
  const std::uint8_t what = tape_.octet();
  h = {.side = what % 2,
       .family = what / 2 % 2 == 0 ? Family::v4 : Family::v6,
       .transport = static_cast<Transport>(what / 4 % 3)};
  const auto id = of(h).open(h.family, h.transport);
  REQUIRE(id || id.error() == Error::too_many);
  if (!id) return;
  for (const Handle& other : handles_) REQUIRE(!other.open || other.side != h.side || other.id != *id);
  h.id = *id;
  h.open = true;
  h.may_share = h.transport == Transport::icmp;  // SO_REUSEADDR is on from the start, as on Linux
  REQUIRE(of(h).transport(h.id) == h.transport);
  REQUIRE((of(h).local(h.id) == Endpoint{IpAddr::any(h.family), {}}));
  REQUIRE(of(h).take_error(h.id) == 0);
}

void World::bind(Handle& h) {
  const Endpoint where = some_endpoint(h.side);
  const auto before = of(h).local(h.id);
  const State state = of(h).info(h.id)->state;
  const Status done = of(h).bind(h.id, where);
  REQUIRE(is_one_of(h, done, {Error::invalid, Error::not_available, Error::in_use, Error::family}));
  const auto now = of(h).local(h.id);
  REQUIRE(before && now);
  if (!done) {
    REQUIRE(*now == *before);
    return;
  }
  REQUIRE(!h.bound && !h.listens && state == State::closed);
  h.joined({});  // a connect() before has failed
  REQUIRE(now->addr == where.addr);
  REQUIRE(h.family == Family::v6 || where.addr.is_v4());
  if (where.port != Port{}) REQUIRE(now->port == where.port);
  if (now->port == Port{}) {  // the choice is left to connect()
    REQUIRE(of(h).get(h.id, Option::bind_no_port) == 1);
    return;
  }
  for (const Handle& other : handles_)
    if (other.open && other.bound && other.side == h.side && other.transport == h.transport && *other.bound == *now)
      REQUIRE(h.may_share || other.may_share);
  h.bound = *now;
}

void World::listen(Handle& h) {
  const int backlog = static_cast<std::int8_t>(tape_.octet());
  const Status done = of(h).listen(h.id, backlog);
  REQUIRE(is_one_of(h, done, {Error::invalid, Error::in_use, Error::unsupported}));
  REQUIRE(h.is_stream() || !done);
  if (!done) return;
  h.listens = true;
  h.joined({});
  REQUIRE(of(h).local(h.id)->port != Port{});
  REQUIRE(of(h).info(h.id)->state == State::listen);
}

void World::accept(Handle& h) {
  Handle& made = some_handle();
  if (made.open) return;
  const bool readable = (of(h).ready(h.id) & ready::readable) != 0;
  Endpoint peer;
  const auto id = of(h).accept(h.id, &peer);
  if (!h.listens) {
    REQUIRE(!id && id.error() == (h.is_stream() ? Error::invalid : Error::unsupported));
    return;
  }
  REQUIRE(id.has_value() == readable && (id || id.error() == Error::again));
  if (!id) return;
  for (const Handle& other : handles_) REQUIRE(!other.open || other.side != h.side || other.id != *id);
  made = {.side = h.side, .id = *id, .family = h.family, .transport = Transport::tcp, .open = true};
  const auto local = of(made).local(*id);
  REQUIRE(local);
  made.joined({*local, peer});
  const auto remote = of(made).remote(*id);
  REQUIRE(remote ? *remote == peer : remote.error() == Error::not_connected);
}

void World::connect(Handle& h) {
  Endpoint to = some_endpoint(h.side);
  const bool v4 = to.addr.is_v4() || of(h).local(h.id)->addr.is_v4();  // what it speaks, bound to an IPv4 address too
  const Status done = of(h).connect(h.id, to, now_);
  if (to.addr.is_any()) to.addr = IpAddr::loopback(v4 ? Family::v4 : Family::v6);
  if (!h.is_stream()) {
    REQUIRE(is_one_of(
        h, done, {Error::family, Error::unreachable, Error::invalid, Error::denied, Error::no_buffers, Error::again}));
    if (!done) return;
    const auto peer = of(h).remote(h.id);
    REQUIRE(peer ? *peer == to : to.port == Port{});
    return;
  }
  REQUIRE(is_one_of(h, done,
                    {Error::in_progress, Error::already, Error::is_connected, Error::family, Error::unreachable,
                     Error::invalid, Error::refused, Error::not_available, Error::no_buffers}));
  if (h.listens) {
    REQUIRE(!done && done.error() == Error::is_connected);
    return;
  }
  if (done) REQUIRE(h.pair.local.port != Port{});  // success once, of an earlier connect()
  if (done || done.error() != Error::in_progress) return;
  h.joined({*of(h).local(h.id), to});
  REQUIRE(h.pair.local.port != Port{} && !h.pair.local.addr.is_any());
}

void World::disconnect(Handle& h) {
  REQUIRE(of(h).disconnect(h.id));
  REQUIRE(!of(h).remote(h.id));
  if (of(h).local(h.id)->port == Port{}) h.bound.reset();  // the choice of the port was left to bind()
  if (!h.is_stream()) return;
  h.listens = false;
  h.joined({});
  REQUIRE(of(h).info(h.id)->state == State::closed);
}

void World::shutdown(Handle& h, Shutdown how) {
  const Status done = of(h).shutdown(h.id, how);
  REQUIRE(is_one_of(h, done, {Error::not_connected}));
  if (h.listens) {
    REQUIRE(done);
    if (how != Shutdown::write) h.listens = false;
    return;
  }
  if (!h.is_stream() || !done) {
    if (!h.is_stream()) h.read_shut |= how != Shutdown::write;
    return;
  }
  REQUIRE(h.pair.local.port != Port{});
  if (how != Shutdown::write) h.read_shut = true;
  if (how == Shutdown::read) return;
  if (h.out != nullptr) h.out->ended = true;
  const std::byte octet{};
  const auto more = of(h).send(h.id, {&octet, 1});
  REQUIRE(!more && is_one_of(h, more, {Error::pipe}));
}

void World::close(Handle& h, bool abort) {
  if (!abort && h.out != nullptr) h.out->ended = true;  // if it is not a reset that ends it
  REQUIRE(abort ? of(h).abort(h.id) : of(h).close(h.id));
  h.open = false;
  expect_bad_handle(h);
  if (stale_.size() == 16) stale_.erase(stale_.begin());
  stale_.push_back(h);
}

void World::take_error(Handle& h) {
  const bool told = (of(h).ready(h.id) & ready::error) != 0;
  const int error = of(h).take_error(h.id);
  if (error != 0) {
    REQUIRE(told);
    h.failed = true;
  }
  REQUIRE(of(h).take_error(h.id) == 0);
}

void World::ask(Handle& h) {
  Stack& s = of(h);
  const auto info = s.info(h.id, now_);
  REQUIRE(info && (info->state == State::listen) == h.listens);
  if (!h.is_stream() || (h.pair.local.port == Port{} && !h.listens)) REQUIRE(info->state == State::closed);
  const auto readable = s.readable_bytes(h.id), unacknowledged = s.unacknowledged_bytes(h.id);
  REQUIRE(readable.has_value() == !h.listens && unacknowledged.has_value() == !h.listens);
  const auto remote = s.remote(h.id);
  REQUIRE(remote || remote.error() == Error::not_connected);
  if (h.is_stream() && remote) REQUIRE(*remote == h.pair.remote);
  REQUIRE(s.at_mark(h.id) && s.congestion(h.id));
  if (info->state == State::established) {
    REQUIRE(remote && info->snd_mss > 0 && info->cwnd > 0);
    REQUIRE((s.local(h.id) == h.pair.local));
  }
}

}  // namespace tunic::fuzz
