// Any number of peers at the far end of a link, none of whom remembers anything: what one says follows from what he was
// told last, and from the caller. So the memory that grows with connections is the Stack's alone, and a million peers
// cost nothing. For Stacks with a `test_isn`, so that peers know where each stream stands without asking.
#pragma once

#include <array>
#include <cstdint>

#include "base/ring.h"
#include "buf/link.h"
#include "wire/ipv4.h"
#include "wire/protocol.h"
#include "wire/tcp.h"
#include "wire/tcp_options.h"

namespace tunic::test {

/// A segment that a peer is to send.
struct Said {
  std::uint32_t from = 0;
  Port port{};
  Flags flags{};
  std::uint32_t seq = 0, ack = 0;
  std::uint8_t text = 0;
};

class Crowd final : public Link {
 public:
  static constexpr std::uint32_t iss = 1000, stack_iss = 7000;  // ours, and TcpSettings::test_isn

  explicit Crowd(const Endpoint& server) : server_{server} {}

  /// Peer `i` opens a connection, and acknowledges what answers it.
  void connect(std::uint32_t i) { say(i, SYN, iss, 0, 0); }
  /// Peer `i` sends one octet, when `before` octets have gone each way.
  void ask(std::uint32_t i, std::uint32_t before) { say(i, ACK | PSH, iss + 1 + before, stack_iss + 1 + before, 1); }
  /// Whether something is yet to be received.
  bool has_more() const { return !said_.empty(); }
  /// Octets of text that the peers were sent.
  std::uint64_t heard() const { return heard_; }

  std::span<RxPacket> receive(const ReadHint* = nullptr) override {
    std::size_t n = 0;
    for (; n < packets_.size() && !said_.empty(); ++n) emit(said_.pop_front(), n);
    return std::span{packets_}.first(n);
  }

  std::size_t send(std::span<TxPacket> packets) override {
    for (const TxPacket& p : packets) {
      const auto ip = Ipv4View::parse(p.header());
      const auto tcp = TcpView::parse(p.header().subspan(Ipv4View::min_size));
      const auto text = static_cast<std::uint32_t>(p.text_size());
      const bool takes_room = tcp->flags().has(SYN) || text != 0;
      heard_ += text;
      if (!takes_room || tcp->flags().has(RST)) continue;
      const std::uint32_t next = tcp->seq().raw + text + (tcp->flags().has(SYN) ? 1 : 0);
      said_.push_back({load_be<std::uint32_t>(p.header().data() + 16), tcp->dst(), ACK, tcp->ack().raw, next, 0});
    }
    return packets.size();
  }

 private:
  static constexpr std::uint32_t ports = 60'000, first_port = 1024, first_address = 0x0a000001;  // 10.0.0.1
  void say(std::uint32_t i, Flags flags, std::uint32_t seq, std::uint32_t ack, std::uint8_t text) {
    said_.push_back({first_address + i / ports, Port(first_port + i % ports), flags, seq, ack, text});
  }

  void emit(const Said& s, std::size_t at) {
    std::array<std::byte, tunic::TcpOptions::max_size> room{};
    const tunic::TcpOptions of_syn{.mss = std::uint16_t{1460}, .window_scale = std::uint8_t{7}, .sack_permitted = true};
    const Bytes options = Bytes{room}.first(s.flags.has(SYN) ? of_syn.emit(room) : 0);
    const std::size_t size = TcpView::min_size + options.size() + s.text;
    const Ipv4Header ip{.src = IpAddr::v4(s.from), .dst = server_.addr, .protocol = protocol::tcp};
    const TcpHeader tcp{
        .src = s.port, .dst = server_.port, .seq = {s.seq}, .ack = {s.ack}, .flags = s.flags, .window = 65'535};
    tcp.emit(ip.emit(octets_[at], size), options);
    packets_[at].data = Slice::lent(Bytes{octets_[at]}.first(Ipv4View::min_size + size));
    packets_[at].offload = {.checksum = Offload::Checksum::verified};
  }

  const Endpoint server_;
  std::uint64_t heard_ = 0;
  Ring<Said> said_;
  std::array<std::array<std::byte, 128>, 64> octets_{};
  std::array<RxPacket, 64> packets_;
};

}  // namespace tunic::test
