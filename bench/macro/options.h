// Command lines of the programs here: `--name value` and `--name`.
#pragma once

#include <sched.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class Options {
 public:
  Options(int count, char** words) : words_(words + 1, words + count) {}

  bool has(std::string_view name) const { return find(name) < words_.size(); }
  std::string text(std::string_view name, std::string otherwise = {}) const {
    const std::size_t at = find(name) + 1;
    return at < words_.size() ? std::string{words_[at]} : otherwise;
  }
  double number(std::string_view name, double otherwise) const {
    return has(name) ? std::strtod(text(name).c_str(), nullptr) : otherwise;
  }
  std::size_t count(std::string_view name, std::size_t otherwise) const {
    return static_cast<std::size_t>(number(name, static_cast<double>(otherwise)));
  }
  /// What stands first.
  std::string command() const { return words_.empty() ? "" : std::string{words_.front()}; }

 private:
  std::size_t find(std::string_view name) const {
    std::size_t at = 0;
    while (at < words_.size() && words_[at] != name) ++at;
    return at;
  }

  std::vector<std::string_view> words_;
};

/// Holds the calling thread, the `i`th of its kind, on the `i`th CPU of those that it may run on.
inline void stay_on_cpu(std::size_t i) {
  cpu_set_t may, one;
  if (sched_getaffinity(0, sizeof may, &may) != 0) return;
  i %= static_cast<std::size_t>(CPU_COUNT(&may));
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &may) || i-- != 0) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

/// The services that every peer has.
enum Port : unsigned short { port_sink = 7001, port_source = 7002, port_echo = 7003, port_once = 7004 };

}  // namespace bench
