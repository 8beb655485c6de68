#include "test_support/host.h"

#include <algorithm>
#include <cstring>

#include "base/work.h"

namespace tunic::test {

void Host::inject(const Segment& s) {
  laws_.injected(s);
  events_.push_back({now_, false, s});
  inject_packet(encode(s));
}

void Host::inject_packet(const Packet& p) {
  if (datagrams) datagram_laws_.injected(p);
  waiting_.push_back(p);
  ++injected_;
}

// As a TUN queue does: each packet is read into a whole receive slab.
std::span<RxPacket> Host::receive(const ReadHint*) {
  burst_.clear();
  for (const auto& packet : waiting_) {
    RxPacket rx;
    rx.data = stack_.pool().allocate_receive(64);
    if (rx.data.size() < packet.size()) {  // no memory: the device keeps it, and loses it
      --injected_;
      continue;
    }
    std::ranges::copy(packet, rx.data.mutable_data());
    rx.data.truncate(packet.size());
    burst_.push_back(std::move(rx));
  }
  waiting_.clear();
  return burst_;
}

std::size_t Host::send(std::span<TxPacket> packets) {
  if (refuses) return 0;
  for (const auto& p : packets) take(p);
  return packets.size();
}

void Host::take(const TxPacket& p) {
  Packet octets = flat(p);
  const std::size_t protocol = octets.size() < 20 || byte_at(octets, 0) >> 4 == 4 ? 9 : 6;
  if (datagrams && octets.size() > protocol && byte_at(octets, protocol) != 6)
    take_datagram(octets, p.offload);
  else
    take_segment(octets, p.offload);
  record_.emplace_back(now_, std::move(octets));
}

void Host::take_segment(Bytes octets, const Offload& offload) {
  const auto& c = stack_.config();
  auto segment = read_strictly(octets, offload, {c.mtu, c.link, ttl, tos});
  if (!segment) {
    broken_.push_back("a packet that a strict reader refuses: " + segment.error());
    return;
  }
  const auto is_ours = [&](const Prefix& a) { return a.addr == segment->src.addr; };
  if (!std::ranges::any_of(c.addresses, is_ours)) broken_.push_back("a source address that is not ours");
  events_.push_back({now_, true, *segment});
  if (auto broken = laws_.sent(*segment)) broken_.push_back(*broken + ", at event " + std::to_string(events_.size()));
  out.push_back({now_, std::move(*segment)});
}

void Host::take_datagram(Bytes octets, const Offload& offload) {
  const auto& c = stack_.config();
  auto packet = read_ip(octets, offload);
  if (!packet) {
    broken_.push_back("a packet that a strict reader refuses: " + packet.error());
    return;
  }
  const auto is_ours = [&](const Prefix& a) { return a.addr == packet->src; };
  if (!std::ranges::any_of(c.addresses, is_ours)) broken_.push_back("a source address that is not ours");
  if (octets.size() > c.mtu) broken_.push_back("larger than the MTU");
  if (auto broken = datagram_laws_.sent(*packet)) broken_.push_back(*broken);
  others.push_back({now_, std::move(*packet)});
}

void Host::poll() {
  std::size_t packets = waiting_.size(), octets = 0;
  for (const auto& p : waiting_) octets += p.size();
  take_work();
  const Instant wake = stack_.poll(now_, *this);
  hold_to_work(packets, octets);
  settle(wake);
}

void Host::flush() { settle(stack_.flush(now_, *this)); }

// Law 2: at most 64 steps for each packet in or out and each of the timers, and one for each octet.
void Host::hold_to_work(std::size_t packets_in, std::size_t octets_in) {
  const std::uint64_t steps = take_work();
  std::uint64_t octets = octets_in;
  for (std::size_t i = worked_; i < record_.size(); ++i) octets += record_[i].second.size();
  const std::uint64_t packets = packets_in + (record_.size() - worked_) + 1;
  worked_ = record_.size();
  if (steps > 64 * packets + octets)
    broken_.push_back("law 2: " + std::to_string(steps) + " steps for " + std::to_string(packets - 1) + " packets of " +
                      std::to_string(octets) + " octets");
}

// A Stack that is due at once is called at once, but it must come to rest.
void Host::settle(Instant wake) {
  for (int calls = 0; wake <= now_ && !refuses; ++calls) {
    if (calls == 1000) {
      broken_.push_back("the Stack asks to be called again at once, for ever");
      break;
    }
    wake = stack_.poll(now_, *this);
  }
  wake_ = wake;
  burst_.clear();
}

void Host::advance(Instant until, bool stop_at_output) {
  while (wake_ <= until && !(stop_at_output && !out.empty())) {
    now_ = std::max(now_, wake_);
    poll();
    if (wake_ <= now_) break;  // refused by the Link, or restless
  }
  if (!(stop_at_output && !out.empty())) now_ = std::max(now_, until);
}

}  // namespace tunic::test
