// Packets out: dirty connections in turn, one quantum each, and the replies without a connection, gathered in bursts
// for the link and for ourselves. What the link refuses was never sent.
#include <algorithm>
#include <cstring>

#include "base/work.h"
#include "core/impl.h"
#include "ip/output.h"
#include "tcp/isn.h"
#include "wire/protocol.h"

namespace tunic {

namespace {
constexpr int timers_per_poll = 256;
constexpr std::size_t loop_burst_size = 64;
constexpr int loop_rounds = 8;
constexpr Duration refused_pause = 1ms;  // a link that refused is asked again after this
}  // namespace

void Stack::Impl::run_timers(Instant now) {
  for (int n = 0; n < timers_per_poll; ++n) {
    TimerNode* node = wheel.pop_due(now);
    if (node == nullptr) {
      if (wheel.next() > now) return;
      continue;  // the wheel was busy moving nodes
    }
    if (node == &time_wait_timer) {
      while (n++ < timers_per_poll && time_wait.next() <= now) forget_record(time_wait.oldest());
      wheel.arm(time_wait_timer, time_wait.next());
      continue;
    }
    if (node == &reassembly_timer) {
      expire_fragments(now);
      continue;
    }
    const std::uint32_t index = node->owner;
    Socket& s = at(index);
    timers.give_back(std::move(s.timer));
    TcpContext c = context(s.local_peer);
    s.connection->timeouts(now, c);
    settle(index, now);
  }
}

// Packets that we send to ourselves are answered in the same call, up to a bound.
Instant Stack::Impl::drive(Instant now, Link& link) {
  blocked = false;
  flush(now, link);
  for (int round = 0; round < loop_rounds && !loop.empty(); ++round) {
    for (std::size_t n = std::min(loop.size(), loop_burst_size); n > 0; --n) {
      RxPacket packet = loop.pop_front();
      receive(packet, now);
    }
    flush(now, link);
  }
  reap();
  feed_starved();
  if (!loop.empty()) return now;
  if (!dirty.empty() || !replies.empty() || !messages.empty() || !stalled.empty())
    return blocked ? now + refused_pause : now;
  return wheel.next();
}

void Stack::Impl::flush(Instant now, Link& link) {
  send_stalled(link);
  flush_replies(link);
  flush_icmp(link);
  while (!dirty.empty()) {
    step();
    const SocketId id = dirty.pop_front();
    Socket& s = at(id.index);
    if (s.generation != id.generation) continue;
    if (s.datagram) {
      if (!output_datagrams(s, id.index, link))
        held_up.push_back(id);
      else if (!s.datagram->output.empty())
        dirty.push_back(id);
      else
        s.dirty = false;
      continue;
    }
    if (!s.connection) {  // it failed, and the socket is blank again
      s.dirty = false;
      continue;
    }
    Burst& burst = burst_for(s.local_peer);
    if ((blocked && !s.local_peer) || (burst.full() && !send_burst(burst, link))) {
      held_up.push_back(id);
      continue;
    }
    const std::size_t from = burst.size();
    if (now >= s.connection->path_mtu_until() || s.path_news != path_news) follow_path(s, now);
    TcpContext c = context(s.local_peer);
    const bool more = s.connection->output(now, id.index, burst, c);
    finish(burst, from, s.connection->pair(), s.connection->options.ttl, s.connection->options.tos, s.flow_label);
    mark_edge(id.index, s.connection->take_edge());
    if (s.places != 0) reserve_places(s);
    if (s.zero_copy) report_zero_copy(s, id.index);
    if (more) {
      dirty.push_back(id);
      continue;
    }
    s.dirty = false;
    if (const Instant when = s.connection->deadline(); when != never && (!s.timer || when < s.timer->when))
      arm_timer(id.index, when);
  }
  flush_replies(link);
  send_burst(device_burst, link);
  send_burst(loop_burst, link);
  while (!held_up.empty()) dirty.push_back(held_up.pop_front());
}

void Stack::Impl::flush_replies(Link& link) {
  while (!replies.empty()) {
    step();
    const FourTuple pair = replies.front().pair;
    const bool local = addresses.is_local(pair.remote.addr);
    Burst& burst = burst_for(local);
    if ((blocked && !local) || (burst.full() && !send_burst(burst, link))) return;
    const Reply r = replies.pop();
    const std::size_t from = burst.size();
    TxPacket& packet = burst.add({});
    TcpOptions options;
    if (r.timestamps) options.timestamps = r.ts;
    const MutBytes out = MutBytes{packet.headers}.subspan(packet.begin);
    const std::size_t options_size = options.emit(out.subspan(TcpView::min_size));
    const TcpHeader header{.src = pair.local.port,
                           .dst = pair.remote.port,
                           .seq = r.seq,
                           .ack = r.ack,
                           .flags = r.flags,
                           .window = r.window};
    header.emit(out, out.subspan(TcpView::min_size, options_size));
    packet.end = static_cast<std::uint16_t>(packet.begin + TcpView::min_size + options_size);
    ++counters.tcp_out;
    const std::uint8_t ttl = pair.local.addr.is_v4() ? config.tcp.ttl : config.tcp.hop_limit;
    finish(burst, from, pair, r.ttl != 0 ? r.ttl : ttl, r.tos, flow_label_of(pair));
  }
}

std::uint32_t Stack::Impl::flow_label_of(const FourTuple& pair) const {
  if (pair.remote.addr.is_v4()) return 0;
  return static_cast<std::uint32_t>(prf_of_pair(prf, Purpose::flow_label, pair) & 0xfffff);
}

void Stack::Impl::finish(Burst& burst, std::size_t from, const FourTuple& pair, std::uint8_t ttl, std::uint8_t tos,
                         std::uint32_t flow_label) {
  const LinkTraits& traits = &burst == &loop_burst ? loop_traits : config.link;
  for (std::size_t i = from; i < burst.size(); ++i) {
    TxPacket& packet = burst.packet(i);
    finish_checksum(packet, pair.local.addr, pair.remote.addr, protocol::tcp, TcpView::checksum_offset, traits);
    prepend(packet, pair.local.addr, pair.remote.addr, protocol::tcp, ttl, tos, flow_label);
  }
}

// False when the link took less than all: segments are undone, newest first, to be made again; the rest waits.
bool Stack::Impl::send_burst(Burst& burst, Link& link) {
  if (burst.empty()) return true;
  const bool to_device = &burst == &device_burst;
  const std::size_t taken = !to_device ? send_to_self(burst) : send_stalled(link) ? link.send(burst.packets()) : 0;
  counters.sent += taken;
  counters.refused += burst.size() - taken;
  for (std::size_t i = taken; i < burst.size(); ++i)
    if (burst.note(i).connection == Burst::none) keep_refused(burst.packet(i), to_device);
  for (std::size_t i = burst.size(); i > taken; --i) {
    const Burst::Note& note = burst.note(i - 1);
    if (note.connection == Burst::none) continue;
    at(note.connection).connection->undo(note, counters);
    mark_dirty(note.connection);
  }
  const bool all = taken == burst.size();
  if (!all && to_device) blocked = true;
  burst.clear();
  return all;
}

// Loopback: a packet to one of our own addresses, or to 127.0.0.0/8 or ::1, is copied whole and received in this call.
std::size_t Stack::Impl::send_to_self(Burst& burst) {
  for (std::size_t i = 0; i < burst.size(); ++i) {
    if (loop.size() == loop_capacity) return i;
    TxPacket& packet = burst.packet(i);
    const std::size_t size = packet.size();
    Slice copy = size <= Pool::block_size(Pool::Class::medium) ? pool.allocate(Pool::class_for(size))
                                                               : pool.allocate_receive(packet.header().size());
    if (copy.empty()) {
      ++counters.received;
      counters.drop(Drop::loop_overflow);
      continue;
    }
    std::byte* at = copy.mutable_data();
    std::memcpy(at, packet.header().data(), packet.header().size());
    at += packet.header().size();
    for (std::size_t k = 0; k < packet.slices; ++k) {
      std::memcpy(at, packet.text[k].data(), packet.text[k].size());
      at += packet.text[k].size();
    }
    copy.truncate(size);
    Offload offload = packet.offload;
    offload.checksum = Offload::Checksum::verified;
    loop.push_back({std::move(copy), offload, true});
  }
  return burst.size();
}

void Stack::Impl::reap() {
  for (std::size_t n = dying.size(); n > 0; --n) {
    const SocketId id = dying.pop_front();
    if (at(id.index).generation != id.generation) continue;
    if (at(id.index).dirty)
      dying.push_back(id);  // its reset or last ACK was refused: once more
    else
      free_socket(id.index);
  }
}

}  // namespace tunic
