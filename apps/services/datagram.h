// The services over UDP: a socket on which each datagram is answered, or not, by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/endpoint.h"
#include "support/owned.h"

namespace services {

enum class Kind { echo, discard, chargen };

class Datagrams {
 public:
  /// Bound to `at`; `::` takes IPv4 too. Throws Failure.
  Datagrams(Kind kind, const apps::Endpoint& at);

  int fd() const { return socket_.fd(); }
  short events() const;
  /// Answers what is there. A datagram from one of `never`, or from a port below 1024, is not answered: two services
  /// that answer each other would never end (CVE-1999-0103).
  void ready(const std::vector<std::uint16_t>& never);

 private:
  bool answer(std::size_t size);

  Kind kind_;
  apps::Socket socket_;
  // The answer under way: whom it goes to, from which of our addresses it goes, and its text.
  apps::Endpoint peer_;
  std::vector<char> text_, control_;
  std::size_t waiting_ = 0, control_size_ = 0;
  bool held_ = false;  // there was no room to send it
  std::size_t place_ = 0;
};

}  // namespace services
