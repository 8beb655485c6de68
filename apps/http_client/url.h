// http:// addresses of pages (RFC 3986, RFC 9110 §4.2.1).
#pragma once

#include <string>
#include <string_view>

namespace http {

struct Url {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without its brackets
  std::string port = "80";
  std::string target = "/";  // path and query, as the request line wants them

  /// What a Host field says.
  std::string authority() const;
};

/// Throws Failure with a sentence where `text` is not such an address.
Url parse_url(std::string_view text);
/// Where a Location field leads from `base`: it may be a whole URL or only the part that differs.
Url resolve(const Url& base, std::string_view location);

}  // namespace http
