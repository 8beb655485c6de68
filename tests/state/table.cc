#include "table.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "test_support/segment.h"

namespace tunic::test {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out;
  std::istringstream in{text};
  for (std::string part; std::getline(in, part, at);) out.push_back(part);
  return out;
}

// A column with one value has it in every outcome.
const std::string& choice(const std::vector<std::string>& values, std::size_t k) {
  return values.size() == 1 ? values[0] : values.at(k);
}

std::vector<Outcome> outcomes(const std::vector<std::string>& columns) {
  const auto next = split(columns[5], '|'), sent = split(columns[6], '|'), accepted = split(columns[7], '|'),
             told = split(columns[8], '|');
  const auto n = std::max({next.size(), sent.size(), accepted.size(), told.size()});
  std::vector<Outcome> out;
  for (std::size_t k = 0; k < n; ++k)
    out.push_back({choice(next, k), choice(sent, k), choice(accepted, k), choice(told, k)});
  return out;
}

}  // namespace

std::vector<Row> read_table(const std::string& path) {
  std::ifstream in{path};
  std::vector<Row> rows;
  int number = 0;
  bool names_seen = false;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (!std::exchange(names_seen, true)) continue;
    const auto c = split(line, '\t');
    rows.push_back({number, c.at(0), c.at(1), c.at(2), c.at(3), std::stoul(c.at(4)), outcomes(c), c.at(9), c.at(10)});
  }
  return rows;
}

std::uint8_t flag_bits(const std::string& flags) {
  static constexpr std::array<std::pair<const char*, std::uint8_t>, 4> names{
      {{"FIN", flag::fin}, {"SYN", flag::syn}, {"RST", flag::rst}, {"ACK", flag::ack}}};
  unsigned bits = 0;
  for (const auto& word : split(flags, '+'))
    for (const auto& [name, bit] : names)
      if (word == name) bits |= bit;
  return static_cast<std::uint8_t>(bits);
}

}  // namespace tunic::test
