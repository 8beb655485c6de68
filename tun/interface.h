// The network interface behind a TUN descriptor, as its namespace shows it: its MTU, whether it is up, and word when
// any of that may have changed. The interface may live in another namespace than we do: the kernel tells which that is
// (TUNGETDEVNETNS, with CAP_NET_ADMIN there), and the socket through which is asked is made in it; where it does not
// tell, an interface of that name in our own namespace is taken for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tun/owned_fd.h"

struct ifreq;

namespace tunic {

class Interface {
 public:
  /// `device` is a TUN descriptor; while it is attached to nothing, the namespace is the one in which it will be. Never
  /// fails: what cannot be had is unknown.
  explicit Interface(int device);
  static Interface in_own_namespace() { return Interface{-1}; }
  /// Knows and tells nothing.
  static Interface none() { return Interface{}; }

  /// Readable when an interface of the namespace has changed, come or gone; -1: nothing tells, look from time to time.
  int fd() const { return hears_ ? *socket_ : -1; }
  /// Until the next change fd() is not readable.
  void quiet() const;

  bool exists(const std::string& name) const;
  std::optional<std::uint32_t> mtu(const std::string& name) const;
  std::optional<bool> is_up(const std::string& name) const;

 private:
  Interface() : socket_{-1} {}
  bool ask(unsigned long request, ifreq& r) const;

  OwnedFd socket_;
  bool hears_ = false;
};

}  // namespace tunic
