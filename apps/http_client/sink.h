// Where the body of a response goes: a file or standard output, with a progress bar where a person looks on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "support/owned.h"

namespace http {

/// One line on stderr that is drawn over itself. Silent if stderr is no terminal or the body goes to one.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted) : wanted_{wanted} {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(std::uint64_t done, const std::optional<std::uint64_t>& all);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool wanted_, drawn_ = false;
  Clock::time_point begun_ = Clock::now(), next_{};
};

class Sink {
 public:
  /// An empty `path` is standard output. The file is opened by begin(), so that an error leaves an old one alone.
  explicit Sink(const std::string& path);

  void begin(const std::optional<std::uint64_t>& length);
  void write(std::string_view octets);
  /// All is there: closes the file. Throws Failure if that says that the disk did not take it.
  void end();
  std::uint64_t written() const { return written_; }

 private:
  std::string path_;
  apps::File file_;
  std::optional<std::uint64_t> length_;
  std::uint64_t written_ = 0;
  ProgressBar bar_;
};

/// "27.5 MiB".
std::string human_size(double octets);

}  // namespace http
