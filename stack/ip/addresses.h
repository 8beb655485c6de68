// The host's own addresses: which packets are for us (routes.h: from which we speak). Few and fixed when a Stack is
// made, so each question is one walk over them, and the answers for the last few addresses are remembered.
#pragma once

#include <array>
#include <vector>

#include "wire/addr.h"

namespace tunic {

class Addresses {
 public:
  explicit Addresses(std::vector<Prefix> own) : own_{std::move(own)} {}

  /// Whether `a` is one of our addresses; loopback is not.
  bool is_own(const IpAddr& a) const { return known(a).own; }
  /// Whether packets to `a` stay inside this host: its own addresses and loopback.
  bool is_local(const IpAddr& a) const { return a.is_loopback() || is_own(a); }
  /// 255.255.255.255, or the last address of one of our IPv4 networks (RFC 1122 section 3.2.1.3 (c), (d)).
  bool is_broadcast(const IpAddr& a) const { return known(a).broadcast; }
  /// As they were given.
  const std::vector<Prefix>& all() const { return own_; }

 private:
  struct Known {
    IpAddr addr;  // at first ::, which is neither
    bool own = false, broadcast = false;
  };
  const Known& known(const IpAddr& a) const {
    Known& k = known_[std::to_integer<std::size_t>(a.octets()[15]) % known_.size()];
    if (k.addr != a) k = look_at(a);
    return k;
  }
  Known look_at(const IpAddr& a) const;

  std::vector<Prefix> own_;
  mutable std::array<Known, 4> known_;
};

}  // namespace tunic
