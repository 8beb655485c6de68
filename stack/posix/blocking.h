// The one shape of a call: under the gate try; where the Stack says `again`, watch, wait, and try again. For the files
// of Sockets.
#pragma once

#include "posix/answer.h"
#include "posix/clock.h"
#include "posix/sockets.h"

namespace tunic {

/// `attempt` may set what is to be waited for. It gives a Result or Status; this one `again` when the socket does not
/// block or its time is up, EINTR when a handler ran, bad_handle when another thread has closed the socket meanwhile.
template <class Attempt>
auto Sockets::blocking(Handle h, const Patience& patience, Attempt attempt) -> decltype(attempt()) {
  const std::lock_guard gate{driver_};
  return patiently(h, patience, attempt);
}

/// The same for who has entered the gate and has something to do there afterwards.
template <class Attempt>
auto Sockets::patiently(Handle h, const Patience& patience, Attempt attempt) -> decltype(attempt()) {
  Waiter waiter;
  Watch watch;
  Driver::Wait how;
  for (;;) {
    if (!h.is_current()) return fail(Error::bad_handle);
    decltype(attempt()) result = fail(Error::again);
    if (!is_frozen()) result = attempt();
    if (h.socket->is_reviewed) driver_.tell_of_call(h.socket->id, !result && result.error() == Error::again);
    if (result || result.error() != Error::again || patience.dont_wait || h.socket->nonblocking) return result;
    if (!watch.is_linked()) {
      const Duration timeout = h.socket->*patience.timeout;
      how = {.until = after(timeout), .restarts = timeout == Description::forever};
      driver_.watch(watch, waiter, h.socket->id, patience.events);
    }
    const Slept slept = driver_.wait(waiter, how);
    if (slept == Slept::timed_out) return fail(Error::again);
    if (slept == Slept::interrupted) return fail_as(EINTR);
  }
}

/// A call that never waits.
template <class Call>
auto Sockets::once(Handle h, Call call) -> decltype(call()) {
  const std::lock_guard gate{driver_};
  if (!h.is_current()) return fail(Error::bad_handle);
  const auto result = call();
  if (h.is_current() && h.socket->is_reviewed) driver_.tell_of_call(h.socket->id, !result);
  return result;
}

}  // namespace tunic
