// A Stack that many threads share: its lock (the gate), and the seat of the one thread that waits for packets on behalf
// of all.
//
// The caller drives: a thread that has to wait takes the seat if no other caller sits there. It waits on the device
// itself and runs Stack::poll() in its own context, so a request and its answer need no switch between threads; what it
// finds for others wakes them, and when that is all it finds it leaves the seat to them. Others sleep meanwhile, each
// on a word of its own. When no caller sits there, the background thread does: while callers come and go it only looks
// in, every millisecond at first and every fourth when they go on; after a whole such tick without a caller it takes
// the seat. So an idle process answers packets and timers, and makes no wake-ups.
//
// No wake-up is lost: a Watch is put up under the gate before the state is looked at, and whatever changes the state
// runs under the gate too. wake_ is what the Stack last asked for. The background thread looks at that time, if it does
// not sit or tick anyway, so a caller in the seat sleeps without a time of his own, which would cost much of what
// sleeping does; whoever makes it earlier than both will look rings the one in the seat.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/intrusive_list.h"
#include "core/stack.h"
#include "posix/seat.h"
#include "posix/sleep.h"
#include "posix/spin.h"

namespace tunic {

/// One call that waits. Used under the gate, but for `word`.
struct Waiter {
  bool rung = false;    // something that it watches may have happened
  bool asleep = false;  // has left the gate to sleep
  int doorbell = -1;    // what wakes it: this eventfd, or, if -1, `word`
  std::atomic<std::uint32_t> word{0};
};

/// To watch for anything at all that happens to a socket, ready or not.
inline constexpr std::uint32_t any_event = ~0u;

/// What a Waiter watches: one socket, for any of `events` (ready::), an error or a hang-up; or every turn of the Stack.
/// Everything about it happens under the gate.
class Watch : public ListHook<Watch> {
 public:
  Watch() = default;
  ~Watch();

 private:
  friend class Driver;
  Waiter* waiter_ = nullptr;
  std::uint32_t events_ = 0;
};

/// Is told what happens to one socket from observe() on, under the gate.
class Observer : public ListHook<Observer> {
 public:
  explicit Observer(bool exclusive) : exclusive_{exclusive} {}
  virtual ~Observer();
  /// Of several that are exclusive, an edge is told to one after the other, until one has woken somebody for it.
  bool is_exclusive() const { return exclusive_; }
  /// Something has happened, and now the socket is ready for `is`, of which `news` has come just now, or once more.
  /// Whether that has woken somebody.
  virtual bool on_edge(std::uint32_t is, std::uint32_t news) = 0;
  /// A call on the socket has ended, which may have taken readiness away; `again`: for want of it.
  virtual void on_call(std::uint32_t is, bool again) = 0;
  /// The socket is no more, and this is to go from its list.
  virtual void on_close() = 0;

 private:
  const bool exclusive_;
};

class Driver {
 public:
  static constexpr Duration tick = 1ms, longest_tick = 4ms;

  struct Wait {
    Instant until = never;
    bool restarts = true;  // goes on after a signal handler with SA_RESTART, when `until` is `never`
    bool as_poll = false;  // goes on when the process was stopped and continues
    std::span<pollfd> kernel =
        {};  // descriptors of the kernel to wait for too, followed by two entries to be used here
    const sigset_t* mask = nullptr;  // of signals, while it sleeps
  };

  /// `device` is readable when `link` has packets, -1: never. All outlive this. Throws std::system_error when the
  /// kernel has no descriptor or thread left.
  Driver(Stack& stack, Link& link, int device);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  /// Ends the background thread; from now on packets are looked at only while callers wait.
  void stop();

  // The gate. Leaving it sends what was made ready since it was entered. A thread that is to be cancelled is not while
  // it is inside: it would take the Stack with it.
  void lock();
  void unlock();

  // -- under the gate --
  /// To ask.
  const Stack& stack() const { return stack_; }
  /// To change: leaving the gate, or waiting, flushes it.
  Stack& change() {
    changed_ = true;
    return stack_;
  }
  /// To take text: leaving flushes only if that has made anything ready.
  Stack& take() {
    taken_ = true;
    return stack_;
  }
  void watch(Watch& watch, Waiter& waiter, SocketId id, std::uint32_t events);
  void watch_turns(Watch& watch, Waiter& waiter);
  void observe(Observer& observer, SocketId id);
  /// Wakes all calls that watch a socket: it, or a number of it, is no more.
  void ring_all(SocketId id);
  void ring(Waiter& w);
  /// Tells the observers of a socket that a call on it has ended, and that it is no more.
  void tell_of_call(SocketId id, bool again);
  void tell_of_close(SocketId id);
  /// Leaves the gate until `w` is rung, one of the kernel's descriptors is ready, or time is up; clears `w`.
  Slept wait(Waiter& w, const Wait& how);
  /// The device carries packets again, after it reported nothing but an error.
  void device_is_back();
  /// Receives what is there now, unless somebody waits for it anyway.
  void glance();
  /// Sends what is ready and receives what that has brought: the device may answer before a write returns. Whether
  /// anything came. The background thread leaves its seat, or each answer would wake it.
  bool exchange();

  // -- around fork(), in this order; the last for the child, where nothing but these may be called afterwards --
  void before_fork();
  void after_fork_in_parent() { gate_.unlock(); }
  void after_fork_in_child();

 private:
  struct Bell {
    int doorbell;
    std::atomic<std::uint32_t>* word;
  };
  static constexpr std::size_t max_bells = 16;
  struct Watchers {
    IntrusiveList<Watch> calls;
    IntrusiveList<Observer> observers;
  };

  void leave();
  void flush();
  void poll_stack();
  void tell_watchers();
  void tell_sitter();
  void ring_sitter();
  void put(Bell bell);
  static void sound(Bell bell);

  static bool goes_on(Slept& slept, const Waiter& w, const Wait& how);
  Slept sit(Waiter& w, const Wait& how, bool& gives_way);
  Slept look(Seat& seat, Waiter* w, const Wait& how);
  static Seat::Found sleep_in(Seat& seat, Instant until, const Wait& how);
  void rest_device();
  void wake_device();
  Slept nap(Waiter& w, const Wait& how);
  Slept nap_beside_kernel(Waiter& w, const Wait& how);

  void background();
  void drive_in_background();
  void watch_over(bool is_quiet);
  void end();

  std::mutex gate_;
  int cancel_state_ = 0;  // that of the thread inside, outside
  Stack& stack_;
  Link& link_;
  std::optional<Instant> device_rests_until_;  // it reports an error: not watched until then
  bool changed_ = false, taken_ = false;
  Instant wake_ = Instant::min();  // when the Stack wants to be called at the latest

  Seat caller_, background_;
  std::uint64_t rings_ = 0;         // of callers that slept
  Spin spin_;                       // of who sits in the first
  Seat* seat_ = nullptr;            // who sits there: one of the two, or nobody
  std::uint64_t seatings_ = 0;      // how often a caller has taken or left it
  Waiter watchman_;                 // the background thread, while it does not sit there
  Instant watchman_looks_ = never;  // when it comes under the gate by itself, at the latest
  Duration tick_ = tick;

  Watchers& watchers(SocketId id);

  std::deque<Watchers> watchers_;  // by index of the socket
  IntrusiveList<Watch> turns_;
  std::vector<int> doorbells_;         // free ones
  std::array<Bell, max_bells> bells_;  // rung when the gate has been left
  std::size_t bell_count_ = 0;

  bool ending_ = false;
  std::atomic<bool> runs_ = false;  // the background thread does, and has come to our code
  std::thread thread_;
};

}  // namespace tunic
