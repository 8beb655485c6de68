#include "posix/doorbell.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tunic {

Doorbell::~Doorbell() { ::close(bell_); }

std::uint32_t Doorbell::ask(int epoll, int fd, std::uint32_t wanted) {
  const auto at = std::ranges::find_if(requests_, [&](const Request& r) { return r.epoll == epoll && r.fd == fd; });
  std::uint32_t before = 0;
  if (at != requests_.end()) {
    before = std::exchange(at->wanted, wanted);
    if (wanted == 0) requests_.erase(at);
  } else if (wanted != 0) {
    requests_.push_back({epoll, fd, wanted});
  }
  add_up();
  return before;
}

void Doorbell::add_up() {
  wanted_ = 0;
  for (const Request& r : requests_) wanted_ |= r.wanted;
}

/// An epoll in which the bell is refuses to take it twice. In another it was for a moment, asking for nothing.
bool Doorbell::is_closed(const Request& r) {
  epoll_event nothing{};
  if (epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.fd, &nothing) == 0) {
    epoll_ctl(r.epoll, EPOLL_CTL_DEL, r.fd, nullptr);
    return true;
  }
  return errno == EBADF || errno == EINVAL;
}

bool Doorbell::on_edge(std::uint32_t is, std::uint32_t news) {
  if ((is & wanted_) == 0 || (is_rung_ && (is & wanted_ & news) == 0)) return false;
  is_rung_ = true;
  return tunic::ring(bell_);  // at all news: the kernel may be asked for edges
}

void Doorbell::on_call(std::uint32_t is, bool) {
  const bool wants = (is & wanted_) != 0;
  if (wants == is_rung_) return;
  is_rung_ = wants;
  if (wants)
    tunic::ring(bell_);
  else
    quiet(bell_);
}

/// A forked child may hold the bell open: it is not to ring for ever in an epoll from which nobody can remove it.
void Doorbell::on_close() {
  if (std::exchange(is_rung_, false)) quiet(bell_);
  IntrusiveList<Observer>::erase(*this);
}

}  // namespace tunic
