// The calls of tunic.h: each asks whose number it is given, and passes on to our sockets or to the kernel.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <new>
#include <span>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "libtunic/owner.h"
#include "libtunic/tunic.h"

namespace {

using tunic::by_owner;
using tunic::fail_with;
using tunic::Handle;
using tunic::Process;
using tunic::Runtime;
using tunic::Sockets;
using tunic::Use;

}  // namespace

int tunic_start(const tunic_config* config) try {
  const auto started = Process::instance().start(config);
  return started ? 0 : fail_with(started.error());
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

const char* tunic_start_error(void) try {
  thread_local std::string sentence;
  sentence = Process::instance().start_error();
  return sentence.c_str();
} catch (const std::bad_alloc&) {
  return "there is no memory to say what is wrong";
}

const char* tunic_device_error(void) try {
  thread_local std::string sentence;
  const Runtime* runtime = Process::instance().runtime();
  sentence = runtime != nullptr ? runtime->device_trouble() : std::string{};
  return sentence.c_str();
} catch (const std::bad_alloc&) {
  return "there is no memory to say what is wrong";
}

int tunic_socket(int domain, int type, int protocol) try {
  const auto kind = Sockets::check(domain, type, protocol);
  if (!kind) return fail_with(static_cast<int>(kind.error()));
  const auto runtime = Process::instance().running();
  return runtime ? (*runtime)->sockets().socket(*kind, type) : fail_with(runtime.error());
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

int tunic_bind(int fd, const sockaddr* address, socklen_t length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.bind(h, address, length); },
      [&] { return ::bind(fd, address, length); });
}

int tunic_listen(int fd, int backlog) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.listen(h, backlog); }, [&] { return ::listen(fd, backlog); });
}

int tunic_accept(int fd, sockaddr* address, socklen_t* length) { return tunic_accept4(fd, address, length, 0); }

int tunic_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.accept(h, address, length, flags); },
      [&] { return ::accept4(fd, address, length, flags); });
}

int tunic_connect(int fd, const sockaddr* address, socklen_t length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.connect(h, address, length); },
      [&] { return ::connect(fd, address, length); });
}

int tunic_shutdown(int fd, int how) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.shutdown(h, how); }, [&] { return ::shutdown(fd, how); });
}

int tunic_getsockname(int fd, sockaddr* address, socklen_t* length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.getsockname(h, address, length); },
      [&] { return ::getsockname(fd, address, length); });
}

int tunic_getpeername(int fd, sockaddr* address, socklen_t* length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.getpeername(h, address, length); },
      [&] { return ::getpeername(fd, address, length); });
}

int tunic_getsockopt(int fd, int level, int option, void* value, socklen_t* length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.getsockopt(h, level, option, value, length); },
      [&] { return ::getsockopt(fd, level, option, value, length); });
}

int tunic_setsockopt(int fd, int level, int option, const void* value, socklen_t length) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.setsockopt(h, level, option, value, length); },
      [&] { return ::setsockopt(fd, level, option, value, length); });
}

int tunic_ioctl(int fd, unsigned long request, ...) {
  std::va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.ioctl(h, request, static_cast<int*>(argument)); },
      [&] { return ::ioctl(fd, request, argument); });
}
