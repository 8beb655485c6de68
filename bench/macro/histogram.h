// Times in buckets of which each is at most 1/32 wide: percentiles of any number of them in a fixed space.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>

namespace bench {

class Histogram {
 public:
  void add(std::uint64_t nanoseconds) {
    ++counts_[bucket(nanoseconds)];
    ++total_;
  }
  std::uint64_t total() const { return total_; }

  /// The time below which `part` (0..1) of all are, in microseconds.
  double microseconds(double part) const {
    const double wanted = part * static_cast<double>(total_);
    double seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if ((seen += static_cast<double>(counts_[i])) >= wanted && seen > 0) return upper(i);
    return 0;
  }

  /// As JSON: [[microseconds, count], ...].
  void print() const {
    const char* between = "";
    std::printf("[");
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      std::printf("%s[%.3f,%llu]", between, upper(i), static_cast<unsigned long long>(counts_[i]));
      between = ",";
    }
    std::printf("]");
  }

 private:
  static constexpr unsigned bits = 5;

  static std::size_t bucket(std::uint64_t n) {
    if (n < 1u << bits) return n;
    const auto shift = static_cast<unsigned>(std::bit_width(n)) - bits - 1;
    return ((shift + 1) << bits) + (n >> shift) - (1u << bits);
  }
  static double upper(std::size_t i) {
    if (i < 1u << bits) return static_cast<double>(i) / 1e3;
    const std::size_t shift = (i >> bits) - 1, mantissa = (i & ((1u << bits) - 1)) + (1u << bits);
    return static_cast<double>((mantissa + 1) << shift) / 1e3;
  }

  std::array<std::uint64_t, (64 - bits + 1) << bits> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace bench
