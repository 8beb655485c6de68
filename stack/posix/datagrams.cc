// Datagrams: one message for each call, and what the network said of those that were sent.
#include <netinet/in.h>

#include <algorithm>
#include <memory_resource>
#include <vector>

#include "posix/address.h"
#include "posix/blocking.h"
#include "posix/control.h"
#include "posix/datagram_controls.h"
#include "posix/transfer.h"

namespace tunic {

namespace {

/// The pieces of a message, as the Stack takes them.
template <class Range>
class Ranges {
 public:
  explicit Ranges(std::span<const iovec> all) : room_{first_.data(), first_.size()} {
    ranges_.reserve(all.size());
    for (const iovec& v : all) ranges_.emplace_back(static_cast<std::byte*>(v.iov_base), v.iov_len);
  }
  operator std::span<const Range>() const { return ranges_; }

 private:
  std::array<std::byte, 512> first_;  // a few take nothing from the heap
  std::pmr::monotonic_buffer_resource room_;
  std::pmr::vector<Range> ranges_{&room_};
};

void write_name(const Endpoint& e, Family family, msghdr& about) {
  if (about.msg_name != nullptr)
    (void)write_address(e, family, static_cast<sockaddr*>(about.msg_name), &about.msg_namelen);
}

}  // namespace

Status Sockets::receive_message(const Description& s, Transfer& t, bool waits, msghdr* about) {
  if (s.transport == Transport::icmp && t.has(MSG_OOB)) return fail(Error::unsupported);
  if (t.has(MSG_ERRQUEUE)) return receive_report(s, t, about);
  DatagramInfo info;
  const Ranges<MutBytes> out{t.all};
  const auto n = driver_.change().receive_datagram(s.id, out, {.peek = t.has(MSG_PEEK), .waits = waits}, info);
  if (!n) return fail(n.error());
  t.done = t.has(MSG_TRUNC) && s.transport == Transport::udp ? info.size : *n;  // of echo sockets Linux never tells
  if (about == nullptr) return {};
  if (*n < info.size) about->msg_flags |= MSG_TRUNC;
  write_name(info.from, s.family, *about);
  const Endpoint local = driver_.stack().local(s.id).value_or(Endpoint{});
  ControlWriter control{*about};
  put_datagram_controls(control, s.settings, s.family, info, local.port);
  about->msg_controllen = control.written();
  about->msg_flags |= control.flags();
  return {};
}

/// MSG_ERRQUEUE: the message is what is left of what was sent, its name where that was going.
Status Sockets::receive_report(const Description& s, Transfer& t, msghdr* about) {
  ErrorReport report;
  const Ranges<MutBytes> out{t.all};
  const auto n = driver_.change().receive_error(s.id, out, report);
  if (!n) return fail(n.error());
  t.done = *n;
  if (about == nullptr) return {};
  about->msg_flags |= *n < report.size ? MSG_ERRQUEUE | MSG_TRUNC : MSG_ERRQUEUE;
  if (report.origin == origin::zero_copy)
    about->msg_namelen = 0;
  else
    write_name(report.to, s.family, *about);
  ControlWriter control{*about};
  put_error_report(control, s.family, report);
  about->msg_controllen = control.written();
  about->msg_flags |= control.flags();
  return {};
}

Status Sockets::send_message(const Description& s, Transfer& t, const msghdr* about) {
  const bool takes_urgent = s.transport == Transport::udp && s.family == Family::v6;
  if (t.has(MSG_OOB) && !takes_urgent) return fail(Error::unsupported);
  DatagramOptions how{.more = t.has(MSG_MORE)};
  if (about != nullptr && about->msg_name != nullptr) {
    const auto to =
        read_destination(static_cast<const sockaddr*>(about->msg_name), about->msg_namelen, {s.family, s.transport});
    if (!to) return fail(to.error());
    how.to = *to;
  }
  bool dont_fragment = s.settings[Kept::dont_fragment] != 0;
  const auto peer = how.to ? Result<Endpoint>{*how.to} : driver_.stack().remote(s.id);
  const bool is_v4 = s.family == Family::v4 || (peer && peer->addr.is_v4());
  if (t.has(MSG_OOB) && is_v4) return fail(Error::unsupported);  // over IPv6 Linux does not look at it
  if (about != nullptr && about->msg_controllen != 0)
    if (const Status read = read_datagram_controls(*about, s.family, is_v4, how, dont_fragment); !read) return read;
  if (dont_fragment && !is_v4) how.discover = MtuDiscover::require;
  const Ranges<Bytes> text{t.all};
  const auto n = driver_.change().send_datagram(s.id, text, how);
  if (!n) return fail(n.error());
  t.done = *n;
  return {};
}

}  // namespace tunic
