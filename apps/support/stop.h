// Ctrl-C as something to poll() for. Make it before the first socket, so that no other thread takes the signals.
#pragma once

#include <pthread.h>
#include <sys/signalfd.h>

#include <csignal>

#include "support/owned.h"
#include "support/program.h"

namespace apps {

/// While it lives, SIGINT and SIGTERM end nothing: they make fd() readable.
class Stop {
 public:
  Stop() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    signals_ = File{signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (!signals_) fail("cannot wait for signals");
  }
  ~Stop() {
    // The one that was waited for is taken, or it would end us now; a second Ctrl-C does.
    signalfd_siginfo taken;
    while (::read(signals_.fd(), &taken, sizeof taken) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  int fd() const { return signals_.fd(); }

 private:
  sigset_t before_{};
  File signals_;
};

}  // namespace apps
