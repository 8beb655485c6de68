#include "tun/device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <thread>

#include "tun/vnet.h"

namespace tunic {

namespace {

constexpr const char* clone_device = "/dev/net/tun";
constexpr std::uint32_t default_mtu = 1500;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int operator*() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

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
    if (ioctl(fd, TUNSETIFF, &r) == 0) return r.ifr_name;
    if (errno != EINVAL) break;
  }
  return std::nullopt;
}

/// Asks the kernel for unfinished checksums and super-packets, or for neither when there is no header to describe them:
/// a persistent device remembers what its last user asked for. A refusal only means that packets come complete.
void set_offload(int fd, bool vnet) {
  constexpr unsigned long all = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (vnet && ioctl(fd, TUNSETOFFLOAD, all) == 0) return;
  ioctl(fd, TUNSETOFFLOAD, 0ul);
}

/// Octets of the header that the device has (it is shared by all queues and outlives programs, so it is asked for and
/// not set), or an error.
std::expected<std::size_t, DeviceError> header_size(int fd, const std::string& name) {
  int size = 0;
  if (ioctl(fd, TUNGETVNETHDRSZ, &size) != 0)
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
  if (write(fd, zeros.data(), 4 + vnet_size) >= 0) return true;
  return errno == EIO && write(fd, zeros.data(), 1) < 0 && errno == EINVAL;
}

bool prepare(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/// AF_UNIX sockets answer interface requests too, and exist where IPv4 does not.
std::optional<std::uint32_t> interface_mtu(int socket, const std::string& name) {
  ifreq r = request(name);
  if (socket < 0 || ioctl(socket, SIOCGIFMTU, &r) != 0 || r.ifr_mtu <= 0) return std::nullopt;
  return static_cast<std::uint32_t>(r.ifr_mtu);
}

int control_socket() { return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); }

bool is_own_namespace(int ns) {
  struct stat own, other;
  return stat("/proc/thread-self/ns/net", &own) == 0 && fstat(ns, &other) == 0 && own.st_dev == other.st_dev &&
         own.st_ino == other.st_ino;
}

/// A namespace belongs to a thread: a short-lived one enters it, so that no thread of the program ever leaves its own.
std::optional<std::uint32_t> mtu_in(int ns, const std::string& name) {
  std::optional<std::uint32_t> mtu;
  try {
    std::thread{[&] {
      if (setns(ns, CLONE_NEWNET) == 0) mtu = interface_mtu(*Descriptor{control_socket()}, name);
    }}.join();
  } catch (const std::system_error&) {  // no thread to be had: the MTU stays unknown
  }
  return mtu;
}

}  // namespace

Device::~Device() {
  if (fd_ >= 0) close(fd_);
}

LinkTraits Device::traits() const {
  return vnet_size_ != 0 ? LinkTraits{.checksum = true, .max_gso = 65'535} : LinkTraits{};
}

std::expected<Device, DeviceError> Device::open(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
      name.find_first_of(std::string_view{"/: \t\n%\0", 7}) != name.npos)
    return error(EINVAL, "\"" + std::string{name} +
                             "\" cannot be the name of a device; use 1 to 15 letters and digits, "
                             "such as tun0");
  Descriptor fd{::open(clone_device, O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (*fd < 0) return clone_device_error(errno);
  auto given = attach(*fd, name);
  if (!given) return attach_error(errno, std::string{name});
  const auto size = header_size(*fd, *given);
  if (!size) return std::unexpected{size.error()};
  set_offload(*fd, true);
  return Device{fd.release(), *size, std::move(*given)};
}

std::expected<Device, DeviceError> Device::adopt(int fd) {
  const std::string begin = "cannot use descriptor " + std::to_string(fd) + ": ";
  ifreq r{};
  if (ioctl(fd, TUNGETIFF, &r) != 0) {
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
  return Device{fd, *size, name};
}

std::expected<Device, DeviceError> Device::adopt_socket(int fd) {
  const std::string begin = "cannot use descriptor " + std::to_string(fd) + ": ";
  int domain = 0, type = 0;
  socklen_t length = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || domain != AF_UNIX ||
      (type != SOCK_DGRAM && type != SOCK_SEQPACKET))
    return error(EINVAL,
                 begin + "it is neither a TUN device nor an AF_UNIX datagram socket; pass an open TUN descriptor");
  if (!prepare(fd)) return error(errno, begin + what(errno));
  return Device{fd, 0, {}};
}

Device::Mtu Device::mtu() const {
  std::optional<std::uint32_t> mtu;
  const Descriptor ns{name_.empty() ? -1 : ioctl(fd_, TUNGETDEVNETNS)};
  if (*ns >= 0 && !is_own_namespace(*ns))
    mtu = mtu_in(*ns, name_);
  else if (!name_.empty())
    mtu = interface_mtu(*Descriptor{control_socket()}, name_);
  return {mtu.value_or(default_mtu), mtu.has_value()};
}

}  // namespace tunic
