// A TUN device as an open descriptor: made, attached to or adopted. Nothing here prints or exits; what goes wrong comes
// back as an errno with one sentence that says what happened, to what, and what mends it.
// A device that open() has created is down until someone gives it an address and brings it up; both orders work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "buf/link.h"
#include "tun/interface.h"
#include "tun/owned_fd.h"

namespace tunic {

struct DeviceError {
  int code;              // errno
  std::string sentence;  // "cannot open /dev/net/tun: permission denied; run as root or ..."
};

class Device {
 public:
  /// Attaches to the TUN device `name`, single- or multi-queue, or creates it.
  static std::expected<Device, DeviceError> open(std::string_view name);
  /// Takes over an open descriptor: a TUN (with or without a virtio_net_hdr, without packet information), or an AF_UNIX
  /// datagram or seqpacket socket, on which each message is one IP packet. It becomes non-blocking and close-on-exec.
  /// When this fails the descriptor stays the caller's, as it was.
  static std::expected<Device, DeviceError> adopt(int fd);

  int fd() const { return *fd_; }
  /// Octets of the virtio_net_hdr before each packet; 0: there is none, packets are complete and at most the MTU.
  std::size_t vnet_size() const { return vnet_size_; }
  /// The interface's name in its own namespace; empty for a socket.
  const std::string& name() const { return name_; }
  LinkTraits traits() const;

  static constexpr std::uint32_t default_mtu = 1500;  // of a TUN, where the interface cannot be asked

  // What happens to the interface while it is ours. These two change nothing here; assume() does.

  /// The interface's name now, also when it was renamed; none: it was deleted.
  std::optional<std::string> attached_to() const;
  /// After a deletion: attaches the same descriptor to the device of that name in the namespace, once somebody has made
  /// it again, or makes it again if open() had made it. Its addresses are whose they were. Also if it is attached
  /// already. The value is the new vnet_size(), and traits() may be others.
  std::expected<std::size_t, DeviceError> attach_again(const Interface& interface) const;
  void assume(std::string name, std::size_t vnet_size) {
    name_ = std::move(name);
    vnet_size_ = vnet_size;
  }

 private:
  Device(OwnedFd fd, std::size_t vnet_size, std::string name, bool made_here)
      : fd_{std::move(fd)}, vnet_size_{vnet_size}, name_{std::move(name)}, made_here_{made_here} {}
  static std::expected<Device, DeviceError> adopt_socket(int fd);

  OwnedFd fd_;
  std::size_t vnet_size_;
  std::string name_;
  bool made_here_;  // by open(): not there before
};

}  // namespace tunic
