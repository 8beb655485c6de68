// Keeps a TUN device in step with its interface: follows its MTU, and when somebody deletes it, attaches to it again
// once it is back. A thread of its own, asleep until the kernel tells that an interface has changed; while the device
// is lost it also looks once a second, for another program may hold a new one of that name.
#pragma once

#include <mutex>
#include <string>
#include <thread>

#include "posix/driver.h"
#include "tun/device.h"
#include "tun/queue.h"

namespace tunic {

class Keeper {
 public:
  /// `interface` is the device's. All outlive this. Throws std::system_error when there is no descriptor or thread
  /// left.
  Keeper(Driver& driver, Device& device, Queue& queue, Interface interface, bool follows_mtu);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void stop();
  /// One sentence: why the device carries no packets now; empty when it does.
  std::string trouble() const;
  /// The only thing to be called in a forked child: closes what is open.
  void after_fork_in_child();

 private:
  void keep();
  void look();
  bool find_again();
  void follow_mtu(const std::string& name);
  void tell(std::string trouble);

  Driver& driver_;
  Device& device_;       // changed under the driver's gate, by this thread alone
  Queue& queue_;         // used under it
  Interface interface_;  // changed under it
  const bool follows_mtu_;
  bool lost_ = false;
  mutable std::mutex telling_;
  std::string trouble_;
  int end_;  // doorbell
  std::thread thread_;
};

}  // namespace tunic
