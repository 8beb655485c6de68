#include "posix/epoll.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "posix/answer.h"
#include "posix/readiness.h"

namespace tunic {

namespace {

constexpr std::uint32_t modes = EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE;
constexpr std::uint32_t exclusive_may_have =
    EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

}  // namespace

/// One socket, by one number, in one epoll.
struct Epoll::Interest final : Observer, ListHook<Ready> {
  Interest(Epoll& owner, Key by, bool is_exclusive)
      : Observer{is_exclusive}, epoll{owner}, key{by}, id{by.second->id} {}
  ~Interest() override {
    if (is_ready()) IntrusiveList<Interest, Ready>::erase(*this);
  }

  bool is_ready() const { return ListHook<Ready>::is_linked(); }
  bool has(std::uint32_t mode) const { return (event.events & mode) != 0; }

  /// Acknowledgments make edges too: who is told of edges alone hears of room in the send buffer when there was none.
  bool on_edge(std::uint32_t is, std::uint32_t news) override {
    const bool could = std::exchange(could_write, (is & ready::writable) != 0);
    const bool is_of_state = (news & ready::hangup) != 0;  // of which Linux tells all
    if (could && !is_of_state) news &= ~ready::writable;
    if ((is & wanted & (has(EPOLLET) ? news : ~0u)) == 0) return false;
    epoll.make_ready(*this);
    return epoll.wake_one();
  }
  void on_call(std::uint32_t is, bool again) override {
    could_write = could_write && !again && (is & ready::writable) != 0;
    if (epoll.bell_ >= 0) epoll.prune(*this);
  }
  void on_close() override {
    Epoll& e = epoll;
    e.interests_.erase(Key{key});
    e.set_bell();
  }

  Epoll& epoll;
  const Key key;
  const SocketId id;
  epoll_event event{};
  std::uint32_t wanted = 0;  // ready:: bits; 0 once EPOLLONESHOT has shot
  bool could_write = false;
};

Epoll::Epoll(Driver& driver) : driver_{driver} {}

Epoll::~Epoll() {
  if (bell_ >= 0) ::close(bell_);
}

Epoll::Interest* Epoll::find(int fd, Description& d) {
  const auto at = interests_.find({fd, &d});
  return at == interests_.end() ? nullptr : &at->second;
}

Status Epoll::add(int fd, Description& d, const epoll_event& event) {
  if ((event.events & EPOLLEXCLUSIVE) != 0 && (event.events & ~exclusive_may_have) != 0) return fail(Error::invalid);
  const Key key{fd, &d};
  const auto [at, is_new] = interests_.try_emplace(key, *this, key, (event.events & EPOLLEXCLUSIVE) != 0);
  if (!is_new) return fail_as(EEXIST);
  driver_.observe(at->second, d.id);
  if (bell_ >= 0 || (event.events & EPOLLET) != 0) d.is_reviewed = true;
  begin(at->second, event);
  return {};
}

Status Epoll::change(int fd, Description& d, const epoll_event& event) {
  if ((event.events & EPOLLEXCLUSIVE) != 0) return fail(Error::invalid);
  Interest* i = find(fd, d);
  if (i == nullptr) return fail_as(ENOENT);
  if (i->has(EPOLLEXCLUSIVE)) return fail(Error::invalid);
  if ((event.events & EPOLLET) != 0) d.is_reviewed = true;
  begin(*i, event);
  return {};
}

Status Epoll::remove(int fd, Description& d) {
  if (find(fd, d) == nullptr) return fail_as(ENOENT);
  interests_.erase({fd, &d});
  set_bell();
  return {};
}

/// What is there now is news to one who begins to wait for it.
void Epoll::begin(Interest& i, const epoll_event& event) {
  i.event = event;
  i.wanted = to_ready(event.events & ~modes) | ready::error | ready::hangup;
  const std::uint32_t is = driver_.stack().ready(i.id);
  i.could_write = (is & ready::writable) != 0;
  if ((is & i.wanted) == 0) return;
  make_ready(i);
  wake_one();
}

void Epoll::kernel_has(int more) {
  if (more < 0)
    of_kernel_ -= of_kernel_ != 0;
  else
    of_kernel_ += static_cast<std::size_t>(more);
  if (leader_ == nullptr) wake_one();  // to lead
}

std::uint32_t Epoll::ready(const Interest& i) const { return driver_.stack().ready(i.id) & i.wanted; }

void Epoll::make_ready(Interest& i) {
  if (!i.is_ready()) ready_.push_back(i);
  if (bell_ < 0) return;
  tunic::ring(bell_);  // each time: another epoll may wait for edges of this one
  is_rung_ = true;
}

/// Takes from the ready list what is not ready.
void Epoll::prune(Interest& i) {
  if (!i.is_ready() || ready(i) != 0) return;
  IntrusiveList<Interest, Ready>::erase(i);
  set_bell();
}

void Epoll::set_bell() {
  if (bell_ < 0 || is_rung_ == !ready_.empty()) return;
  is_rung_ = !is_rung_;
  if (is_rung_)
    tunic::ring(bell_);
  else
    quiet(bell_);
}

/// Rather one that runs already, as the one in the seat does whose turn of the Stack this is.
bool Epoll::wake_one() {
  Call* sleeper = nullptr;
  for (Call& c : calls_) {
    if (c.rung) continue;
    if (!c.asleep) {
      driver_.ring(c);
      return true;
    }
    if (sleeper == nullptr) sleeper = &c;
  }
  if (sleeper == nullptr) return false;
  driver_.ring(*sleeper);
  return true;
}

std::size_t Epoll::take(int number, std::span<epoll_event> out) {
  if (of_kernel_ == 0) {
    const std::size_t n = take_ours(out);
    set_bell();
    return n;
  }
  kernel_first_ = !kernel_first_;
  const std::size_t n = kernel_first_ ? take_kernels(number, out) : take_ours(out);
  const auto rest = out.subspan(n);
  return n + (kernel_first_ ? take_ours(rest) : take_kernels(number, rest));
}

std::size_t Epoll::take_ours(std::span<epoll_event> out) {
  if (ready_.empty() || out.empty()) return 0;
  std::size_t n = 0;
  const Interest* const last = &ready_.back();  // behind it stand those that have had their turn
  for (bool is_last = false; !is_last && n < out.size();) {
    Interest& i = *ready_.pop_front();
    is_last = &i == last;
    const std::uint32_t is = ready(i);
    if (is == 0) continue;
    out[n].events = to_poll(is) & (i.event.events | EPOLLERR | EPOLLHUP);
    out[n++].data = i.event.data;
    if (i.has(EPOLLONESHOT))
      i.wanted = 0;
    else if (!i.has(EPOLLET))
      ready_.push_back(i);
  }
  return n;
}

std::size_t Epoll::take_kernels(int number, std::span<epoll_event> out) {
  if (is_rung_) quiet(bell_);  // it is none of the program's events
  is_rung_ = false;
  const int n = out.empty() ? 0 : ::epoll_wait(number, out.data(), static_cast<int>(out.size()), 0);
  set_bell();
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

bool Epoll::leads(const Call& c) {
  if (leader_ == nullptr && of_kernel_ != 0) leader_ = &c;
  return leader_ == &c;
}

void Epoll::leave(Call& c) {
  if (c.ListHook<Call>::is_linked()) IntrusiveList<Call>::erase(c);
  const bool led = leader_ == &c;
  if (led) leader_ = nullptr;
  if (led || !ready_.empty()) wake_one();
}

void Epoll::ring_all() {
  for (Call& c : calls_) driver_.ring(c);
}

Status Epoll::expose(int number) {
  if (bell_ >= 0) return {};
  const int bell = make_doorbell();
  epoll_event e{.events = EPOLLIN, .data = {}};
  if (bell < 0 || epoll_ctl(number, EPOLL_CTL_ADD, bell, &e) != 0) {
    const int code = errno;
    if (bell >= 0) ::close(bell);
    return fail_as(code);
  }
  bell_ = bell;
  for (auto& [key, i] : interests_) {
    key.second->is_reviewed = true;
    prune(i);
  }
  set_bell();
  return {};
}

void Epoll::close() {
  interests_.clear();
  ring_all();
}

void Epoll::after_fork_in_child() {
  interests_.clear();
  if (bell_ >= 0) ::close(std::exchange(bell_, -1));
}

}  // namespace tunic
