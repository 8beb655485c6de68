// Which descriptor numbers are sockets of ours. A number is reserved in the kernel's own table, as a duplicate of one
// placeholder that is never ready, so that it collides with nothing and RLIMIT_NOFILE holds; this table says what it
// stands for.
//
// A number's entry, once made, stays for the life of the table, so find() needs no lock; it gives a handle with a
// generation, by which a call that comes back from waiting sees that its socket was closed, even if the number has been
// used again.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "base/time.h"
#include "core/stack.h"
#include "posix/settings.h"

namespace tunic {

enum class Use : std::uint8_t {
  none,  // not ours: the kernel's, or nobody's
  open,
  lost,  // was open in the process that forked this one: EBADF until it is closed
};

/// What the socket layer knows of one socket beyond what the Stack does. All but `state` is used under the gate.
struct Descriptor {
  static constexpr Duration forever = Duration::max();

  std::atomic<std::uint32_t> state{0};  // generation * 4 + Use
  SocketId id;
  Family family = Family::v4;
  bool nonblocking = false;                                    // O_NONBLOCK
  bool close_on_exec = false;                                  // FD_CLOEXEC, remembered
  int receive_low = 1;                                         // SO_RCVLOWAT
  Duration receive_timeout = forever, send_timeout = forever;  // SO_RCVTIMEO, SO_SNDTIMEO; 0: do not wait
  SocketSettings settings;
};

/// A number as a call found it.
struct Handle {
  Descriptor* socket = nullptr;
  std::uint32_t state = 0;
  int fd = -1;

  Use use() const { return static_cast<Use>(state & 3); }
  /// Whether it still means the same socket; certain only under the gate.
  bool is_current() const { return socket->state.load(std::memory_order_acquire) == state && use() == Use::open; }
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
  Result<int> reserve();
  /// Gives back a number that reserve() gave and open() has not taken.
  static void unreserve(int fd);
  /// Makes a reserved number a fresh socket. `before` becomes what it stood for, where the program has closed the
  /// number behind our back (generation 0: nothing).
  Handle open(int fd, SocketId id, Family family, SocketId& before);
  /// The number is free, for the kernel too, whether it was open or lost.
  void close(const Handle& h);

  /// In a child after fork(): what was open is lost.
  void lose_all();
  /// Calls f(Handle) for each open number.
  template <class F>
  void for_each_open(F f) const {
    for (std::size_t c = 0; c < max_chunks; ++c)
      if (chunks_[c].load(std::memory_order_acquire) != nullptr)
        for (std::size_t i = 0; i < chunk_size; ++i)
          if (const Handle h = find(static_cast<int>(c * chunk_size + i)); h.use() == Use::open) f(h);
  }

 private:
  Descriptor* make(int fd);

  std::array<std::atomic<Descriptor*>, max_chunks> chunks_{};
  int placeholder_ = -1;
};

}  // namespace tunic
