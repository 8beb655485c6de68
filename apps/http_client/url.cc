#include "http_client/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "support/program.h"

namespace http {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw apps::Failure{fmt::format("{} {}", text, why)};
}

bool starts_with_scheme(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && text.find_first_of("/?#") > colon;
}

/// Octets that may not stand in a request line are encoded, so that no URL can add a line to the request.
std::string clean(std::string_view target) {
  std::string out;
  for (const char c : target.substr(0, target.find('#'))) {
    if (c > ' ' && c < 0x7f)
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= 65535;
}

void parse_authority(std::string_view text, std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) refuse(text, "holds a user name, which this client does not send");
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) refuse(text, "lacks the ] after an IPv6 address");
    url.host = authority.substr(1, close - 1);
    rest = authority.substr(close + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  if (url.host.empty()) refuse(text, "names no host");
  if (std::ranges::any_of(url.host, [](char c) { return c <= ' ' || c >= 0x7f; }))
    refuse(text, "names no host that could be");
  if (rest.size() > 1) url.port = rest.substr(1);
  if ((!rest.empty() && rest.front() != ':') || !is_port(url.port)) refuse(text, "has a port that is not 1 to 65535");
}

/// "/a/b/../c" -> "/a/c" (RFC 3986 §5.2.4); the query stays as it is.
std::string without_dot_segments(std::string_view target) {
  const std::size_t query = std::min(target.find('?'), target.size());
  std::string path;
  for (std::size_t at = 0; at < query;) {
    const std::size_t next = std::min(target.find('/', at + 1), query);
    const std::string_view segment = target.substr(at, next - at);  // begins with its slash
    const bool is_last = next == query;
    if (segment == "/..") path.erase(std::min(path.rfind('/'), path.size()));
    if (segment != "/." && segment != "/..")
      path += segment;
    else if (is_last)
      path += '/';
    at = next;
  }
  return path + std::string{target.substr(query)};
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') != std::string::npos ? "[" + host + "]" : host;
  return port == "80" ? name : name + ":" + port;
}

Url parse_url(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (text.starts_with("https://")) refuse(text, "asks for TLS, which this client does not speak");
  if (!text.starts_with(scheme)) refuse(text, "does not begin with http://");
  const std::string_view rest = text.substr(scheme.size());
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  Url url;
  parse_authority(text, rest.substr(0, end), url);
  url.target = clean(rest.substr(end));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  url.target = without_dot_segments(url.target);
  return url;
}

Url resolve(const Url& base, std::string_view location) {
  if (starts_with_scheme(location)) return parse_url(location);
  if (location.starts_with("//")) return parse_url(fmt::format("http:{}", location));
  Url url = base;
  const std::string_view path = std::string_view{base.target}.substr(0, base.target.find('?'));
  if (location.starts_with('/'))
    url.target = clean(location);
  else if (location.starts_with('?'))
    url.target = std::string{path} + clean(location);
  else
    url.target = std::string{path.substr(0, path.rfind('/') + 1)} + clean(location);
  url.target = without_dot_segments(url.target);
  return url;
}

}  // namespace http
