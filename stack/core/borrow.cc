// Text that is sent from where the program has it, and copied only if it is still needed when the program wants its
// memory back. The room for such copies is kept free in the pool as long as anything is borrowed, so that a copy never
// fails, however little memory there is by then.
#include "core/impl.h"

namespace tunic {

namespace {
constexpr std::size_t least = 4096;  // octets of a piece: what is borrowed keeps a chunk of the pool free
}

Slice::Owner Stack::Impl::borrow_from(Socket& s, Bytes text) {
  if (text.size() < std::max(config.tcp.borrow_from, least)) return Slice::Owner::slab;
  const std::size_t most = std::min(text.size(), s.connection->send_room(config.tcp));
  const std::size_t places = s.connection->sender().places() + (most + Pool::payload - 1) / Pool::payload;
  if (places > s.places) {
    if (!pool.reserve(places - s.places)) return Slice::Owner::slab;
    s.places = static_cast<std::uint32_t>(places);
  }
  return Slice::Owner::lent;
}

void Stack::Impl::reserve_places(Socket& s) {
  const std::size_t needed = s.connection ? s.connection->sender().places() : 0;
  if (needed >= s.places) return;  // borrow_from() has asked for more than was taken, never for less
  pool.unreserve(s.places - needed);
  s.places = static_cast<std::uint32_t>(needed);
}

void Stack::Impl::take_over(Socket& s, Slice::Owner owner) {
  if (s.places == 0) return;
  pool.unreserve(s.places);
  s.places = 0;
  if (!s.connection) return;
  counters.text_taken_over += s.connection->sender().borrowed(owner);
  s.connection->take_over(pool, owner);
  const std::size_t rest = s.connection->sender().places();
  static_cast<void>(pool.reserve(rest));  // it was there before
  s.places = static_cast<std::uint32_t>(rest);
}

}  // namespace tunic
