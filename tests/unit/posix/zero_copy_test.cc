// MSG_ZEROCOPY: sends from the program's memory, and the error queue that tells when it is the program's again. What
// Linux does was asked of a kernel.
#include <ctime>

#include <linux/errqueue.h>

#include <array>
#include <optional>

#include "host.h"

namespace tunic {
namespace {

struct Told {
  std::uint32_t first, last;
  int code;
  bool operator==(const Told&) const = default;
};

/// What MSG_ERRQUEUE says next.
std::optional<Told> told(Host& host, int fd) {
  alignas(cmsghdr) std::array<char, 256> control{};
  msghdr m{};
  m.msg_control = control.data();
  m.msg_controllen = control.size();
  if (host.with(fd, [&](Handle h) { return host.sockets().recvmsg(h, &m, MSG_ERRQUEUE); }) != 0) return {};
  EXPECT_NE(m.msg_flags & MSG_ERRQUEUE, 0);
  const cmsghdr* c = CMSG_FIRSTHDR(&m);
  if (c == nullptr) return {};
  const bool is_report = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                         (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
  EXPECT_TRUE(is_report);
  sock_extended_err e;
  std::memcpy(&e, CMSG_DATA(c), sizeof e);
  EXPECT_EQ(e.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
  EXPECT_EQ(e.ee_errno, 0u);
  return Told{e.ee_info, e.ee_data, e.ee_code};
}

TEST(ZeroCopy, an_option_must_allow_it) {
  Host host;
  const auto [a, b] = host.pair();
  EXPECT_FAILS(host.set(a, SOL_SOCKET, SO_ZEROCOPY, 2), EINVAL);
  EXPECT_FAILS(host.set(a, SOL_SOCKET, SO_ZEROCOPY, -1), EINVAL);
  ASSERT_EQ(host.say(a, "copied as ever", MSG_ZEROCOPY), 14);
  EXPECT_FALSE(told(host, a));
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_EQ(host.set(a, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
  EXPECT_EQ(host.get(a, SOL_SOCKET, SO_ZEROCOPY), 1);
}

// Reports run together until they are read; to ourselves text is always copied, and said to be.
TEST(ZeroCopy, sends_are_numbered_and_reported_in_ranges) {
  for (const int domain : {AF_INET, AF_INET6}) {
    Host host;
    const auto [a, b] = host.pair(domain);
    ASSERT_EQ(host.set(a, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
    const std::string text(20'000, 'z');
    for (int i = 0; i < 3; ++i) ASSERT_EQ(host.say(a, text, MSG_ZEROCOPY), 20'000);
    EXPECT_EQ(host.say(a, "", MSG_ZEROCOPY), 0) << "which has no number";
    EXPECT_EQ(host.take(b, 60'000, MSG_WAITALL).size(), 60'000u);
    EXPECT_EQ(host.ready(a), POLLOUT | POLLERR);
    EXPECT_EQ(host.get(a, SOL_SOCKET, SO_ERROR), 0) << "it is no error";
    EXPECT_EQ(told(host, a), (Told{0, 2, SO_EE_CODE_ZEROCOPY_COPIED}));
    EXPECT_EQ(host.ready(a), POLLOUT);
    ASSERT_EQ(host.say(a, text, MSG_ZEROCOPY), 20'000);
    EXPECT_EQ(host.take(b, 20'000, MSG_WAITALL).size(), 20'000u);
    EXPECT_EQ(told(host, a), (Told{3, 3, SO_EE_CODE_ZEROCOPY_COPIED}));
  }
}

// Until the peer has it the memory is needed, and what is there is what arrives: nobody has made a copy.
TEST(ZeroCopy, the_memory_is_the_programs_and_stays_so) {
  Host host;
  const auto [a, b] = host.pair();
  ASSERT_EQ(host.set(a, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
  const std::string filler(6u << 20, '.');
  while (host.say(a, filler, MSG_DONTWAIT) > 0) {  // until the peer's window is shut and the buffer full
  }
  std::string there;
  while (host.ready(a, POLLOUT) == 0) there += host.take(b, 65'536, MSG_DONTWAIT);
  std::string text(30'000, 'x');
  const ssize_t n = host.say(a, text, MSG_ZEROCOPY | MSG_DONTWAIT);
  ASSERT_GT(n, 16'384);
  EXPECT_FALSE(told(host, a)) << "it waits behind what fills the window";
  text.assign(text.size(), 'y');  // a program must not: here it shows that there is no other copy
  ASSERT_EQ(host.shutdown(a, SHUT_WR), 0);
  std::string got;
  for (std::string s = host.take(b, 65'536); !s.empty(); s = host.take(b, 65'536)) got = std::move(s);
  EXPECT_EQ(got.back(), 'y');
  EXPECT_EQ(told(host, a), (Told{0, 0, SO_EE_CODE_ZEROCOPY_COPIED}));
}

// close() gives the memory back: what is not acknowledged goes on as a copy.
TEST(ZeroCopy, closing_leaves_copies) {
  Host host;
  const auto [a, b] = host.pair();
  ASSERT_EQ(host.set(a, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
  while (host.say(a, std::string(1u << 20, '.'), MSG_DONTWAIT) > 0) {
  }
  while (host.ready(a, POLLOUT) == 0) host.take(b, 65'536, MSG_DONTWAIT);
  std::string text(30'000, 'x');
  ASSERT_GT(host.say(a, text, MSG_ZEROCOPY | MSG_DONTWAIT), 16'384);
  ASSERT_EQ(host.close(a), 0);
  text.assign(text.size(), 'y');
  std::string got;
  for (std::string s = host.take(b, 65'536); !s.empty(); s = host.take(b, 65'536)) got = std::move(s);
  EXPECT_EQ(got.back(), 'x');
}

// A reset is the end of it: all is reported, and nothing refers to the memory.
TEST(ZeroCopy, a_reset_reports_what_waits) {
  Host host;
  const auto [a, b] = host.pair();
  ASSERT_EQ(host.set(a, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
  const std::string text(40'000, 'x');
  std::uint32_t sends = 0;
  while (host.say(a, text, MSG_ZEROCOPY | MSG_DONTWAIT) > 0) ++sends;
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_GT(sends, 1u);
  ASSERT_EQ(host.set(b, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0}), 0);
  ASSERT_EQ(host.close(b), 0);
  std::uint32_t next = 0;
  while (const auto t = told(host, a)) {
    EXPECT_EQ(t->first, next);
    next = t->last + 1;
  }
  EXPECT_EQ(next, sends);
  EXPECT_EQ(host.stack().pool().in_use(), 0u);
  EXPECT_EQ(host.stack().lent_bytes(host.files().find(a).socket->id), 0u);
  EXPECT_EQ(host.get(a, SOL_SOCKET, SO_ERROR), ECONNRESET);
}

// However small, each that waits takes memory: at some number ENOBUFS, as on Linux.
TEST(ZeroCopy, too_many_that_wait_are_refused) {
  Host host;
  const auto [a, b] = host.pair();
  ASSERT_EQ(host.set(a, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
  const std::string filler(1u << 20, '.');
  while (host.say(a, filler, MSG_DONTWAIT) > 0) {
  }
  while (host.ready(a, POLLOUT) == 0) host.take(b, 65'536, MSG_DONTWAIT);
  int taken = 0;
  while (host.say(a, "z", MSG_ZEROCOPY | MSG_DONTWAIT) == 1) ++taken;
  EXPECT_EQ(errno, ENOBUFS);
  EXPECT_EQ(taken, 1024);
  ASSERT_EQ(host.shutdown(a, SHUT_WR), 0);
  while (!host.take(b, 65'536).empty()) {
  }
  EXPECT_EQ(told(host, a), (Told{0, 1023, SO_EE_CODE_ZEROCOPY_COPIED}));
}

// A datagram is copied, and reported at once; accept() passes the option on.
TEST(ZeroCopy, datagrams_and_listeners) {
  Host host;
  const int u = host.socket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(host.set(u, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
  ASSERT_EQ(host.bind(u, Address::v4("127.0.0.1", 0)), 0);
  ASSERT_EQ(host.connect(u, host.name(u)), 0);
  for (int i = 0; i < 2; ++i) ASSERT_EQ(host.say(u, "zero", MSG_ZEROCOPY), 4);
  EXPECT_EQ(told(host, u), (Told{0, 1, SO_EE_CODE_ZEROCOPY_COPIED}));
  EXPECT_EQ(host.take(u), "zero");
  const int door = host.server();
  ASSERT_EQ(host.set(door, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
  const int client = host.socket();
  ASSERT_EQ(host.connect(client, host.name(door)), 0);
  EXPECT_EQ(host.get(host.accept(door), SOL_SOCKET, SO_ZEROCOPY), 1);
}

}  // namespace
}  // namespace tunic
