#include "posix/driver.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "posix/clock.h"
#include "posix/signals.h"

namespace tunic {

namespace {

constexpr int polls_at_once = 8;         // of one flush; then whoever sits there goes on
constexpr Duration device_rest = 1s;     // between looks at a device that reports nothing but an error
constexpr Duration without_bell = 10ms;  // between looks of a waiter for whom there was no doorbell

int doorbell_or_throw() {
  const int bell = make_doorbell();
  if (bell < 0) throw std::system_error{errno, std::generic_category()};
  return bell;
}

}  // namespace

Watch::~Watch() {
  if (is_linked()) IntrusiveList<Watch>::erase(*this);
}

Observer::~Observer() {
  if (is_linked()) IntrusiveList<Observer>::erase(*this);
}

Driver::Driver(Stack& stack, Link& link, int device) : stack_{stack}, link_{link}, device_{device} {
  try {
    caller_.kick = doorbell_or_throw();
    background_.kick = doorbell_or_throw();
    const SignalsBlocked inherited;
    thread_ = std::thread{[this] { background(); }};
  } catch (...) {
    end();
    throw;
  }
}

Driver::~Driver() {
  stop();
  end();
}

void Driver::stop() {
  if (!thread_.joinable()) return;
  lock();
  ending_ = true;
  ring(watchman_);
  leave();
  if (tunic::ring(background_.kick))
    thread_.join();
  else  // it cannot be told, and the program is about to end
    thread_.detach();
}

void Driver::end() {
  for (const int bell : {caller_.kick, background_.kick})
    if (bell >= 0) close(bell);
  for (const int bell : doorbells_) close(bell);
}

/// A thread that is still on its way to us may hold locks of the language's runtime, which the child could never open:
/// AddressSanitizer's allocator, for one.
void Driver::before_fork() {
  if (thread_.joinable()) runs_.wait(false);
  gate_.lock();
}

void Driver::after_fork_in_child() {
  stack_.wipe_secrets();
  end();
  gate_.unlock();
}

// -- the gate --

void Driver::lock() {
  int before = 0;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  gate_.lock();
  cancel_state_ = before;
}

void Driver::unlock() {
  flush();
  leave();
}

/// Opens the gate, then rings: a thread that is woken finds it open.
void Driver::leave() {
  std::array<Bell, max_bells> bells;
  const std::size_t count = std::exchange(bell_count_, 0);
  std::copy_n(bells_.begin(), count, bells.begin());
  const int cancel_state = cancel_state_;
  gate_.unlock();
  for (std::size_t i = 0; i < count; ++i) sound(bells[i]);
  pthread_setcancelstate(cancel_state, nullptr);
}

void Driver::flush() {
  if (!changed_) return;
  changed_ = false;
  const Instant t = now();
  wake_ = stack_.flush(t, link_);
  tell_watchers();
  for (int i = 0; wake_ <= t && i < polls_at_once; ++i) poll_stack();  // what we sent to ourselves
  tell_sitter();
}

void Driver::poll_stack() {
  wake_ = stack_.poll(now(), link_);
  tell_watchers();
}

void Driver::tell_watchers() {
  for (Watch& w : turns_) ring(*w.waiter_);
  std::uint32_t news = 0;
  while (const auto id = stack_.take_edge(&news)) {
    if (id->index >= watchers_.size()) continue;
    Watchers& all = watchers_[id->index];
    if (all.calls.empty() && all.observers.empty()) continue;
    const std::uint32_t is = stack_.ready(*id);
    for (Watch& w : all.calls)
      if (w.events_ == any_event || (is & (w.events_ | ready::error | ready::hangup)) != 0) ring(*w.waiter_);
    bool is_taken = false;
    for (Observer& o : all.observers)
      if (!o.is_exclusive())
        o.on_edge(is, news);
      else if (!is_taken)
        is_taken = o.on_edge(is, news);
  }
}

void Driver::tell_sitter() {
  if (seat_ == nullptr || !seat_->asleep || wake_ >= seat_->until) return;
  seat_->until = wake_;
  put({seat_->kick, nullptr});
}

void Driver::ring(Waiter& w) {
  if (std::exchange(w.rung, true) || !w.asleep) return;
  if (w.doorbell < 0) w.word.store(1, std::memory_order_release);
  put({w.doorbell, &w.word});
}

void Driver::put(Bell bell) {
  if (bell_count_ == bells_.size())
    sound(bell);
  else
    bells_[bell_count_++] = bell;
}

void Driver::sound(Bell bell) {
  if (bell.doorbell >= 0)
    tunic::ring(bell.doorbell);
  else
    wake(bell.word);
}

// -- waiting --

void Driver::watch(Watch& watch, Waiter& waiter, SocketId id, std::uint32_t events) {
  watch.waiter_ = &waiter;
  watch.events_ = events;
  watchers(id).calls.push_back(watch);
}

Driver::Watchers& Driver::watchers(SocketId id) {
  if (id.index >= watchers_.size()) watchers_.resize(id.index + 1);
  return watchers_[id.index];
}

void Driver::observe(Observer& observer, SocketId id) { watchers(id).observers.push_back(observer); }

void Driver::tell_of_call(SocketId id, bool again) {
  const std::uint32_t is = stack_.ready(id);
  for (Observer& o : watchers(id).observers) o.on_call(is, again);
}

void Driver::tell_of_close(SocketId id) {
  IntrusiveList<Observer>& observers = watchers(id).observers;
  while (!observers.empty()) observers.front().on_close();
}

void Driver::watch_turns(Watch& watch, Waiter& waiter) {
  watch.waiter_ = &waiter;
  turns_.push_back(watch);
}

void Driver::ring_all(SocketId id) {
  for (Watch& w : watchers(id).calls) ring(*w.waiter_);
}

/// Whether a wait that slept goes on sleeping, which it does unless what it waited for came, time is up or a signal
/// ends it.
bool Driver::goes_on(Slept& slept, const Waiter& w, const Wait& how) {
  if (w.rung || std::ranges::any_of(how.kernel, [](const pollfd& p) { return p.revents != 0; })) {
    slept = Slept::woken;
    return false;
  }
  if (slept == Slept::interrupted && !(how.restarts && how.until == never && handlers_restart())) return false;
  slept = how.until != never && how.until <= now() ? Slept::timed_out : Slept::woken;
  return slept == Slept::woken;
}

Slept Driver::wait(Waiter& w, const Wait& how) {
  flush();
  Slept slept = Slept::woken;
  while (goes_on(slept, w, how)) slept = seat_ == &caller_ ? nap(w, how) : sit(w, how);
  w.rung = false;
  return slept;
}

void Driver::glance() {
  flush();
  if (seat_ != &caller_) poll_stack();
  tell_sitter();
}

void Driver::device_is_back() {
  device_rests_until_ = Instant::min();
  if (seat_ != nullptr && seat_->asleep) put({seat_->kick, nullptr});
}

Slept Driver::sit(Waiter& w, const Wait& how) {
  std::array<pollfd, 2> alone;
  const std::span<pollfd> set =
      how.kernel.empty() ? std::span{alone} : std::span{how.kernel.data(), how.kernel.size() + 2};
  if (seat_ == &background_) put({background_.kick, nullptr});
  seat_ = &caller_;
  ++seatings_;
  w.doorbell = caller_.kick;
  Slept slept;
  do {
    slept = look(caller_, &w, how.until, set, how.mask);
  } while (goes_on(slept, w, how));
  w.doorbell = -1;
  seat_ = nullptr;
  ++seatings_;
  if (watchman_.asleep) ring(watchman_);
  return slept;
}

/// Waits in the seat for packets, the Stack's time, `until`, a kick or one of `set`, whose last two entries are free;
/// then does what the Stack has to do.
Slept Driver::look(Seat& seat, Waiter* w, Instant until, std::span<pollfd> set, const sigset_t* mask) {
  const bool rests = device_rests_until_ > now();
  pollfd& device = set[set.size() - 2];
  pollfd& kick = set[set.size() - 1];
  device = {.fd = rests ? -1 : device_, .events = POLLIN, .revents = 0};
  kick = {.fd = seat.kick, .events = POLLIN, .revents = 0};
  const Instant wake_up = seat.until = std::min({until, wake_, rests ? device_rests_until_ : never});
  seat.asleep = true;
  if (w != nullptr) w->asleep = true;
  leave();
  const Slept slept = sleep_on(set, wake_up, mask);
  lock();
  seat.asleep = false;
  if (w != nullptr) w->asleep = false;  // before the Stack's turn: nobody rings himself
  if (kick.revents != 0) quiet(seat.kick);
  if ((device.revents & ~POLLIN) != 0)
    device_rests_until_ = after(device_rest);  // deleted: it would report that for ever
  if ((device.revents & POLLIN) != 0 || wake_ <= now()) poll_stack();
  tell_sitter();  // who may be another one by now
  return slept;
}

/// Sleeps while another caller drives.
Slept Driver::nap(Waiter& w, const Wait& how) {
  if (!how.kernel.empty() || how.mask != nullptr) return nap_beside_kernel(w, how);
  w.word.store(0, std::memory_order_relaxed);
  w.asleep = true;
  // A sleep without a time does not end for a handler with SA_RESTART: where it must, it gets one that never comes.
  const Instant until = how.until == never && !how.restarts ? after(std::chrono::hours{24 * 365}) : how.until;
  leave();
  const Slept slept = sleep_on(w.word, until);
  lock();
  w.asleep = false;
  return slept;
}

Slept Driver::nap_beside_kernel(Waiter& w, const Wait& how) {
  if (doorbells_.empty())
    if (const int made = make_doorbell(); made >= 0) doorbells_.push_back(made);
  const bool has_bell = !doorbells_.empty();
  if (has_bell) {
    w.doorbell = doorbells_.back();
    doorbells_.pop_back();
  }
  std::array<pollfd, 1> alone;
  const std::span<pollfd> set =
      how.kernel.empty() ? std::span<pollfd>{alone} : std::span{how.kernel.data(), how.kernel.size() + 1};
  pollfd& bell = set.back();
  bell = {.fd = w.doorbell, .events = POLLIN, .revents = 0};
  const Instant until = has_bell ? how.until : std::min(how.until, after(without_bell));
  w.asleep = has_bell;
  leave();
  const Slept slept = sleep_on(set, until, how.mask);
  lock();
  w.asleep = false;
  if (bell.revents != 0) quiet(w.doorbell);
  if (has_bell) doorbells_.push_back(std::exchange(w.doorbell, -1));
  return slept;
}

// -- the background thread --

void Driver::background() {
  runs_ = true;
  runs_.notify_all();
  lock();
  for (std::uint64_t seen = seatings_; !ending_;) {
    const bool quiet_tick = seatings_ == std::exchange(seen, seatings_);
    if (quiet_tick && seat_ == nullptr) {
      drive_in_background();
      continue;
    }
    watchman_.rung = false;
    watchman_.word.store(0, std::memory_order_relaxed);
    watchman_.asleep = quiet_tick;  // a caller has settled down: to be woken when it gets up
    const Instant until = quiet_tick ? never : after(tick);
    leave();
    sleep_on(watchman_.word, until);
    lock();
    watchman_.asleep = false;
  }
  leave();
}

void Driver::drive_in_background() {
  std::array<pollfd, 2> set;
  seat_ = &background_;
  while (seat_ == &background_ && !ending_) look(background_, nullptr, never, set, nullptr);
  if (seat_ == &background_) seat_ = nullptr;
}

}  // namespace tunic
