// Every system call of the tun room fails once, with every errno that matters (D8): what follows is a sentence or
// nothing at all, never a descriptor left open, a packet counted twice, or a crash.
#include "faults.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>
#include <vector>

#include "packets.h"
#include "tun/device.h"
#include "tun/queue.h"
#include "tun/system.h"

namespace tunic {

namespace faults {

Hook hook;

const char* name(Call call) {
  constexpr const char* names[] = {"open",  "close", "ioctl", "fcntl", "socket", "bind",   "getsockopt", "stat",
                                   "fstat", "setns", "poll",  "recv",  "readv",  "writev", "write"};
  return names[static_cast<std::size_t>(call)];
}

template <class Real>
auto call(Call which, unsigned long request, Real real) -> decltype(real()) {
  if (!hook) return real();
  const auto instead = hook(which, request);
  if (!instead) return real();
  if (instead->value < 0) errno = instead->code;
  return static_cast<decltype(real())>(instead->value);
}

}  // namespace faults

// In place of tun/system.cc: all of it, or the program does not link.
namespace sys {

using faults::Call;

int open(const char* path, int flags) {
  return faults::call(Call::open, 0, [&] { return ::open(path, flags); });
}
/// One that fails has closed all the same, as Linux has it.
int close(int fd) {
  const int done = ::close(fd);
  return faults::call(Call::close, 0, [&] { return done; });
}
int ioctl(int fd, unsigned long request, void* argument) {
  return faults::call(Call::ioctl, request, [&] { return ::ioctl(fd, request, argument); });
}
int ioctl(int fd, unsigned long request, unsigned long argument) {
  return faults::call(Call::ioctl, request, [&] { return ::ioctl(fd, request, argument); });
}
int fcntl(int fd, int command, int argument) {
  return faults::call(Call::fcntl, static_cast<unsigned long>(command), [&] { return ::fcntl(fd, command, argument); });
}
int socket(int domain, int type, int protocol) {
  return faults::call(Call::socket, static_cast<unsigned long>(domain),
                      [&] { return ::socket(domain, type, protocol); });
}
int bind(int fd, const sockaddr* address, socklen_t size) {
  return faults::call(Call::bind, 0, [&] { return ::bind(fd, address, size); });
}
int getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
  return faults::call(Call::getsockopt, static_cast<unsigned long>(option),
                      [&] { return ::getsockopt(fd, level, option, value, size); });
}
int stat(const char* path, struct stat* status) {
  return faults::call(Call::stat, 0, [&] { return ::stat(path, status); });
}
int fstat(int fd, struct stat* status) {
  return faults::call(Call::fstat, 0, [&] { return ::fstat(fd, status); });
}
int setns(int fd, int type) {
  return faults::call(Call::setns, 0, [&] { return ::setns(fd, type); });
}
int poll(pollfd* set, nfds_t count, int milliseconds) {
  return faults::call(Call::poll, 0, [&] { return ::poll(set, count, milliseconds); });
}
ssize_t recv(int fd, void* buffer, std::size_t size, int flags) {
  return faults::call(Call::recv, 0, [&] { return ::recv(fd, buffer, size, flags); });
}
ssize_t readv(int fd, const iovec* parts, int count) {
  return faults::call(Call::readv, 0, [&] { return ::readv(fd, parts, count); });
}
ssize_t writev(int fd, const iovec* parts, int count) {
  return faults::call(Call::writev, 0, [&] { return ::writev(fd, parts, count); });
}
ssize_t write(int fd, const void* data, std::size_t size) {
  return faults::call(Call::write, 0, [&] { return ::write(fd, data, size); });
}

}  // namespace sys

namespace {

using faults::Call;

constexpr int codes[] = {EPERM, ENOENT, EINTR, EIO, EAGAIN, ENOMEM, EBUSY, EINVAL, EMFILE, ENOBUFS, EBADFD};

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TxPacket packet() {
  return tcp_packet({IpAddr::v4(0xc6120002u), Port{4000}}, {IpAddr::v4(0xc6120001u), Port{80}}, {.flags = ACK}, {}, 0);
}

/// The life of a device: made, asked, brought up, written, read, deleted, made again, given away.
class Life {
 public:
  explicit Life(Pool& pool) : pool_{pool} {}

  void live() {
    auto device = Device::open("tun0");
    if (!device) return failed(device.error());
    Interface interface { device->fd() };
    interface.mtu(device->name());
    interface.is_up(device->name());
    set_up(true);
    Queue queue{device->fd(), device->vnet_size(), pool_};
    exchange(queue);
    set_up(false);
    exchange(queue);  // D1
    remove();
    exchange(queue);  // D2
    interface.quiet();
    if (const auto name = device->attached_to(); !name || queue.lost()) {
      interface = Interface{device->fd()};
      const auto size = device->attach_again(interface);
      if (!size) return failed(size.error());
      device->assume(device->name(), *size);
      queue.attached_again(*size);
    }
    set_up(true);
    exchange(queue);
    adopt(device->fd());
  }

  const std::vector<DeviceError>& errors() const { return errors_; }

 private:
  void failed(const DeviceError& e) { errors_.push_back(e); }

  void exchange(Queue& queue) {
    const Queue::Counts before = queue.counts();
    std::array<TxPacket, 2> packets{packet(), packet()};
    const std::size_t taken = queue.send(packets);
    const Queue::Counts& c = queue.counts();
    const std::uint64_t counted = c.writes - before.writes + c.link_down - before.link_down + c.refused -
                                  before.refused + c.malformed - before.malformed;
    EXPECT_EQ(counted, taken) << "each packet that was taken is counted once";
    const std::size_t got = queue.receive().size();
    EXPECT_EQ(c.reads - before.reads, got + c.no_memory - before.no_memory);
  }

  void adopt(int fd) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (const auto adopted = Device::adopt(copy); !adopted) {
      failed(adopted.error());
      EXPECT_EQ(::close(copy), 0) << "it is still the caller's";
    }
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ::close(pair[1]);
    auto adopted = Device::adopt(pair[0]);
    if (!adopted) {
      failed(adopted.error());
      EXPECT_EQ(::close(pair[0]), 0) << "it is still the caller's";
      return;
    }
    Queue queue{adopted->fd(), 0, pool_};
    queue.receive();
  }

  // What others do to it.
  static void change(unsigned long request, short flags) {
    const int s = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq r{};
    std::strcpy(r.ifr_name, "tun0");
    r.ifr_flags = flags;
    ::ioctl(s, request, &r);
    ::close(s);
  }
  static void set_up(bool up) { change(SIOCSIFFLAGS, static_cast<short>(up ? IFF_UP : 0)); }
  static void remove() {
    struct {
      nlmsghdr head{
          .nlmsg_len = sizeof head + sizeof link, .nlmsg_type = RTM_DELLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
      ifinfomsg link{};
    } order;
    order.link.ifi_index = static_cast<int>(if_nametoindex("tun0"));
    const int s = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    ASSERT_EQ(::send(s, &order, sizeof order, 0), static_cast<ssize_t>(sizeof order));
    std::byte answer[256];
    ASSERT_GT(::recv(s, answer, sizeof answer, 0), 0);
    ::close(s);
  }

  Pool& pool_;
  std::vector<DeviceError> errors_;
};

/// Runs in a namespace of its own, entered by a thread that ends with it.
template <class Test>
void in_namespace(Test test) {
  std::thread{[&] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    test();
  }}.join();
}

class FaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || access("/dev/net/tun", F_OK) != 0) GTEST_SKIP() << "needs root and /dev/net/tun";
  }
  void TearDown() override { faults::hook = nullptr; }
  Pool pool{8 << 20};
};

TEST_F(FaultsTest, every_call_fails_once_with_every_errno) {  // D8
  in_namespace([&] {
    std::vector<std::pair<Call, unsigned long>> calls;
    faults::hook = [&](Call call, unsigned long request) {
      calls.emplace_back(call, request);
      return std::nullopt;
    };
    {
      Life undisturbed{pool};
      undisturbed.live();
      for (const auto& e : undisturbed.errors()) ADD_FAILURE() << e.sentence;
    }
    std::set<Call> seen;
    for (const auto& [call, request] : calls) seen.insert(call);
    for (const Call call :
         {Call::open, Call::close, Call::ioctl, Call::fcntl, Call::socket, Call::bind, Call::getsockopt, Call::stat,
          Call::fstat, Call::poll, Call::recv, Call::readv, Call::writev, Call::write})
      EXPECT_TRUE(seen.contains(call)) << faults::name(call) << " is not among them";

    for (std::size_t which = 0; which < calls.size(); ++which) {
      // The same call in the same state again and again says nothing new: two of a kind are enough.
      if (std::count(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(which), calls[which]) >= 2) continue;
      for (const int code : codes) {
        SCOPED_TRACE(std::string{faults::name(calls[which].first)} + " number " + std::to_string(which) + ": " +
                     strerror(code));
        const std::size_t open_before = open_descriptors();
        std::size_t count = 0;
        faults::hook = [&](Call, unsigned long) -> std::optional<faults::Result> {
          if (count++ == which) return faults::failure(code);
          return std::nullopt;
        };
        Life life{pool};
        life.live();
        faults::hook = nullptr;
        EXPECT_EQ(open_descriptors(), open_before);
        for (const DeviceError& e : life.errors()) {
          EXPECT_NE(e.code, 0);
          EXPECT_GT(e.sentence.size(), 20u);
          EXPECT_EQ(e.sentence.find('\n'), std::string::npos);
        }
        if (HasFailure()) return;
      }
    }
  });
}

TEST_F(FaultsTest, signals_without_end_do_not_hold_a_thread) {  // D8
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  Queue queue{pair[0], 0, pool};
  int asked = 0;
  faults::hook = [&](Call, unsigned long) {
    ++asked;
    return std::optional{faults::failure(EINTR)};
  };
  TxPacket p = packet();
  p.offload = {};
  EXPECT_EQ(queue.send({&p, 1}), 0u) << "it is tried again later";
  EXPECT_TRUE(queue.receive().empty());
  EXPECT_LE(asked, 16);
  faults::hook = nullptr;
  EXPECT_EQ(queue.send({&p, 1}), 1u);
  close(pair[0]);
  close(pair[1]);
}

TEST_F(FaultsTest, a_packet_that_is_not_as_long_as_it_says_is_not_written) {  // D5
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  Queue queue{pair[0], 0, pool};
  const auto good = [] {
    TxPacket p = packet();
    p.offload = {};
    return p;
  };
  std::vector<TxPacket> wrong(4, good());
  wrong[0].headers[wrong[0].begin] = std::byte{0};     // no version
  wrong[1].headers[wrong[1].begin] = std::byte{0x65};  // of the other family, whose length is elsewhere
  wrong[1].headers[wrong[1].begin + 5u] = std::byte{1};
  wrong[2].end = static_cast<std::uint16_t>(wrong[2].begin + 19);
  wrong[3].end = static_cast<std::uint16_t>(wrong[3].end - 1);
  EXPECT_EQ(queue.send(wrong), wrong.size());
  EXPECT_EQ(queue.counts().malformed, wrong.size());
  EXPECT_EQ(queue.counts().writes, 0u);
  TxPacket p = good();
  EXPECT_EQ(queue.send({&p, 1}), 1u);
  EXPECT_EQ(queue.counts().writes, 1u);
  close(pair[0]);
  close(pair[1]);
}

}  // namespace
}  // namespace tunic
