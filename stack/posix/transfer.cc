// Octets in and out of a socket.
#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "posix/blocking.h"
#include "posix/control.h"
#include "posix/datagram_controls.h"
#include "posix/messages.h"
#include "posix/signals.h"
#include "posix/transfer.h"

namespace tunic {

namespace {

constexpr int exchanges_at_once = 16;  // with the device, of one call that sends: then others have their turn

/// Nothing more will come: the end of the stream, or an error that the next call is to report.
bool is_over(const Stack& stack, SocketId id) {
  return stack.error(id) != 0 || (stack.ready(id) & (ready::hangup | ready::read_hangup)) != 0;
}

std::size_t readable(const Stack& stack, SocketId id) { return stack.readable_bytes(id).value_or(0); }

std::size_t low_water(const Stack& stack, SocketId id) {
  return static_cast<std::size_t>(stack.get(id, Option::receive_low).value_or(1));
}

/// TCP_INQ: at the end of the stream one more than there is, so that the reader comes again and sees it.
int left_to_read(const Stack& stack, SocketId id) {
  const std::size_t left = readable(stack, id);
  return left == 0 && (stack.ready(id) & ready::read_hangup) != 0 ? 1 : static_cast<int>(left);
}

}  // namespace

ssize_t Sockets::receive(Handle h, std::span<const iovec> out, int flags, bool message, msghdr* about) {
  const auto size = Pieces::total(out);
  if (!size) return answer(Result<ssize_t>{fail(size.error())});
  if (*size == 0 && !message) return 0;
  Transfer t{.all = out, .pieces = Pieces{out}, .size = *size, .flags = flags};
  // Linux never waits for urgent data, nor for errors.
  Patience patience{
      .events = 0, .timeout = &Description::receive_timeout, .dont_wait = t.has(MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)};
  const auto attempt = [&]() -> Status {
    if (const int late = std::exchange(h.socket->settings.late_error, 0); late != 0) return fail_as(late);
    if (h.socket->transport != Transport::tcp) {
      t.is_message = true;
      patience.events = ready::readable;
      patience.dont_wait = t.has(MSG_DONTWAIT | MSG_ERRQUEUE);
      return receive_message(*h.socket, t, !patience.dont_wait && !h.socket->nonblocking, about);
    }
    if (t.has(MSG_ERRQUEUE)) {
      t.is_message = true;
      return receive_report(*h.socket, t, about);
    }
    const bool waits = !patience.dont_wait && !h.socket->nonblocking;
    const std::size_t low = t.has(MSG_WAITALL) ? t.size : low_water(driver_.stack(), h.socket->id);
    t.least = waits ? std::min(low, t.size) : 0;
    patience.events = t.least > 1 ? any_event : ready::readable | ready::read_hangup;
    if (about != nullptr && !t.has(MSG_OOB)) t.stamp = h.socket->settings[Kept::stamp];
    const bool looks = t.has(MSG_PEEK) || (t.size == 0 && !t.has(MSG_OOB));
    const Status s = looks ? peek(h.socket->id, t) : receive_some(h.socket->id, t);
    if (h.socket->settings[Kept::queue_length] != 0) t.left = left_to_read(driver_.stack(), h.socket->id);
    return s;
  };
  Status s = blocking(h, patience, attempt);
  if (!s && t.done == 0 && t.has(MSG_PEEK) && t.least > 1) {  // waited in vain for that many: give what there is
    t.least = 0;
    if (once(h, [&] { return peek(h.socket->id, t); })) s = {};
  }
  if (about != nullptr && !t.is_message && (s || t.done != 0)) tell_about_stream(t, *about);
  return answer(s || t.done != 0 ? Result<ssize_t>{static_cast<ssize_t>(t.done)} : fail(s.error()));
}

/// What a msghdr tells beside the octets of a stream, whose sender has no name.
void Sockets::tell_about_stream(const Transfer& t, msghdr& about) {
  if (about.msg_name != nullptr) about.msg_namelen = 0;
  if (t.has(MSG_OOB)) about.msg_flags |= t.size != 0 ? MSG_OOB : MSG_OOB | MSG_TRUNC;
  ControlWriter control{about};
  if (t.arrived) put_stamp(control, t.stamp, *t.arrived);
  if (t.left) control.put(IPPROTO_TCP, TCP_CM_INQ, *t.left);
  about.msg_controllen = control.written();
  about.msg_flags |= control.flags();
}

/// Takes what is there; `again` when that is less than the call has to wait for.
Status Sockets::receive_some(SocketId id, Transfer& t) {
  std::array<std::byte, 4096> nowhere;  // MSG_TRUNC: what a stream's reader throws away
  while (t.done < t.size || t.has(MSG_OOB)) {
    if (t.done != 0 && readable(driver_.stack(), id) == 0)
      return t.done >= t.least || is_over(driver_.stack(), id) ? Status{} : fail(Error::again);
    if (t.done != 0 && driver_.stack().at_mark(id).value_or(false)) return {};  // reading stops before urgent data
    MutBytes out = t.pieces.front();
    if (t.has(MSG_TRUNC)) out = MutBytes{nowhere}.first(std::min(nowhere.size(), t.size - t.done));
    if (t.stamp != 0)
      if (const auto at = driver_.stack().arrival(id, out.size())) t.arrived = at;
    const auto n = driver_.take().receive(id, out, {.urgent = t.has(MSG_OOB)});
    if (!n) return fail(n.error());
    t.done += *n;
    if (*n == 0 || t.has(MSG_OOB)) return {};
    if (!t.has(MSG_TRUNC)) t.pieces.advance(*n);
  }
  return {};
}

/// Looks at what is there, from its beginning each time; with no room at all, waits until there is something.
Status Sockets::peek(SocketId id, Transfer& t) {
  std::array<std::byte, 1> one;
  const std::size_t there = readable(driver_.stack(), id);
  if (there != 0 && there < t.least && !is_over(driver_.stack(), id)) return fail(Error::again);
  const bool looks = t.size != 0 && !t.has(MSG_TRUNC);
  ReceiveFlags how{.peek = true, .urgent = t.has(MSG_OOB)};
  if (!looks) {
    const auto n = driver_.change().receive(id, one, how);
    if (n) t.done = std::min(there, t.size);
    return n ? Status{} : fail(n.error());
  }
  t.done = 0;
  for (Pieces pieces = t.pieces; t.done < t.size; pieces.advance(pieces.front().size())) {
    how.skip = t.done;
    const auto n = driver_.change().receive(id, pieces.front(), how);
    if (!n) return fail(n.error());
    t.done += *n;
    if (*n < pieces.front().size() || how.urgent) break;
  }
  if (t.stamp != 0) t.arrived = driver_.stack().arrival(id, t.done);
  return {};
}

ssize_t Sockets::send(Handle h, std::span<const iovec> text, int flags, const msghdr* about) {
  const auto size = Pieces::total(text);
  if (!size) return answer(Result<ssize_t>{fail(size.error())});
  Transfer t{.all = text, .pieces = Pieces{text}, .size = *size, .flags = flags};
  Patience patience{ready::writable, &Description::send_timeout, t.has(MSG_DONTWAIT)};
  SocketId id;
  const auto attempt = [&]() -> Status {
    id = h.socket->id;
    t.is_message = h.socket->transport != Transport::tcp;
    if (t.has(MSG_ZEROCOPY) && h.socket->settings[Kept::zero_copy] != 0 && t.size != 0) t.loan = Loan::acknowledged;
    if (t.is_message) return send_message(*h.socket, t, about);
    if (t.has(MSG_FASTOPEN)) return fail(Error::unsupported);
    if (about != nullptr)
      if (const Status s = check_socket_controls(*about); !s) return s;
    if (t.loan == Loan::none && t.size >= driver_.stack().config().tcp.borrow_from) t.loan = Loan::call;
    if (t.loan == Loan::none) return send_some(id, t);
    patience.events = any_event;  // whatever is acknowledged is not copied
    return send_lent(id, t, !patience.dont_wait && !h.socket->nonblocking);
  };
  const Status s = [&] {
    const std::lock_guard gate{driver_};
    const Status done = patiently(h, patience, attempt);
    // Whichever way the call ends.
    if (t.loan == Loan::call) (void)driver_.change().end_loan(id);
    if (t.loan == Loan::acknowledged && t.done != 0) (void)driver_.change().end_zero_copy(id);
    return done;
  }();
  if (s || t.done != 0) return static_cast<ssize_t>(t.done);
  if (t.is_message) return answer(Result<ssize_t>{fail(s.error())});
  // On Linux writing to what has no connection is writing to a broken pipe.
  const Error e = s.error() == Error::not_connected ? Error::pipe : s.error();
  if (e == Error::pipe && !t.has(MSG_NOSIGNAL)) raise_sigpipe();
  return answer(Result<ssize_t>{fail(e)});
}

/// Puts in what fits; `again` when that is not all.
Status Sockets::send_some(SocketId id, Transfer& t) {
  do {
    if (t.done != 0 && driver_.stack().error(id) != 0) return {};  // for the next call to report
    const MutBytes piece = t.pieces.front();
    const SendFlags how{.urgent = t.has(MSG_OOB) && t.pieces.is_last(), .more = t.has(MSG_MORE), .loan = t.loan};
    const auto n = driver_.change().send(id, piece, how);
    if (!n) return fail(n.error());
    t.done += *n;
    t.pieces.advance(*n);
    if (*n < piece.size()) return fail(Error::again);
  } while (t.done < t.size);
  return {};
}

/// Sends from the caller's memory, and takes in what the device answers at once, so that little or nothing is left to
/// be copied when the call ends. `again` where a caller that waits had better wait: too much of its text would be
/// copied unsent, although there is room for it.
Status Sockets::send_lent(SocketId id, Transfer& t, bool waits) {
  Status s = t.done < t.size ? send_some(id, t) : Status{};
  for (int n = 0; n < exchanges_at_once && driver_.stack().lent_bytes(id) != 0; ++n) {
    const bool came = driver_.exchange();  // and what it told of is not told again: so the state is looked at after it
    if (!s && s.error() == Error::again) s = send_some(id, t);
    if (!came) break;
  }
  if (s && waits && t.loan == Loan::call && !sends_enough(id)) return fail(Error::again);
  return s;
}

/// What is not sent fits the buffer that a socket begins with. More is copied for who does not wait: it is for paths
/// that are long, and would be a copy of what the peer is not ready to take.
bool Sockets::sends_enough(SocketId id) const {
  const Stack& stack = driver_.stack();
  return stack.lent_bytes(id) == 0 || is_over(stack, id) ||
         stack.unsent_bytes(id).value_or(0) <= static_cast<std::size_t>(stack.get(id, Option::send_buffer).value_or(0));
}

}  // namespace tunic
