#include "posix/files.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <utility>

#include "posix/doorbell.h"
#include "posix/epoll.h"

namespace tunic {

namespace {

constexpr std::uint32_t stamp(std::uint32_t before, Use use) {
  return (before / 4 + 1) * 4 + static_cast<std::uint32_t>(use);
}

/// One number less stands for `d`: to be deleted, if that was its last.
std::unique_ptr<Description> last(Description* d) {
  return std::unique_ptr<Description>{d != nullptr && --d->numbers == 0 ? d : nullptr};
}

std::unexpected<Error> kernel_error() { return fail(static_cast<Error>(errno)); }

}  // namespace

Description::Description() = default;
Description::~Description() = default;

Files::~Files() {
  for (auto& chunk : chunks_) {
    Number* const first = chunk.load();
    for (std::size_t i = 0; first != nullptr && i < chunk_size; ++i) leave(first[i]);
    delete[] first;
  }
  if (placeholder_ >= 0) ::close(placeholder_);
}

Handle Files::find(int fd) const {
  const auto n = static_cast<std::size_t>(fd);
  if (fd < 0 || n >= max_chunks * chunk_size) return {};
  const Number* chunk = chunks_[n / chunk_size].load(std::memory_order_acquire);
  if (chunk == nullptr) return {};
  const Number& number = chunk[n % chunk_size];
  const std::uint32_t state = number.state.load(std::memory_order_acquire);
  // One that is newer than `state` comes with a newer state, by which is_current() knows.
  return {&number, number.description.load(std::memory_order_acquire), state, fd};
}

Number* Files::make(int fd) {
  const auto n = static_cast<std::size_t>(fd);
  if (n >= max_chunks * chunk_size) return nullptr;
  std::atomic<Number*>& chunk = chunks_[n / chunk_size];
  if (chunk.load() == nullptr) chunk.store(new (std::nothrow) Number[chunk_size], std::memory_order_release);
  Number* first = chunk.load();
  return first == nullptr ? nullptr : first + n % chunk_size;
}

Result<int> Files::reserve(bool close_on_exec) {
  // A timer that is never set is never readable and never writable, and is one descriptor where a pipe is two.
  if (placeholder_ < 0) placeholder_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (placeholder_ < 0) return kernel_error();
  return duplicate(placeholder_, 0, close_on_exec);
}

Result<int> Files::reserve_another(const Handle& h, int least, bool close_on_exec) {
  return duplicate(h.fd, least, close_on_exec);
}

Result<int> Files::duplicate(int of, int least, bool close_on_exec) {
  const int fd = fcntl(of, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, least);
  if (fd < 0) return kernel_error();
  if (make(fd) == nullptr) {
    unreserve(fd);
    return fail(Error::no_memory);
  }
  return fd;
}

Status Files::reserve_at(const Handle& h, int fd, bool close_on_exec) {
  rlimit most{};
  if (getrlimit(RLIMIT_NOFILE, &most) == 0 && fd >= 0 && static_cast<rlim_t>(fd) >= most.rlim_cur)
    return fail(Error::bad_handle);
  if (fd >= 0 && make(fd) == nullptr) return fail(Error::no_memory);
  if (dup3(h.fd, fd, close_on_exec ? O_CLOEXEC : 0) < 0) return kernel_error();
  return {};
}

void Files::unreserve(int fd) { ::close(fd); }

std::unique_ptr<Description> Files::put(int fd, Description& d) {
  Number& n = *make(fd);
  ++d.numbers;
  Description* const before = n.description.exchange(&d);
  n.state.store(stamp(n.state.load(), d.epoll ? Use::epoll : Use::open), std::memory_order_release);
  return last(before);
}

std::unique_ptr<Description> Files::remove(const Handle& h) { return leave(*make(h.fd)); }

std::unique_ptr<Description> Files::leave(Number& n) {
  Description* const d = n.description.exchange(nullptr);
  n.state.store(stamp(n.state.load(), Use::none), std::memory_order_release);
  return last(d);
}

void Files::lose_all() {
  for_each([this](const Handle& h) {
    Number& n = *make(h.fd);
    if (h.socket->epoll) h.socket->epoll->after_fork_in_child();
    last(n.description.exchange(nullptr));
    n.state.store(stamp(h.state, Use::lost), std::memory_order_release);
  });
  if (placeholder_ >= 0) ::close(std::exchange(placeholder_, -1));  // now, while its number is certainly ours
}

}  // namespace tunic
