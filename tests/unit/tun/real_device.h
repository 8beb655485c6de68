// Devices of a real kernel. Each test has a network namespace of its own, entered by a thread that ends with it; it
// needs root and a TUN, or is skipped.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "packets.h"
#include "tun/device.h"
#include "tun/interface.h"
#include "tun/queue.h"
#include "wire/icmp.h"

namespace tunic {

inline constexpr const char* why_skipped = "needs root and /dev/net/tun";
inline bool can_have_devices() { return geteuid() == 0 && access("/dev/net/tun", F_OK) == 0; }

/// Runs `test` in a new namespace.
inline void in_namespace(const std::function<void()>& test) {
  std::thread{[&] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    test();
  }}.join();
}

inline void ip(const std::string& arguments) {
  ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0) << "ip " << arguments;
}

inline void bring_up() {
  ip("addr add 198.18.0.1/24 dev tun0");
  ip("-6 addr add fd00:7::1/64 dev tun0 nodad");
  ip("link set tun0 up");
}

/// Waits for packets, at most `patience` ms for each, and hands each to `f` until it is true.
inline bool receive_until(Link& link, int fd, const std::function<bool(RxPacket&)>& f, int patience = 5000) {
  for (;;) {
    for (auto& p : link.receive())
      if (f(p)) return true;
    pollfd p{fd, POLLIN, 0};
    if (poll(&p, 1, patience) != 1 || (p.revents & POLLERR) != 0) return false;
  }
}

inline IpAddr host(Family f, std::uint8_t n) {
  if (f == Family::v4) return IpAddr::v4(0xc6120000u + n);
  std::array<std::byte, 16> a{std::byte{0xfd}, std::byte{0}, std::byte{0}, std::byte{7}};
  a[15] = std::byte{n};
  return IpAddr::v6(a.data());
}

/// An echo request from host 2 to host 1 whose checksum is left to the device.
inline TxPacket echo_request(Family f, Bytes text) {
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
inline bool answers_echo(Queue& q, Family f, std::size_t size) {
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

inline std::optional<std::uint32_t> mtu_of(const Device& d) { return Interface{d.fd()}.mtu(d.name()); }

class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_have_devices()) GTEST_SKIP() << why_skipped;
  }
  Pool pool{16 << 20};
};

}  // namespace tunic
