// The library in a process of its own: its start, fork and exit. Each case runs in a child made for it, as there is one
// stack a process; where the child must have exec()ed to be clean it is this program again, told by its environment
// what to do.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "libtunic/tunic.h"

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool address_sanitizer = true;
#else
constexpr bool address_sanitizer = false;
#endif

/// Runs `body` in a child process that ends normally; its result is the child's exit status.
template <class Body>
int in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) std::exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A stack without a device; its number of the line that went wrong, or 0.
#define MUST(condition)        \
  if (!(condition)) {          \
    perror(#condition);        \
    return __LINE__ % 250 + 1; \
  }

int start_alone() {
  tunic_config config{};
  config.size = sizeof config;
  config.device = "lo";
  return tunic_start(&config);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}
const sockaddr* raw(const sockaddr_in& a) { return reinterpret_cast<const sockaddr*>(&a); }

int listener(std::uint16_t port) {
  const int fd = tunic_socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in at = loopback(port);
  return fd >= 0 && tunic_bind(fd, raw(at), sizeof at) == 0 && tunic_listen(fd, 9) == 0 ? fd : -1;
}

/// From now on getrandom() fails in this process.
bool forbid_getrandom() {
  sock_filter program[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
                           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
                           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog filter{.len = std::size(program), .filter = program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// N5: nothing is sent with numbers that could be foreseen.
TEST(Process, without_random_numbers_there_is_no_start) {
  EXPECT_EQ(in_child([] {
              MUST(forbid_getrandom());
              MUST(start_alone() == -1 && errno == EIO);
              MUST(std::strstr(tunic_start_error(), "no random numbers") != nullptr);
              MUST(tunic_socket(AF_INET, SOCK_STREAM, 0) == -1);
              return 0;
            }),
            0);
}

/// Whether this process has memory that is neither dumped nor inherited.
bool has_secret_memory() {
  std::ifstream maps{"/proc/self/smaps"};
  for (std::string line; std::getline(maps, line);)
    if (line.starts_with("VmFlags:") && line.find(" dd") != line.npos && line.find(" wf") != line.npos) return true;
  return false;
}

// N5
TEST(Process, the_key_is_kept_out_of_core_dumps_and_children) {
  EXPECT_EQ(in_child([] {
              MUST(!has_secret_memory());
              MUST(start_alone() == 0);
              MUST(has_secret_memory());
              return 0;
            }),
            0);
}

TEST(Process, a_whole_conversation_by_the_calls_of_c) {
  EXPECT_EQ(
      in_child([] {
        MUST(start_alone() == 0);
        MUST(start_alone() == -1 && errno == EALREADY);
        const int door = listener(80);
        const int client = tunic_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const sockaddr_in at = loopback(80);
        MUST(tunic_connect(client, raw(at), sizeof at) == -1 && errno == EINPROGRESS);
        pollfd both[2] = {{client, POLLOUT, 0}, {door, POLLIN, 0}};
        MUST(tunic_poll(both, 2, 5000) > 0);
        sockaddr_in peer{}, own{};
        socklen_t n = sizeof peer;
        const int server = tunic_accept(door, reinterpret_cast<sockaddr*>(&peer), &n);
        MUST(server >= 0 && n == sizeof peer);
        n = sizeof own;
        MUST(tunic_getsockname(client, reinterpret_cast<sockaddr*>(&own), &n) == 0 && own.sin_port == peer.sin_port);
        n = sizeof own;
        MUST(tunic_getpeername(client, reinterpret_cast<sockaddr*>(&own), &n) == 0 && own.sin_port == htons(80));
        int on = 1, value = 0;
        MUST(tunic_setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
        n = sizeof value;
        MUST(tunic_getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, &n) == 0 && value == 1);

        char text[64] = {};
        iovec v{text, sizeof text};
        MUST(tunic_write(client, "a", 1) == 1 && tunic_read(server, text, 64) == 1);
        MUST(tunic_send(client, "b", 1, MSG_NOSIGNAL) == 1 && tunic_recv(server, text, 64, 0) == 1);
        MUST(tunic_sendto(client, "c", 1, 0, nullptr, 0) == 1);
        n = sizeof peer;
        MUST(tunic_recvfrom(server, text, 64, 0, reinterpret_cast<sockaddr*>(&peer), &n) == 1 && n == 0);
        MUST(tunic_writev(client, &v, 1) == 64 && tunic_ioctl(server, FIONREAD, &value) == 0 && value == 64);
        MUST(tunic_readv(server, &v, 1) == 64);
        MUST(tunic_readv(server, &v, -1) == -1 && errno == EINVAL);
        MUST(tunic_writev(server, &v, 1025) == -1 && errno == EINVAL);
        msghdr message{};
        message.msg_iov = &v;
        message.msg_iovlen = 1;
        mmsghdr set{message, 0};
        MUST(tunic_sendmsg(client, &message, 0) == 64 && tunic_recvmsg(server, &message, 0) == 64);
        MUST(tunic_sendmmsg(client, &set, 1, 0) == 1 && set.msg_len == 64);
        MUST(tunic_recvmmsg(server, &set, 1, 0, nullptr) == 1 && set.msg_len == 64);
        const int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        off_t from = 1;
        MUST(tunic_sendfile(client, program, &from, 3) == 3 && from == 4 && tunic_read(server, text, 64) == 3);
        MUST(memcmp(text, "ELF", 3) == 0 && close(program) == 0);
        MUST(tunic_sendfile(client, server, nullptr, 3) == -1 && errno == EINVAL);
        MUST(tunic_sendfile(client, server, &from, 3) == -1 && errno == ESPIPE);
        MUST(tunic_fcntl(server, F_SETFL, O_NONBLOCK) == 0 && tunic_fcntl(server, F_GETFL) == (O_RDWR | O_NONBLOCK));
        MUST(tunic_read(server, text, 1) == -1 && errno == EAGAIN);
        MUST(tunic_shutdown(client, SHUT_WR) == 0 && tunic_read(server, text, 1) == 0);
        MUST(tunic_close(client) == 0 && tunic_close(server) == 0 && tunic_close(server) == -1 && errno == EBADF);
        return 0;
      }),
      0);
}

TEST(Process, a_datagram_by_the_calls_of_c) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              const int a = tunic_socket(AF_INET, SOCK_DGRAM, 0), b = tunic_socket(AF_INET, SOCK_DGRAM, 0);
              const sockaddr_in at = loopback(53);
              MUST(tunic_bind(b, raw(at), sizeof at) == 0);
              MUST(tunic_sendto(a, "ask", 3, 0, raw(at), sizeof at) == 3);
              MUST(tunic_sendto(a, "ask", 3, 0, raw(at), 200) == -1 && errno == EINVAL);
              char text[16] = {};
              sockaddr_in from{};
              socklen_t n = sizeof from;
              MUST(tunic_recvfrom(b, text, 16, 0, reinterpret_cast<sockaddr*>(&from), &n) == 3 && n == sizeof from);
              MUST(from.sin_addr.s_addr == at.sin_addr.s_addr && from.sin_port != 0);
              MUST(tunic_sendto(b, "answer", 6, 0, raw(from), n) == 6 && tunic_recv(a, text, 2, MSG_TRUNC) == 6);
              MUST(tunic_socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP) == -1 && errno == EPROTONOSUPPORT);
              return 0;
            }),
            0);
}

TEST(Process, numbers_of_the_kernel_go_to_the_kernel) {
  EXPECT_EQ(in_child([] {
              int ends[2];
              char text[4] = {};
              iovec v{text, sizeof text};
              MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
              for (int started = 0; started < 2; ++started) {
                MUST(tunic_write(ends[0], "kern", 4) == 4 && tunic_read(ends[1], text, 4) == 4);
                MUST(tunic_send(ends[0], "kern", 4, 0) == 4 && tunic_recv(ends[1], text, 4, 0) == 4);
                MUST(tunic_writev(ends[0], &v, 1) == 4 && tunic_readv(ends[1], &v, 1) == 4);
                MUST(tunic_fcntl(ends[0], F_GETFD) == 0);
                pollfd p{ends[0], POLLOUT, 0};
                MUST(tunic_poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
                int type = 0;
                socklen_t n = sizeof type;
                MUST(tunic_getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM);
                MUST(start_alone() == (started == 0 ? 0 : -1));
              }
              MUST(tunic_close(ends[0]) == 0 && fcntl(ends[0], F_GETFD) == -1);
              MUST(tunic_read(-1, text, 1) == -1 && errno == EBADF);
              return 0;
            }),
            0);
}

TEST(Process, numbers_are_made_and_replaced) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              char c = 0;
              int ends[2];
              MUST(pipe(ends) == 0);
              const int door = listener(80);
              const int client = tunic_socket(AF_INET, SOCK_STREAM, 0);
              const sockaddr_in at = loopback(80);
              MUST(tunic_connect(client, raw(at), sizeof at) == 0);
              const int server = tunic_accept(door, nullptr, nullptr);
              const int again = tunic_dup(client);
              MUST(again >= 0 && again != client && tunic_dup2(again, again) == again);
              MUST(tunic_dup3(again, again, 0) == -1 && errno == EINVAL);
              MUST(tunic_dup3(again, 300, O_NONBLOCK) == -1 && errno == EINVAL);
              MUST(tunic_dup2(again, -1) == -1 && errno == EBADF);
              MUST(tunic_dup2(300, 300) == -1 && errno == EBADF);
              MUST(tunic_dup2(300, again) == -1 && errno == EBADF && tunic_write(again, "a", 1) == 1);
              MUST(tunic_dup3(again, 300, O_CLOEXEC) == 300 && tunic_fcntl(300, F_GETFD) == FD_CLOEXEC);
              MUST(tunic_close(client) == 0 && tunic_close(again) == 0 && tunic_write(300, "b", 1) == 1);
              MUST(tunic_dup2(ends[1], 300) == 300 && tunic_write(300, "c", 1) == 1 && read(ends[0], &c, 1) == 1);
              MUST(tunic_read(server, &c, 1) == 1 && c == 'a' && tunic_read(server, &c, 1) == 1 && c == 'b');
              MUST(tunic_read(server, &c, 1) == 0);
              MUST(tunic_dup2(server, ends[0]) == ends[0] && tunic_read(ends[0], &c, 1) == 0);
              MUST(tunic_dup2(ends[1], 301) == 301 && tunic_dup(301) > 0);  // the kernel's alone
              return in_child([&] {
                MUST(tunic_dup(server) == -1 && errno == EBADF);
                MUST(tunic_dup2(server, 302) == -1 && errno == EBADF);
                MUST(tunic_dup2(ends[1], server) == server && tunic_fcntl(server, F_GETFD) == 0);
                return 0;
              });
            }),
            0);
}

TEST(Process, waiting_for_many_at_once) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              const int door = listener(80);
              const int client = tunic_socket(AF_INET, SOCK_STREAM, 0);
              const sockaddr_in at = loopback(80);
              const int ours = tunic_epoll_create1(EPOLL_CLOEXEC), kernels = epoll_create1(0);
              epoll_event e{.events = EPOLLIN, .data = {.fd = door}}, got{};
              MUST(tunic_epoll_create(0) == -1 && errno == EINVAL);
              MUST(tunic_epoll_create1(1) == -1 && errno == EINVAL);
              MUST(tunic_epoll_ctl(ours, EPOLL_CTL_ADD, door, nullptr) == -1 && errno == EFAULT);
              MUST(tunic_epoll_ctl(ours, EPOLL_CTL_ADD, door, &e) == 0);
              MUST(tunic_epoll_ctl(kernels, EPOLL_CTL_ADD, door, &e) == 0);
              MUST(tunic_epoll_ctl(door, EPOLL_CTL_ADD, client, &e) == -1 && errno == EINVAL);
              MUST(tunic_epoll_ctl(ours, EPOLL_CTL_ADD, ours, &e) == -1 && errno == EINVAL);
              MUST(tunic_epoll_wait(door, &got, 1, 0) == -1 && errno == EINVAL);
              MUST(tunic_epoll_wait(ours, &got, 0, 0) == -1 && errno == EINVAL);
              MUST(tunic_epoll_wait(ours, &got, 1, 0) == 0);
              MUST(tunic_read(ours, &got, 1) == -1 && errno == EINVAL);
              MUST(tunic_listen(ours, 1) == -1 && errno == ENOTSOCK);
              MUST(tunic_connect(client, raw(at), sizeof at) == 0);
              MUST(tunic_epoll_wait(ours, &got, 1, -1) == 1 && got.data.fd == door && got.events == EPOLLIN);
              MUST(tunic_epoll_wait(kernels, &got, 1, -1) == 1 && got.data.fd == door && got.events == EPOLLIN);
              const timespec second{.tv_sec = 1, .tv_nsec = 0}, wrong{.tv_sec = 0, .tv_nsec = 1'000'000'000};
              MUST(tunic_epoll_pwait2(ours, &got, 1, &second, nullptr) == 1);
              pollfd p{door, POLLIN, 0};
              MUST(tunic_ppoll(&p, 1, &second, nullptr) == 1 && p.revents == POLLIN);
              MUST(tunic_ppoll(&p, 1, &wrong, nullptr) == -1 && errno == EINVAL);
              fd_set in;
              FD_ZERO(&in);
              FD_SET(client, &in);
              timeval left{.tv_sec = 0, .tv_usec = 2000};
              MUST(tunic_select(client + 1, &in, nullptr, nullptr, &left) == 0 && left.tv_usec == 0);
              MUST(tunic_accept(door, nullptr, nullptr) >= 0);
              MUST(tunic_epoll_wait(ours, &got, 1, 0) == 0 && tunic_epoll_wait(kernels, &got, 1, 0) == 0);
              FD_ZERO(&in);
              FD_SET(door, &in);
              FD_SET(client, &in);
              left = {.tv_sec = 5, .tv_usec = 0};
              fd_set out = in;
              MUST(tunic_select(client + 1, nullptr, &out, nullptr, &left) == 1 && left.tv_sec == 4);
              left.tv_usec = -1;
              MUST(tunic_select(1, nullptr, nullptr, nullptr, &left) == -1 && errno == EINVAL);
              MUST(tunic_select(-1, nullptr, nullptr, nullptr, nullptr) == -1 && errno == EINVAL);
              MUST(tunic_pselect(client + 1, &in, nullptr, nullptr, &wrong, nullptr) == -1 && errno == EINVAL);
              return in_child([&] {
                MUST(tunic_epoll_wait(ours, &got, 1, 0) == -1 && errno == EBADF);
                MUST(tunic_epoll_ctl(ours, EPOLL_CTL_DEL, 0, &e) == -1 && errno == EBADF);
                MUST(tunic_select(door + 1, &in, nullptr, nullptr, nullptr) == -1 && errno == EBADF);
                return 0;
              });
            }),
            0);
}

TEST(Process, a_failed_start_says_why_and_can_be_repeated) {
  EXPECT_EQ(in_child([] {
              MUST(*tunic_start_error() == 0);
              setenv("TUNIC_ADDRESS", "198.18.0.2/99", 1);
              MUST(tunic_socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT && *tunic_start_error() == 0);
              MUST(tunic_socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EINVAL);
              MUST(std::strstr(tunic_start_error(), "198.18.0.2/99") != nullptr);
              unsetenv("TUNIC_ADDRESS");
              setenv("TUNIC_FD", "0", 1);
              close(0);
              MUST(tunic_socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EBADF);
              MUST(std::strstr(tunic_start_error(), "descriptor 0") != nullptr);
              unsetenv("TUNIC_FD");
              setenv("TUNIC_DEVICE", "a name too long for it", 1);
              MUST(tunic_socket(AF_INET, SOCK_STREAM, 0) == -1 && *tunic_start_error() != 0);
              setenv("TUNIC_DEVICE", "lo", 1);
              MUST(tunic_socket(AF_INET, SOCK_STREAM, 0) >= 0 && *tunic_start_error() == 0);
              return 0;
            }),
            0);
}

/// One end of a pair of AF_UNIX sockets is a device; what it says of itself when it is closed is what the other end
/// sees.
struct Wire {
  int far = -1, near = -1;
  Wire() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) far = ends[0], near = ends[1];
  }
  int start() {
    tunic_config config{};
    config.size = sizeof config;
    config.fd = near;
    const int r = tunic_start(&config);
    close(near);  // the library has its own
    return r;
  }
  /// Whether the device has been closed by all who had it.
  bool is_closed() const {
    char packet[4096];
    pollfd p{far, POLLIN, 0};
    while (::poll(&p, 1, 5000) == 1)
      if (recv(far, packet, sizeof packet, 0) <= 0) return true;
    return false;
  }
};

TEST(Fork, the_childs_sockets_are_gone_and_the_parents_go_on) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              const int door = listener(80);
              const int r = in_child([door] {
                char c;
                pollfd p{door, POLLIN, 0};
                MUST(tunic_read(door, &c, 1) == -1 && errno == EBADF);
                MUST(tunic_accept(door, nullptr, nullptr) == -1 && errno == EBADF);
                MUST(tunic_poll(&p, 1, -1) == 1 && p.revents == POLLNVAL);
                MUST(tunic_close(door) == -1 && errno == EBADF);
                MUST(fcntl(door, F_GETFD) == -1);  // and the number is free
                return 0;
              });
              MUST(r == 0);
              const int client = tunic_socket(AF_INET, SOCK_STREAM, 0);
              const sockaddr_in at = loopback(80);
              MUST(tunic_connect(client, raw(at), sizeof at) == 0 && tunic_accept(door, nullptr, nullptr) >= 0);
              return 0;
            }),
            0);
}

TEST(Fork, the_child_does_not_keep_the_device) {
  Wire wire;
  int stay[2];
  ASSERT_EQ(pipe(stay), 0);
  const int r = in_child([&] {
    close(wire.far);
    MUST(wire.start() == 0);
    if (fork() == 0) {  // outlives its parent, until it is let go
      char c;
      close(stay[1]);
      _exit(read(stay[0], &c, 1) == 0 ? 0 : 1);
    }
    return 0;
  });
  EXPECT_EQ(r, 0);
  close(wire.near);
  EXPECT_TRUE(wire.is_closed());
  for (const int fd : {wire.far, stay[0], stay[1]}) close(fd);
}

#ifndef __SANITIZE_THREAD__  // which lets no child of a threaded process start a thread
TEST(Fork, the_child_can_have_a_stack_of_its_own) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              const int old = listener(80);
              return in_child([old] {
                MUST(start_alone() == 0);
                const int door = listener(80);
                MUST(door >= 0 && door != old);
                const int client = tunic_socket(AF_INET, SOCK_STREAM, 0);
                const sockaddr_in at = loopback(80);
                MUST(tunic_connect(client, raw(at), sizeof at) == 0);
                pollfd p[2] = {{old, POLLIN, 0}, {door, POLLIN, 0}};
                MUST(tunic_poll(p, 2, -1) == 2 && p[0].revents == POLLNVAL && p[1].revents == POLLIN);
                return 0;
              });
            }),
            0);
}

TEST(Fork, a_number_used_again_has_nothing_to_do_with_what_the_parent_had) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              const int old[] = {tunic_socket(AF_INET, SOCK_STREAM, 0), tunic_socket(AF_INET, SOCK_STREAM, 0)};
              const int set = tunic_epoll_create1(0);
              epoll_event e{};
              MUST(tunic_epoll_ctl(set, EPOLL_CTL_ADD, old[1], &e) == 0);
              return in_child([&] {
                MUST(start_alone() == 0);
                for (const int fd : {old[0], old[1], set}) ::close(fd);  // as who becomes a daemon does
                const int again[] = {tunic_socket(AF_INET, SOCK_STREAM, 0), tunic_socket(AF_INET, SOCK_STREAM, 0)};
                MUST(again[0] == old[0] && again[1] == old[1]);
                const sockaddr_in at = loopback(80);
                MUST(tunic_bind(again[0], raw(at), sizeof at) == 0 && tunic_listen(again[0], 9) == 0);
                MUST(tunic_connect(again[1], raw(at), sizeof at) == 0);
                return 0;
              });
            }),
            0);
}

TEST(Fork, the_child_keeps_no_descriptor_of_the_stack) {
  const auto count = [] {
    int n = 0;
    for (int fd = 0; fd < 256; ++fd) n += fcntl(fd, F_GETFD) >= 0;
    return n;
  };
  EXPECT_EQ(in_child([&] {
              MUST(start_alone() == 0);
              const int before = count();
              const int mine = tunic_socket(AF_INET, SOCK_STREAM, 0);
              const int set = tunic_epoll_create1(0), kernels = epoll_create1(0);
              epoll_event e{};
              MUST(tunic_epoll_ctl(set, EPOLL_CTL_ADD, mine, &e) == 0);
              MUST(tunic_epoll_ctl(kernels, EPOLL_CTL_ADD, mine, &e) == 0);
              MUST(tunic_epoll_ctl(kernels, EPOLL_CTL_ADD, set, &e) == 0);
              return in_child([&] {
                MUST(count() == before - 4 + 3);  // without the driver's seats; the numbers are the program's to close
                return 0;
              });
            }),
            0);
}
#endif

TEST(Fork, while_another_thread_is_inside) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              const int door = listener(80);
              const int client = tunic_socket(AF_INET, SOCK_STREAM, 0);
              const sockaddr_in at = loopback(80);
              MUST(tunic_connect(client, raw(at), sizeof at) == 0);
              const int server = tunic_accept(door, nullptr, nullptr);
              std::atomic<bool> done = false;
              std::atomic<int> wrong = 0, rounds = 0;
              std::thread busy{[&] {
                for (char c = 0; !done; ++c, ++rounds) {
                  char got = 0;
                  wrong += tunic_write(client, &c, 1) != 1 || tunic_read(server, &got, 1) != 1 || got != c;
                  tunic_close(tunic_socket(AF_INET, SOCK_STREAM, 0));
                }
              }};
              for (int i = 0; i < 20; ++i) {
                const int before = rounds;
                wrong += in_child([&] {
                           char c = 0;
                           MUST(tunic_read(server, &c, 1) == -1 && errno == EBADF);
                           MUST(tunic_write(client, &c, 1) == -1 && errno == EBADF);
                           MUST(tunic_epoll_wait(server, nullptr, 1, 0) == -1 && errno == EBADF);
                           MUST(tunic_close(server) == -1 && errno == EBADF);
                           // The allocator of GCC 12's ASan may be locked for ever in the child of a threaded process:
                           // its search for leaks, at exit, would wait for it.
                           if (address_sanitizer) _exit(0);
                           return 0;
                         }) != 0;
                while (rounds == before) std::this_thread::yield();  // the parent's connection goes on
              }
              done = true;
              busy.join();
              MUST(wrong == 0);
              return 0;
            }),
            0);
}

TEST(Exit, returns_at_once_when_nothing_is_under_way) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              MUST(listener(80) >= 0);
              return 0;
            }),
            0);
}

TEST(Exit, does_not_wait_for_threads_that_wait) {
  EXPECT_EQ(in_child([] {
              MUST(start_alone() == 0);
              const int door = listener(80);
              std::thread{[door] {
                tunic_accept(door, nullptr, nullptr);
                _exit(99);  // it would be heard of
              }}.detach();
              return 0;
            }),
            0);
}

TEST(Process, knobs_have_names_and_values) {
  EXPECT_EQ(in_child([] {
              setenv("TUNIC_SYSCTL", "net.ipv4.ip_default_ttl=9", 1);
              setenv("TUNIC_DEVICE", "lo", 1);
              char text[16];
              MUST(tunic_sysctl_get("net.ipv4.ip_default_ttl", text, sizeof text) == 1 && std::strcmp(text, "9") == 0);
              MUST(tunic_sysctl_set("net.ipv4.ip_default_ttl", "10") == 0);
              const int s = tunic_socket(AF_INET, SOCK_STREAM, 0);
              int ttl = 0;
              socklen_t n = sizeof ttl;
              MUST(tunic_getsockopt(s, IPPROTO_IP, IP_TTL, &ttl, &n) == 0 && ttl == 10);
              MUST(tunic_sysctl_set("net.ipv4.nothing", "1") == -1 && errno == ENOENT);
              MUST(tunic_sysctl_set("net.ipv4.ip_default_ttl", "x") == -1 && errno == EINVAL);
              MUST(tunic_sysctl_set("net.ipv4.tcp_available_congestion_control", "x") == -1 && errno == EACCES);
              MUST(tunic_sysctl_set(nullptr, "1") == -1 && errno == EFAULT);
              MUST(tunic_sysctl_get("net.ipv4.nothing", text, sizeof text) == -1 && errno == ENOENT);
              MUST(tunic_sysctl_get("net.ipv4.ip_local_port_range", text, 4) == 11 && std::strcmp(text, "327") == 0);
              MUST(tunic_sysctl_get("net.ipv4.ip_local_port_range", nullptr, 0) == 11);
              size_t count = 0;
              while (const char* name = tunic_sysctl_name(count)) {
                MUST(tunic_sysctl_get(name, text, sizeof text) >= 0);
                ++count;
              }
              MUST(count > 20);
              return 0;
            }),
            0);
}

TEST(Impaired, packets_held_back_go_on_by_themselves) {
  EXPECT_EQ(in_child([] {
              Wire wire;
              setenv("TUNIC_IMPAIR", "reorder=100%", 1);
              MUST(wire.start() == 0);
              // An echo request to 198.18.0.2 from 198.18.0.1; the answer comes though each packet waits for others to
              // pass it.
              unsigned char ping[28] = {0x45, 0,  0, 28, 0,   0,  0, 0, 64, 1, 0,    0,
                                        198,  18, 0, 1,  198, 18, 0, 2, 8,  0, 0xf7, 0xff};
              std::uint32_t sum = 0;
              for (int i = 0; i < 20; i += 2) sum += static_cast<std::uint32_t>(ping[i] << 8 | ping[i + 1]);
              sum = ~((sum >> 16) + (sum & 0xffff));
              ping[10] = static_cast<unsigned char>(sum >> 8);
              ping[11] = static_cast<unsigned char>(sum);
              MUST(send(wire.far, ping, sizeof ping, 0) == 28);
              pollfd p{wire.far, POLLIN, 0};
              unsigned char answer[64] = {};
              MUST(::poll(&p, 1, 5000) == 1 && recv(wire.far, answer, sizeof answer, 0) == 28);
              MUST(answer[9] == 1 && answer[20] == 0 && answer[15] == 2);
              return 0;
            }),
            0);
}

}  // namespace
