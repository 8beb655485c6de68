// The normal end of a program.
#include "posix/blocking.h"

namespace tunic {

bool Sockets::leave(Duration patience) {
  leaver_ = std::this_thread::get_id();
  leaving_.store(true);
  const std::lock_guard gate{driver_};
  files_.for_each([this](const Handle& h) { (void)driver_.change().close(h.socket->id); });
  Waiter waiter;
  Watch watch;
  driver_.watch_turns(watch, waiter);
  const Instant until = after(patience);
  while (driver_.stack().unfinished())
    if (driver_.wait(waiter, {.until = until}) == Slept::timed_out) return false;
  return true;
}

}  // namespace tunic
