// Devices of a real kernel. Each test has a network namespace of its own, entered by a thread that ends with it; it
// needs root and a TUN, or is skipped.
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

#include "packets.h"
#include "tun/impair.h"
#include "tun/queue.h"
#include "wire/icmp.h"

namespace tunic {
namespace {

constexpr const char* why_skipped = "needs root and /dev/net/tun";
bool can_have_devices() { return geteuid() == 0 && access("/dev/net/tun", F_OK) == 0; }

/// Runs `test` in a new namespace.
void in_namespace(const std::function<void()>& test) {
  std::thread{[&] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    test();
  }}.join();
}

void ip(const std::string& arguments) { ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0) << "ip " << arguments; }

void bring_up() {
  ip("addr add 198.18.0.1/24 dev tun0");
  ip("-6 addr add fd00:7::1/64 dev tun0 nodad");
  ip("link set tun0 up");
}

/// Waits for packets, at most `patience` ms for each, and hands each to `f` until it is true.
bool receive_until(Link& link, int fd, const std::function<bool(RxPacket&)>& f, int patience = 5000) {
  for (;;) {
    for (auto& p : link.receive())
      if (f(p)) return true;
    pollfd p{fd, POLLIN, 0};
    if (poll(&p, 1, patience) != 1 || (p.revents & POLLERR) != 0) return false;
  }
}

IpAddr host(Family f, std::uint8_t n) {
  if (f == Family::v4) return IpAddr::v4(0xc6120000u + n);
  std::array<std::byte, 16> a{std::byte{0xfd}, std::byte{0}, std::byte{0}, std::byte{7}};
  a[15] = std::byte{n};
  return IpAddr::v6(a.data());
}

/// An echo request from host 2 to host 1 whose checksum is left to the device.
TxPacket echo_request(Family f, Bytes text) {
  TxPacket p;
  p.clear();
  const MutBytes room = MutBytes{p.headers}.subspan(TxPacket::room);
  IcmpEcho{.type = echo_request_type(f), .id = 7, .sequence = 1}.emit(room);
  p.end = TxPacket::room + IcmpView::header_size;
  p.text[p.slices++] = Slice::lent(text);
  const std::size_t length = p.size();
  const std::uint8_t protocol = f == Family::v4 ? protocol::icmp : protocol::icmpv6;
  emit_ip(p, host(f, 2), host(f, 1), protocol);
  p.offload.checksum = Offload::Checksum::partial;
  p.offload.checksum_field = IcmpView::checksum_offset;
  if (f == Family::v6)
    store_be(room.data() + IcmpView::checksum_offset, pseudo_header(host(f, 2), host(f, 1), protocol, length).folded());
  return p;
}

/// Asks every 50 ms for at most 5 s: for up to a second after a device got its carrier the kernel sends nothing to it.
bool answers_echo(Queue& q, Family f, std::size_t size) {
  const auto text = pattern(size);
  const auto is_answer = [&](RxPacket& r) {
    const Ip in = read_ip(r.data.bytes());
    const auto icmp = IcmpView::parse(in.payload);
    return in.src == host(f, 1) && in.dst == host(f, 2) && icmp && icmp->type() == echo_reply_type(f) &&
           std::ranges::equal(icmp->body(), text);
  };
  for (int i = 0; i < 100; ++i) {
    TxPacket p = echo_request(f, text);
    if (q.send({&p, 1}) == 1 && receive_until(q, q.fd(), is_answer, 50)) return true;
  }
  return false;
}

std::optional<std::uint32_t> mtu_of(const Device& d) { return Interface{d.fd()}.mtu(d.name()); }

class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_have_devices()) GTEST_SKIP() << why_skipped;
  }
  Pool pool{16 << 20};
};

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

// ---- super-packets: the kernel's TCP takes ours and gives us its own ----

/// The least TCP peer that can talk to a listener of the kernel: one segment at a time.
class HandmadePeer {
 public:
  HandmadePeer(Link& link, int fd, Family f)
      : link_{link}, fd_{fd}, us_{host(f, 2), Port{4000}}, kernel_{host(f, 1), Port{80}} {}

  bool connect() {
    const std::array<std::byte, 8> options{std::byte{2}, std::byte{4}, std::byte{5}, std::byte{0x78},  // MSS 1400
                                           std::byte{1}, std::byte{3}, std::byte{3}, std::byte{7}};    // window scale
    const auto answered = [&](RxPacket& p) {
      const auto s = ours(p);
      if (!s || !s->flags().has(SYN | ACK)) return false;
      EXPECT_EQ(p.offload.checksum, Offload::Checksum::verified);
      expected_ = s->seq().raw + 1;
      send({.seq = {next_ + 1}, .ack = {expected_}, .flags = ACK, .window = 8192});
      return true;
    };
    // Again where nobody answers: on a busy machine the kernel speaks IPv6 on a new device only a while after it is up.
    bool done = false;
    for (int tries = 0; tries < 50 && !done; ++tries) {
      send({.seq = {next_}, .flags = SYN, .window = 65'535}, {}, 0, options);
      done = receive_until(link_, fd_, answered, 200);
    }
    ++next_;
    return done;
  }
  void send_text(Bytes text, std::uint16_t gso_size) {
    send({.seq = {next_}, .ack = {expected_}, .flags = ACK | PSH, .window = 8192}, text, gso_size);
    next_ += static_cast<std::uint32_t>(text.size());
  }
  /// Collects `n` octets of text that come in order, with an ACK for each packet.
  std::vector<std::byte> collect(std::size_t n) {
    std::vector<std::byte> text;
    receive_until(link_, fd_, [&](RxPacket& p) {
      const auto s = ours(p);
      if (!s || s->text().empty() || s->seq().raw != expected_) return false;
      largest_gso_ = std::max(largest_gso_, p.offload.gso_size);
      largest_ = std::max(largest_, s->text().size());
      text.insert(text.end(), s->text().begin(), s->text().end());
      expected_ += static_cast<std::uint32_t>(s->text().size());
      send({.seq = {next_}, .ack = {expected_}, .flags = ACK, .window = 8192});
      return text.size() >= n;
    });
    return text;
  }
  std::uint16_t largest_gso() const { return largest_gso_; }
  std::size_t largest() const { return largest_; }

 private:
  std::optional<TcpView> ours(const RxPacket& p) const {
    const Ip in = read_ip(p.data.bytes());
    const auto s = TcpView::parse(in.payload);
    return in.src == kernel_.addr && s && s->src() == kernel_.port && s->dst() == us_.port ? s : std::nullopt;
  }
  void send(const TcpHeader& h, Bytes text = {}, std::uint16_t gso_size = 0, Bytes options = {}) {
    TxPacket p = tcp_packet(us_, kernel_, h, text, gso_size, options);
    EXPECT_EQ(link_.send({&p, 1}), 1u);
  }

  Link& link_;
  int fd_;
  Endpoint us_, kernel_;
  std::uint32_t next_ = 0xffff'f000, expected_ = 0;
  std::uint16_t largest_gso_ = 0;
  std::size_t largest_ = 0;
};

/// A listener of the kernel on port 80 of both families.
int kernel_listener() {
  const int s = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  a.sin6_port = htons(80);
  EXPECT_EQ(bind(s, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  EXPECT_EQ(listen(s, 8), 0);
  return s;
}

std::vector<std::byte> read_exactly(int fd, std::size_t n) {
  const timeval limit{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::vector<std::byte> v(n);
  const ssize_t got = recv(fd, v.data(), n, MSG_WAITALL);
  v.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return v;
}

class SuperPacketTest : public testing::TestWithParam<std::pair<Family, bool>> {
 protected:
  void SetUp() override {
    if (!can_have_devices()) GTEST_SKIP() << why_skipped;
  }
  Pool pool{16 << 20};
};
INSTANTIATE_TEST_SUITE_P(BothFamilies, SuperPacketTest,
                         testing::Values(std::pair{Family::v4, false}, std::pair{Family::v4, true},
                                         std::pair{Family::v6, false}, std::pair{Family::v6, true}),
                         [](const auto& i) {
                           return std::string{i.param.first == Family::v4 ? "v4" : "v6"} +
                                  (i.param.second ? "_cut" : "");
                         });

TEST_P(SuperPacketTest, cross_both_ways_unharmed) {
  const auto [family, cut] = GetParam();
  in_namespace([&] {
    auto d = Device::open("tun0");
    ASSERT_TRUE(d) << d.error().sentence;
    bring_up();
    const int listener = kernel_listener();
    Queue q{d->fd(), d->vnet_size(), pool};
    Impair cutter{q, pool, {}};
    HandmadePeer peer{cut ? static_cast<Link&>(cutter) : q, d->fd(), family};
    ASSERT_TRUE(peer.connect());
    const int s = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_GE(s, 0);
    const auto text = pattern(40'000);
    const auto before = q.counts().writes;
    peer.send_text(text, 1400);
    EXPECT_EQ(q.counts().writes - before, cut ? 29u : 1u);
    EXPECT_EQ(read_exactly(s, text.size()), text);

    const auto back = pattern(200'000);
    std::thread writer{[&] { EXPECT_EQ(write(s, back.data(), back.size()), static_cast<ssize_t>(back.size())); }};
    EXPECT_EQ(peer.collect(back.size()), back);
    writer.join();
    EXPECT_EQ(peer.largest_gso(), cut ? 0 : 1400) << "the kernel sends super-packets of our MSS";
    EXPECT_EQ(peer.largest() > 1400, !cut);
    EXPECT_EQ(q.counts().refused + q.counts().truncated + q.counts().read_errors, 0u);
    close(s);
    close(listener);
  });
}

}  // namespace
}  // namespace tunic
