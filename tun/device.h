// A TUN device as an open descriptor: made, attached to or adopted. Nothing here prints or exits; what goes wrong comes
// back as an errno with one sentence that says what happened, to what, and what mends it.
// A device that open() has created is down until someone gives it an address and brings it up; both orders work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "buf/link.h"

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

  Device(Device&& o) noexcept : fd_{std::exchange(o.fd_, -1)}, vnet_size_{o.vnet_size_}, name_{std::move(o.name_)} {}
  Device& operator=(Device o) noexcept {
    std::swap(fd_, o.fd_);
    std::swap(vnet_size_, o.vnet_size_);
    std::swap(name_, o.name_);
    return *this;
  }
  ~Device();

  int fd() const { return fd_; }
  /// Octets of the virtio_net_hdr before each packet; 0: there is none, packets are complete and at most the MTU.
  std::size_t vnet_size() const { return vnet_size_; }
  /// The interface's name in its own namespace; empty for a socket.
  const std::string& name() const { return name_; }
  LinkTraits traits() const;

  struct Mtu {
    std::uint32_t octets;
    bool known;  // false: the interface could not be asked, 1500 is TUN's default
  };
  /// The interface's MTU now. It is asked for in the namespace the device is in, where the kernel tells which that is
  /// (TUNGETDEVNETNS, with CAP_NET_ADMIN there); else in ours, where an interface of that name is taken for the device.
  Mtu mtu() const;

 private:
  Device(int fd, std::size_t vnet_size, std::string name) : fd_{fd}, vnet_size_{vnet_size}, name_{std::move(name)} {}
  static std::expected<Device, DeviceError> adopt_socket(int fd);

  int fd_;
  std::size_t vnet_size_;
  std::string name_;
};

}  // namespace tunic
