// "Packet too big" against one Stack: how little is believed, and what stays as it was.
#include "datagram_host.h"

namespace tunic::test {
namespace {

constexpr std::size_t ipv4_flags = 6;
constexpr std::uint8_t dont_fragment = 0x40;

struct TooBig {
  explicit TooBig(Family family) : f{family} {
    Config c;
    c.addresses = {{us4, 24}, {us6, 64}};
    c.memory = 16u << 20;
    host.emplace(c);
    host->datagrams = true;
  }
  ~TooBig() {
    for (const auto& broken : host->broken()) ADD_FAILURE() << broken;
  }
  Stack& stack() { return host->stack(); }

  /// A connection that has just sent its first full segment.
  void sends_a_segment() {
    const SocketId listener = *stack().open(f);
    EXPECT_TRUE(stack().bind(listener, here));
    EXPECT_TRUE(stack().listen(listener, 1));
    Segment syn{.src = there, .dst = here, .seq = 1, .flags = flag::syn, .window = 60'000};
    syn.options.mss = 1460;
    host->inject(syn);
    host->poll();
    const std::uint32_t next = host->out.back().segment.seq + 1;
    host->inject({.src = there, .dst = here, .seq = 2, .ack = next, .flags = flag::ack, .window = 60'000});
    host->poll();
    const auto accepted = stack().accept(listener);
    ASSERT_TRUE(accepted);
    ASSERT_TRUE(stack().send(*accepted, pattern_text(0, 1400, ours)));
    host->flush();
  }
  /// A router refuses the packet that was sent last.
  void says(std::uint32_t mtu) {
    const Octets quote = host->record().back().second;
    host->inject_packet(f == Family::v4 ? icmp_packet(peer(f), us(f), 3, 4, mtu, quote)
                                        : icmp_packet(peer(f), us(f), 2, 0, mtu, Bytes{quote}.first(1200)));
    host->poll();
  }
  /// The largest packet that has come out since the first `n`.
  std::size_t largest_after(std::size_t n) {
    std::size_t most = 0;
    for (std::size_t i = n; i < host->record().size(); ++i) most = std::max(most, host->record()[i].second.size());
    return most;
  }

  Family f;
  Endpoint here{us(f), Port{80}}, there{peer(f), Port{4000}};
  std::optional<Host> host;
};

TEST(PacketTooBig, tcp_keeps_dont_fragment_whatever_is_said) {  // F9
  for (std::uint32_t mtu = 68; mtu <= 552; ++mtu) {
    TooBig t{Family::v4};
    t.sends_a_segment();
    const std::size_t before = t.host->record().size();
    t.says(mtu);
    t.host->advance(t.host->now() + 3s);
    ASSERT_GT(t.host->record().size(), before) << "sent again, " << mtu;
    for (const auto& [at, packet] : t.host->record()) {
      EXPECT_EQ(byte_at(packet, ipv4_flags), dont_fragment) << mtu;
      EXPECT_EQ(load_be<std::uint16_t>(packet.data() + 4), 0u) << "an atomic packet's ID: " << mtu;
    }
    EXPECT_EQ(t.largest_after(before), 552u) << "C2: whoever tells less is believed this much, " << mtu;
  }
}

TEST(PacketTooBig, less_than_ipv6_must_carry_is_not_believed) {  // C2, RFC 8201 section 4
  for (const std::uint32_t mtu : {0u, 68u, 552u, 1279u, 1280u, 1281u, 1399u}) {
    TooBig t{Family::v6};
    t.sends_a_segment();
    const std::size_t before = t.host->record().size(), size = t.host->record().back().second.size();
    t.says(mtu);
    t.host->advance(t.host->now() + 3s);
    EXPECT_EQ(t.largest_after(before), mtu < 1280 ? size : mtu) << mtu;
  }
}

TEST(PacketTooBig, datagrams_have_the_same_floors) {  // C2
  for (const Family f : families) {
    const std::uint32_t floor = f == Family::v4 ? 552 : 1280;
    for (const std::uint32_t mtu : {68u, floor - 1, floor, floor + 1, 1500u, 9000u}) {
      TooBig t{f};
      const SocketId s = *t.stack().open(f, Transport::udp);
      ASSERT_TRUE(t.stack().bind(s, t.here));
      ASSERT_TRUE(t.stack().connect(s, t.there, t.host->now()));
      ASSERT_TRUE(t.stack().send(s, Octets(1400)));
      t.host->flush();
      t.says(mtu);
      const bool lie = f == Family::v6 && mtu < floor;
      const std::uint32_t believed = lie || mtu > 1500 ? 1500 : std::max(mtu, floor);
      EXPECT_EQ(t.stack().get(s, Option::mtu), static_cast<int>(believed)) << mtu;
      EXPECT_TRUE(t.stack().close(s));
    }
  }
}

}  // namespace
}  // namespace tunic::test
