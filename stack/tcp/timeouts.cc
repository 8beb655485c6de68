// Door 3: timeouts, RFC 9293 section 3.10.8.
#include <algorithm>

#include "tcp/connection.h"

namespace tunic {

void Connection::timeouts(Instant now, TcpContext& context) {
  if (timers_.take(Timer::retransmit, now)) on_retransmit_timeout(now, context);
  if (timers_.take(Timer::persist, now)) on_persist_timeout(now, context);
  if (timers_.take(Timer::delayed_ack, now)) owed_.owe_plain();  // MUST-40
  if (timers_.take(Timer::keep_alive, now)) on_keep_alive_timeout(now, context);
  if (timers_.take(Timer::orphan, now)) {
    if (state_ == State::fin_wait_2)
      enter(State::closed);  // all was told; what comes later earns a reset
    else
      abort();  // text or FIN is lost: the peer is told, once
  }
}

// RFC 6298 section 5.4 to 5.7, and the thresholds of section 3.8.3 for text and SYN alike (MUST-20, MUST-21, MUST-22,
// MUST-23).
void Connection::on_retransmit_timeout(Instant now, TcpContext& context) {
  if (snd_.outstanding() == 0) return;
  const Instant first = snd_.sent().front().first_sent_at;
  if (!snd_.syn_acknowledged()) {
    const bool waits = deferred_ && retransmissions_ < options.defer_accept;
    const bool give_up = passive_                 ? !waits && retransmissions_ >= context.settings.syn_ack_retries
                         : options.syn_count != 0 ? retransmissions_ >= options.syn_count
                                                  : now - first >= context.settings.syn_give_up;
    if (give_up) {
      if (passive_)
        enter(State::closed);
      else
        fail_with(Error::timed_out);
      return;
    }
    if (deferred_ && retransmissions_ < options.defer_accept - 1) {  // our SYN has arrived: count, and let it be
      ++retransmissions_;
      rtt_.back_off();
      arm_retransmit(now, context.settings);
      return;
    }
    syn_lost_ = !deferred_;
  } else {
    // A clock that jumped, or nobody who called: what was sent once and never again proves nothing (as Linux), unless
    // the user has set a time.
    const bool tried = retransmissions_ != 0 || options.user_timeout != Duration{};
    if (tried && snd_.wnd() != 0 && now - silent_since() >= give_up_after(context.settings)) {
      fail_with(silence());
      return;
    }
    if (snd_.wnd() == 0) {  // the peer shut its window on what is in flight: probe (MUST-35)
      persist_backoff_ = std::max(persist_backoff_, 1);
      persist_since_ = now;
      probe_owed_ = true;
      arm_persist(now, context.settings);
      return;
    }
    if (retransmissions_ == 0) {  // later ones of the same text leave ssthresh (RFC 5681 3.1)
      const AckSample loss = sample(now, 0);
      std::visit([&](auto& c) { c.on_rto(loss); }, cc_);
    }
    recovery_.on_timeout(snd_.nxt());
    if (const auto mtu = too_big_.on_timeout(mtu_)) believe_too_big(*mtu, now, context.settings);
  }
  snd_.sent().mark_all_lost();
  rtt_.back_off();
  ++retransmissions_;
  arm_retransmit(now, context.settings);
}

// Section 3.8.6.1. A peer that answers may keep its window shut for ever (MUST-37); one that is silent is gone.
void Connection::on_persist_timeout(Instant now, TcpContext& context) {
  if (snd_.una() == snd_.end()) return;
  if (snd_.wnd() != 0) {  // text held back as too small: the override (3.8.6.2.1)
    push_now_ = snd_.window_room() > 0;
    return;
  }
  const Duration patience = give_up_after(context.settings);
  const bool asked = last_sent_at_ >= last_heard_at_;  // not so where a clock has jumped
  const bool silent = asked && now - std::max(last_heard_at_, persist_since_) >= patience;
  const bool user_gave_up = options.user_timeout != Duration{} && now - persist_since_ >= patience;
  if (silent || user_gave_up) {
    fail_with(silence());
    return;
  }
  probe_owed_ = true;
  ++persist_backoff_;
  arm_persist(now, context.settings);
}

// Section 3.8.4: one probe without an answer says nothing (MUST-29).
void Connection::on_keep_alive_timeout(Instant now, TcpContext& context) {
  const bool user_gave_up =
      options.user_timeout != Duration{} && keep_probes_ > 0 && now - last_heard_at_ >= options.user_timeout;
  if (user_gave_up || (options.user_timeout == Duration{} && keep_probes_ >= options.keep_count)) {
    reset_owed_ = true;
    fail_with(silence());
    return;
  }
  const Duration idle = options.keep_idle != Duration{} ? options.keep_idle : context.settings.keep_idle;
  if (keep_probes_ == 0 && now - last_heard_at_ < idle) {  // something was heard since the timer was set
    arm_keep_alive(now, context.settings);
    return;
  }
  ++keep_probes_;
  keep_alive_owed_ = true;
  arm_keep_alive(now, context.settings);
}

}  // namespace tunic
