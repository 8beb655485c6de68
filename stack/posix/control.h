// Control messages, the struct cmsghdr records beside a message, read and written by Linux's rules.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/bytes.h"
#include "posix/answer.h"

namespace tunic {

/// Writes into the control buffer of a msghdr. Of what has no room as much as fits is written, and MSG_CTRUNC tells so.
class ControlWriter {
 public:
  explicit ControlWriter(const msghdr& m)
      : at_{static_cast<std::byte*>(m.msg_control)}, room_{at_ == nullptr ? 0 : m.msg_controllen} {}

  template <class T>
  void put(int level, int type, const T& value) {
    cmsghdr head{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
    if (room_ < head.cmsg_len) flags_ |= MSG_CTRUNC;
    if (room_ < sizeof head) return;
    head.cmsg_len = std::min<std::size_t>(head.cmsg_len, room_);
    std::memcpy(at_, &head, sizeof head);
    std::memcpy(at_ + sizeof head, &value, head.cmsg_len - sizeof head);
    const std::size_t taken = std::min<std::size_t>(CMSG_SPACE(sizeof value), room_);
    at_ += taken;
    room_ -= taken;
    written_ += taken;
  }

  std::size_t written() const { return written_; }
  int flags() const { return flags_; }  // MSG_CTRUNC or 0

 private:
  std::byte* at_;
  std::size_t room_, written_ = 0;
  int flags_ = 0;
};

/// Calls f(level, type, its octets), which gives a Status, for each control message of `m`. Errors: invalid (a length
/// that is too short or leaves the buffer), and those of f.
template <class F>
Status for_each_control(const msghdr& m, F f) {
  Bytes rest{static_cast<const std::byte*>(m.msg_control), m.msg_control == nullptr ? 0 : m.msg_controllen};
  while (rest.size() >= sizeof(cmsghdr)) {
    cmsghdr head;
    std::memcpy(&head, rest.data(), sizeof head);
    if (head.cmsg_len < sizeof head || head.cmsg_len > rest.size()) return fail(Error::invalid);
    if (const Status s = f(head.cmsg_level, head.cmsg_type, rest.first(head.cmsg_len).subspan(sizeof head)); !s)
      return s;
    rest = rest.subspan(std::min<std::size_t>(CMSG_ALIGN(head.cmsg_len), rest.size()));
  }
  return {};
}

}  // namespace tunic
