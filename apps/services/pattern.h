// RFC 864's characters.
#pragma once

#include <cstddef>
#include <string>

namespace services {

/// Octets that a service reads or writes at a time, at most.
inline constexpr std::size_t block = 64 * 1024;

/// RFC 864's pattern: lines of 72 of the 95 printing characters, each line one further along the ring. It repeats after
/// 95 lines; the text here is long enough for one block from any place in it.
class Pattern {
 public:
  static constexpr std::size_t period = 95 * (72 + 2);
  Pattern() {
    for (std::size_t line = 0; text_.size() < period + block; ++line) {
      for (std::size_t i = 0; i < 72; ++i) text_.push_back(static_cast<char>(' ' + (line + i) % 95));
      text_ += "\r\n";
    }
  }
  const char* at(std::size_t place) const { return text_.data() + place; }

 private:
  std::string text_;
};

}  // namespace services
