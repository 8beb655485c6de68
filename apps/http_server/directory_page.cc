#include "http_server/directory_page.h"

#include <fmt/core.h>

#include <string_view>

#include "http_server/text.h"

namespace http {
namespace {

constexpr std::string_view style =
    "body{font-family:sans-serif;margin:2em}td{padding:.1em 1.5em .1em "
    "0}td:nth-child(n+2){text-align:right;color:#555}";

std::string row(const Site::Entry& entry) {
  const bool is_directory = entry.name.back() == '/';
  // "./" so that a name with a colon is not taken for another scheme.
  return fmt::format("<tr><td><a href=\"./{}\">{}</a><td>{}<td>{}\n", percent_encode(entry.name),
                     escape_html(entry.name), is_directory ? "" : std::to_string(entry.status.st_size),
                     http_date(entry.status.st_mtim.tv_sec));
}

}  // namespace

std::string directory_page(const std::string& path, const std::vector<Site::Entry>& entries) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<style>{1}</style>\n<h1>{0}</h1>\n<table>\n",
      escape_html(path), style);
  if (path != "/") page += "<tr><td><a href=\"../\">../</a><td><td>\n";
  for (const Site::Entry& entry : entries) page += row(entry);
  return page + "</table>\n";
}

}  // namespace http
