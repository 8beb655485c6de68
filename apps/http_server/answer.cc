#include "http_server/answer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "http_server/directory_page.h"
#include "http_server/range.h"
#include "http_server/text.h"

namespace http {
namespace {

/// A reply in the making: the header grows by a line at a time and is closed by finish().
class Draft {
 public:
  Draft(int status, const Request& request) : request_{request} {
    reply_.status = status;
    reply_.keep_alive = request.keep_alive;
    reply_.text = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
    field("Date", http_date(std::time(nullptr)));
    field("Server", "Tunic");
    if (!request.keep_alive)
      field("Connection", "close");
    else if (request.version == 10)
      field("Connection", "keep-alive");  // not HTTP/1.0's default
  }

  void field(std::string_view name, std::string_view value) { reply_.text += fmt::format("{}: {}\r\n", name, value); }

  /// Closes the header over `body`, which a HEAD request does not get.
  Reply finish(std::string_view type, const std::string& body) && {
    field("Content-Type", type);
    end_header(body.size());
    if (request_.method != "HEAD") reply_.text += body;
    return std::move(reply_);
  }

  /// Closes the header over a part of a file.
  Reply finish(File file, std::uint64_t offset, std::uint64_t length) && {
    end_header(length);
    if (request_.method != "HEAD") {
      reply_.file = std::move(file);
      reply_.offset = offset;
      reply_.length = length;
    }
    return std::move(reply_);
  }

 private:
  void end_header(std::uint64_t length) {
    field("Content-Length", std::to_string(length));
    reply_.text += "\r\n";
  }

  const Request& request_;
  Reply reply_;
};

Reply error_page(Draft draft, int status) {
  return std::move(draft).finish(
      "text/html; charset=utf-8",
      fmt::format("<!DOCTYPE html>\n<title>{0} {1}</title>\n<h1>{0} {1}</h1>\n", status, reason_phrase(status)));
}

Reply method_refused(const Request& request) {
  constexpr std::array<std::string_view, 6> known{"POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE"};
  const bool is_known = std::ranges::find(known, request.method) != known.end() || request.method == "PATCH";
  const int status = is_known ? 405 : 501;
  Draft draft{status, request};
  if (is_known) draft.field("Allow", "GET, HEAD");  // owed with a 405 (RFC 9110 §15.5.6)
  return error_page(std::move(draft), status);
}

int status_for(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return 404;
    case EACCES:
    case EPERM:
    case EXDEV:
      return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return 503;  // EAGAIN: the tree was being renamed under the look-up
    default:
      return 500;
  }
}

/// "http://host/a?b" and "/a?b" -> "/a" (RFC 9112 §3.2); empty if it is neither.
std::string_view path_of(std::string_view target) {
  if (target.starts_with("http://")) {
    const std::size_t slash = target.find_first_of("/?", 7);
    if (slash == std::string_view::npos || target[slash] == '?') return "/";
    target.remove_prefix(slash);
  }
  if (!target.starts_with('/')) return {};
  return target.substr(0, target.find_first_of("?#"));
}

/// Empty segments go: "//evil.example" in a Location would be another host.
std::string without_empty_segments(std::string_view path) {
  std::string out;
  for (const char c : path)
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  return out;
}

/// Changes with the content, as far as the file system can tell.
std::string entity_tag(const struct stat& status) {
  return fmt::format("\"{:x}-{:x}-{:x}.{:x}\"", status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

Reply whole_or_part(const std::string& path, Site::Found found, const Request& request) {
  const auto size = static_cast<std::uint64_t>(found.status.st_size);
  const std::string changed = http_date(found.status.st_mtim.tv_sec), tag = entity_tag(found.status);
  Range range;
  // HEAD has no ranges, and a part is of no use to a client whose other parts are of another version (RFC 9110 §13.1.5,
  // §14.2).
  const bool same_version = request.if_range.empty() || request.if_range == tag || request.if_range == changed;
  if (request.method == "GET" && !request.range.empty() && same_version) range = parse_range(request.range, size);
  if (range.kind == Range::Kind::unsatisfiable) {
    Draft draft{416, request};
    draft.field("Content-Range", fmt::format("bytes */{}", size));
    return error_page(std::move(draft), 416);
  }
  const bool part = range.kind == Range::Kind::part;
  Draft draft{part ? 206 : 200, request};
  draft.field("Last-Modified", changed);
  draft.field("ETag", tag);
  draft.field("Accept-Ranges", "bytes");
  draft.field("Content-Type", media_type(path));
  if (part)
    draft.field("Content-Range", fmt::format("bytes {}-{}/{}", range.first, range.first + range.length - 1, size));
  return std::move(draft).finish(std::move(found.file), range.first, part ? range.length : size);
}

Reply moved(const std::string& to, const Request& request) {
  Draft draft{301, request};
  draft.field("Location", percent_encode(to));
  return error_page(std::move(draft), 301);
}

/// `path` begins with a slash, as the client wrote it; the site's own paths do not.
Reply directory(const Site& site, const std::string& path, const Site::Found& found, const Request& request) {
  if (!path.ends_with('/')) return moved(path + "/", request);  // or relative links would miss a level
  const std::string inside = path.substr(1);
  Site::Found index = site.open(inside + "index.html");
  if (index.error == 0 && S_ISREG(index.status.st_mode)) return whole_or_part("index.html", std::move(index), request);
  return Draft{200, request}.finish("text/html; charset=utf-8", directory_page(path, site.list(inside, found.file)));
}

}  // namespace

Reply answer(const Site& site, const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return method_refused(request);
  const std::optional<std::string> decoded = percent_decode(path_of(request.target));
  if (!decoded || decoded->empty()) return error_reply(400, request);
  const std::string path = without_empty_segments(*decoded);
  Site::Found found = site.open(path.substr(1));
  if (found.error != 0) return error_reply(status_for(found.error), request);
  if (S_ISDIR(found.status.st_mode)) return directory(site, path, found, request);
  if (!S_ISREG(found.status.st_mode)) return error_reply(403, request);  // devices and pipes are not content
  return whole_or_part(path, std::move(found), request);
}

Reply error_reply(int status, const Request& request) { return error_page(Draft{status, request}, status); }

}  // namespace http
