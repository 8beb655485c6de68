// A running stack: the device, the Stack over it, and the sockets over that. Joins tun and posix, which do not know
// each other.
#pragma once

#include <expected>
#include <memory>
#include <optional>

#include "core/stack.h"
#include "libtunic/impaired_port.h"
#include "libtunic/keeper.h"
#include "libtunic/settings.h"
#include "posix/sockets.h"
#include "tun/device.h"
#include "tun/queue.h"

namespace tunic {

/// No device: nothing comes, and what goes is gone. A Stack keeps its loopback packets to itself.
class NoLink final : public Link {
 public:
  std::span<RxPacket> receive(const ReadHint*) override { return {}; }
  std::size_t send(std::span<TxPacket> packets) override { return packets.size(); }
};

class Runtime {
 public:
  /// `files` outlives it. Nothing is left behind by a start that fails.
  static std::expected<std::unique_ptr<Runtime>, StartError> start(const Settings& settings, Files& files);

  Sockets& sockets() { return sockets_; }
  Status set_sysctl(std::string_view name, std::string_view value);
  Result<std::string> sysctl(std::string_view name);
  /// Why no packets can come or go now, as a sentence; empty where they can.
  std::string device_trouble() const { return keeper_ ? keeper_->trouble() : std::string{}; }
  /// For a normal exit: see Sockets::leave(). Ends the background thread.
  void leave();

  // Around fork().
  void before_fork() { driver_.before_fork(); }
  void after_fork_in_parent() { driver_.after_fork_in_parent(); }
  /// Closes the TUN device and wipes secrets; nothing may be called afterwards, not the destructor either.
  void after_fork_in_child();

 private:
  Runtime(std::optional<Device> device, Interface interface, const Config& config, const Settings& settings,
          Files& files);
  Link& device_link();
  Link& link();
  int waited_on() const;

  const Duration linger_;
  std::optional<Device> device_;
  Stack stack_;
  NoLink no_link_;
  std::optional<Queue> queue_;
  std::optional<ImpairedPort> impaired_;
  Driver driver_;
  std::optional<Keeper> keeper_;
  Sockets sockets_;
};

}  // namespace tunic
