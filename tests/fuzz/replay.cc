// A target as a test: it is run on each of its seeds, and on all their beginnings.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/fuzz.h"

namespace {

std::vector<std::filesystem::path> seeds() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator{SEEDS}) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

std::vector<char> octets_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class Seed : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Seed, is_survived) {
  const std::vector<char> all = octets_of(GetParam());
  const tunic::Bytes input{reinterpret_cast<const std::byte*>(all.data()), all.size()};
  const std::size_t step = std::max<std::size_t>(1, all.size() / 64);
  for (std::size_t n = 0; n < all.size(); n += step) {
    const std::vector<char> cut{all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n)};  // alone in its memory
    tunic::fuzz::run({reinterpret_cast<const std::byte*>(cut.data()), cut.size()});
  }
  tunic::fuzz::run(input);
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.filename().string();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(fuzz, Seed, testing::ValuesIn(seeds()), name_of);

}  // namespace
