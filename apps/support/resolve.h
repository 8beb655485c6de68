// Names to addresses, by the system's resolver. It asks over the kernel's network; only what is then said is ours.
#pragma once

#include <netdb.h>

#include <memory>
#include <string>
#include <vector>

#include "support/endpoint.h"
#include "support/program.h"

namespace apps {

enum class Families { any, v4, v6 };

/// Of the two flags -4 and -6, which exclude each other.
inline Families families_of(bool only_v4, bool only_v6) {
  return only_v4 ? Families::v4 : only_v6 ? Families::v6 : Families::any;
}

/// The endpoints of `host`, a name or an address, in the order to try them in; at least one. `type` is SOCK_STREAM or
/// SOCK_DGRAM. Throws Failure.
inline std::vector<Endpoint> look_up(const std::string& host, const std::string& port, Families families, int type) {
  addrinfo hints{};
  hints.ai_family = families == Families::v4 ? AF_INET : families == Families::v6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.empty() ? nullptr : port.c_str(), &hints, &found);
  if (error != 0) throw Failure{fmt::format("cannot find an address for {}: {}", host, gai_strerror(error))};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner{found, freeaddrinfo};
  std::vector<Endpoint> all;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    Endpoint& e = all.emplace_back();
    std::memcpy(&e.storage, a->ai_addr, a->ai_addrlen);
    e.length = a->ai_addrlen;
  }
  return all;
}

/// For CLI11: an option whose value must be a port.
inline std::string check_port(const std::string& text) {
  std::size_t used = 0;
  int port = 0;
  try {
    port = std::stoi(text, &used);
  } catch (const std::exception&) {
  }
  return used == text.size() && port >= 1 && port <= 65'535 ? "" : fmt::format("{} is no port: give 1 to 65535", text);
}

}  // namespace apps
