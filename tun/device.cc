#include "tun/device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "tun/system.h"
#include "tun/vnet.h"

namespace tunic {

namespace {

constexpr const char* clone_device = "/dev/net/tun";

std::string what(int code) { return std::generic_category().message(code); }

std::unexpected<DeviceError> error(int code, std::string sentence) {
  return std::unexpected{DeviceError{code, std::move(sentence)}};
}

std::unexpected<DeviceError> clone_device_error(int code) {
  const std::string begin = std::string{"cannot open "} + clone_device + ": " + what(code);
  switch (code) {
    case EACCES:
    case EPERM:
      return error(code, begin + "; run as root, or let this user read and write it (chmod 666 /dev/net/tun)");
    case ENOENT:
      return error(code, begin +
                             "; run `modprobe tun`, or in a container create it: `mkdir -p /dev/net && mknod "
                             "/dev/net/tun c 10 200`");
    case ENODEV:
    case ENXIO:
      return error(code, begin + "; the kernel has no TUN driver: run `modprobe tun`");
    case EMFILE:
    case ENFILE:
      return error(code, begin + "; raise the limit of open files (ulimit -n)");
    default:
      return error(code, begin);
  }
}

std::unexpected<DeviceError> attach_error(int code, const std::string& name) {
  const std::string begin = "cannot attach to TUN device " + name + ": " + what(code);
  switch (code) {
    case EACCES:
    case EPERM:
      return error(code, begin +
                             "; run as root or with CAP_NET_ADMIN, or have the device made for this user: `ip "
                             "tuntap add dev " +
                             name + " mode tun user $USER`");
    case EBUSY:
      return error(code, begin + "; another program holds it: end that program or name another device");
    case E2BIG:
      return error(code, begin + "; all its queues are taken: end a program that holds it or name another device");
    case EINVAL:
      return error(code, begin + "; " + name + " exists and is not a TUN device (a TAP?): name another device");
    default:
      return error(code, begin);
  }
}

ifreq request(std::string_view name, int flags = 0) {
  ifreq r{};
  std::memcpy(r.ifr_name, name.data(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1));
  r.ifr_flags = static_cast<short>(flags);
  return r;
}

/// A single-queue device refuses IFF_MULTI_QUEUE and a multi-queue one its absence, both by EINVAL; nothing tells
/// before.
std::optional<std::string> attach(int fd, std::string_view name) {
  for (const int queues : {0, IFF_MULTI_QUEUE}) {
    ifreq r = request(name, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | queues);
    if (sys::ioctl(fd, TUNSETIFF, &r) == 0) return r.ifr_name;
    if (errno != EINVAL) break;
  }
  return std::nullopt;
}

/// Asks the kernel for unfinished checksums and super-packets, or for neither when there is no header to describe them:
/// a persistent device remembers what its last user asked for. A refusal only means that packets come complete.
void set_offload(int fd, bool vnet) {
  constexpr unsigned long all = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (vnet && sys::ioctl(fd, TUNSETOFFLOAD, all) == 0) return;
  sys::ioctl(fd, TUNSETOFFLOAD, 0ul);
}

/// Octets of the header that the device has (it is shared by all queues and outlives programs, so it is asked for and
/// not set), or an error.
std::expected<std::size_t, DeviceError> header_size(int fd, const std::string& name) {
  int size = 0;
  if (sys::ioctl(fd, TUNGETVNETHDRSZ, &size) != 0)
    return error(errno, "cannot ask TUN device " + name + " for its header size: " + what(errno));
  if (size < int{vnet_min_size} || size > int{vnet_max_size})
    return error(EINVAL, "TUN device " + name + " has a virtio_net_hdr of " + std::to_string(size) +
                             " octets; set 10 by TUNSETVNETHDRSZ");
  return static_cast<std::size_t>(size);
}

/// Whether packets on a TUN carry 4 octets of packet information. TUNGETIFF cannot say it: its bit for IFF_NO_PI is
/// IFF_NOFILTER too, which a TUN always has. So zeros are written: with packet information an empty packet that the
/// kernel drops, without it a packet of no IP version, which is EINVAL. While the device is down the empty packet meets
/// EIO; but so does everything in kernels that look at that first, and there the answer is taken to be no.
bool has_packet_information(int fd, std::size_t vnet_size) {
  const std::array<std::byte, 4 + vnet_max_size> zeros{};
  if (sys::write(fd, zeros.data(), 4 + vnet_size) >= 0) return true;
  return errno == EIO && sys::write(fd, zeros.data(), 1) < 0 && errno == EINVAL;
}

/// What a device that was just attached to puts before packets. It need not be what was asked for: while others hold
/// queues of a multi-queue device, it stays as they have it.
std::expected<std::size_t, DeviceError> take_up(int fd, const std::string& name) {
  ifreq r{};
  if (sys::ioctl(fd, TUNGETIFF, &r) != 0)
    return error(errno, "cannot ask TUN device " + name + " what it is: " + what(errno));
  const bool vnet = (r.ifr_flags & IFF_VNET_HDR) != 0;
  const auto size = vnet ? header_size(fd, name) : std::size_t{0};
  if (!size) return size;
  if ((r.ifr_flags & IFF_MULTI_QUEUE) != 0 && has_packet_information(fd, *size))
    return error(EINVAL,
                 "TUN device " + name +
                     " puts packet information before packets, for another program has it so: end that program");
  set_offload(fd, vnet);
  return size;
}

bool prepare(int fd) {
  const int flags = sys::fcntl(fd, F_GETFL, 0);
  return flags >= 0 && sys::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && sys::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

}  // namespace

LinkTraits Device::traits() const {
  return vnet_size_ != 0 ? LinkTraits{.checksum = true, .max_gso = 65'535} : LinkTraits{};
}

std::expected<Device, DeviceError> Device::open(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
      name.find_first_of(std::string_view{"/: \t\n%\0", 7}) != name.npos)
    return error(EINVAL, "\"" + std::string{name} +
                             "\" cannot be the name of a device; use 1 to 15 letters and digits, "
                             "such as tun0");
  OwnedFd fd{sys::open(clone_device, O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (*fd < 0) return clone_device_error(errno);
  const bool was_there = Interface::in_own_namespace().exists(std::string{name});
  auto given = attach(*fd, name);
  if (!given) return attach_error(errno, std::string{name});
  const auto size = take_up(*fd, *given);
  if (!size) return std::unexpected{size.error()};
  return Device{std::move(fd), *size, std::move(*given), !was_there};
}

std::expected<Device, DeviceError> Device::adopt(int fd) {
  const std::string begin = "cannot use descriptor " + std::to_string(fd) + ": ";
  ifreq r{};
  if (sys::ioctl(fd, TUNGETIFF, &r) != 0) {
    const int code = errno;
    if (code == EBADF) return error(code, begin + "it is not open; pass the number of an open TUN descriptor");
    if (code == EBADFD) return error(code, begin + "it is attached to no device; do TUNSETIFF before it is passed on");
    return adopt_socket(fd);
  }
  const std::string name = r.ifr_name;
  if ((r.ifr_flags & IFF_TUN) == 0) return error(EINVAL, begin + "device " + name + " is a TAP; open it with IFF_TUN");
  const bool vnet = (r.ifr_flags & IFF_VNET_HDR) != 0;
  const auto size = vnet ? header_size(fd, name) : std::size_t{0};
  if (!size) return std::unexpected{size.error()};
  if (has_packet_information(fd, *size))
    return error(EINVAL, begin + "device " + name + " puts packet information before packets; open it with IFF_NO_PI");
  if (!prepare(fd)) return error(errno, begin + what(errno));
  set_offload(fd, vnet);
  return Device{OwnedFd{fd}, *size, name, false};
}

std::expected<Device, DeviceError> Device::adopt_socket(int fd) {
  const std::string begin = "cannot use descriptor " + std::to_string(fd) + ": ";
  int domain = 0, type = 0;
  socklen_t length = sizeof domain;
  if (sys::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
      sys::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || domain != AF_UNIX ||
      (type != SOCK_DGRAM && type != SOCK_SEQPACKET))
    return error(EINVAL,
                 begin + "it is neither a TUN device nor an AF_UNIX datagram socket; pass an open TUN descriptor");
  if (!prepare(fd)) return error(errno, begin + what(errno));
  return Device{OwnedFd{fd}, 0, {}, false};
}

std::optional<std::string> Device::attached_to() const {
  ifreq r{};
  if (sys::ioctl(*fd_, TUNGETIFF, &r) == 0) return r.ifr_name;
  return errno == EBADFD ? std::nullopt : std::optional{name_};
}

std::expected<std::size_t, DeviceError> Device::attach_again(const Interface& interface) const {
  if (!attached_to()) {
    if (!made_here_ && !interface.exists(name_))
      return error(ENODEV,
                   "TUN device " + name_ + " was deleted; make it again: `ip tuntap add dev " + name_ + " mode tun`");
    if (!attach(*fd_, name_)) return attach_error(errno, name_);
  }
  return take_up(*fd_, name_);
}

}  // namespace tunic
