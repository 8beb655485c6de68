#include "posix/files.h"

#include <fcntl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <new>

namespace tunic {

namespace {

constexpr std::uint32_t stamp(std::uint32_t before, Use use) {
  return (before / 4 + 1) * 4 + static_cast<std::uint32_t>(use);
}

std::unexpected<Error> kernel_error() { return fail(static_cast<Error>(errno)); }

}  // namespace

Files::~Files() {
  for (auto& chunk : chunks_) delete[] chunk.load();
  if (placeholder_ >= 0) ::close(placeholder_);
}

Handle Files::find(int fd) const {
  const auto n = static_cast<std::size_t>(fd);
  if (fd < 0 || n >= max_chunks * chunk_size) return {};
  Descriptor* chunk = chunks_[n / chunk_size].load(std::memory_order_acquire);
  if (chunk == nullptr) return {};
  Descriptor* s = chunk + n % chunk_size;
  return {s, s->state.load(std::memory_order_acquire), fd};
}

Descriptor* Files::make(int fd) {
  const auto n = static_cast<std::size_t>(fd);
  if (n >= max_chunks * chunk_size) return nullptr;
  std::atomic<Descriptor*>& chunk = chunks_[n / chunk_size];
  if (chunk.load() == nullptr) chunk.store(new (std::nothrow) Descriptor[chunk_size], std::memory_order_release);
  Descriptor* first = chunk.load();
  return first == nullptr ? nullptr : first + n % chunk_size;
}

Result<int> Files::reserve() {
  // A timer that is never set is never readable and never writable, and is one descriptor where a pipe is two.
  if (placeholder_ < 0) placeholder_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (placeholder_ < 0) return kernel_error();
  const int fd = fcntl(placeholder_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return kernel_error();
  if (make(fd) == nullptr) {
    unreserve(fd);
    return fail(Error::no_memory);
  }
  return fd;
}

void Files::unreserve(int fd) { ::close(fd); }

Handle Files::open(int fd, SocketId id, Family family, SocketId& before) {
  const Handle old = find(fd);
  Descriptor& s = *old.socket;
  before = old.use() == Use::open ? s.id : SocketId{};
  s.id = id;
  s.family = family;
  s.nonblocking = s.close_on_exec = false;
  s.receive_low = 1;
  s.receive_timeout = s.send_timeout = Descriptor::forever;
  s.settings = {};
  s.state.store(stamp(old.state, Use::open), std::memory_order_release);
  return find(fd);
}

void Files::close(const Handle& h) {
  h.socket->state.store(stamp(h.state, Use::none), std::memory_order_release);
  ::close(h.fd);
}

void Files::lose_all() {
  for_each_open([](const Handle& h) { h.socket->state.store(stamp(h.state, Use::lost), std::memory_order_release); });
}

}  // namespace tunic
