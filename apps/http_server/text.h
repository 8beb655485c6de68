// The small languages of HTTP and HTML: percent-encoding, escaping, dates, media types.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// "%41b" -> "Ab" (RFC 3986 §2.1); nothing if an escape is not one, or hides a NUL.
std::optional<std::string> percent_decode(std::string_view text);
/// For a path in a link: everything but unreserved characters and slashes is encoded.
std::string percent_encode(std::string_view path);
/// For text inside an HTML page or an attribute of it.
std::string escape_html(std::string_view text);
/// For a log: no octet of the peer can forge a line or drive a terminal.
std::string escape_log(std::string_view text);
/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
std::string http_date(std::time_t when);
/// By the ending of the name; application/octet-stream for the unknown.
std::string_view media_type(std::string_view name);
/// "Not Found" for 404.
std::string_view reason_phrase(int status);

}  // namespace http
