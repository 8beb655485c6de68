// The host's own addresses: which packets are for us, and from which address we speak. Few and fixed when a Stack is
// made, so each question is one walk over them.
#pragma once

#include <optional>
#include <vector>

#include "wire/addr.h"

namespace tunic {

class Addresses {
 public:
  explicit Addresses(std::vector<Prefix> own) : own_{std::move(own)} {}

  /// Whether `a` is one of our addresses; loopback is not.
  bool is_own(const IpAddr& a) const;
  /// Whether packets to `a` stay inside this host: its own addresses and loopback.
  bool is_local(const IpAddr& a) const { return a.is_loopback() || is_own(a); }
  /// 255.255.255.255, or the last address of one of our IPv4 networks (RFC 1122 section 3.2.1.3 (c), (d)).
  bool is_broadcast(const IpAddr& a) const;
  /// The address to speak to `dst` from: `dst` itself if it is local, else ours whose prefix matches longest, else our
  /// first of its family; none if we have none of its family (RFC 1122 section 3.3.4.3, RFC 6724 section 5 rules 1, 8).
  std::optional<IpAddr> source_for(const IpAddr& dst) const;

 private:
  std::vector<Prefix> own_;
};

}  // namespace tunic
