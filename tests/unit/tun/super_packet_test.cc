// Super-packets over a real device: the kernel's TCP takes ours and gives us its own.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <optional>
#include <thread>
#include <vector>

#include "real_device.h"
#include "tun/impair.h"

namespace tunic {
namespace {

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
