// What signals have to do with sockets: which interrupted calls go on, and SIGPIPE.
#pragma once

#include <csignal>

namespace tunic {

/// Whether a call that a handler has interrupted goes on, as under SA_RESTART. Which handler ran cannot be known
/// afterwards: true when every handler for a signal that this thread does not block has SA_RESTART, so a program that
/// counts on EINTR gets it.
bool handlers_restart();

/// Sends SIGPIPE to this thread, as writing to a connection that takes no more does.
void raise_sigpipe();

/// Blocks all signals in this thread while it lives; a thread started meanwhile inherits that.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace tunic
