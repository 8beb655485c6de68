#include "posix/signals.h"

#include <pthread.h>

namespace tunic {

namespace {

/// Raised by what a thread itself does, not while it waits: handlers of crashes do not count.
bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP ||
         signal == SIGABRT || signal == SIGSYS;
}

}  // namespace

bool handlers_restart() {
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  for (int signal = 1; signal < _NSIG; ++signal) {
    struct sigaction a;
    if (is_fault(signal) || sigismember(&blocked, signal) == 1 || sigaction(signal, nullptr, &a) != 0) continue;
    const bool handled = a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN;
    if (handled && (a.sa_flags & SA_RESTART) == 0) return false;
  }
  return true;
}

void raise_sigpipe() { pthread_kill(pthread_self(), SIGPIPE); }

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace tunic
