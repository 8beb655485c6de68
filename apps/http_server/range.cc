#include "http_server/range.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace http {
namespace {

/// Digits and nothing else. A number too large for us is beyond the end of any file, and so is the largest we have.
std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || end != digits.data() + digits.size()) return std::nullopt;
  return error == std::errc{} ? value : std::numeric_limits<std::uint64_t>::max();
}

Range last_octets(std::uint64_t count, std::uint64_t size) {
  count = std::min(count, size);
  if (count == 0) return {.kind = Range::Kind::unsatisfiable};
  return {.kind = Range::Kind::part, .first = size - count, .length = count};
}

bool names_bytes(std::string_view unit) {  // range units are case-insensitive (RFC 9110 §14.1)
  constexpr std::string_view bytes = "bytes=";
  return unit.size() == bytes.size() && std::ranges::equal(unit, bytes, [](char a, char b) {
           return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b);
         });
}

}  // namespace

Range parse_range(std::string_view field, std::uint64_t size) {
  if (!names_bytes(field.substr(0, 6))) return {};
  field.remove_prefix(6);
  const std::size_t dash = field.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first = number(field.substr(0, dash)), last = number(field.substr(dash + 1));
  if (dash == 0) return last ? last_octets(*last, size) : Range{};
  if (!first || (!last && dash + 1 != field.size()) || (last && *last < *first)) return {};
  if (*first >= size) return {.kind = Range::Kind::unsatisfiable};
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return {.kind = Range::Kind::part, .first = *first, .length = end - *first + 1};
}

}  // namespace http
