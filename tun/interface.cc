#include "tun/interface.h"

#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

namespace tunic {

namespace {

/// A netlink socket answers interface requests too, and so does one of AF_UNIX, which exists everywhere.
OwnedFd make_socket(bool& hears) {
  OwnedFd netlink{sys::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  sockaddr_nl links{};
  links.nl_family = AF_NETLINK;
  links.nl_groups = RTMGRP_LINK;
  hears = *netlink >= 0 && sys::bind(*netlink, reinterpret_cast<const sockaddr*>(&links), sizeof links) == 0;
  return hears ? std::move(netlink) : OwnedFd{sys::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
}

/// A namespace belongs to a thread: a short-lived one enters it, so that no thread of the program ever leaves its own.
OwnedFd make_socket_in(int ns, bool& hears) {
  OwnedFd made{-1};
  try {
    std::thread{[&] {
      if (sys::setns(ns, CLONE_NEWNET) == 0) made = make_socket(hears);
    }}.join();
  } catch (const std::system_error&) {  // no thread to be had: the interface stays unknown
  }
  return made;
}

bool is_own_namespace(int ns) {
  struct stat own, other;
  return sys::stat("/proc/thread-self/ns/net", &own) == 0 && sys::fstat(ns, &other) == 0 &&
         own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

OwnedFd namespace_of(int device) {
  const int of_interface = sys::ioctl(device, TUNGETDEVNETNS, 0ul);
  return OwnedFd{of_interface >= 0 || errno != EBADFD ? of_interface : sys::ioctl(device, SIOCGSKNS, 0ul)};
}

}  // namespace

Interface::Interface(int device) : socket_{-1} {
  const OwnedFd ns = device < 0 ? OwnedFd{-1} : namespace_of(device);
  socket_ = *ns < 0 || is_own_namespace(*ns) ? make_socket(hears_) : make_socket_in(*ns, hears_);
}

/// What the messages say is not looked at, only that there are some: whoever asks afterwards knows more.
void Interface::quiet() const {
  std::byte scratch[16];
  for (int i = 0; i < 256; ++i)  // then it is readable still, and this is called again
    if (sys::recv(fd(), scratch, sizeof scratch, MSG_DONTWAIT) < 0 && errno != ENOBUFS) return;
}

bool Interface::ask(unsigned long request, ifreq& r) const {
  return *socket_ >= 0 && sys::ioctl(*socket_, request, &r) == 0;
}

static ifreq request_for(const std::string& name) {
  ifreq r{};
  std::memcpy(r.ifr_name, name.data(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1));
  return r;
}

bool Interface::exists(const std::string& name) const {
  ifreq r = request_for(name);
  return ask(SIOCGIFINDEX, r);
}

std::optional<std::uint32_t> Interface::mtu(const std::string& name) const {
  ifreq r = request_for(name);
  if (!ask(SIOCGIFMTU, r) || r.ifr_mtu <= 0) return std::nullopt;
  return static_cast<std::uint32_t>(r.ifr_mtu);
}

std::optional<bool> Interface::is_up(const std::string& name) const {
  ifreq r = request_for(name);
  if (!ask(SIOCGIFFLAGS, r)) return std::nullopt;
  return (r.ifr_flags & IFF_UP) != 0;
}

}  // namespace tunic
