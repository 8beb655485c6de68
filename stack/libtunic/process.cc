#include "libtunic/process.h"

#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "libtunic/settings.h"

namespace tunic {

namespace {

const char* variable(const char* name) { return std::getenv(name); }

}  // namespace

Process& Process::instance() {
  static Process* const process = new Process;
  return *process;
}

std::expected<Runtime*, int> Process::start(const tunic_config* config) {
  const std::lock_guard starting{starting_};
  if (runtime() != nullptr) return std::unexpected{EALREADY};
  return start_locked(config);
}

std::expected<Runtime*, int> Process::running() {
  if (Runtime* r = runtime()) return r;
  const std::lock_guard starting{starting_};
  if (Runtime* r = runtime()) return r;
  return start_locked(nullptr);
}

std::expected<Runtime*, int> Process::start_locked(const tunic_config* config) {
  start_error_.clear();
  if (const int code = watch_process(); code != 0) {
    start_error_ = "there is no memory to start the stack";
    return std::unexpected{code};
  }
  const auto settings = read_settings(config, variable);
  auto started = settings ? Runtime::start(*settings, files_) : std::unexpected{settings.error()};
  if (!started) {
    start_error_ = started.error().sentence;
    return std::unexpected{started.error().code};
  }
  owner_ = std::move(*started);
  runtime_.store(owner_.get(), std::memory_order_release);
  return owner_.get();
}

std::string Process::start_error() {
  const std::lock_guard starting{starting_};
  return start_error_;
}

int Process::watch_process() {
  if (watched_) return 0;
  if (const int code = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); code != 0) return code;
  if (std::atexit(at_exit) != 0) return ENOMEM;
  watched_ = true;
  return 0;
}

// No thread is inside the stack while the process is copied: the copy is whole.
void Process::before_fork() {
  Process& p = instance();
  p.starting_.lock();
  if (p.owner_) p.owner_->before_fork();
}

void Process::after_fork_in_parent() {
  Process& p = instance();
  if (p.owner_) p.owner_->after_fork_in_parent();
  p.starting_.unlock();
}

/// The thread that forked is the only one here. The parent's stack is not torn down, as its threads do not exist; it is
/// forsaken.
void Process::after_fork_in_child() {
  Process& p = instance();
  if (p.owner_) {
    p.owner_->after_fork_in_child();
    p.files_.lose_all();
    p.runtime_.store(nullptr, std::memory_order_release);
    p.forsaken_.push_back(p.owner_.release());
  }
  p.starting_.unlock();
}

void Process::at_exit() {
  if (Runtime* r = instance().runtime()) r->leave();
}

}  // namespace tunic
