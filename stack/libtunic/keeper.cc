#include "libtunic/keeper.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "posix/clock.h"
#include "posix/signals.h"
#include "posix/sleep.h"

namespace tunic {

namespace {
constexpr Duration look_again = 1s;
}

Keeper::Keeper(Driver& driver, Device& device, Queue& queue, Interface interface, bool follows_mtu)
    : driver_{driver},
      device_{device},
      queue_{queue},
      interface_{std::move(interface)},
      follows_mtu_{follows_mtu},
      end_{make_doorbell()} {
  if (end_ < 0) throw std::system_error{errno, std::generic_category()};
  try {
    const SignalsBlocked inherited;
    thread_ = std::thread{[this] { keep(); }};
  } catch (...) {
    close(end_);
    throw;
  }
}

Keeper::~Keeper() {
  stop();
  close(end_);
}

void Keeper::stop() {
  if (!thread_.joinable()) return;
  if (ring(end_))
    thread_.join();
  else  // it cannot be told, and the program is about to end
    thread_.detach();
}

void Keeper::after_fork_in_child() {
  interface_ = Interface::none();
  close(end_);
}

std::string Keeper::trouble() const {
  const std::lock_guard lock{telling_};
  return trouble_;
}

void Keeper::tell(std::string trouble) {
  const std::lock_guard lock{telling_};
  trouble_ = std::move(trouble);
}

void Keeper::keep() {
  std::array<pollfd, 2> set;
  do {
    look();
    set = {{{.fd = interface_.fd(), .events = POLLIN, .revents = 0}, {.fd = end_, .events = POLLIN, .revents = 0}}};
    sleep_on(set, lost_ || interface_.fd() < 0 ? after(look_again) : never);
  } while (set[1].revents == 0);
}

/// What has changed is asked for rather than told: messages may be lost, and be older than what is true.
void Keeper::look() {
  interface_.quiet();
  const auto name = device_.attached_to();
  if (!name || lost_) {
    if (!find_again()) return;
  } else if (*name != device_.name()) {
    const std::lock_guard gate{driver_};
    device_.assume(*name, device_.vnet_size());
  }
  if (!interface_.exists(device_.name())) {  // it was moved to another namespace
    Interface there{device_.fd()};
    const std::lock_guard gate{driver_};
    interface_ = std::move(there);
  }
  follow_mtu(device_.name());
  tell(interface_.is_up(device_.name()).value_or(true)
           ? std::string{}
           : "TUN device " + device_.name() + " is down; bring it up: `ip link set " + device_.name() + " up`");
}

bool Keeper::find_again() {
  if (!lost_) {
    lost_ = true;
    Interface there{device_.fd()};  // the namespace in which it will be
    const std::lock_guard gate{driver_};
    interface_ = std::move(there);
  }
  const auto size = device_.attach_again(interface_);
  if (!size) {
    tell(size.error().sentence);
    return false;
  }
  lost_ = false;
  const std::lock_guard gate{driver_};
  device_.assume(device_.name(), *size);
  queue_.attached_again(*size);
  driver_.change().set_link(device_.traits());
  driver_.device_is_back();
  return true;
}

void Keeper::follow_mtu(const std::string& name) {
  const auto mtu = follows_mtu_ ? interface_.mtu(name) : std::nullopt;
  if (!mtu) return;
  const std::lock_guard gate{driver_};
  if (*mtu != driver_.stack().config().mtu) driver_.change().set_mtu(*mtu);
}

}  // namespace tunic
