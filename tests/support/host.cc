#include "test_support/host.h"

#include <algorithm>
#include <cstring>

namespace tunic::test {

void Host::inject(const Segment& s) {
  laws_.injected(s);
  events_.push_back({now_, false, s});
  inject_packet(encode(s));
}

void Host::inject_packet(const Packet& p) {
  waiting_.push_back(p);
  ++injected_;
}

// As a TUN queue does: each packet is read into a whole receive slab.
std::span<RxPacket> Host::receive(const ReadHint*) {
  burst_.clear();
  for (const auto& packet : waiting_) {
    RxPacket rx;
    rx.data = stack_.pool().allocate_receive(64);
    if (rx.data.size() < packet.size()) {   // no memory: the device keeps it, and loses it
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
  Packet octets(p.header().begin(), p.header().end());
  for (std::size_t i = 0; i < p.slices; ++i) {
    const auto text = p.text[i].bytes();
    octets.insert(octets.end(), text.begin(), text.end());
  }
  const auto& c = stack_.config();
  auto segment = read_strictly(octets, p.offload, {c.mtu, c.link, c.tcp.ttl});
  record_.emplace_back(now_, std::move(octets));
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
    if (wake_ <= now_) break;   // refused by the Link, or restless
  }
  if (!(stop_at_output && !out.empty())) now_ = std::max(now_, until);
}

}  // namespace tunic::test
