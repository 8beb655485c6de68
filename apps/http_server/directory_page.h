// The page that shows what a directory holds.
#pragma once

#include <string>
#include <vector>

#include "http_server/site.h"

namespace http {

/// `path` is the directory's path on the server, from "/" to "/".
std::string directory_page(const std::string& path, const std::vector<Site::Entry>& entries);

}  // namespace http
