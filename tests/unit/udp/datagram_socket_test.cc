// A datagram socket's queues: what is charged, what is refused, what an error leaves behind.
#include "udp/datagram_socket.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tunic {
namespace {

Bytes as_bytes(const std::string& text) { return std::as_bytes(std::span{text}); }

struct DatagramSockets : ::testing::Test {
  Pool pool{8u << 20};
  DatagramSocket socket{Transport::udp};

  bool take(const std::string& text, std::size_t buffer = 1u << 20) {
    return socket.take(pool, {}, pool.copy(as_bytes(text)), buffer);
  }
  std::string receive(std::size_t room = 1000, bool peek = false, DatagramInfo* info = nullptr) {
    std::string text(room, '?');
    const MutBytes out = std::as_writable_bytes(std::span{text});
    DatagramInfo ignored;
    text.resize(socket.receive({&out, 1}, peek, info == nullptr ? ignored : *info));
    return text;
  }
};

TEST_F(DatagramSockets, datagrams_keep_their_bounds) {
  for (const std::string text : {"one", "", "three"}) ASSERT_TRUE(take(text));
  EXPECT_EQ(socket.next_size(), 3u);
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(socket.next_size(), 0u);
  EXPECT_TRUE(socket.readable()) << "no octets, but a datagram";
  EXPECT_EQ(receive(), "");
  EXPECT_EQ(receive(1000, true), "three");
  DatagramInfo info;
  EXPECT_EQ(receive(2, false, &info), "th") << "what does not fit is lost";
  EXPECT_EQ(info.size, 5u);
  EXPECT_FALSE(socket.readable());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(DatagramSockets, a_datagram_is_scattered_in_turn) {
  ASSERT_TRUE(take("abcdef"));
  std::array<std::byte, 2> first;
  std::array<std::byte, 3> second;
  const std::array<MutBytes, 3> out{MutBytes{first}, MutBytes{}, MutBytes{second}};
  DatagramInfo info;
  EXPECT_EQ(socket.receive(out, false, info), 5u);
  EXPECT_EQ(second[2], std::byte{'e'});
}

TEST_F(DatagramSockets, tiny_datagrams_do_not_hold_more_than_the_buffer) {  // U2
  constexpr std::size_t buffer = 212'992, sent = 1'000'000;
  std::size_t refused = 0;
  for (std::size_t i = 0; i < sent; ++i) refused += take("x", buffer) ? 0 : 1;
  EXPECT_EQ(sent - refused, buffer / 65) << "an octet and 64";
  EXPECT_LE(pool.in_use(), buffer);
  std::size_t read = 0;
  DatagramInfo info;
  for (; socket.readable(); ++read) EXPECT_EQ(receive(10, false, &info), "x");
  EXPECT_EQ(refused, sent - read);
  EXPECT_EQ(pool.in_use(), 0u);
  ASSERT_TRUE(take("next", buffer));
  receive(10, false, &info);
  EXPECT_EQ(info.drops, refused) << "SO_RXQ_OVFL";
}

TEST_F(DatagramSockets, one_datagram_always_fits) {
  EXPECT_TRUE(take(std::string(60'000, 'x'), 2304)) << "as Linux: an empty queue refuses nothing";
  EXPECT_FALSE(take("y", 2304));
  receive(60'000);
  EXPECT_TRUE(take("y", 2304));
}

TEST_F(DatagramSockets, no_memory_is_a_counted_loss) {
  pool.fail_every(1);
  EXPECT_FALSE(socket.take(pool, {}, Slice::lent(as_bytes("lost")), 1000));
  pool.fail_every(0);
  ASSERT_TRUE(take("kept"));
  DatagramInfo info;
  EXPECT_EQ(receive(10, false, &info), "kept");
  EXPECT_EQ(info.drops, 1u);
}

TEST_F(DatagramSockets, a_gathered_datagram_is_one_or_none) {
  const std::string a = "to", b = "gether";
  const std::array<Bytes, 2> pieces{as_bytes(a), as_bytes(b)};
  ASSERT_TRUE(socket.output.append(pool, pieces));
  socket.output.finish({});
  EXPECT_EQ(socket.output.front().size, 8u);
  ASSERT_TRUE(socket.output.append(pool, pieces));
  EXPECT_EQ(socket.output.open(), 8u);
  socket.output.abandon();
  EXPECT_EQ(socket.output.charge(), 8 + MessageQueue<Outgoing>::overhead);
  pool.fail_every(1);
  const std::string large(3000, 'x');
  const std::array<Bytes, 2> more{as_bytes(a), as_bytes(large)};
  EXPECT_FALSE(socket.output.append(pool, more));
  EXPECT_EQ(socket.output.open(), 0u);
  EXPECT_EQ(socket.output.text().size(), 8u) << "nothing of it stays";
}

}  // namespace
}  // namespace tunic
