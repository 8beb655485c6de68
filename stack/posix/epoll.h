// Our half of an epoll: which sockets it waits for, and those of them that may be ready. The other half, for the
// descriptors of the kernel, is an epoll of the kernel, whose number this one has.
//
// An edge of a socket puts its Interest at the end of the ready list; whoever waits takes from the front and asks the
// Stack what is really there. What is level-triggered goes back to the end, so that all have their turn. Each event
// wakes one of those who wait; who leaves while something is left wakes the next.
//
// Where the kernel has to know of our half too, because this epoll stands in a poll() or in another epoll, it is
// exposed: an eventfd in the kernel's half is readable while the ready list is not empty.
#pragma once

#include <sys/epoll.h>

#include <map>
#include <span>
#include <utility>

#include "posix/driver.h"
#include "posix/files.h"

namespace tunic {

/// All under the gate.
class Epoll {
 public:
  /// A call that waits. Of those, one alone, the leader, waits for the kernel's half.
  struct Call : Waiter, ListHook<Call> {
    explicit Call(Epoll& e) : epoll{e} {}
    ~Call() { epoll.leave(*this); }
    Epoll& epoll;
  };

  explicit Epoll(Driver& driver);
  ~Epoll();
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  Status add(int fd, Description& d, const epoll_event& event);
  Status change(int fd, Description& d, const epoll_event& event);
  Status remove(int fd, Description& d);
  /// The kernel's half has one descriptor more or less.
  void kernel_has(int more);

  /// What is there in both halves; `number`: of the kernel's.
  std::size_t take(int number, std::span<epoll_event> out);
  void enter(Call& c) { calls_.push_back(c); }
  /// Whether `c` is to wait for the kernel's half, from now on.
  bool leads(const Call& c);
  void ring_all();

  /// Errors: those of an eventfd.
  Status expose(int number);
  /// It has no number any more.
  void close();
  /// The only thing to be called in a forked child: closes what is open. Its calls were of threads that are not there.
  void after_fork_in_child();

 private:
  struct Interest;
  struct Ready;
  using Key = std::pair<int, Description*>;

  /// `c` may have taken what others wait for too: they look.
  void leave(Call& c);
  Interest* find(int fd, Description& d);
  void begin(Interest& i, const epoll_event& event);
  std::uint32_t ready(const Interest& i) const;
  void make_ready(Interest& i);
  void prune(Interest& i);
  void set_bell();
  bool wake_one();
  std::size_t take_ours(std::span<epoll_event> out);
  std::size_t take_kernels(int number, std::span<epoll_event> out);

  Driver& driver_;
  std::map<Key, Interest> interests_;
  IntrusiveList<Interest, Ready> ready_;
  IntrusiveList<Call> calls_;
  const Call* leader_ = nullptr;
  std::size_t of_kernel_ = 0;  // at most so many descriptors in the kernel's half
  bool kernel_first_ = false;
  int bell_ = -1;  // eventfd, when exposed
  bool is_rung_ = false;
};

}  // namespace tunic
