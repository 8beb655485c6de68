// The system calls of this room, each under its own name, and nothing else: a test puts others in their place and has
// each of them fail. What they do, take and give is the kernel's.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cstddef>

namespace tunic::sys {

int open(const char* path, int flags);
int close(int fd);
int ioctl(int fd, unsigned long request, void* argument);
int ioctl(int fd, unsigned long request, unsigned long argument);
int fcntl(int fd, int command, int argument);
int socket(int domain, int type, int protocol);
int bind(int fd, const sockaddr* address, socklen_t size);
int getsockopt(int fd, int level, int option, void* value, socklen_t* size);
int stat(const char* path, struct stat* status);
int fstat(int fd, struct stat* status);
int setns(int fd, int type);
int poll(pollfd* set, nfds_t count, int milliseconds);
ssize_t recv(int fd, void* buffer, std::size_t size, int flags);
ssize_t readv(int fd, const iovec* parts, int count);
ssize_t writev(int fd, const iovec* parts, int count);
ssize_t write(int fd, const void* data, std::size_t size);

}  // namespace tunic::sys
