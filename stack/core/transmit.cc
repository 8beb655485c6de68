// Datagrams out, of every transport but TCP: whole or in fragments, in the same bursts. Nobody makes a datagram again,
// so what the Link refuses waits here, and goes out first.
#include "core/impl.h"
#include "ip/fragment.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"

namespace tunic {

TxPacket* Stack::Impl::begin_datagram(const IpAddr& dst, Link& link) {
  const bool local = addresses.is_local(dst);
  Burst& burst = burst_for(local);
  if (!local && !send_stalled(link)) return nullptr;
  if (burst.full() && !send_burst(burst, link)) return nullptr;
  if (local && loop.size() + burst.size() >= loop_capacity) return nullptr;
  return &burst.add({});
}

Status Stack::Impl::transmit(TxPacket& packet, const IpFields& fields, MtuDiscover discover,
                             std::optional<std::size_t> checksum_field, Link& link) {
  constexpr std::size_t largest = 65'535;  // IPv4 packet, and payload of an IPv6 one
  const bool local = addresses.is_local(fields.dst), v4 = fields.dst.is_v4();
  Burst& burst = burst_for(local);
  const std::size_t payload = packet.size(), size = payload + (v4 ? Ipv4View::min_size : Ipv6View::size);
  const std::size_t mtu = local ? size : datagram_mtu(fields.dst, discover);
  if ((v4 ? size : payload) > largest || (size > mtu && !may_fragment(discover))) {
    burst.drop_last();
    return fail(Error::too_long);
  }
  const bool is_seen = fields.protocol != protocol::udp;  // ICMP's checksum is part of what a program reads
  const bool is_finished = local ? is_seen : size > mtu;
  const LinkTraits& traits = is_finished ? LinkTraits{} : local ? loop_traits : config.link;
  if (checksum_field) finish_checksum(packet, fields.src, fields.dst, fields.protocol, *checksum_field, traits);
  if (size > mtu) {
    const TxPacket whole = std::move(packet);
    burst.drop_last();
    transmit_fragments(whole, fields, static_cast<std::uint32_t>(mtu), link);
    return {};
  }
  IpFields atomic = fields;
  atomic.dont_fragment = sets_dont_fragment(discover);
  if (v4 && !atomic.dont_fragment) atomic.id = static_cast<std::uint16_t>(draw_id(fields));
  prepend(packet, atomic);
  return {};
}

// All fragments or none: without one of them the others are of no use.
void Stack::Impl::transmit_fragments(const TxPacket& packet, const IpFields& fields, std::uint32_t mtu, Link& link) {
  Fragmenter fragmenter{packet, fields, draw_id(fields), mtu};
  for (++counters.fragmented; !fragmenter.done(); ++counters.fragments_out) {
    if (stalled.empty() && (!device_burst.full() || send_burst(device_burst, link))) {
      fragmenter.next(device_burst.add({}));
    } else {
      stalled.push_back({});
      fragmenter.next(stalled.back());
    }
  }
}

std::uint32_t Stack::Impl::draw_id(const IpFields& fields) {
  const std::uint32_t id = identification.draw(fields.src, fields.dst, fields.protocol, clock);
  counters.repeated_ids = identification.repeats();
  return id;
}

// One by one: it is rare. Within a call the Link is not asked again after it has refused.
bool Stack::Impl::send_stalled(Link& link) {
  while (!stalled.empty()) {
    if (blocked || link.send({&stalled.front(), 1}) == 0) {
      blocked = true;
      return false;
    }
    ++counters.sent;
    stalled.pop_front();
  }
  return true;
}

// A packet without a connection that its burst could not get rid of.
void Stack::Impl::keep_refused(TxPacket& packet, bool to_device) {
  if (to_device) {
    stalled.push_back(std::move(packet));
  } else {  // begin_datagram() sees that there is room: this is a reset, or an acknowledgment in TIME-WAIT
    ++counters.received;
    counters.drop(Drop::loop_overflow);
  }
}

}  // namespace tunic
