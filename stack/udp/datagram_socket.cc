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

bool DatagramSocket::report(Pool& pool, const ErrorReport& report, Slice quoted, std::size_t buffer) {
  const std::size_t charge = quoted.size() + MessageQueue<ErrorReport>::overhead;
  if (received_.charge() + reports_.charge() + charge > buffer) return false;
  ErrorReport r = report;
  r.size = quoted.size();
  return reports_.push(pool, r, std::move(quoted));
}

// The next report of the network becomes the pending error, and with the last one it is gone.
std::size_t DatagramSocket::take_report(std::span<const MutBytes> out, ErrorReport& report) {
  report = reports_.front().head;
  const std::size_t copied = reports_.copy_front(out);
  reports_.pop();
  const auto from_network = [](const ErrorReport& r) { return r.origin > 1; };
  if (!reports_.empty() && from_network(reports_.front().head))
    error_ = reports_.front().head.error;
  else if (from_network(report))
    error_ = 0;
  return copied;
}

std::uint64_t DatagramSocket::digest(std::uint64_t h) const {
  const auto mix = [&h](std::uint64_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15u, h ^= h >> 32; };
  mix(received_.charge());
  mix(reports_.charge());
  mix(output.charge());
  mix(static_cast<std::uint64_t>(error_));
  mix(drops_);
  mix(peer ? static_cast<std::uint64_t>(peer->port) + 1 : 0);
  return h;
}

}  // namespace tunic
