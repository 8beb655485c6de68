// The services over TCP: one connection of one of them.
#pragma once

#include <tunic.h>

#include <memory>

#include "support/owned.h"

namespace services {

/// What a client may still expect of us.
enum class Next { wait, over };

/// One connection of one service. Calls return soon, whatever the client does.
class Client {
 public:
  explicit Client(apps::Socket socket) : socket_{std::move(socket)} {}
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return socket_.fd(); }
  /// What poll() should wait for.
  virtual short events() const = 0;
  /// poll() says one of them came, or an error.
  virtual Next ready(short events) = 0;

 protected:
  /// Reads into `to`: the octets read, 0 at the end of the stream, -1 for nothing now; throws nothing, sets broken_.
  ssize_t read_some(char* to, std::size_t room) {
    const ssize_t n = tunic_read(fd(), to, room);
    if (n < 0 && errno != EAGAIN && errno != EINTR) broken_ = true;
    return n;
  }
  std::size_t write_some(const char* from, std::size_t size) {
    const ssize_t n = tunic_write(fd(), from, size);
    if (n < 0 && errno != EAGAIN && errno != EINTR) broken_ = true;
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  bool broken() const { return broken_; }

 private:
  apps::Socket socket_;
  bool broken_ = false;  // reset by the peer, timed out
};

std::unique_ptr<Client> echo(apps::Socket socket);
std::unique_ptr<Client> discard(apps::Socket socket);
std::unique_ptr<Client> chargen(apps::Socket socket);

}  // namespace services
