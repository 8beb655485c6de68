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
constexpr unsigned for_others = 8;       // looks from the seat in a row that woke another caller
constexpr Duration device_rest = 1s;     // between looks at a device that reports nothing but an error
constexpr Duration without_bell = 10ms;  // between looks of a waiter for whom there was no doorbell

}  // namespace

Watch::~Watch() {
  if (is_linked()) IntrusiveList<Watch>::erase(*this);
}

Observer::~Observer() {
  if (is_linked()) IntrusiveList<Observer>::erase(*this);
}

Driver::Driver(Stack& stack, Link& link, int device)
    : stack_{stack}, link_{link}, caller_{device}, background_{device} {
  const SignalsBlocked inherited;
  thread_ = std::thread{[this] { background(); }};
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
  if (tunic::ring(background_.doorbell()))
    thread_.join();
  else  // it cannot be told, and the program is about to end
    thread_.detach();
}

void Driver::end() {
  caller_.close();
  background_.close();
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
  if (std::exchange(taken_, false)) changed_ |= stack_.wants_flush();
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
  if (seat_ == nullptr || wake_ >= std::min(seat_->next_look, watchman_looks_)) return;
  ring_sitter();
}

void Driver::ring_sitter() {
  if (seat_ == nullptr || !seat_->asleep) return;
  seat_->next_look = Instant::min();  // he will ask for the time
  put({seat_->doorbell(), nullptr});
}

void Driver::ring(Waiter& w) {
  if (std::exchange(w.rung, true) || !w.asleep) return;
  ++rings_;
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
  bool gives_way = false;
  while (goes_on(slept, w, how)) slept = seat_ == &caller_ || gives_way ? nap(w, how) : sit(w, how, gives_way);
  w.rung = false;
  return slept;
}

void Driver::glance() {
  flush();
  if (seat_ != &caller_) poll_stack();
  tell_sitter();
}

bool Driver::exchange() {
  if (seat_ == &background_) {
    seat_ = nullptr;
    put({background_.doorbell(), nullptr});
  }
  ++seatings_;
  const std::uint64_t before = stack_.counters().received;
  flush();
  poll_stack();
  tell_sitter();
  return stack_.counters().received != before;
}

void Driver::device_is_back() {
  wake_device();
  ring_sitter();
}

/// It was deleted, and would report that for ever.
void Driver::rest_device() {
  device_rests_until_ = after(device_rest);
  caller_.rest_device();
  background_.rest_device();
}

void Driver::wake_device() {
  device_rests_until_.reset();
  caller_.wake_device();
  background_.wake_device();
}

/// `gives_way`: all that came was for others. Rather than wake them each time it naps, and leaves the seat to the one
/// it has woken last, who will wait again soon; if not, the background thread sees to it.
Slept Driver::sit(Waiter& w, const Wait& how, bool& gives_way) {
  if (seat_ == &background_) put({background_.doorbell(), nullptr});
  seat_ = &caller_;
  ++seatings_;
  w.doorbell = caller_.doorbell();
  Slept slept;
  unsigned looks = 0;
  do {
    const std::uint64_t before = rings_;
    slept = look(caller_, &w, how);
    if (rings_ != before) ++looks;
    gives_way = rings_ != before && looks >= for_others && !w.rung;
  } while (goes_on(slept, w, how) && !gives_way);
  w.doorbell = -1;
  seat_ = nullptr;
  ++seatings_;
  if (watchman_.asleep) ring(watchman_);
  return slept;
}

/// Waits in the seat for packets, the Stack's time, a ring of its doorbell or what `how` says; then does what the Stack
/// has to do.
Slept Driver::look(Seat& seat, Waiter* w, const Wait& how) {
  if (device_rests_until_ && *device_rests_until_ <= now()) wake_device();
  Instant until = device_rests_until_ ? std::min(how.until, *device_rests_until_) : how.until;
  if (wake_ < watchman_looks_) until = std::min(until, wake_);
  seat.next_look = until;
  seat.asleep = true;
  if (w != nullptr) w->asleep = true;
  const bool spins = &seat == &caller_ && how.kernel.empty() && spin_.is_due();
  const Duration busy = spins ? stack_.config().busy_read : Duration{};
  leave();
  if (busy != Duration{}) spin_.tell(seat.spin(busy));  // nobody else sits there
  const Seat::Found found = sleep_in(seat, until, how);
  lock();
  seat.asleep = false;
  if (w != nullptr) w->asleep = false;  // before the Stack's turn: nobody rings himself
  if (found.broken) rest_device();
  if (found.packets || wake_ <= now()) poll_stack();
  tell_sitter();  // who may be another one by now
  return found.slept;
}

Seat::Found Driver::sleep_in(Seat& seat, Instant until, const Wait& how) {
  if (how.kernel.empty() && !how.as_poll) return seat.sleep(until, how.mask);
  std::array<pollfd, 2> alone;
  const std::span<pollfd> set =
      how.kernel.empty() ? std::span{alone} : std::span{how.kernel.data(), how.kernel.size() + 2};
  return seat.sleep_beside(set, until, how.mask);
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
    const bool is_quiet = seatings_ == std::exchange(seen, seatings_);
    if (wake_ <= now()) poll_stack();
    if (is_quiet && seat_ == nullptr)
      drive_in_background();
    else
      watch_over(is_quiet);
  }
  leave();
}

/// Sleeps until the Stack's time and, unless a caller has settled down in the seat, to the next tick at most.
void Driver::watch_over(bool is_quiet) {
  const bool sitter_looks = seat_ != nullptr && seat_->asleep && seat_->next_look <= wake_;
  watchman_looks_ = sitter_looks ? never : wake_;
  if (!is_quiet) watchman_looks_ = std::min(watchman_looks_, after(tick_));
  tick_ = is_quiet ? tick : std::min(2 * tick_, longest_tick);
  watchman_.rung = false;
  watchman_.word.store(0, std::memory_order_relaxed);
  watchman_.asleep = is_quiet;  // to be woken when the caller gets up
  leave();
  sleep_on(watchman_.word, watchman_looks_);
  lock();
  watchman_.asleep = false;
}

void Driver::drive_in_background() {
  seat_ = &background_;
  watchman_looks_ = never;
  while (seat_ == &background_ && !ending_) look(background_, nullptr, {});
  if (seat_ == &background_) seat_ = nullptr;
}

}  // namespace tunic
