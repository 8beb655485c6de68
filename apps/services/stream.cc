#include "services/stream.h"

#include <poll.h>

#include "services/pattern.h"
#include "support/page_buffer.h"

namespace services {
namespace {

/// RFC 862: whatever comes is sent back. What the client does not take, we do not read: its own send queue stops it.
class Echo : public Client {
 public:
  using Client::Client;
  short events() const override { return begin_ < end_ ? POLLOUT : POLLIN; }
  Next ready(short) override {
    if (begin_ == end_) {
      begin_ = end_ = 0;
      const ssize_t n = read_some(buffer_.data(), buffer_.size());
      if (n == 0 || broken()) return Next::over;
      if (n > 0) end_ = static_cast<std::size_t>(n);
    }
    if (begin_ < end_) begin_ += write_some(buffer_.data() + begin_, end_ - begin_);
    return broken() ? Next::over : Next::wait;
  }

 private:
  apps::PageBuffer buffer_{block};
  std::size_t begin_ = 0, end_ = 0;  // the octets that still go back
};

/// Reads what there is into nowhere; false at the end of the stream.
template <class Read>
bool swallow(Read read) {
  static apps::PageBuffer nowhere{block};
  return read(nowhere.data(), nowhere.size()) != 0;
}

/// RFC 863: whatever comes is thrown away.
class Discard : public Client {
 public:
  using Client::Client;
  short events() const override { return POLLIN; }
  Next ready(short) override {
    const bool more = swallow([this](char* to, std::size_t room) { return read_some(to, room); });
    return more && !broken() ? Next::wait : Next::over;
  }
};

/// RFC 864: characters without end, and whatever comes is thrown away. A client that has only closed its own direction
/// still gets them; one that is gone answers with a reset.
class Chargen : public Client {
 public:
  using Client::Client;
  short events() const override { return static_cast<short>(POLLOUT | (ended_ ? 0 : POLLIN)); }
  Next ready(short events) override {
    static const Pattern pattern;
    if ((events & POLLIN) && !swallow([this](char* to, std::size_t room) { return read_some(to, room); }))
      ended_ = true;
    if (!broken()) place_ = (place_ + write_some(pattern.at(place_), block)) % Pattern::period;
    return broken() ? Next::over : Next::wait;
  }

 private:
  std::size_t place_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Client> echo(apps::Socket socket) { return std::make_unique<Echo>(std::move(socket)); }
std::unique_ptr<Client> discard(apps::Socket socket) { return std::make_unique<Discard>(std::move(socket)); }
std::unique_ptr<Client> chargen(apps::Socket socket) { return std::make_unique<Chargen>(std::move(socket)); }

}  // namespace services
