// Which descriptor numbers are sockets of ours. A number is reserved in the kernel's own table, as a duplicate of one
// placeholder that is never ready, so that it collides with nothing and RLIMIT_NOFILE holds; this table says which open
// file description it stands for. After dup() several numbers stand for one.
//
// A number's entry, once made, stays for the life of the table, so find() needs no lock; it gives a handle with a
// generation, by which a call that comes back from waiting sees that its socket was closed, even if the number has been
// used again.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/time.h"
#include "core/stack.h"
#include "posix/settings.h"

namespace tunic {

enum class Use : std::uint8_t {
  none,  // not ours: the kernel's, or nobody's
  open,  // a socket
  epoll,
  lost,  // was open in the process that forked this one: EBADF until it is closed
};

class Doorbell;
class Epoll;

/// An open file description: what the socket layer knows of one socket beyond what the Stack does, or an epoll. Used
/// under the gate.
struct Description {
  Description();
  ~Description();

  static constexpr Duration forever = Duration::max();

  SocketId id;
  Family family = Family::v4;
  Transport transport = Transport::tcp;
  bool nonblocking = false;                                    // O_NONBLOCK
  bool append = false;                                         // O_APPEND, remembered
  Duration receive_timeout = forever, send_timeout = forever;  // SO_RCVTIMEO, SO_SNDTIMEO; 0: do not wait
  SocketSettings settings;
  bool is_reviewed = false;            // observers are to be told of calls too
  int numbers = 0;                     // that stand for it
  std::unique_ptr<Doorbell> doorbell;  // for epolls of the kernel
  std::shared_ptr<Epoll> epoll;        // then it is no socket; calls that wait have a share
};

/// What a number stands for. Written under the gate.
struct Number {
  std::atomic<std::uint32_t> state{0};  // generation * 4 + Use
  std::atomic<Description*> description{nullptr};
};

/// A number as a call found it.
struct Handle {
  const Number* number = nullptr;
  Description* socket = nullptr;  // there while is_current()
  std::uint32_t state = 0;
  int fd = -1;

  Use use() const { return static_cast<Use>(state & 3); }
  /// Whether it still means the same socket; certain only under the gate.
  bool is_current() const {
    return number->state.load(std::memory_order_acquire) == state && (use() == Use::open || use() == Use::epoll);
  }
};

class Files {
 public:
  static constexpr std::size_t chunk_size = 1024, max_chunks = 1024;

  Files() = default;
  ~Files();
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  /// Any thread, any number.
  Handle find(int fd) const;

  // -- under the gate --
  /// A number of the kernel's for a new socket, the lowest free one. Errors: too_many, no_memory and others of the
  /// kernel.
  Result<int> reserve(bool close_on_exec);
  /// Another number of the kernel's for what `h` stands for, the lowest free one from `least` on; with the same errors.
  Result<int> reserve_another(const Handle& h, int least, bool close_on_exec);
  /// dup3(2) of what `h` stands for, in the kernel's table alone; with its errors.
  Status reserve_at(const Handle& h, int fd, bool close_on_exec);
  /// Makes room in the table for a number that the caller has from the kernel. False: there is no memory.
  bool adopt(int fd) { return make(fd) != nullptr; }
  /// Gives back a number that was reserved and put() has not taken.
  static void unreserve(int fd);
  /// A reserved number stands for `d` from now on. The result is what it stood for, if this was the last number of
  /// that, which the program has replaced or closed behind our back.
  std::unique_ptr<Description> put(int fd, Description& d);
  /// The number, open or lost, is not ours any more; the kernel still has it. The result is what it stood for, if this
  /// was the last number of that.
  std::unique_ptr<Description> remove(const Handle& h);

  /// In a child after fork(): what was open is lost, and stands for nothing any more.
  void lose_all();
  /// Calls f(Handle) for each number of ours that is not lost.
  template <class F>
  void for_each(F f) const {
    for (std::size_t c = 0; c < max_chunks; ++c)
      if (chunks_[c].load(std::memory_order_acquire) != nullptr)
        for (std::size_t i = 0; i < chunk_size; ++i)
          if (const Handle h = find(static_cast<int>(c * chunk_size + i)); h.use() != Use::none && h.use() != Use::lost)
            f(h);
  }

 private:
  Number* make(int fd);
  Result<int> duplicate(int of, int least, bool close_on_exec);
  static std::unique_ptr<Description> leave(Number& n);

  std::array<std::atomic<Number*>, max_chunks> chunks_{};
  int placeholder_ = -1;
};

}  // namespace tunic
