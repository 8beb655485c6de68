// One request and its response.
#pragma once

#include <string>

#include "http_client/connection.h"
#include "http_client/sink.h"

namespace http {

struct Response {
  int status = 0;
  std::string reason;    // "Not Found"
  std::string location;  // of a redirection
  bool is_success() const { return status / 100 == 2; }
  bool is_redirection() const {
    return !location.empty() && (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
  }
};

/// Asks for the page. The body of a success goes to `sink`, whichever way its end is told: Content-Length, chunks or
/// the end of the connection; others are left unread. Throws Failure if the response is not HTTP or ends early.
Response fetch(Connection& connection, const Url& url, Sink& sink);

}  // namespace http
