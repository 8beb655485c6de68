// An endpoint, `ip:port`, in the form the socket calls want it: a sockaddr and its length.
#pragma once

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <tunic.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "support/program.h"

namespace apps {

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

/// From an address as people write it, "198.18.0.2", "fd00:7::2" or "[fd00:7::2]"; nothing if it is neither.
inline std::optional<Endpoint> endpoint(std::string address, std::uint16_t port) {
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  Endpoint e;
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    std::memcpy(&e.storage, &v4, e.length = sizeof v4);
    return e;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    std::memcpy(&e.storage, &v6, e.length = sizeof v6);
    return e;
  }
  return std::nullopt;
}

/// "198.18.0.2:8080" or "[fd00:7::2]:8080". An IPv4 peer of a dual-stack socket is shown as the IPv4 peer it is.
inline std::string to_string(const Endpoint& e) {
  char text[INET6_ADDRSTRLEN] = "";
  if (e.family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &e.storage, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (e.family() != AF_INET6) return "no address";
  sockaddr_in6 v6;
  std::memcpy(&v6, &e.storage, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v6.sin6_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
}

/// The near end of a socket.
inline Endpoint local_end(int fd) {
  Endpoint e;
  if (tunic_getsockname(fd, e.raw(), &e.length) != 0) fail("cannot ask a socket for its own address");
  return e;
}

/// The far end of a connection, or nothing if the socket has no peer.
inline std::optional<Endpoint> remote_end(int fd) {
  Endpoint e;
  if (tunic_getpeername(fd, e.raw(), &e.length) != 0) return std::nullopt;
  return e;
}

/// For CLI11: an option whose value must be an address.
inline std::string check_address(const std::string& text) {
  return endpoint(text, 0) ? "" : fmt::format("{} is neither an IPv4 nor an IPv6 address", text);
}

}  // namespace apps
