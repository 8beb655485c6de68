// The other end of one connection of a Stack, made of prepared packets, so that a benchmark measures the Stack and
// hardly anything else: it opens the connection, hands over text or acknowledgments without copying, and notes what is
// sent.
#pragma once

#include <array>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/stack.h"
#include "wire/ipv4.h"
#include "wire/protocol.h"
#include "wire/tcp.h"
#include "wire/tcp_options.h"

namespace tunic {

class Peer final : public Link {
 public:
  static constexpr std::size_t burst = 32;  // packets of one receive() at most
  static constexpr std::uint16_t mss = 1460;

  /// Of a Stack that this peer can talk to.
  static Config config() {
    Config c;
    c.addresses = {{server, 24}};
    c.link = {.checksum = true, .max_gso = 65'535};
    c.tcp.timestamps = false;
    c.tcp.receive_buffer = c.tcp.send_buffer = c.tcp.max_send_buffer;
    return c;
  }

  /// Opens a connection to a listener of `stack` and returns the socket that accept() gives.
  SocketId open(Stack& stack) {
    const SocketId listener = stack.open(Family::v4).value();
    stack.bind(listener, {server, port}).value();
    stack.listen(listener, 1).value();
    pool_ = &stack.pool();
    give(SYN, 0, 0);
    stack.poll(Instant{}, *this);
    ++seq_.raw;
    give(ACK, 0, 0);
    stack.poll(Instant{}, *this);
    return stack.accept(listener).value();
  }

  /// For the next receive(): the next `size` octets of the stream, `gso_size` of them a wire segment.
  void give_text(std::size_t size, std::uint16_t gso_size) {
    give(ACK, size, gso_size);
    seq_.raw += static_cast<std::uint32_t>(size);
  }
  /// For the next receive(): an acknowledgment alone.
  void acknowledge(Seq32 ack) {
    ack_ = ack;
    give(ACK, 0, 0);
  }
  /// What comes next acknowledges so far too.
  void follow(Seq32 ack) { ack_ = ack; }
  /// Where each packet with text ended that the Stack has sent since the last look.
  std::vector<Seq32> take_sent() { return std::exchange(sent_, {}); }
  /// Octets that the window of the Stack has room for.
  std::size_t room() const { return window_end_.raw - seq_.raw; }

  std::span<RxPacket> receive(const ReadHint* = nullptr) override {
    return std::span{packets_}.first(std::exchange(given_, 0));
  }

  std::size_t send(std::span<TxPacket> packets) override {
    for (const TxPacket& packet : packets) {
      const auto tcp = TcpView::parse(packet.header().subspan(packet.offload.transport));
      const auto text = static_cast<std::uint32_t>(packet.text_size());
      window_end_ = {tcp->ack().raw + (std::uint32_t{tcp->window()} << scale_)};
      if (tcp->flags().has(SYN)) {
        ack_ = {tcp->seq().raw + 1};
        scale_ = TcpOptions::parse(tcp->options()).window_scale.value();  // of all windows to come
      }
      if (text != 0) sent_.push_back({tcp->seq().raw + text});
    }
    return packets.size();
  }

 private:
  static constexpr IpAddr client = IpAddr::v4(0xc6120001), server = IpAddr::v4(0xc6120002);
  static constexpr Port port{80};

  struct Prepared {
    Slice packet;  // in a block of the Stack's pool, as a device gives it, to be given again and again
    std::size_t text = 0;
    Flags flags{};
  };

  void give(Flags flags, std::size_t text, std::uint16_t gso_size) {
    if (given_ == burst) throw std::logic_error{"more packets than a burst holds"};
    Prepared& p = prepared_[given_];
    if (p.packet.empty() || p.text != text || p.flags != flags) prepare(p, flags, text);
    std::byte* tcp = p.packet.mutable_data() + Ipv4View::min_size;
    store_be(tcp + 4, seq_.raw);
    store_be(tcp + 8, ack_.raw);
    RxPacket& packet = packets_[given_++];
    packet.data = p.packet;
    packet.offload = {.checksum = Offload::Checksum::verified, .gso_size = gso_size};
  }

  void prepare(Prepared& p, Flags flags, std::size_t text) {
    std::array<std::byte, TcpOptions::max_size> room{};
    const TcpOptions of_syn{.mss = mss, .window_scale = std::uint8_t{7}, .sack_permitted = true};
    const Bytes options = Bytes{room}.first(flags.has(SYN) ? of_syn.emit(room) : 0);
    const std::size_t size = TcpView::min_size + options.size() + text;
    std::vector<std::byte> octets(Ipv4View::min_size + size);
    const MutBytes rest = Ipv4Header{.src = client, .dst = server, .protocol = protocol::tcp}.emit(octets, size);
    TcpHeader{.src = Port{40'000}, .dst = port, .flags = flags, .window = 65'535}.emit(rest, options);
    p = {pool_->copy(octets), text, flags};
    if (p.packet.empty()) throw std::bad_alloc{};
  }

  Pool* pool_ = nullptr;  // outlives us
  Seq32 seq_{1000}, ack_{}, window_end_{};
  std::size_t given_ = 0;
  std::uint8_t scale_ = 0;
  std::array<Prepared, burst> prepared_;  // the octets of the text are always the same: nobody compares them
  std::array<RxPacket, burst> packets_;
  std::vector<Seq32> sent_;
};

}  // namespace tunic
