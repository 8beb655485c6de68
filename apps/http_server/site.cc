#include "http_server/site.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <memory>

#include "support/program.h"

namespace http {
namespace {

/// glibc has no function for this system call yet.
int openat2(int directory, const char* path, const open_how& how) {
  return static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

bool directories_first(const Site::Entry& a, const Site::Entry& b) {
  const bool a_is = a.name.back() == '/', b_is = b.name.back() == '/';
  return a_is != b_is ? a_is : a.name < b.name;
}

}  // namespace

Site::Site(const std::string& directory) : root_{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)} {
  if (!root_) apps::fail("cannot open the directory " + directory);
}

Site::Found Site::open_beneath(const std::string& path, std::uint64_t flags) const {
  const open_how how{.flags = flags | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH};
  Found found;
  found.file = File{openat2(root_.fd(), path.empty() ? "." : path.c_str(), how)};
  if (!found.file || fstat(found.file.fd(), &found.status) != 0) found.error = errno;
  return found;
}

Site::Found Site::open(const std::string& path) const {
  // Without O_NONBLOCK a named pipe would stop the whole server until someone writes to it.
  return open_beneath(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

std::vector<Site::Entry> Site::list(const std::string& path, const File& directory) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> open_directory{fdopendir(dup(directory.fd())), closedir};
  if (!open_directory) return {};
  std::vector<Entry> entries;
  while (const dirent* e = readdir(open_directory.get())) {
    std::string name{e->d_name};
    if (name == "." || name == "..") continue;
    const Found found = open_beneath(path + name, O_PATH);
    if (found.error != 0 || (!S_ISREG(found.status.st_mode) && !S_ISDIR(found.status.st_mode))) continue;
    if (S_ISDIR(found.status.st_mode)) name.push_back('/');
    entries.push_back({std::move(name), found.status});
  }
  std::ranges::sort(entries, directories_first);
  return entries;
}

}  // namespace http
