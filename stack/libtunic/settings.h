// What a start is told, by a struct tunic_config and the environment, read and checked. A text that cannot be meant
// gives EINVAL and a sentence that says what is wrong and what mends it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "ip/route.h"
#include "tun/impair.h"
#include "wire/addr.h"

struct tunic_config;

namespace tunic {

struct StartError {
  int code;  // errno
  std::string sentence;
};

struct Settings {
  std::string device = "tun0";
  std::optional<int> fd;  // wins over `device`
  bool takes_fd = false;  // it was given by the environment: ours from now on
  std::vector<Prefix> addresses;
  std::vector<Route> routes;         // the first come first
  std::optional<std::uint32_t> mtu;  // else the device's
  Duration linger = 5s;
  std::optional<ImpairSettings> impair;
  std::vector<std::pair<std::string, std::string>> sysctls;  // names and values, all good

  bool is_loopback_only() const { return !fd && device == "lo"; }
  bool has_v6() const;
};

/// `variable` is getenv(); a test gives its own. `config` may be nullptr.
std::expected<Settings, StartError> read_settings(const tunic_config* config,
                                                  const char* (*variable)(const char* name));

/// Whether packets of `mtu` octets can carry all address families in use.
std::expected<void, StartError> check_mtu(std::uint32_t mtu, const Settings& settings, const std::string& whose);

}  // namespace tunic
