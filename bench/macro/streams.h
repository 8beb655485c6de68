// How streams are received and sent: by which calls, and from which memory. The calls are the kernel's (BENCH_KERNEL)
// or ours.
#pragma once

#ifdef BENCH_KERNEL
#define CALL(name) ::name
#else
#include <tunic.h>
#define CALL(name) tunic_##name
#endif

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace bench {

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "server: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

/// What a thread reads into and writes from: of its own, on a page boundary.
struct Buffer {
  explicit Buffer(std::size_t octets)
      : size{octets}, memory{static_cast<char*>(std::aligned_alloc(4096, (octets + 4095) / 4096 * 4096)), std::free} {
    std::memset(memory.get(), 'x', size);
  }
  char* data() const { return memory.get(); }

  std::size_t size;
  std::unique_ptr<char, void (*)(void*)> memory;
};

inline bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = CALL(send)(fd, data, size, MSG_NOSIGNAL);
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

inline void receive_by_copy(int fd, const Buffer& buffer) {
  while (CALL(recv)(fd, buffer.data(), buffer.size, 0) > 0) {
  }
}

inline void send_by_copy(int fd, const Buffer& buffer) {
  while (CALL(send)(fd, buffer.data(), buffer.size, MSG_NOSIGNAL) > 0) {
  }
}

/// Sends by reference (MSG_ZEROCOPY): memory is used again only when the stack has said that it is done with it.
class ZeroCopy {
 public:
  ZeroCopy(int fd, std::size_t size) : fd_{fd}, size_{size}, memory_{size * pieces} {
    const int on = 1;
    if (CALL(setsockopt)(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0) fail("SO_ZEROCOPY");
  }

  void run() {
    while (wait_for_piece() &&
           CALL(send)(fd_, memory_.data() + sent_ % pieces * size_, size_, MSG_ZEROCOPY | MSG_NOSIGNAL) > 0)
      ++sent_;
  }

 private:
  static constexpr std::uint32_t pieces = 8;

  bool wait_for_piece() {
    while (sent_ - done_ == pieces) {
      pollfd p{fd_, 0, 0};
      CALL(poll)(&p, 1, -1);
      if (!take_notice() && errno != EAGAIN) return false;
      if (p.revents & POLLHUP) return false;
    }
    return true;
  }

  /// One notice of the error queue: up to which send all is done.
  bool take_notice() {
    char control[128];
    msghdr message{};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (CALL(recvmsg)(fd_, &message, MSG_ERRQUEUE) < 0) return false;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      sock_extended_err e;
      std::memcpy(&e, CMSG_DATA(c), sizeof e);
      if (e.ee_origin == SO_EE_ORIGIN_ZEROCOPY) done_ = e.ee_data + 1;
    }
    return true;
  }

  int fd_;
  std::size_t size_;
  Buffer memory_;
  std::uint32_t sent_ = 0, done_ = 0;
};

inline void send_by_reference(int fd, const Buffer& buffer) { ZeroCopy{fd, buffer.size}.run(); }

}  // namespace bench
