// What holds for every ICMP message that a host sends on its own, watched at the edge of a Stack (law 3): an error is
// about a packet that came, which is one that may be answered, and no source causes more answers than it sent packets.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "test_support/packets.h"

namespace tunic::test {

class DatagramLaws {
 public:
  using Broken = std::optional<std::string>;
  void injected(const Octets& packet);
  Broken sent(const IpRead& p);

 private:
  struct Source {
    std::uint64_t packets = 0, octets = 0;    // that came from it
    std::uint64_t answers = 0, answered = 0;  // ICMP to it: messages, and octets of them
  };
  std::map<IpAddr, Source> sources_;
};

}  // namespace tunic::test
