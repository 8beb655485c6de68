// Options and information of sockets: ranges and meanings are Linux's.
#include <algorithm>

#include "core/impl.h"

namespace tunic {

namespace {

struct Range {
  std::int64_t least, most;
};

Range range_of(Option o) {
  switch (o) {
    case Option::keep_idle:
    case Option::keep_interval:
      return {1, 32'767};
    case Option::keep_count:
    case Option::syn_count:
      return {1, 127};
    case Option::linger:
      return {-1, 0x7fff'ffff};
    case Option::max_segment:
      return {88, 32'767};
    case Option::ttl:
      return {1, 255};
    case Option::tos:
      return {0, 255};
    case Option::receive_buffer:
    case Option::send_buffer:
    case Option::user_timeout:
    case Option::receive_low:
      return {0, 0x7fff'ffff};
    case Option::linger2:
      return {-1, 0x7fff'ffff};
    case Option::mtu_discover:
      return {0, 5};
    default:
      return {0, 1};
  }
}

/// What the level TCP has; cork is UDP's too.
bool is_of_tcp(Option o) {
  switch (o) {
    case Option::keep_idle:
    case Option::keep_interval:
    case Option::keep_count:
    case Option::no_delay:
    case Option::max_segment:
    case Option::user_timeout:
    case Option::syn_count:
    case Option::linger2:
    case Option::quick_ack:
      return true;
    default:
      return false;
  }
}

}  // namespace

Status Stack::set(SocketId id, Option o, std::int64_t value) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (o == Option::mtu || (s->datagram && is_of_tcp(o))) return fail(Error::no_option);
  const Range range = range_of(o);
  if (range.least == 0 && range.most == 1) value = value != 0;
  if (value < range.least || value > range.most) return fail(Error::invalid);
  UserOptions& u = s->chosen();
  const TcpSettings& t = impl_->config.tcp;
  const auto on = value != 0;
  const auto number = static_cast<int>(value);
  switch (o) {
    case Option::reuse_address:
      u.reuse_address = on;
      break;
    case Option::reuse_port:
      u.reuse_port = on;
      break;
    case Option::v6_only:
      if (s->family != Family::v6) return fail(Error::no_option);
      if (s->bound) return fail(Error::invalid);
      u.v6_only = on;
      break;
    case Option::keep_alive:
      u.keep_alive = on;
      break;
    case Option::keep_idle:
      u.keep_idle = std::chrono::seconds{value};
      break;
    case Option::keep_interval:
      u.keep_interval = std::chrono::seconds{value};
      break;
    case Option::keep_count:
      u.keep_count = number;
      break;
    case Option::no_delay:
      u.no_delay = on;
      break;
    case Option::cork:
      u.cork = on;
      break;
    case Option::linger:
      u.linger = number;
      break;
    case Option::oob_inline:
      u.oob_inline = on;
      break;
    case Option::receive_buffer:
      u.receive_buffer = std::clamp<std::size_t>(static_cast<std::size_t>(value), 2304, impl_->config.rmem_max);
      u.receive_buffer_set = true;
      if (s->connection) s->connection->set_receive_buffer(u.receive_buffer);
      break;
    case Option::send_buffer:
      u.send_buffer = std::clamp<std::size_t>(static_cast<std::size_t>(value), 4608, impl_->config.wmem_max);
      u.send_buffer_set = true;
      break;
    case Option::receive_low:
      u.receive_low = static_cast<std::size_t>(std::max<std::int64_t>(1, value));
      break;
    case Option::max_segment:
      u.max_segment = static_cast<std::uint16_t>(value);
      break;
    case Option::user_timeout:
      u.user_timeout = std::chrono::milliseconds{value};
      break;
    case Option::syn_count:
      u.syn_count = number;
      break;
    case Option::linger2:
      u.linger2 = number;
      break;
    case Option::quick_ack:
      u.quick_ack = on;
      break;
    case Option::ttl:
      u.ttl = static_cast<std::uint8_t>(value);
      break;
    case Option::tos:
      u.tos = static_cast<std::uint8_t>(value);
      break;
    case Option::bind_no_port:
      u.bind_no_port = on;
      break;
    case Option::broadcast:
      u.broadcast = on;
      break;
    case Option::receive_errors:
      u.receive_errors = on;
      break;
    case Option::mtu_discover:
      u.mtu_discover = static_cast<std::uint8_t>(value);
      break;
    case Option::no_checksum:
      u.no_checksum = on;
      break;
    case Option::mtu:
      break;
  }
  if ((o == Option::reuse_address || o == Option::reuse_port) && s->bound && !s->connection)
    (s->datagram ? impl_->tables(s->datagram->transport).ports : impl_->ports)
        .set_reuse(s->binding, u.reuse_address, u.reuse_port);
  if (o == Option::cork && !on && s->datagram) impl_->finish_gathered(*s, id.index);
  if (s->connection) {
    s->connection->options_changed(impl_->clock, t);
    impl_->settle(id.index, impl_->clock);
  }
  return {};
}

Result<std::int64_t> Stack::get(SocketId id, Option o) const {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  const UserOptions& u = s->chosen();
  if (s->datagram && is_of_tcp(o)) return fail(Error::no_option);
  switch (o) {
    case Option::reuse_address:
      return u.reuse_address;
    case Option::reuse_port:
      return u.reuse_port;
    case Option::v6_only:
      return s->family == Family::v6 ? Result<std::int64_t>{u.v6_only} : fail(Error::no_option);
    case Option::keep_alive:
      return u.keep_alive;
    case Option::keep_idle:
      return u.keep_idle / 1s;
    case Option::keep_interval:
      return u.keep_interval / 1s;
    case Option::keep_count:
      return u.keep_count;
    case Option::no_delay:
      return u.no_delay;
    case Option::cork:
      return u.cork;
    case Option::linger:
      return u.linger;
    case Option::oob_inline:
      return u.oob_inline;
    case Option::receive_buffer:
      return static_cast<std::int64_t>(s->connection ? s->connection->receiver_buffer() : u.receive_buffer);
    case Option::send_buffer:
      return static_cast<std::int64_t>(u.send_buffer);
    case Option::receive_low:
      return static_cast<std::int64_t>(u.receive_low);
    case Option::max_segment:
      return s->connection        ? static_cast<std::int64_t>(s->connection->info(impl_->config.tcp).snd_mss)
             : u.max_segment != 0 ? u.max_segment
                                  : default_mss(s->family);
    case Option::user_timeout:
      return u.user_timeout / 1ms;
    case Option::syn_count:
      return u.syn_count != 0 ? u.syn_count : 6;
    case Option::linger2:
      return u.linger2 != 0 ? u.linger2 : impl_->config.tcp.fin_wait_2 / 1s;
    case Option::quick_ack:
      return u.quick_ack.value_or(true);
    case Option::ttl:
      return u.ttl;
    case Option::tos:
      return u.tos;
    case Option::bind_no_port:
      return u.bind_no_port;
    case Option::broadcast:
      return u.broadcast;
    case Option::receive_errors:
      return u.receive_errors;
    case Option::mtu_discover:
      return u.mtu_discover;
    case Option::no_checksum:
      return u.no_checksum;
    case Option::mtu: {
      const auto peer = remote(id);
      if (!peer) return fail(Error::not_connected);
      if (!s->datagram) return impl_->path_mtu(peer->addr, impl_->clock).octets;
      const std::uint32_t mtu = impl_->datagram_mtu(peer->addr, static_cast<MtuDiscover>(u.mtu_discover));
      return peer->addr.is_v4() ? std::min(mtu, 65'535u) : mtu;
    }
  }
  return fail(Error::no_option);
}

Result<TcpInfo> Stack::info(SocketId id) const {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  TcpInfo i;
  if (s->connection) i = s->connection->info(impl_->config.tcp);
  if (s->listener) {
    i.state = State::listen;
    i.accept_queue = static_cast<std::uint32_t>(s->listener->waiting());
    i.syn_queue = s->listener->half_open();
  }
  // The connection has become a record; when that ends there is nothing left of it.
  if (i.state == State::time_wait && !impl_->time_wait.holds(s->time_wait, s->time_wait_generation))
    i.state = State::closed;
  return i;
}

}  // namespace tunic
