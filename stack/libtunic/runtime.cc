#include "libtunic/runtime.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>

#include "core/sysctl.h"

namespace tunic {

namespace {

std::unexpected<StartError> failed(int code, std::string sentence) {
  return std::unexpected{StartError{code, std::move(sentence)}};
}

std::string what(int code) { return std::generic_category().message(code); }

/// On a duplicate, so that a start that fails leaves the given descriptor as it was.
std::expected<Device, DeviceError> adopt_copy(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0)
    return std::unexpected{DeviceError{errno, "cannot use descriptor " + std::to_string(fd) + " of TUNIC_FD: " +
                                                  what(errno) + "; give the number of an open TUN descriptor"}};
  auto device = Device::adopt(copy);
  if (!device) close(copy);
  return device;
}

std::expected<std::optional<Device>, StartError> open_device(const Settings& s) {
  if (s.is_loopback_only()) return std::nullopt;
  auto device = s.fd ? adopt_copy(*s.fd) : Device::open(s.device);
  if (!device) return failed(device.error().code, std::move(device.error().sentence));
  return std::move(*device);
}

bool is_tun(const std::optional<Device>& device) { return device && !device->name().empty(); }

std::expected<Config, StartError> make_config(const Settings& s, const std::optional<Device>& device,
                                              const Interface& interface) {
  Config config;
  config.addresses = s.addresses;
  config.routes = s.routes;
  for (const auto& [name, value] : s.sysctls) static_cast<void>(set_sysctl(config, name, value));  // checked when read
  if (device) config.link = device->traits();
  if (s.mtu) {
    config.mtu = *s.mtu;
  } else if (device) {
    config.mtu = interface.mtu(device->name()).value_or(Device::default_mtu);
    if (const auto checked = check_mtu(config.mtu, s, "the MTU of " + device->name()); !checked)
      return std::unexpected{checked.error()};
  }
  return config;
}

/// Where a key was on its way into the Stack: wiped in the end.
struct Key {
  explicit Key(std::array<std::uint8_t, 16>& octets) : octets_{octets} {}
  ~Key() { explicit_bzero(octets_.data(), octets_.size()); }
  std::array<std::uint8_t, 16>& octets_;
};

/// Neither in a core dump nor in a child (N5), where the kernel can do that; a child wipes it anyway.
void keep_secret(Bytes pages) {
  auto* begin = const_cast<std::byte*>(pages.data());
  madvise(begin, pages.size(), MADV_DONTDUMP);
  madvise(begin, pages.size(), MADV_WIPEONFORK);
}

}  // namespace

std::expected<std::unique_ptr<Runtime>, StartError> Runtime::start(const Settings& settings, Files& files) try {
  auto device = open_device(settings);
  if (!device) return std::unexpected{std::move(device.error())};
  auto interface = is_tun(*device) ? Interface{(*device)->fd()} : Interface::none();
  auto config = make_config(settings, *device, interface);
  if (!config) return std::unexpected{config.error()};
  const Key key{config->key};
  if (getrandom(config->key.data(), config->key.size(), 0) != static_cast<ssize_t>(config->key.size()))
    return failed(errno, "the kernel gives no random numbers: " + what(errno) + "; let the program call getrandom(2)");
  std::unique_ptr<Runtime> runtime{new Runtime{std::move(*device), std::move(interface), *config, settings, files}};
  if (settings.takes_fd) close(*settings.fd);  // ours alone from now on
  return runtime;
} catch (const std::bad_alloc&) {
  return failed(ENOMEM, "there is no memory for packets; raise the limit of address space (ulimit -v)");
} catch (const std::system_error& e) {
  return failed(e.code().value(), "the kernel gives no descriptor or thread: " + e.code().message() +
                                      "; raise the limits (ulimit -n, ulimit -u)");
}

Runtime::Runtime(std::optional<Device> device, Interface interface, const Config& config, const Settings& settings,
                 Files& files)
    : linger_{settings.linger},
      device_{std::move(device)},
      stack_{config},
      queue_{device_ ? std::optional<Queue>{std::in_place, device_->fd(), device_->vnet_size(), stack_.pool()}
                     : std::nullopt},
      impaired_{settings.impair
                    ? std::optional<ImpairedPort>{std::in_place, device_link(), device_ ? device_->fd() : -1,
                                                  stack_.pool(), *settings.impair}
                    : std::nullopt},
      driver_{stack_, link(), waited_on()},
      sockets_{driver_, files} {
  keep_secret(stack_.secrets());
  if (is_tun(device_)) keeper_.emplace(driver_, *device_, *queue_, std::move(interface), !settings.mtu);
}

Link& Runtime::device_link() {
  if (queue_) return *queue_;
  return no_link_;
}

Link& Runtime::link() {
  if (impaired_) return *impaired_;
  return device_link();
}

int Runtime::waited_on() const {
  if (impaired_) return impaired_->fd();
  return device_ ? device_->fd() : -1;
}

Status Runtime::set_sysctl(std::string_view name, std::string_view value) {
  const std::lock_guard gate{driver_};
  return driver_.change().set_sysctl(name, value);
}

Result<std::string> Runtime::sysctl(std::string_view name) {
  const std::lock_guard gate{driver_};
  return driver_.stack().sysctl(name);
}

void Runtime::leave() {
  sockets_.leave(linger_);
  if (keeper_) keeper_->stop();
  driver_.stop();
}

void Runtime::after_fork_in_child() {
  driver_.after_fork_in_child();
  if (keeper_) keeper_->after_fork_in_child();
  impaired_.reset();
  device_.reset();
}

}  // namespace tunic
