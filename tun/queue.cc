#include "tun/queue.h"

#include <algorithm>
#include <cerrno>

#include "tun/system.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp.h"

namespace tunic {

namespace {

iovec to_iovec(MutBytes b) { return {b.data(), b.size()}; }
iovec to_iovec(Bytes b) { return {const_cast<std::byte*>(b.data()), b.size()}; }

std::size_t tcp_text_offset(std::size_t transport, Bytes segment) {
  const auto tcp = TcpView::parse(segment);
  return tcp ? transport + tcp->header_size() : 0;
}

/// Where the text of a TCP packet begins; 0 for anything else.
std::size_t text_offset(Bytes packet) {
  if (const auto ip = Ipv4View::parse(packet))
    return ip->protocol() == protocol::tcp ? tcp_text_offset(ip->header_size(), ip->payload()) : 0;
  if (const auto ip = Ipv6View::parse(packet))
    return ip->next_header() == protocol::tcp ? tcp_text_offset(Ipv6View::size, ip->payload()) : 0;
  return 0;
}

/// The other side exists no more: EBADFD from a deleted TUN, the rest from a socket whose far end closed.
bool is_gone(int code) {
  return code == EBADFD || code == EBADF || code == ECONNRESET || code == ECONNREFUSED || code == ENOTCONN ||
         code == EPIPE;
}

bool has_hung_up(int fd) {
  pollfd p{fd, 0, 0};
  return sys::poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/// A call that signals interrupt again and again is given up for now, as if there was nothing to be done.
template <class Call>
ssize_t in_spite_of_signals(Call call, int fd, const iovec* parts, int count) {
  for (int tries = 0; tries < 8; ++tries)
    if (const ssize_t n = call(fd, parts, count); n >= 0 || errno != EINTR) return n;
  errno = EAGAIN;
  return -1;
}

ssize_t read_whole(int fd, const iovec* parts, int count) { return in_spite_of_signals(sys::readv, fd, parts, count); }
ssize_t write_whole(int fd, const iovec* parts, int count) {
  return in_spite_of_signals(sys::writev, fd, parts, count);
}

/// Whether a packet of ours is as long as it says: the kernel takes what is not, and it vanishes (D5).
bool is_whole(const TxPacket& packet) {
  const Bytes header = packet.header();
  if (header.size() >= Ipv4View::min_size && byte_at(header, 0) >> 4 == 4)
    return load_be<std::uint16_t>(header.data() + 2) == packet.size();
  return header.size() >= Ipv6View::size && byte_at(header, 0) >> 4 == 6 &&
         load_be<std::uint16_t>(header.data() + 4) + Ipv6View::size == packet.size();
}

}  // namespace

Queue::Queue(int fd, std::size_t vnet_size, Pool& pool) : fd_{fd}, vnet_size_{vnet_size}, pool_{pool} {}

LinkTraits Queue::traits() const {
  return vnet_size_ != 0 ? LinkTraits{.checksum = true, .max_gso = 65'535} : LinkTraits{};
}

std::span<RxPacket> Queue::receive(const ReadHint*) {
  for (auto& p : std::span{packets_}.first(received_)) p = {};
  received_ = 0;
  for (std::size_t i = 0; i < burst && !lost_; ++i) {
    const Read r = read_packet(packets_[received_]);
    if (r == Read::packet && ends_burst(packets_[received_++])) return std::span{packets_}.first(received_);
    if (r == Read::none) break;
  }
  lone_ = received_ == 1 && packets_[0].data.size() <= short_packet ? lone_ + 1 : 0;
  return std::span{packets_}.first(received_);
}

/// Whether `packet`, just received, is most likely alone.
bool Queue::ends_burst(const RxPacket& packet) {
  return received_ == 1 && lone_ >= asks_each && packet.data.size() <= short_packet && ++bursts_ % asks_each != 0;
}

Queue::Read Queue::read_packet(RxPacket& packet) {
  if (spare_.empty() || spare_front_ != front_) {
    spare_ = {};  // first, so that the same slab comes back
    spare_ = pool_.allocate_receive(front_);
    spare_front_ = front_;
  }
  if (spare_.empty()) return drain_one();
  std::array<std::byte, vnet_max_size> header;
  iovec parts[] = {to_iovec(MutBytes{header}.first(vnet_size_)), {spare_.mutable_data(), spare_.size()}};
  const ssize_t n = read_whole(fd_, parts, 2);
  if (n < 0) return read_failed(errno);
  if (static_cast<std::size_t>(n) <= vnet_size_) {
    if (n == 0) lost_ = has_hung_up(fd_);  // the end of a seqpacket socket; an empty datagram looks the same
    if (lost_) return Read::none;
    ++counts_.runts;
    return Read::dropped;
  }
  const std::size_t size = static_cast<std::size_t>(n) - vnet_size_;
  ++counts_.reads;
  if (size == spare_.size()) ++counts_.truncated;
  packet.offload = vnet_size_ != 0 ? read_vnet(header) : Offload{};
  packet.data = keep(size);
  return Read::packet;
}

/// Nowhere to put the packet: it is taken off the queue all the same, or the queue would fill with stale ones.
Queue::Read Queue::drain_one() {
  std::array<std::byte, vnet_max_size> scratch;
  iovec part = to_iovec(MutBytes{scratch});
  if (read_whole(fd_, &part, 1) < 0) return read_failed(errno);
  ++counts_.reads;
  ++counts_.no_memory;
  return Read::dropped;
}

Queue::Read Queue::read_failed(int code) {
  if (is_gone(code))
    lost_ = true;
  else if (code != EAGAIN)
    ++counts_.read_errors;
  return Read::none;
}

/// The packet of `size` octets in spare_: a copy if it is short, else the slab itself.
Slice Queue::keep(std::size_t size) {
  if (size <= short_packet) {
    if (Slice copy = pool_.copy({spare_.data(), size}); !copy.empty()) return copy;
  } else if (const std::size_t text = text_offset({spare_.data(), size}); text != 0) {
    front_ = text;
  }
  spare_.truncate(size);
  return std::move(spare_);
}

std::size_t Queue::send(std::span<TxPacket> packets) {
  std::size_t taken = 0;
  while (taken < packets.size() && write_packet(packets[taken]) == Write::taken) ++taken;
  return taken;
}

Queue::Write Queue::write_packet(const TxPacket& packet) {
  const Offload& offload = packet.offload;
  if (vnet_size_ == 0 && (offload.gso_size != 0 || offload.checksum == Offload::Checksum::partial)) {
    ++counts_.refused;  // against traits(): there is no header to tell the device what is left to do
    return Write::taken;
  }
  if (!is_whole(packet)) {
    ++counts_.malformed;
    return Write::taken;
  }
  if (vnet_size_ + packet.size() <= flat) return write_flat(packet);
  std::array<std::byte, vnet_max_size> header;
  std::array<iovec, 2 + TxPacket::max_slices> parts;
  std::size_t count = 0;
  if (vnet_size_ != 0) {
    write_vnet(MutBytes{header}.first(vnet_size_), offload, packet.header());
    parts[count++] = to_iovec(MutBytes{header}.first(vnet_size_));
  }
  parts[count++] = to_iovec(packet.header());
  for (std::size_t i = 0; i < packet.slices; ++i) parts[count++] = to_iovec(packet.text[i].bytes());
  if (write_whole(fd_, parts.data(), static_cast<int>(count)) < 0) return write_failed(errno);
  ++counts_.writes;
  return Write::taken;
}

/// In one piece, which costs the kernel less to take than several.
Queue::Write Queue::write_flat(const TxPacket& packet) {
  std::array<std::byte, flat> whole;
  if (vnet_size_ != 0) write_vnet(MutBytes{whole}.first(vnet_size_), packet.offload, packet.header());
  std::byte* end = std::ranges::copy(packet.header(), whole.data() + vnet_size_).out;
  for (std::size_t i = 0; i < packet.slices; ++i) end = std::ranges::copy(packet.text[i].bytes(), end).out;
  const iovec one{whole.data(), static_cast<std::size_t>(end - whole.data())};
  if (write_whole(fd_, &one, 1) < 0) return write_failed(errno);
  ++counts_.writes;
  return Write::taken;
}

Queue::Write Queue::write_failed(int code) {
  if (code == EAGAIN || code == ENOBUFS || code == ENOMEM) return Write::no_room;
  if (is_gone(code)) lost_ = true;
  ++(code == EIO || lost_ ? counts_.link_down : counts_.refused);
  return Write::taken;
}

}  // namespace tunic
