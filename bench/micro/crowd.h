// The other ends of very many connections of a Stack, made of prepared packets: what peer.h is for one. Of each it
// remembers the two sequence numbers and no more.
#pragma once

#include <array>
#include <stdexcept>
#include <vector>

#include "core/stack.h"
#include "wire/ipv4.h"
#include "wire/protocol.h"
#include "wire/tcp.h"

namespace tunic {

class Crowd final : public Link {
 public:
  static constexpr std::size_t burst = 16;  // packets of one receive() at most

  /// Of a Stack that has room for them.
  static Config config() {
    Config c;
    c.addresses = {{server, 24}};
    c.link = {.checksum = true, .max_gso = 65'535};
    c.tcp.timestamps = false;
    return c;
  }

  /// Opens `count` connections to a new listener of `stack`.
  Crowd(Stack& stack, std::size_t count) : pool_{stack.pool()}, ends_(count) {
    const SocketId listener = stack.open(Family::v4).value();
    stack.bind(listener, {server, port}).value();
    stack.listen(listener, 64).value();
    sockets_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      give(i, SYN, 0);
      stack.poll(Instant{}, *this);
      ++ends_[i].seq.raw;
      ++ends_[i].ack.raw;
      give(i, ACK, 0);
      stack.poll(Instant{}, *this);
      sockets_.push_back(stack.accept(listener).value());
    }
  }

  /// For the next receive(): an octet on connection `i`, which acknowledges what was sent on it.
  void ask(std::size_t i) {
    give(i, ACK, 1);
    ++ends_[i].seq.raw;
  }
  SocketId socket(std::size_t i) const { return sockets_[i]; }
  std::size_t size() const { return sockets_.size(); }

  std::span<RxPacket> receive(const ReadHint* = nullptr) override {
    return std::span{packets_}.first(std::exchange(given_, 0));
  }

  std::size_t send(std::span<TxPacket> packets) override {
    for (const TxPacket& packet : packets) {
      const auto tcp = TcpView::parse(packet.header().subspan(packet.offload.transport));
      const auto address = load_be<std::uint32_t>(packet.header().data() + 16);  // of an IPv4 header: to whom
      End& end = ends_[index(address, tcp->dst())];
      end.ack = {tcp->seq().raw + static_cast<std::uint32_t>(packet.text_size())};
    }
    return packets.size();
  }

 private:
  static constexpr IpAddr server = IpAddr::v4(0xc6120001);
  static constexpr std::uint32_t first_client = 0xc6130001;
  static constexpr Port port{80};
  static constexpr std::uint32_t ports = 60'000, first_port = 1024;

  struct End {
    Seq32 seq{1000}, ack{};
  };
  static std::size_t index(std::uint32_t address, Port p) {
    return (address - first_client) * std::size_t{ports} + static_cast<std::uint16_t>(p) - first_port;
  }

  void give(std::size_t i, Flags flags, std::size_t text) {
    if (given_ == burst) throw std::logic_error{"more packets than a burst holds"};
    std::array<std::byte, 64> octets;
    const auto address = IpAddr::v4(first_client + static_cast<std::uint32_t>(i / ports));
    const Port from{static_cast<std::uint16_t>(first_port + i % ports)};
    const std::size_t size = TcpView::min_size + text;
    const MutBytes rest = Ipv4Header{.src = address, .dst = server, .protocol = protocol::tcp}.emit(octets, size);
    TcpHeader{.src = from, .dst = port, .seq = ends_[i].seq, .ack = ends_[i].ack, .flags = flags, .window = 65'535}
        .emit(rest, Bytes{});
    RxPacket& packet = packets_[given_++];
    packet.data = pool_.copy(Bytes{octets}.first(Ipv4View::min_size + size));
    packet.offload = {.checksum = Offload::Checksum::verified};
  }

  Pool& pool_;  // outlives us
  std::vector<End> ends_;
  std::vector<SocketId> sockets_;
  std::size_t given_ = 0;
  std::array<RxPacket, burst> packets_;
};

}  // namespace tunic
