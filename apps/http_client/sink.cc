#include "http_client/sink.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "support/program.h"

namespace http {
namespace {

using namespace std::chrono_literals;

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string draw_bar(double fraction, std::size_t width) {
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
}

}  // namespace

std::string human_size(double octets) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; octets >= 1024 && unit + 1 < units.size(); ++unit) octets /= 1024;
  return fmt::format("{:.{}f} {}", octets, unit == 0 ? 0 : 1, units[unit]);
}

void ProgressBar::show(std::uint64_t done, const std::optional<std::uint64_t>& all) {
  const auto now = Clock::now();
  if (!wanted_ || now < next_) return;
  next_ = now + 100ms;
  const double seconds = std::max(std::chrono::duration<double>(now - begun_).count(), 1e-3);
  std::string line = fmt::format("{:>10}  {:>10}/s", human_size(static_cast<double>(done)),
                                 human_size(static_cast<double>(done) / seconds));
  const std::size_t width = terminal_width();
  if (all && *all > 0 && width > line.size() + 20) {
    const double fraction = std::min(1.0, static_cast<double>(done) / static_cast<double>(*all));
    line = fmt::format("{} {:>3.0f}%{}", draw_bar(fraction, width - line.size() - 9), fraction * 100, line);
  }
  fmt::print(stderr, "\r{}", line);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (drawn_) fmt::print(stderr, "\r{:{}}\r", "", terminal_width() - 1);
  drawn_ = false;
}

Sink::Sink(const std::string& path)
    : path_{path}, bar_{isatty(STDERR_FILENO) == 1 && (!path.empty() || isatty(STDOUT_FILENO) != 1)} {}

void Sink::begin(const std::optional<std::uint64_t>& length) {
  length_ = length;
  const int fd =
      path_.empty() ? dup(STDOUT_FILENO) : open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  file_ = apps::File{fd};
  if (!file_) apps::fail("cannot write " + (path_.empty() ? "to standard output" : path_));
}

void Sink::write(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t n = ::write(file_.fd(), octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) apps::fail("cannot write " + (path_.empty() ? "to standard output" : path_));
    octets.remove_prefix(static_cast<std::size_t>(n));
    written_ += static_cast<std::uint64_t>(n);
  }
  bar_.show(written_, length_);
}

void Sink::end() {
  bar_.clear();
  if (close(file_.release()) != 0) apps::fail("cannot write " + (path_.empty() ? "to standard output" : path_));
}

}  // namespace http
