#include "udp/datagram_socket.h"

#include <utility>

namespace tunic {

bool DatagramSocket::take(Pool& pool, DatagramInfo info, Slice text, std::size_t buffer) {
  const std::size_t charge = text.size() + MessageQueue<Received>::overhead;
  const bool fits = !readable() || received_.charge() + charge <= buffer;
  if (fits && received_.push(pool, {info.from, info.to, info.ttl, info.tos, drops_, info.received}, std::move(text)))
    return true;
  ++drops_;
  return false;
}

std::size_t DatagramSocket::receive(std::span<const MutBytes> out, bool peek, DatagramInfo& info) {
  const auto& [head, size] = received_.front();
  info = {head.from, head.to, head.ttl, head.tos, head.drops, head.received, size};
  const std::size_t copied = received_.copy_front(out);
  if (!peek) received_.pop();
  return copied;
}

std::uint64_t DatagramSocket::digest(std::uint64_t h) const {
  const auto mix = [&h](std::uint64_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15u, h ^= h >> 32; };
  mix(received_.charge());
  mix(output.charge());
  mix(static_cast<std::uint64_t>(error_));
  mix(drops_);
  mix(peer ? static_cast<std::uint64_t>(peer->port) + 1 : 0);
  return h;
}

}  // namespace tunic
