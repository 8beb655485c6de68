// The directory that is served. The kernel itself keeps every look-up beneath it: neither `..` nor a symbolic link
// leads out.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "support/owned.h"

namespace http {

using apps::File;

class Site {
 public:
  /// Throws Failure if `directory` cannot be opened.
  explicit Site(const std::string& directory);

  struct Found {
    int error = 0;  // errno; EXDEV: the path leads out of the directory
    File file;
    struct stat status {};
  };
  /// Opens a file or a directory by its path inside the site, "" being the site itself.
  Found open(const std::string& path) const;

  struct Entry {
    std::string name;  // directories end in a slash
    struct stat status {};
  };
  /// What the directory `path` holds and we would serve, directories first, each kind by name.
  std::vector<Entry> list(const std::string& path, const File& directory) const;

 private:
  Found open_beneath(const std::string& path, std::uint64_t flags) const;
  File root_;
};

}  // namespace http
