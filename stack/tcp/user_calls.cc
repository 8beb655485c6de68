// Door 2: user calls on a connection, RFC 9293 sections 3.10.2 to 3.10.6, in the shape that sockets give them.
#include <algorithm>

#include "tcp/connection.h"

namespace tunic {

// 3.10.2 SEND. What is written goes out as soon as the rules of output.cc let it: nothing waits for a push (MUST-60,
// MAY-16).
Result<std::size_t> Connection::send(Bytes text, bool urgent, bool more, TcpContext& context, Slice::Owner owner) {
  if (error_ != 0) return fail(static_cast<Error>(take_error()));
  if (snd_.fin_queued()) return fail(Error::pipe);
  if (state_ == State::syn_sent || state_ == State::syn_received) return fail(Error::again);
  if (state_ != State::established && state_ != State::close_wait) return fail(Error::pipe);  // never joined too: Linux
  if (text.empty()) return std::size_t{0};
  const std::size_t limit = send_limit(context.settings);
  buffer_full_ = snd_.queued() >= limit || (options.not_sent_low > 0 && snd_.unsent() >= options.not_sent_low);
  if (buffer_full_) return fail(Error::again);
  if (snd_.unsent() < mss() && snd_.flight() + mss() <= cwnd() && snd_.lost() == 0)
    rate_.on_app_limited(snd_.flight());  // the path waited for us
  if (!context.pool.has_spare(send_part)) return fail(Error::no_buffers);
  snd_.begin(context.parts.outgoing);
  std::size_t n = std::min(text.size(), limit - snd_.queued());
  if (owner == Slice::Owner::slab)
    n = snd_.append(context.pool, text.first(n));
  else
    snd_.borrow(text.first(n), owner);
  if (n == 0) {
    snd_.rest(context.parts.outgoing);
    return fail(Error::no_buffers);
  }
  if (urgent && n == text.size()) snd_.mark_urgent();
  more_ = more && n == text.size();
  buffer_full_ = n < text.size();
  return n;
}

// 3.10.3 RECEIVE
Result<std::size_t> Connection::receive(MutBytes out, bool peek, std::size_t skip) {
  if (at_mark() && !options.oob_inline && rcv_.readable() != 0 && !peek) {  // the urgent octet is passed over
    rcv_.consume(1);
    urgent_valid_ = false;
  }
  const std::int64_t to_mark = urgent_valid_ ? urgent_mark_ - rcv_.head() : 0;
  std::size_t there = readable();
  if (to_mark > 0) there = std::min(there, static_cast<std::size_t>(to_mark));  // one call does not read past the mark
  if (!peek) skip = 0;
  const std::size_t n = std::min(out.size(), there - std::min(there, skip));
  if (n == 0) {
    if (out.empty() || skip != 0) return std::size_t{0};
    if (error_ != 0) return fail(static_cast<Error>(take_error()));
    if (rcv_.fin_received() || read_shut_ || state_ == State::closed) return std::size_t{0};
    return fail(Error::again);
  }
  if (peek && at_mark() && !options.oob_inline) ++skip;
  rcv_.copy_out(skip, out.first(n));
  if (peek) return n;
  rcv_.consume(n);
  if (urgent_valid_ && rcv_.head() > urgent_mark_) urgent_valid_ = false;
  consumed_ += static_cast<std::int64_t>(n);
  if (can_receive_text() && rcv_.window_update_due(rcv_mss_)) owed_.owe_plain();
  return n;
}

// As much as one call gives: no more than there is, nor past the urgent octet, which is passed over where it comes
// first.
std::optional<Instant> Connection::arrival(std::size_t n) const {
  const std::size_t passed = at_mark() && !options.oob_inline ? 1 : 0;
  const std::int64_t to_mark = urgent_valid_ ? urgent_mark_ - rcv_.head() : 0;
  std::size_t there = readable();
  if (to_mark > 0) there = std::min(there, static_cast<std::size_t>(to_mark));
  n = std::min(n, there);
  return n == 0 ? std::nullopt : rcv_.arrival(passed + n - 1);
}

// MSG_OOB: the one urgent octet, unless it is read in line.
Result<std::size_t> Connection::receive_urgent(MutBytes out, bool peek) {
  if (options.oob_inline || !urgent_valid_) return fail(Error::invalid);
  const std::int64_t offset = urgent_mark_ - rcv_.head();
  if (offset < 0) return fail(Error::invalid);
  if (static_cast<std::size_t>(offset) >= rcv_.readable())
    return rcv_.fin_received() || state_ == State::closed ? Result<std::size_t>{0} : fail(Error::again);
  if (urgent_taken_) return fail(Error::invalid);
  if (!peek) urgent_taken_ = true;  // it still marks its place in the stream
  if (out.empty()) return std::size_t{0};
  rcv_.copy_out(static_cast<std::size_t>(offset), out.first(1));
  return std::size_t{1};
}

// 3.10.4 CLOSE, the sending half
void Connection::shutdown_write() {
  if (snd_.fin_queued()) return;
  switch (state_) {
    case State::syn_received:
      snd_.queue_fin();
      break;  // FIN-WAIT-1 once established
    case State::established:
      snd_.queue_fin();
      enter(State::fin_wait_1);
      break;
    case State::close_wait:
      snd_.queue_fin();
      enter(State::last_ack);
      break;
    default:
      return;
  }
  more_ = false;
  edge_ = any_edge;
}

// 3.10.4 CLOSE: nothing can be read afterwards (MAY-1), so text left unread is loss that the peer must learn of
// (SHLD-3).
void Connection::close() {
  owned_ = false;
  if (state_ == State::closed || state_ == State::time_wait) {
    rcv_.discard();
    return;
  }
  if (state_ == State::syn_sent) {
    enter(State::closed);
  } else if (options.linger == 0 || rcv_.readable() != 0) {
    abort();
  } else {
    shutdown_write();  // output() starts an orphan's clock
  }
  rcv_.discard();
}

// 3.10.5 ABORT
void Connection::abort() {
  const bool closing = state_ == State::closing || state_ == State::last_ack;
  const bool loses = snd_.queued() != 0 || rcv_.readable() != 0;  // text that the peer believes on its way, or read
  reset_owed_ = state_ == State::syn_received || state_ == State::established || state_ == State::fin_wait_1 ||
                state_ == State::fin_wait_2 || state_ == State::close_wait || (closing && loses);
  enter(State::closed);
}

// connect() with AF_UNSPEC: an abort whose reset the owner sends, for nothing of the connection stays.
std::optional<Reply> Connection::disconnect() {
  const Seq at = acceptable_seq();
  abort();
  if (!reset_owed_) return {};
  return Reply{.pair = pair_, .seq = at.wire(), .ack = {}, .flags = RST};
}

// SO_RCVLOWAT; but never more than can come before the window shuts.
std::size_t Connection::enough() const {
  if (rcv_.wnd() < rcv_mss_) return 1;
  return std::clamp<std::size_t>(options.receive_low, 1, std::max<std::size_t>(1, rcv_.buffer() / 2));
}

// TCP_NOTSENT_LOWAT: as Linux, writable below half of it.
bool Connection::may_queue() const { return options.not_sent_low <= 0 || 2 * snd_.unsent() < options.not_sent_low; }

// Bits of core's `ready`: readable 1, writable 2, urgent 4, error 8, hangup 16, read_hangup 32.
std::uint32_t Connection::ready(const TcpSettings& settings) const {
  const bool ended = state_ == State::closed || state_ == State::time_wait;
  const bool no_more_in = rcv_.fin_received() || read_shut_ || ended;
  std::uint32_t bits = 0;
  if (no_more_in || readable() >= enough()) bits |= 1;
  if (state_ == State::syn_sent || state_ == State::syn_received) return error_ != 0 ? bits | 8 : bits;
  const std::size_t limit = send_limit(settings);
  if (snd_.fin_queued() || ended || error_ != 0 || (snd_.queued() <= limit - limit / 3 && may_queue())) bits |= 2;
  if (urgent_valid_ && !urgent_taken_ && urgent_mark_ < rcv_.nxt()) bits |= 4;
  if (error_ != 0) bits |= 8;
  if ((no_more_in && snd_.fin_queued()) || ended) bits |= 16;
  if (no_more_in) bits |= 32;
  return bits;
}

}  // namespace tunic
