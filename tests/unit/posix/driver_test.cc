// Who waits for packets, and what it costs: a link that a test controls, readable when it says so.
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "host.h"
#include "posix/clock.h"

namespace tunic {
namespace {

/// A device that has no packets and counts the looks at it.
class Device final : public Link {
 public:
  Device() : fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {}
  ~Device() override { close(fd); }
  std::span<RxPacket> receive(const ReadHint*) override {
    eventfd_t n;
    if (eventfd_read(fd, &n) == 0) {
      ++packets;
      packets.notify_all();
    }
    ++looks;
    return {};
  }
  std::size_t send(std::span<TxPacket> all) override { return all.size(); }
  void arrive() { eventfd_write(fd, 1); }

  const int fd;
  std::atomic<int> looks = 0, packets = 0;
};

struct Fixture : testing::Test {
  Device device;
  Stack stack{Host::default_config()};
  Driver driver{stack, device, device.fd};
  Files files;
  Sockets sockets{driver, files};
  int door() {
    const int fd = sockets.socket({Family::v4, Transport::tcp}, SOCK_STREAM);
    EXPECT_EQ(sockets.listen(files.find(fd), 1), 0);
    return fd;
  }
  void packet_is_seen() {
    const int before = device.packets;
    device.arrive();
    device.packets.wait(before);
  }
  /// Waits until nobody has looked at the device for `d`.
  void settle(Duration d = 20ms) {
    for (int before = -1; before != device.looks;) {
      before = device.looks;
      pollfd none{-1, 0, 0};
      ::poll(&none, 1, static_cast<int>(d / 1ms));
    }
  }
};

TEST_F(Fixture, packets_are_seen_while_nobody_calls) {
  for (int i = 0; i < 10; ++i) packet_is_seen();
}

TEST_F(Fixture, packets_are_seen_while_a_caller_waits_and_after_it_left) {
  const Handle h = files.find(door());
  std::thread caller{[&] { EXPECT_FAILS(sockets.accept(h, nullptr, nullptr, 0), EBADF); }};
  for (int i = 0; i < 10; ++i) packet_is_seen();
  sockets.close(h);
  caller.join();
  for (int i = 0; i < 10; ++i) packet_is_seen();
}

TEST_F(Fixture, idle_is_no_wake_ups) {
  const Handle h = files.find(door());
  std::thread caller{[&] { EXPECT_FAILS(sockets.accept(h, nullptr, nullptr, 0), EBADF); }};
  settle();
  const auto switches = [] {
    rusage u{};
    getrusage(RUSAGE_SELF, &u);
    return u.ru_nvcsw;
  };
  const auto before = switches();
  pollfd none{-1, 0, 0};
  ::poll(&none, 1, 200);
  EXPECT_LE(switches() - before, 20);  // a tick a millisecond would be 200
  sockets.close(h);
  caller.join();
}

TEST_F(Fixture, a_device_that_only_reports_errors_is_left_alone) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);  // the writing end now reports POLLERR for ever
  Device nothing;
  Stack other{Host::default_config()};
  Driver broken{other, nothing, ends[1]};
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  pollfd none{-1, 0, 0};
  ::poll(&none, 1, 200);
  getrusage(RUSAGE_SELF, &after);
  const auto used = [](const rusage& u) {
    return u.ru_utime.tv_sec * 1'000'000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
  };
  EXPECT_LT(used(after) - used(before), 100'000);
  close(ends[1]);
}

}  // namespace
}  // namespace tunic
