// Options and information of sockets: ranges and meanings are Linux's.
#include <algorithm>
#include <limits>

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
      return {0, 32'767};
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
    case Option::defer_accept:
    case Option::window_clamp:
    case Option::not_sent_low:
      return {std::numeric_limits<std::int32_t>::min(), 0x7fff'ffff};
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
    case Option::defer_accept:
    case Option::window_clamp:
    case Option::not_sent_low:
      return true;
    default:
      return false;
  }
}

constexpr int most_linger2 = 120;           // TCP_FIN_TIMEOUT_MAX
constexpr std::int64_t least_clamp = 1152;  // half of the least receive buffer

// Linux counts the patience of TCP_DEFER_ACCEPT in retransmissions of the SYN-ACK: after 1, 2, 4... s, at most 120 s.
int retransmissions_in(std::int64_t seconds) {
  int n = 0;
  for (std::int64_t gap = 1, sum = 0; sum < seconds && n < 255; gap = std::min<std::int64_t>(2 * gap, 120))
    sum += gap, ++n;
  return n;
}

std::int64_t seconds_of(int retransmissions) {
  std::int64_t sum = 0;
  for (std::int64_t gap = 1; retransmissions > 0; --retransmissions, gap = std::min<std::int64_t>(2 * gap, 120))
    sum += gap;
  return sum;
}

// As Linux: at most half of what the buffer may become, and the buffer grows to hold it.
void set_receive_low(Socket& s, std::size_t n, const Config& config) {
  UserOptions& u = s.options;
  if (s.datagram) {
    u.receive_low = to_octets(n);
    return;
  }
  const std::size_t most = u.receive_buffer_set ? u.receive_buffer : config.tcp.max_receive_buffer;
  u.receive_low = to_octets(std::min(n, std::max<std::size_t>(1, most / 2)));
  if (u.receive_buffer_set || 2 * u.receive_low <= u.receive_buffer) return;
  u.receive_buffer = 2 * u.receive_low;
  if (s.connection && s.connection->receiver_buffer() < u.receive_buffer)
    s.connection->set_receive_buffer(u.receive_buffer);
}

}  // namespace

Status Stack::set(SocketId id, Option o, std::int64_t value) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  if (o == Option::mtu || (s->datagram && is_of_tcp(o))) return fail(Error::no_option);
  const Range range = range_of(o);
  if (range.least == 0 && range.most == 1) value = value != 0;
  if (value < range.least || value > range.most) return fail(Error::invalid);
  UserOptions& u = s->options;
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
      u.keep_count = static_cast<std::uint8_t>(number);
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
      u.receive_buffer =
          to_octets(std::clamp<std::size_t>(static_cast<std::size_t>(value), 1152, impl_->config.rmem_max));
      u.receive_buffer_set = true;
      if (s->connection) s->connection->set_receive_buffer(u.receive_buffer);
      break;
    case Option::send_buffer:
      u.send_buffer = to_octets(std::clamp<std::size_t>(static_cast<std::size_t>(value), 2304, impl_->config.wmem_max));
      u.send_buffer_set = true;
      break;
    case Option::receive_low:
      set_receive_low(*s, static_cast<std::size_t>(std::max<std::int64_t>(1, value)), impl_->config);
      break;
    case Option::max_segment:
      if (value != 0 && value < 88) return fail(Error::invalid);
      u.max_segment = static_cast<std::uint16_t>(value);
      break;
    case Option::user_timeout:
      u.user_timeout = std::chrono::milliseconds{value};
      break;
    case Option::syn_count:
      u.syn_count = static_cast<std::uint8_t>(number);
      break;
    case Option::linger2:
      u.linger2 = static_cast<std::int8_t>(std::clamp(number, -1, most_linger2));
      break;
    case Option::quick_ack:
      u.quick_ack = on;
      u.interactive = !on;
      break;
    case Option::defer_accept:
      u.defer_accept = static_cast<std::uint8_t>(retransmissions_in(value));
      break;
    case Option::window_clamp:
      if (value == 0 && s->connection && s->connection->state() != State::closed) return fail(Error::invalid);
      u.window_clamp = value == 0 ? 0 : static_cast<std::int32_t>(std::max<std::int64_t>(value, least_clamp));
      break;
    case Option::not_sent_low:
      u.not_sent_low = static_cast<std::int32_t>(value);
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
    case Option::receive_times:
      u.receive_times = on;
      break;
    case Option::receive_errors:
      u.receive_errors = on;
      if (!on && s->errors) s->errors->forget_errors();
      if (s->errors && s->errors->empty()) s->errors.reset();
      break;
    case Option::mtu_discover:
      u.mtu_discover = static_cast<std::uint8_t>(value);
      break;
    case Option::no_checksum:
      u.no_checksum = on;
      break;
    case Option::free_bind:
      u.free_bind = on;
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
  const UserOptions& u = s->options;
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
      return s->connection && s->connection->state() != State::closed ? static_cast<std::int64_t>(s->connection->mss())
             : u.max_segment != 0                                     ? u.max_segment
                                  : default_mss(Family::v4);  // of IPv6 too, as Linux
    case Option::user_timeout:
      return u.user_timeout / 1ms;
    case Option::syn_count:
      return u.syn_count != 0 ? u.syn_count : 6;
    case Option::linger2:
      return u.linger2 != 0 ? std::int64_t{u.linger2} : impl_->config.tcp.fin_wait_2 / 1s;
    case Option::quick_ack:
      return !u.interactive && u.quick_ack.value_or(true);
    case Option::defer_accept:
      return seconds_of(u.defer_accept);
    case Option::window_clamp:
      if (u.window_clamp != 0 || !s->connection || s->connection->state() == State::closed) return u.window_clamp;
      return s->connection->receiver().largest_window();
    case Option::not_sent_low:
      return u.not_sent_low;
    case Option::ttl:
      return u.ttl;
    case Option::tos:
      return u.tos;
    case Option::bind_no_port:
      return u.bind_no_port;
    case Option::broadcast:
      return u.broadcast;
    case Option::receive_times:
      return u.receive_times;
    case Option::receive_errors:
      return u.receive_errors;
    case Option::mtu_discover:
      return u.mtu_discover;
    case Option::no_checksum:
      return u.no_checksum;
    case Option::free_bind:
      return u.free_bind;
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

Status Stack::set_congestion(SocketId id, std::string_view name) {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  const auto found = std::ranges::find(congestion_controls, name);
  if (found == congestion_controls.end()) return fail(Error::no_entry);
  s->options.congestion = static_cast<std::uint8_t>(found - congestion_controls.begin());
  return {};
}

Result<std::string_view> Stack::congestion(SocketId id) const {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  return congestion_controls[s->options.congestion];
}

Result<TcpInfo> Stack::info(SocketId id, std::optional<Instant> now) const {
  Socket* s = impl_->find(id);
  if (s == nullptr) return fail(Error::bad_handle);
  TcpInfo i;
  if (s->connection) i = s->connection->info(impl_->config.tcp, now.value_or(impl_->clock));
  if (s->listener) {
    i.state = State::listen;
    i.accept_queue = static_cast<std::uint32_t>(s->listener->waiting());
    i.backlog = s->listener->backlog();
    i.syn_queue = s->listener->half_open();
  }
  // The connection has become a record; when that ends there is nothing left of it.
  if (i.state == State::time_wait && !impl_->time_wait.holds(s->time_wait, s->time_wait_generation))
    i.state = State::closed;
  return i;
}

}  // namespace tunic
