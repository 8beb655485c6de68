// The one running stack of a process: its start, its descriptor numbers, and what happens to it at fork and at exit.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libtunic/runtime.h"
#include "posix/files.h"

struct tunic_config;

namespace tunic {

class Process {
 public:
  /// Made at its first use and never destroyed: threads may be in it until the very end.
  static Process& instance();

  Files& files() { return files_; }
  /// nullptr until a start has succeeded, and in a child after fork() until it starts one of its own.
  Runtime* runtime() { return runtime_.load(std::memory_order_acquire); }
  /// The error is errno; start_error() has the sentence.
  std::expected<Runtime*, int> start(const tunic_config* config);
  /// The running stack, started from the environment if need be.
  std::expected<Runtime*, int> running();
  std::string start_error();

 private:
  Process() = default;
  std::expected<Runtime*, int> start_locked(const tunic_config* config);
  int watch_process();
  static void before_fork();
  static void after_fork_in_parent();
  static void after_fork_in_child();
  static void at_exit();

  std::mutex starting_;
  bool watched_ = false;  // hooks of fork and exit are set
  std::string start_error_;
  std::unique_ptr<Runtime> owner_;
  std::atomic<Runtime*> runtime_{nullptr};
  std::vector<Runtime*> forsaken_;  // the parent's, in a child: never touched again
  Files files_;
};

}  // namespace tunic
