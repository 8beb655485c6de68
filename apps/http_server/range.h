// The part of a file that a Range field asks for (RFC 9110 §14).
#pragma once

#include <cstdint>
#include <string_view>

namespace http {

struct Range {
  enum class Kind { whole, part, unsatisfiable };
  Kind kind = Kind::whole;
  std::uint64_t first = 0, length = 0;  // of a part
};

/// Reads "bytes=0-99", "bytes=100-" and "bytes=-100" against a file of `size` octets. What cannot be understood,
/// several ranges at once included, asks for the whole file: a server may ignore the field (RFC 9110 §14.2).
Range parse_range(std::string_view field, std::uint64_t size);

}  // namespace http
