// The descriptor that whoever drives an impaired link waits for.
#include "libtunic/impaired_port.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tun/queue.h"

namespace tunic {
namespace {

struct ImpairedPortTest : testing::Test {
  ImpairedPortTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    queue.emplace(ends[0], 0, pool);
    port.emplace(*queue, ends[0], pool, ImpairSettings{});
  }
  ~ImpairedPortTest() override {
    port.reset();
    queue.reset();
    for (const int fd : ends) close(fd);
  }
  bool is_readable() const {
    pollfd p{port->fd(), POLLIN, 0};
    return poll(&p, 1, 0) == 1;
  }
  void arrive() const { EXPECT_EQ(write(ends[1], "0123456789012345678901234567890123456789", 40), 40); }

  Pool pool{1 << 24};
  int ends[2];
  std::optional<Queue> queue;
  std::optional<ImpairedPort> port;
};

TEST_F(ImpairedPortTest, is_readable_while_packets_wait) {
  EXPECT_FALSE(is_readable());
  for (std::size_t i = 0; i < Queue::burst + 1; ++i) arrive();
  EXPECT_TRUE(is_readable());
  EXPECT_EQ(port->receive().size(), Queue::burst);
  EXPECT_TRUE(is_readable());
  EXPECT_EQ(port->receive().size(), 1u);
  EXPECT_FALSE(is_readable());
}

TEST_F(ImpairedPortTest, a_device_that_only_reports_errors_is_left_alone) {
  arrive();
  ASSERT_EQ(shutdown(ends[1], SHUT_RDWR), 0);  // it hangs up, for ever
  EXPECT_TRUE(is_readable());
  EXPECT_EQ(port->receive().size(), 1u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(is_readable());
    EXPECT_TRUE(port->receive().empty());
  }
}

}  // namespace
}  // namespace tunic
