// Linux's socket calls over one Stack: arguments, results and errno as there, blocking or not, from any number of
// threads. Each call takes the handle that Files::find() gave for its number, or, where it makes a number, returns it.
//
// Here alone a Result becomes an errno and -1. Calls wait in one way (blocking(), below): under the gate they try;
// where the Stack says `again` they put up a watch, leave the gate to wait (Driver), and try again.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <memory>
#include <span>
#include <thread>

#include "posix/driver.h"
#include "posix/files.h"
#include "posix/socket_kind.h"

namespace tunic {

class Sockets {
 public:
  /// What socket() is asked for, with Linux's errors: EINVAL, EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT.
  static Result<SocketKind> check(int domain, int type, int protocol);

  /// Both outlive this.
  Sockets(Driver& driver, Files& files) : driver_{driver}, files_{files} {}

  // sockets.cc
  int socket(SocketKind kind, int type);  // as check() allowed them
  int bind(Handle h, const sockaddr* address, socklen_t length);
  int listen(Handle h, int backlog);
  int accept(Handle h, sockaddr* address, socklen_t* length, int flags);
  int connect(Handle h, const sockaddr* address, socklen_t length);
  int shutdown(Handle h, int how);
  int getsockname(Handle h, sockaddr* address, socklen_t* length);
  int getpeername(Handle h, sockaddr* address, socklen_t* length);

  // numbers.cc
  int close(Handle h);
  int dup(Handle h, int least, bool close_on_exec);
  /// Makes `fd`, whatever it is, another number of what `h` stands for.
  int dup_over(Handle h, int fd, bool close_on_exec);
  /// Makes the number `h` one of what the kernel's `fd` stands for.
  int replace(Handle h, int fd, bool close_on_exec);

  // transfer.cc: `message` says that it is not read(), which returns 0 at once for no octets. `about` has the rest of a
  // message, name, control messages and flags, and its own pieces are not looked at; nullptr: nobody asks.
  ssize_t receive(Handle h, std::span<const iovec> out, int flags, bool message, msghdr* about = nullptr);
  ssize_t send(Handle h, std::span<const iovec> text, int flags, const msghdr* about = nullptr);

  // messages.cc
  ssize_t recvmsg(Handle h, msghdr* m, int flags);
  ssize_t sendmsg(Handle h, const msghdr* m, int flags);
  int recvmmsg(Handle h, mmsghdr* set, unsigned count, int flags, timespec* timeout);
  int sendmmsg(Handle h, mmsghdr* set, unsigned count, int flags);

  // sendfile.cc: `in` is the kernel's
  ssize_t sendfile(Handle h, int in, off_t* offset, std::size_t count);

  // options.cc
  int getsockopt(Handle h, int level, int option, void* value, socklen_t* length);
  int setsockopt(Handle h, int level, int option, const void* value, socklen_t length);
  int fcntl(Handle h, int command, int argument);
  int ioctl(Handle h, unsigned long request, int* argument);

  // poll.cc: look the numbers up by themselves; those that are not ours they ask the kernel about. `timeout` may be
  // Description::forever; `mask`, if any, is this thread's signal mask while it sleeps.
  int poll(std::span<pollfd> set, Duration timeout, const sigset_t* mask = nullptr);
  int select(int count, fd_set* in, fd_set* out, fd_set* except, Duration timeout, const sigset_t* mask = nullptr);

  // epoll.cc: `e` is one of our epolls, `h` a socket or an epoll of ours, `fd` the kernel's
  int epoll_create(int flags);
  int epoll_ctl(Handle e, int operation, Handle h, epoll_event* event);
  int epoll_ctl(Handle e, int operation, int fd, epoll_event* event);
  int epoll_wait(Handle e, std::span<epoll_event> events, Duration timeout, const sigset_t* mask);
  /// epoll_ctl() on an epoll of the kernel's with a socket or an epoll of ours.
  int epoll_ctl(int kernel_epoll, int operation, Handle h, epoll_event* event);

  // leaving.cc
  /// For a normal exit: closes all sockets and drives on until what was sent is acknowledged, or `patience` is over.
  /// False: it was over. Other threads find that nothing happens any more; this one finds its sockets closed.
  bool leave(Duration patience);

 private:
  /// How a call waits: for which ready:: events, with which of the socket's times, and whether MSG_DONTWAIT forbids it.
  struct Patience {
    std::uint32_t events;
    Duration Description::*timeout;
    bool dont_wait = false;
  };
  struct Transfer;

  template <class Attempt>
  auto blocking(Handle h, const Patience& patience, Attempt attempt) -> decltype(attempt());
  template <class Attempt>
  auto patiently(Handle h, const Patience& patience, Attempt attempt) -> decltype(attempt());
  template <class Call>
  auto once(Handle h, Call call) -> decltype(call());

  Description& settle(int fd, SocketId id, SocketKind kind, int type);
  Result<int> accept_one(const Description& listener, sockaddr* address, socklen_t* length, int flags);
  Result<int> poll_set(std::span<pollfd> all, short unasked, Duration timeout, const sigset_t* mask);
  bool is_ours(int fd) const;
  Status expose_epolls(std::span<const pollfd> all);
  Status expose(Handle e);
  Status ring_in_kernel(int kernel_epoll, int operation, Handle h, const epoll_event* event);
  Status put_doorbell(Description& d);
  void ring_callers(const Description& d);
  void drop(std::unique_ptr<Description> d, bool may_linger);
  void linger(SocketId id, Duration patience);

  Status receive_message(const Description& s, Transfer& t, bool waits, msghdr* about);
  Status receive_report(const Description& s, Transfer& t, msghdr* about);
  Status send_message(const Description& s, Transfer& t, const msghdr* about);
  /// SO_ERROR.
  int take_error(Description& s);
  static void tell_about_stream(const Transfer& t, msghdr& about);
  Status receive_some(SocketId id, Transfer& t);
  Status peek(SocketId id, Transfer& t);
  Status send_some(SocketId id, Transfer& t);
  Status send_lent(SocketId id, Transfer& t, bool waits);
  bool sends_enough(SocketId id) const;

  Result<socklen_t> get_option(Description& s, int level, int option, std::span<std::byte> value);
  Status set_option(Description& s, int level, int option, Bytes value);
  static Status bind_to_device(Bytes name);
  Result<int> count(SocketId id, unsigned long request);

  /// The program is about to end, and this is not the thread that ends it.
  bool is_frozen() const { return leaving_.load() && std::this_thread::get_id() != leaver_; }

  Driver& driver_;
  Files& files_;
  std::thread::id leaver_;
  std::atomic<bool> leaving_{false};  // set after leaver_
};

}  // namespace tunic
