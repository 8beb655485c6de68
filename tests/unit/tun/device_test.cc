// Devices of a real kernel, made, attached to, changed and deleted.
#include "tun/device.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "real_device.h"

namespace tunic {
namespace {

TEST_F(DeviceTest, is_created_and_carries_packets_of_both_families) {
  in_namespace([&] {
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    EXPECT_EQ(d->name(), "tun0");
    EXPECT_EQ(d->vnet_size(), 10u);
    EXPECT_TRUE(d->traits().checksum);
    EXPECT_NE(fcntl(d->fd(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(d->fd(), F_GETFD) & FD_CLOEXEC, 0);
    bring_up();
    Queue q{d->fd(), d->vnet_size(), pool};
    EXPECT_TRUE(answers_echo(q, Family::v4, 56));
    EXPECT_TRUE(answers_echo(q, Family::v6, 56));
    EXPECT_TRUE(answers_echo(q, Family::v4, 1400));
    EXPECT_EQ(q.counts().refused + q.counts().read_errors + q.counts().truncated + q.counts().runts, 0u);
  });
}

TEST_F(DeviceTest, an_existing_one_is_attached_to_whatever_its_queues) {
  for (const char* kind : {"", " multi_queue", " vnet_hdr", " multi_queue vnet_hdr"}) {
    SCOPED_TRACE(kind);
    in_namespace([&] {
      ip(std::string{"tuntap add dev tun0 mode tun"} + kind);
      bring_up();
      for (int again = 0; again < 2; ++again) {  // it outlives us, with what we asked for
        auto d = Device::open("tun0");
        ASSERT_TRUE(d) << d.error().sentence;
        Queue q{d->fd(), d->vnet_size(), pool};
        EXPECT_TRUE(answers_echo(q, Family::v4, 56));
      }
    });
  }
}

TEST_F(DeviceTest, its_header_size_is_asked_for) {
  in_namespace([&] {
    ip("tuntap add dev tun0 mode tun multi_queue vnet_hdr");
    auto other = Device::open("tun0");
    ASSERT_TRUE(other) << other.error().sentence;
    int size = 12;
    ASSERT_EQ(ioctl(other->fd(), TUNSETVNETHDRSZ, &size), 0);
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    EXPECT_EQ(d->vnet_size(), 12u);
    size = 64;
    ASSERT_EQ(ioctl(other->fd(), TUNSETVNETHDRSZ, &size), 0);
    const auto none = Device::open("tun0");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, EINVAL);
  });
}

TEST_F(DeviceTest, a_header_of_12_octets_works) {
  in_namespace([&] {
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    int size = 12;
    ASSERT_EQ(ioctl(d->fd(), TUNSETVNETHDRSZ, &size), 0);
    auto adopted = Device::adopt(dup(d->fd()));
    ASSERT_TRUE(adopted) << adopted.error().sentence;
    EXPECT_EQ(adopted->vnet_size(), 12u);
    bring_up();
    Queue q{adopted->fd(), adopted->vnet_size(), pool};
    EXPECT_TRUE(answers_echo(q, Family::v4, 56));
    EXPECT_TRUE(answers_echo(q, Family::v6, 1000));
  });
}

TEST_F(DeviceTest, while_it_is_down_packets_are_lost_and_later_flow) {  // D1
  in_namespace([&] {
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    Queue q{d->fd(), d->vnet_size(), pool};
    const auto text = pattern(56);
    TxPacket p = echo_request(Family::v4, text);
    EXPECT_EQ(q.send({&p, 1}), 1u);
    EXPECT_EQ(q.counts().link_down, 1u);
    EXPECT_TRUE(q.receive().empty());
    EXPECT_FALSE(q.lost());
    bring_up();
    EXPECT_TRUE(answers_echo(q, Family::v4, 56));
    ip("link set tun0 down");
    EXPECT_EQ(q.send({&p, 1}), 1u);
    EXPECT_EQ(q.counts().link_down, 2u);
    ip("link set tun0 up");
    EXPECT_TRUE(answers_echo(q, Family::v4, 56));
  });
}

TEST_F(DeviceTest, deleted_it_is_lost) {  // D2
  in_namespace([&] {
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    Queue reader{d->fd(), d->vnet_size(), pool}, writer{d->fd(), d->vnet_size(), pool};
    ip("link delete tun0");
    EXPECT_TRUE(reader.receive().empty());
    EXPECT_TRUE(reader.lost());
    const auto text = pattern(56);
    TxPacket p = echo_request(Family::v4, text);
    EXPECT_EQ(writer.send({&p, 1}), 1u);
    EXPECT_TRUE(writer.lost());
    EXPECT_FALSE(d->attached_to());
    EXPECT_FALSE(mtu_of(*d));
  });
}

TEST_F(DeviceTest, mtu_is_the_interfaces_now) {  // D7
  in_namespace([&] {
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    EXPECT_EQ(mtu_of(*d), 1500u);
    ip("link set tun0 mtu 9000");
    EXPECT_EQ(mtu_of(*d), 9000u);
  });
}

TEST_F(DeviceTest, mtu_is_asked_for_in_the_devices_namespace) {
  std::optional<Device> elsewhere;
  in_namespace([&] {
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    ip("link set tun0 mtu 1400");
    elsewhere = std::move(*d);
  });
  ASSERT_TRUE(elsewhere);
  in_namespace([&] {
    auto own = Device::open("tun0");  // of the same name, here
    ASSERT_TRUE(own) << own.error().sentence;
    EXPECT_EQ(mtu_of(*elsewhere), 1400u);
    EXPECT_EQ(mtu_of(*own), 1500u);
    EXPECT_EQ(mtu_of(*elsewhere), 1400u);
  });
}

TEST_F(DeviceTest, an_open_one_is_adopted_with_its_flags) {
  in_namespace([&] {
    for (const int flags : {IFF_TUN | IFF_NO_PI, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR}) {
      SCOPED_TRACE(flags);
      const int fd = open("/dev/net/tun", O_RDWR);
      ifreq r{};
      std::strcpy(r.ifr_name, "tun0");
      r.ifr_flags = static_cast<short>(flags);
      ASSERT_EQ(ioctl(fd, TUNSETIFF, &r), 0);
      auto d = Device::adopt(fd);
      ASSERT_TRUE(d) << d.error().sentence;
      EXPECT_EQ(d->fd(), fd);
      EXPECT_EQ(d->name(), "tun0");
      const bool vnet = (flags & IFF_VNET_HDR) != 0;
      EXPECT_EQ(d->vnet_size(), vnet ? 10u : 0u);
      EXPECT_EQ(d->traits().max_gso, vnet ? 65'535u : 0u);
      EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
      EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
      EXPECT_EQ(mtu_of(*d), 1500u);
      bring_up();
      Queue q{d->fd(), d->vnet_size(), pool};
      if (vnet) {
        EXPECT_TRUE(answers_echo(q, Family::v4, 56));
        EXPECT_TRUE(answers_echo(q, Family::v6, 56));
      } else {
        const auto text = pattern(56);
        TxPacket p = echo_request(Family::v4, text);
        const auto whole = flat(p);
        p.offload = {};
        store_be(p.headers.data() + TxPacket::room + 2, Sum{}.add(Bytes{whole}.subspan(20)).checksum());
        ASSERT_EQ(q.send({&p, 1}), 1u);
        EXPECT_TRUE(
            receive_until(q, q.fd(), [](RxPacket& in) { return read_ip(in.data.bytes()).src == host(Family::v4, 1); }));
      }
    }
  });
}

TEST_F(DeviceTest, what_cannot_be_adopted_is_said_and_left_alone) {
  in_namespace([&] {
    const auto refused = [](int fd, int code, const char* part) {
      const auto d = Device::adopt(fd);
      ASSERT_FALSE(d);
      EXPECT_EQ(d.error().code, code);
      EXPECT_NE(d.error().sentence.find(part), std::string::npos) << d.error().sentence;
    };
    const auto attached = [](const char* name, int flags) {
      const int fd = open("/dev/net/tun", O_RDWR);
      ifreq r{};
      std::strcpy(r.ifr_name, name);
      r.ifr_flags = static_cast<short>(flags);
      EXPECT_TRUE(flags == 0 || ioctl(fd, TUNSETIFF, &r) == 0);
      return fd;
    };
    refused(-1, EBADF, "not open");
    const int null = open("/dev/null", O_RDWR);
    refused(null, EINVAL, "neither");
    EXPECT_EQ(fcntl(null, F_GETFL) & O_NONBLOCK, 0);
    close(null);
    for (const auto& [domain, type] : {std::pair{AF_UNIX, SOCK_STREAM}, std::pair{AF_INET, SOCK_DGRAM}}) {
      const int s = socket(domain, type, 0);
      refused(s, EINVAL, "neither");
      close(s);
    }
    const int blank = attached("", 0), tap = attached("tap0", IFF_TAP | IFF_NO_PI), pi = attached("tun1", IFF_TUN);
    refused(blank, EBADFD, "TUNSETIFF");
    refused(tap, EINVAL, "TAP");
    refused(pi, EINVAL, "IFF_NO_PI");
    ip("link set tun1 up");
    refused(pi, EINVAL, "IFF_NO_PI");
    const int both = attached("tun2", IFF_TUN | IFF_VNET_HDR);
    refused(both, EINVAL, "IFF_NO_PI");
    close(both);
    EXPECT_EQ(close(blank) + close(tap) + close(pi), 0) << "still the caller's";
  });
}

TEST(Device, a_pair_of_sockets_is_a_pipe_of_packets) {
  for (const int type : {SOCK_DGRAM, SOCK_SEQPACKET}) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, type, 0, fds), 0);
    auto a = Device::adopt(fds[0]), b = Device::adopt(fds[1]);
    ASSERT_TRUE(a) << a.error().sentence;
    ASSERT_TRUE(b) << b.error().sentence;
    EXPECT_EQ(a->vnet_size(), 0u);
    EXPECT_EQ(a->name(), "");
    Pool pool{1 << 20};
    Queue qa{a->fd(), 0, pool}, qb{b->fd(), 0, pool};
    TxPacket p = tcp_packet({host(Family::v4, 1), Port{1}}, {host(Family::v4, 2), Port{2}}, {.flags = SYN});
    p.offload = {};
    ASSERT_EQ(qa.send({&p, 1}), 1u);
    const auto got = qb.receive();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_TRUE(std::ranges::equal(got[0].data.bytes(), p.header()));
  }
}

TEST(Device, impossible_names_are_refused) {
  for (const char* name : {"", "tun0123456789abc", "a/b", "a b", "tun%d", ".", "..", "tun:0"}) {
    const auto d = Device::open(name);
    ASSERT_FALSE(d) << name;
    EXPECT_EQ(d.error().code, EINVAL);
    EXPECT_NE(d.error().sentence.find("1 to 15"), std::string::npos);
  }
}

TEST_F(DeviceTest, a_held_one_is_busy) {  // D9
  in_namespace([&] {
    auto first = Device::open("tun0");
    ASSERT_TRUE(first) << first.error().sentence;
    const auto second = Device::open("tun0");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EBUSY);
    EXPECT_NE(second.error().sentence.find("another program holds it"), std::string::npos);
  });
}

TEST_F(DeviceTest, another_kind_of_interface_is_told_apart) {
  in_namespace([&] {
    ip("tuntap add dev tap0 mode tap");
    for (const char* name : {"tap0", "lo"}) {
      const auto d = Device::open(name);
      ASSERT_FALSE(d);
      EXPECT_EQ(d.error().code, EINVAL);
      EXPECT_NE(d.error().sentence.find("not a TUN device"), std::string::npos);
    }
  });
}

TEST_F(DeviceTest, without_rights_the_sentence_says_what_mends_it) {
  in_namespace([&] {
    ASSERT_EQ(syscall(SYS_setresuid, 65'534, 65'534, 65'534), 0);  // of this thread alone
    const auto d = Device::open("tun0");
    ASSERT_FALSE(d);
    EXPECT_TRUE(d.error().code == EACCES || d.error().code == EPERM)
        << d.error().code;  // of the node, or of the device
    EXPECT_NE(d.error().sentence.find("run as root"), std::string::npos) << d.error().sentence;
  });
}

}  // namespace
}  // namespace tunic
