// What the server answers: a request in, a reply out. Knows files, ranges and errors; knows nothing of connections.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http_server/site.h"

namespace http {

struct Request {
  std::string method, target;
  std::string range, if_range;  // empty: not in the request
  int version = 11;             // 10 for HTTP/1.0
  bool keep_alive = false;      // what the client wants of the connection
};

/// A header, then text that was made for it, then a part of a file; any of the last two may be empty.
struct Reply {
  int status = 200;
  std::string text;  // begins with the header
  File file;
  std::uint64_t offset = 0, length = 0;  // of the part
  bool keep_alive = false;
};

/// The file, page or error that `request` asks for.
Reply answer(const Site& site, const Request& request);
/// An error page. `request` may be empty where there was none worth the name; the connection then ends with it.
Reply error_reply(int status, const Request& request);

}  // namespace http
