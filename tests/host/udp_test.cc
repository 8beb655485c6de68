// UDP of a whole Stack: what comes in is delivered or dropped (rows U1 to U5), what goes out is right, and what
// programs see is what Linux shows.
#include <string>

#include "datagram_host.h"

namespace tunic::test {
namespace {

std::string receive(Stack& stack, SocketId s, DatagramInfo* info = nullptr) {
  std::array<std::byte, 70'000> room;
  const MutBytes out{room};
  DatagramInfo ignored;
  const auto got = stack.receive_datagram(s, {&out, 1}, {}, info == nullptr ? ignored : *info);
  return got ? std::string{reinterpret_cast<const char*>(room.data()), *got}
             : "error " + std::to_string(static_cast<int>(got.error()));
}

Bytes as_bytes(const std::string& text) { return std::as_bytes(std::span{text}); }

class Udp : public DatagramHost {
 protected:
  SocketId open(const Endpoint& local) {
    const auto s = stack().open(Family::v4, Transport::udp);
    EXPECT_TRUE(stack().bind(*s, local));
    return *s;
  }
  Result<std::size_t> send(SocketId s, const std::string& text, const DatagramOptions& how = {}) {
    const Bytes b = as_bytes(text);
    return stack().send_datagram(s, {&b, 1}, how);
  }
};

const std::string again = "error " + std::to_string(EAGAIN);

TEST_F(Udp, a_datagram_to_ourselves_arrives_whole) {
  const Endpoint at{IpAddr::loopback(Family::v4), Port{7}};
  const SocketId server = open(at);
  const SocketId client = *stack().open(Family::v4, Transport::udp);
  EXPECT_EQ(receive(stack(), server), again);
  EXPECT_EQ(stack().ready(server), ready::writable);
  for (const std::size_t size : {0uz, 1uz, 1472uz, 65'507uz}) {
    const std::string text(size, 'x');
    ASSERT_EQ(send(client, text, {.to = at}), size);
    host_.flush();
    ++looped_;
    EXPECT_EQ(stack().ready(server), ready::writable | ready::readable);
    EXPECT_EQ(stack().readable_bytes(server), size);
    DatagramInfo info;
    EXPECT_EQ(receive(stack(), server, &info), text);
    EXPECT_EQ(info.size, size);
    EXPECT_EQ(info.from.addr, at.addr);
    EXPECT_EQ(info.from.port, stack().local(client)->port);
  }
  EXPECT_EQ(receive(stack(), server), again);
  EXPECT_EQ(send(client, std::string(65'508, 'x'), {.to = at}).error(), Error::too_long);
}

TEST_F(Udp, a_connected_socket_sends_to_its_peer) {
  const SocketId s = *stack().open(Family::v4, Transport::udp);
  ASSERT_TRUE(stack().connect(s, {IpAddr::v4(0xc6120001), Port{53}}, host_.now()));
  EXPECT_EQ(stack().remote(s)->port, Port{53});
  EXPECT_EQ(stack().local(s)->addr, us4);
  ASSERT_EQ(stack().send(s, as_bytes("who?")), 4u);
  host_.flush();
  const auto out = taken();
  ASSERT_EQ(out.size(), 1u);
}

}  // namespace
}  // namespace tunic::test
