// A struct msghdr with its pieces, its name and its control messages, for tests.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "host.h"

namespace tunic {

/// A message of several pieces, each of its own size.
struct Envelope {
  explicit Envelope(std::vector<std::string> texts, std::size_t control_size = 0)
      : pieces(std::move(texts)), control(control_size) {
    for (std::string& p : pieces) ranges.push_back({p.data(), p.size()});
    head.msg_iov = ranges.data();
    head.msg_iovlen = ranges.size();
    head.msg_control = control.empty() ? nullptr : control.data();
    head.msg_controllen = control.size();
  }
  Envelope(const Envelope&) = delete;

  /// Asks for the name, or gives it.
  void take_name() {
    head.msg_name = name.raw();
    head.msg_namelen = name.length;
  }
  void address_to(const Address& a) {
    name = a;
    take_name();
  }
  /// Adds a control message.
  template <class T>
  void add(int level, int type, const T& value) {
    const std::size_t at = control.size();
    control.resize(at + CMSG_SPACE(sizeof value));
    const cmsghdr c{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
    std::memcpy(control.data() + at, &c, sizeof c);
    std::memcpy(control.data() + at + sizeof c, &value, sizeof value);
    head.msg_control = control.data();
    head.msg_controllen = control.size();
  }
  /// The value of a control message that was received.
  template <class T>
  std::optional<T> find(int level, int type) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&head); c != nullptr; c = CMSG_NXTHDR(&head, c)) {
      if (c->cmsg_level != level || c->cmsg_type != type) continue;
      EXPECT_EQ(c->cmsg_len, CMSG_LEN(sizeof(T)));
      T value;
      std::memcpy(&value, CMSG_DATA(c), sizeof value);
      return value;
    }
    return {};
  }
  std::string text(std::size_t n) const {
    std::string all;
    for (const std::string& p : pieces) all += p;
    return all.substr(0, n);
  }

  std::vector<std::string> pieces;
  std::vector<char> control;
  std::vector<iovec> ranges;
  Address name;
  msghdr head{};
};

inline std::vector<std::string> rooms(std::initializer_list<std::size_t> sizes) {
  std::vector<std::string> all;
  for (const std::size_t n : sizes) all.emplace_back(n, '.');
  return all;
}

inline ssize_t receive(Host& host, int fd, Envelope& m, int flags = 0) {
  return host.with(fd, [&](Handle h) { return host.sockets().recvmsg(h, &m.head, flags); });
}
inline ssize_t send(Host& host, int fd, const Envelope& m, int flags = 0) {
  return host.with(fd, [&](Handle h) { return host.sockets().sendmsg(h, &m.head, flags); });
}

}  // namespace tunic
