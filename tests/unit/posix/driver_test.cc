// Who waits for packets, and what it costs: a link that a test controls, readable when it says so.
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "host.h"
#include "posix/clock.h"

namespace tunic {
namespace {

/// A device that counts the looks at it, and has no packets,
/// or those that a test puts there, each after the one before was taken.
class Device final : public Link {
 public:
  Device() : fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {}
  ~Device() override { close(fd); }
  std::span<RxPacket> receive(const ReadHint*) override {
    eventfd_t n;
    const bool is_there = eventfd_read(fd, &n) == 0;
    if (is_there) {
      ++packets;
      packets.notify_all();
    }
    ++looks;
    return {&packet, is_there && !packet.data.empty() ? 1u : 0u};
  }
  std::size_t send(std::span<TxPacket> all) override { return all.size(); }
  void arrive() { eventfd_write(fd, 1); }

  const int fd;
  RxPacket packet;
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

TEST_F(Fixture, who_has_left_the_seat_to_another_is_woken_when_that_one_is_gone) {
  const auto open = [&](std::uint16_t port) {
    const int fd = sockets.socket({Family::v4, Transport::udp}, SOCK_DGRAM);
    const sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    EXPECT_EQ(sockets.bind(files.find(fd), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    return files.find(fd);
  };
  std::atomic<int> got = 0;
  const auto wait_for = [&](Handle h, int octets) {
    for (int i = 0; i < octets; ++i) {
      char octet;
      const iovec part{&octet, 1};
      EXPECT_EQ(sockets.receive(h, {&part, 1}, 0, true), 1);
      ++got;
      got.notify_all();
    }
  };
  const auto send_to = [&](std::uint8_t port) {  // a datagram of one octet from 198.18.0.1:9 to 198.18.0.2:port
    const std::uint8_t octets[] = {0x45, 0,   0,  29, 0, 0, 0x40, 0, 64,   17, 0, 0, 198, 18, 0,
                                   1,    198, 18, 0,  2, 0, 9,    0, port, 0,  9, 0, 0,   'x'};
    const int before = got;
    {
      const std::lock_guard gate{driver};
      device.packet = {stack.pool().copy(std::as_bytes(std::span{octets})), {.checksum = Offload::Checksum::verified}};
    }
    device.arrive();
    got.wait(before);
  };
  const Handle rare = open(1), busy = open(2);
  std::thread sitter{wait_for, rare, 1}, other{wait_for, busy, 30};
  for (int i = 0; i < 30; ++i) send_to(2);
  other.join();
  send_to(1);
  sitter.join();
  EXPECT_EQ(got, 31);
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
  rusage before{}, after{};
  {
    Driver broken{other, nothing, ends[1]};
    getrusage(RUSAGE_SELF, &before);
    pollfd none{-1, 0, 0};
    ::poll(&none, 1, 200);
    getrusage(RUSAGE_SELF, &after);
  }
  const auto used = [](const rusage& u) {
    return u.ru_utime.tv_sec * 1'000'000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
  };
  EXPECT_LT(used(after) - used(before), 100'000);
  close(ends[1]);
}

}  // namespace
}  // namespace tunic
