#include "buf/memory_link.h"

#include <cstring>

namespace tunic {

Slice join(const TxPacket& packet, Pool& pool) {
  const std::size_t size = packet.size(), front = packet.header().size();
  if (packet.text_size() > Pool::payload) return {};
  const auto cls = Pool::class_for(size);
  Slice s = cls == Pool::Class::receive ? pool.allocate_receive(front) : pool.allocate(cls);
  if (s.empty()) return s;
  std::byte* at = s.mutable_data();
  const auto append = [&at](Bytes b) {
    if (!b.empty()) std::memcpy(at, b.data(), b.size());
    at += b.size();
  };
  append(packet.header());
  for (std::size_t i = 0; i < packet.slices; ++i) append(packet.text[i].bytes());
  s.truncate(size);
  return s;
}

MemoryLink::End::End(Pool& pool, End& far, std::size_t capacity) : pool_{pool}, far_{far}, capacity_{capacity} {
  queue_.reserve(capacity);
  burst_.reserve(capacity);
}

std::span<RxPacket> MemoryLink::End::receive(const ReadHint*) {
  burst_.clear();
  burst_.swap(queue_);
  return burst_;
}

std::size_t MemoryLink::End::send(std::span<TxPacket> packets) {
  std::size_t taken = 0;
  for (; taken < packets.size() && far_.queue_.size() < far_.capacity_; ++taken) far_.arrive(packets[taken]);
  return taken;
}

void MemoryLink::End::arrive(const TxPacket& packet) {
  RxPacket p;
  p.data = join(packet, pool_);
  if (p.data.empty()) {
    ++dropped_;
    return;
  }
  if (packet.offload.checksum == Offload::Checksum::partial) p.offload.checksum = Offload::Checksum::verified;
  p.offload.gso_size = packet.offload.gso_size;
  queue_.push_back(std::move(p));
}

}  // namespace tunic
