// The end of a program: what was sent still arrives, and nobody is disturbed.
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include "buf/memory_link.h"
#include "host.h"
#include "posix/clock.h"

namespace tunic {
namespace {

TEST(Leaving, sockets_are_closed_and_what_was_sent_is_acknowledged) {
  Host host;
  const auto [client, server] = host.pair();
  ASSERT_EQ(host.say(client, std::string(50'000, 'x')), 50'000);
  EXPECT_EQ(host.take(server, 50'000, MSG_WAITALL).size(), 50'000u);  // unread text would be a reset
  EXPECT_TRUE(host.sockets().leave(60s));
  EXPECT_FALSE(host.stack().unfinished());
  EXPECT_EQ(host.take(client), "!EBADF");
}

/// A second host at the other end of the wire, driven by the first, until the wire is cut.
class FarHost final : public Link {
 public:
  explicit FarHost(Stack& near) : wire_{near.pool(), far.pool()} {
    door = *far.open(Family::v4);
    EXPECT_TRUE(far.bind(door, {IpAddr::v4(0xc6120001u), Port{80}}));
    EXPECT_TRUE(far.listen(door, 1));
  }
  ~FarHost() override { close(fd); }
  std::span<RxPacket> receive(const ReadHint*) override {
    eventfd_t n;
    eventfd_read(fd, &n);
    return wire_.left().receive();
  }
  std::size_t send(std::span<TxPacket> packets) override {
    if (is_cut) return packets.size();
    const std::size_t taken = wire_.left().send(packets);
    far.poll(now(), wire_.right());
    eventfd_write(fd, 1);
    return taken;
  }
  static Config config() {
    Config c;
    c.addresses = {{IpAddr::v4(0xc6120001u), 24}};
    return c;
  }

  Stack far{config()};
  SocketId door;
  bool is_cut = false;  // under the gate
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

 private:
  MemoryLink wire_;
};

TEST(Leaving, it_waits_for_the_far_end_but_not_for_ever) {
  for (const bool cut : {false, true}) {
    Stack stack{Host::default_config()};
    FarHost far{stack};
    Driver driver{stack, far, far.fd};
    Files files;
    Sockets sockets{driver, files};
    const Handle h = files.find(sockets.socket({Family::v4, Transport::tcp}, SOCK_STREAM));
    const Address at = Address::v4("198.18.0.1", 80);
    ASSERT_EQ(sockets.connect(h, at.raw(), at.length), 0);
    {
      const std::lock_guard gate{driver};
      far.is_cut = cut;
    }
    char text[1000] = {};
    const iovec one{text, sizeof text};
    ASSERT_EQ(sockets.send(h, {&one, 1}, 0), 1000);
    EXPECT_EQ(sockets.leave(cut ? 30ms : 60s), !cut);
    const std::lock_guard gate{driver};
    EXPECT_EQ(stack.unfinished(), cut);
    if (!cut) {
      EXPECT_EQ(far.far.readable_bytes(*far.far.accept(far.door)), 1000u);
    }
  }
}

TEST(Leaving, other_threads_find_that_nothing_happens_any_more) {
  Host host;
  const auto [client, server] = host.pair();
  const Handle h = host.files().find(server);
  ASSERT_EQ(host.set_timeout(server, SO_RCVTIMEO, 50ms), 0);
  std::string got;
  std::thread reader{[&, fd = server] { got = host.take(fd); }};
  EXPECT_TRUE(host.sockets().leave(60s));
  reader.join();
  EXPECT_EQ(got, "!EAGAIN");
  std::thread late{[&, fd = client] { EXPECT_EQ(host.take(fd, 1, MSG_DONTWAIT), "!EAGAIN"); }};
  late.join();
  EXPECT_TRUE(h.is_current());
}

}  // namespace
}  // namespace tunic
