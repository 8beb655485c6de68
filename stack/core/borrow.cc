// Text that is sent from where the program has it, and copied only if it is still needed when the program wants its
// memory back. The room for such copies is kept free in the pool as long as anything is borrowed, so that a copy never
// fails, however little memory there is by then.
#include "base/work.h"
#include "core/impl.h"

namespace tunic {

namespace {
constexpr std::size_t least = 4096;  // octets of a piece: what is borrowed keeps a chunk of the pool free
}

Slice::Owner Stack::Impl::borrow_from(Socket& s, Bytes text, bool until_acknowledged) {
  if (text.size() < std::max(config.tcp.borrow_from, least)) return Slice::Owner::slab;
  const std::size_t most = std::min(text.size(), s.connection->send_room(config.tcp));
  const std::size_t places = s.connection->sender().places() + (most + Pool::payload - 1) / Pool::payload;
  if (places > s.places) {
    if (!pool.reserve(places - s.places)) return Slice::Owner::slab;
    s.places = static_cast<std::uint32_t>(places);
  }
  return until_acknowledged ? Slice::Owner::external : Slice::Owner::lent;
}

void Stack::Impl::reserve_places(Socket& s) {
  const std::size_t needed = s.connection ? s.connection->sender().places() : 0;
  if (needed >= s.places) return;  // borrow_from() has asked for more than was taken, never for less
  pool.unreserve(s.places - needed);
  s.places = static_cast<std::uint32_t>(needed);
}

void Stack::Impl::take_over(Socket& s, Slice::Owner owner) {
  if (s.places == 0 || (s.connection && s.connection->sender().borrowed(owner) == 0)) return;
  pool.unreserve(s.places);
  s.places = 0;
  if (!s.connection) return;
  counters.text_taken_over += s.connection->sender().borrowed(owner);
  s.connection->take_over(pool, owner);
  const std::size_t rest = s.connection->sender().places();
  static_cast<void>(pool.reserve(rest));  // it was there before
  s.places = static_cast<std::uint32_t>(rest);
}

void Stack::Impl::take_over_all(Socket& s) {
  take_over(s, Slice::Owner::lent);
  take_over(s, Slice::Owner::external);
}

// Reports that nobody reads run together; where they do not, they count against the receive buffer.
bool Stack::Impl::may_zero_copy(const Socket& s) {
  return !(s.zero_copy && s.zero_copy->full()) && !(s.errors && s.errors->charge() >= s.options.receive_buffer);
}

void Stack::Impl::end_zero_copy(Socket& s, std::uint32_t index) {
  if (!s.zero_copy) s.zero_copy = std::make_unique<ZeroCopySends>();
  const bool copied = std::exchange(s.zero_copy_copied, false) || !s.connection || s.local_peer;
  s.zero_copy->add(s.connection ? s.connection->sender().queue_end() : Seq{}, copied);
  report_zero_copy(s, index);
}

void Stack::Impl::report_zero_copy(Socket& s, std::uint32_t index) {
  const bool lives =
      s.connection && s.connection->state() != State::closed && s.connection->state() != State::time_wait;
  const auto next = [&] {
    return lives ? s.zero_copy->take_done(s.connection->sender().una()) : s.zero_copy->take_oldest();
  };
  for (auto send = next(); send; send = next()) {
    step();
    if (!s.errors) s.errors = std::make_unique<ErrorQueue>();
    s.errors->complete(send->number, send->number, send->copied);
    mark_edge(index, ready::error);
  }
}

}  // namespace tunic
