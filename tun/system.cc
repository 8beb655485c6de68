#include "tun/system.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tunic::sys {

int open(const char* path, int flags) { return ::open(path, flags); }
int close(int fd) { return ::close(fd); }
int ioctl(int fd, unsigned long request, void* argument) { return ::ioctl(fd, request, argument); }
int ioctl(int fd, unsigned long request, unsigned long argument) { return ::ioctl(fd, request, argument); }
int fcntl(int fd, int command, int argument) { return ::fcntl(fd, command, argument); }
int socket(int domain, int type, int protocol) { return ::socket(domain, type, protocol); }
int bind(int fd, const sockaddr* address, socklen_t size) { return ::bind(fd, address, size); }
int getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
  return ::getsockopt(fd, level, option, value, size);
}
int stat(const char* path, struct stat* status) { return ::stat(path, status); }
int fstat(int fd, struct stat* status) { return ::fstat(fd, status); }
int setns(int fd, int type) { return ::setns(fd, type); }
int poll(pollfd* set, nfds_t count, int milliseconds) { return ::poll(set, count, milliseconds); }
ssize_t recv(int fd, void* buffer, std::size_t size, int flags) { return ::recv(fd, buffer, size, flags); }
ssize_t readv(int fd, const iovec* parts, int count) { return ::readv(fd, parts, count); }
ssize_t writev(int fd, const iovec* parts, int count) { return ::writev(fd, parts, count); }
ssize_t write(int fd, const void* data, std::size_t size) { return ::write(fd, data, size); }

}  // namespace tunic::sys
