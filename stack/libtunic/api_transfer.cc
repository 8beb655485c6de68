// The calls of tunic.h that move octets.
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <climits>
#include <span>

#include "libtunic/owner.h"
#include "libtunic/tunic.h"
#include "posix/pieces.h"

namespace {

using tunic::by_owner;
using tunic::fail_with;
using tunic::Handle;
using tunic::Process;
using tunic::Sockets;
using tunic::Use;

constexpr iovec range(void* p, std::size_t n) { return {.iov_base = p, .iov_len = n}; }
constexpr iovec range(const void* p, std::size_t n) { return {.iov_base = const_cast<void*>(p), .iov_len = n}; }

bool is_vector(const iovec* vector, int count) {
  return count >= 0 && count <= IOV_MAX && (vector != nullptr || count == 0);
}
int bad_vector(int count) { return fail_with(count < 0 || count > IOV_MAX ? EINVAL : EFAULT); }
std::span<const iovec> vector_of(const iovec* vector, int count) { return {vector, static_cast<std::size_t>(count)}; }

}  // namespace

ssize_t tunic_read(int fd, void* buffer, size_t size) {
  const iovec one = range(buffer, size);
  return by_owner(
      fd,
      [&](Sockets& s, Handle h) {
        return s.receive(h, {&one, 1}, 0, false);
      },
      [&] { return ::read(fd, buffer, size); });
}

ssize_t tunic_readv(int fd, const iovec* vector, int count) {
  return by_owner(
      fd,
      [&](Sockets& s, Handle h) -> ssize_t {
        return is_vector(vector, count) ? s.receive(h, vector_of(vector, count), 0, false) : bad_vector(count);
      },
      [&] { return ::readv(fd, vector, count); });
}

ssize_t tunic_recv(int fd, void* buffer, size_t size, int flags) {
  const iovec one = range(buffer, size);
  return by_owner(
      fd,
      [&](Sockets& s, Handle h) {
        return s.receive(h, {&one, 1}, flags, true);
      },
      [&] { return ::recv(fd, buffer, size, flags); });
}

ssize_t tunic_recvfrom(int fd, void* buffer, size_t size, int flags, sockaddr* address, socklen_t* length) {
  const iovec one = range(buffer, size);
  const auto ours = [&](Sockets& s, Handle h) -> ssize_t {
    if (address == nullptr) return s.receive(h, {&one, 1}, flags, true);
    if (length == nullptr) return fail_with(EFAULT);
    if (static_cast<int>(*length) < 0) return fail_with(EINVAL);
    msghdr about{};
    about.msg_name = address;
    about.msg_namelen = *length;
    const ssize_t n = s.receive(h, {&one, 1}, flags, true, &about);
    if (n >= 0) *length = about.msg_namelen;
    return n;
  };
  return by_owner(fd, ours, [&] { return ::recvfrom(fd, buffer, size, flags, address, length); });
}

ssize_t tunic_write(int fd, const void* data, size_t size) {
  const iovec one = range(data, size);
  return by_owner(
      fd,
      [&](Sockets& s, Handle h) {
        return s.send(h, {&one, 1}, 0);
      },
      [&] { return ::write(fd, data, size); });
}

ssize_t tunic_writev(int fd, const iovec* vector, int count) {
  return by_owner(
      fd,
      [&](Sockets& s, Handle h) -> ssize_t {
        if (!is_vector(vector, count)) return bad_vector(count);
        const auto all = vector_of(vector, count);
        if (tunic::Pieces::total(all) == std::size_t{0}) return 0;  // as Linux: no datagram either
        return s.send(h, all, 0);
      },
      [&] { return ::writev(fd, vector, count); });
}

ssize_t tunic_send(int fd, const void* data, size_t size, int flags) {
  const iovec one = range(data, size);
  return by_owner(
      fd,
      [&](Sockets& s, Handle h) {
        return s.send(h, {&one, 1}, flags);
      },
      [&] { return ::send(fd, data, size, flags); });
}

ssize_t tunic_sendto(int fd, const void* data, size_t size, int flags, const sockaddr* address, socklen_t length) {
  const iovec one = range(data, size);
  const auto ours = [&](Sockets& s, Handle h) -> ssize_t {
    if (address == nullptr) return s.send(h, {&one, 1}, flags);
    if (length > sizeof(sockaddr_storage)) return fail_with(EINVAL);
    msghdr about{};
    about.msg_name = const_cast<sockaddr*>(address);
    about.msg_namelen = length;
    return s.send(h, {&one, 1}, flags, &about);
  };
  return by_owner(fd, ours, [&] { return ::sendto(fd, data, size, flags, address, length); });
}

ssize_t tunic_recvmsg(int fd, msghdr* message, int flags) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.recvmsg(h, message, flags); },
      [&] { return ::recvmsg(fd, message, flags); });
}

ssize_t tunic_sendmsg(int fd, const msghdr* message, int flags) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.sendmsg(h, message, flags); },
      [&] { return ::sendmsg(fd, message, flags); });
}

int tunic_recvmmsg(int fd, mmsghdr* set, unsigned count, int flags, timespec* timeout) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.recvmmsg(h, set, count, flags, timeout); },
      [&] { return ::recvmmsg(fd, set, count, flags, timeout); });
}

int tunic_sendmmsg(int fd, mmsghdr* set, unsigned count, int flags) {
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.sendmmsg(h, set, count, flags); },
      [&] { return ::sendmmsg(fd, set, count, flags); });
}

ssize_t tunic_sendfile(int fd, int from, off_t* offset, size_t count) {
  const Use source = Process::instance().files().find(from).use();
  if (source == Use::lost) return fail_with(EBADF);
  if (source == Use::open) return fail_with(offset != nullptr ? ESPIPE : EINVAL);  // no socket can be read at a place
  return by_owner(
      fd, [&](Sockets& s, Handle h) { return s.sendfile(h, from, offset, count); },
      [&] { return ::sendfile(fd, from, offset, count); });
}
