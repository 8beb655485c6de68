// A place to wait for packets: the device, and a doorbell by which others have who sits there look again. Beside
// descriptors of the kernel both stand in one ppoll(); who waits for nothing else sleeps on an epoll that has them
// already, which costs less.
#pragma once

#include <poll.h>

#include <csignal>
#include <span>

#include "base/time.h"
#include "posix/sleep.h"

namespace tunic {

class Seat {
 public:
  /// What ended a sleep.
  struct Found {
    Slept slept = Slept::woken;
    bool packets = false;  // to be read from the device
    bool broken = false;   // it reports an error
  };

  /// `device`: -1 for none. Throws std::system_error when the kernel has no descriptor left.
  explicit Seat(int device);
  ~Seat() { close(); }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  /// For a forked child too.
  void close();

  int doorbell() const { return doorbell_; }
  /// The device is left alone until wake_device().
  void rest_device();
  void wake_device();

  /// Whether it was worth it to wait for packets, or the doorbell, up to `d` without a sleep: they came. They were not
  /// there at the first look, and no other thread had this CPU meanwhile: then a sleep would have been cheaper. Where
  /// the kernel does not take the device into an epoll: no.
  bool spin(Duration d);
  /// Sleeps until packets come, the doorbell rings (which it forgets) or `until`, under the signal mask `mask`, if any.
  Found sleep(Instant until, const sigset_t* mask);
  /// Sleeps beside the kernel's `set`, whose last two entries are free: as ppoll(2), which only a handler interrupts.
  Found sleep_beside(std::span<pollfd> set, Instant until, const sigset_t* mask);

  bool asleep = false;
  Instant next_look = never;  // when who sits there will look again by himself

 private:
  void listen_to(int fd);

  int device_;
  int doorbell_ = -1;
  int epoll_ = -1;  // -1: the kernel does not take the device into one
  bool rests_ = false;
};

}  // namespace tunic
