// Z7: octets into streams and out of them (D12: in parts of any size, also of none).
#include "fuzz/sockets_world.h"

namespace tunic::fuzz {

void World::send(Handle& h) {
  if (!h.is_stream()) return send_datagram(h);
  const std::size_t size = some_size();
  const std::uint8_t how = tape_.octet();
  if (h.out == nullptr && h.pair.local.port != Port{}) h.out = &model_.open_stream(h.side, h.pair);
  const Stream nothing, &stream = h.out == nullptr ? nothing : *h.out;
  const bool urgent = how % 8 == 0 && size != 0 && stream.written != 0;

  Octets text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = stream.at(stream.written + i);
  if (urgent) text.back() = Stream::urgent_octet;
  const bool writable = (of(h).ready(h.id) & ready::writable) != 0;
  const auto sent = of(h).send(h.id, text, {.urgent = urgent, .more = how / 8 % 4 == 1});
  REQUIRE(is_one_of(h, sent, {Error::again, Error::pipe, Error::not_connected}));
  if (!sent) {
    REQUIRE(!(writable && sent.error() == Error::again) || memory_fails(h));
    if (h.pair.local.port == Port{}) REQUIRE(sent.error() == Error::pipe || is_failure(sent.error()));
    return;
  }
  REQUIRE(h.out != nullptr && !h.out->ended && *sent <= size && (*sent != 0 || size == 0));
  if (urgent && *sent == size) h.out->urgent.insert(h.out->written + size - 1);
  h.out->written += *sent;
}

void World::receive(Handle& h) {
  if (!h.is_stream()) return receive_datagram(h);
  const std::size_t size = some_size();
  const std::uint8_t how = tape_.octet();
  read(h, size, {.peek = how % 4 == 1, .urgent = how / 4 % 8 == 1, .skip = how / 32 == 1 ? size / 2 : 0});
}

/// Whether octets came.
bool World::read(Handle& h, std::size_t size, ReceiveFlags flags) {
  const bool plain = !flags.urgent && flags.skip == 0;
  const bool readable = (of(h).ready(h.id) & ready::readable) != 0;
  const auto there = of(h).readable_bytes(h.id);
  const auto marked = of(h).at_mark(h.id);
  Octets out(size);
  const auto got = of(h).receive(h.id, out, flags);
  REQUIRE(is_one_of(h, got, {Error::again, Error::not_connected, Error::invalid}));
  if (!got) {
    REQUIRE(got.error() != Error::invalid || flags.urgent);
    if (h.pair.local.port == Port{}) REQUIRE(got.error() != Error::again);
    if (plain && size != 0 && h.pair.local.port != Port{}) REQUIRE(!(readable && got.error() == Error::again));
    return false;
  }
  REQUIRE(*got <= size);
  if (plain && there && !*marked) REQUIRE(*got <= *there && (*got != 0 || size == 0 || *there == 0));
  if (size != 0 && *got == 0 && !flags.urgent && flags.skip == 0) check_end(h);
  if (*got == 0) return false;
  if (flags.urgent) {
    REQUIRE(*got == 1 && out[0] == Stream::urgent_octet);
    return !flags.peek;
  }
  check_text(h, Bytes{out}.first(*got), flags);
  return !flags.peek;
}

void World::check_text(Handle& h, Bytes text, ReceiveFlags flags) {
  REQUIRE(h.pair.local.port != Port{} && !h.ended);
  if (h.in == nullptr) {
    if (flags.peek && flags.skip != 0) return;  // the octet that would tell which stream it is was passed over
    h.in = model_.find_stream(h, side_of(h.side, h.pair.remote.addr), text[0]);
    REQUIRE(h.in != nullptr);
  }
  const Stream& s = *h.in;
  if (flags.peek && flags.skip != 0 && !s.urgent.empty()) return;
  std::size_t place = h.read + (flags.peek ? flags.skip : 0);
  for (const std::byte octet : text) {
    while (s.urgent.contains(place) && octet != Stream::urgent_octet) ++place;  // out of line
    REQUIRE(place < s.written);
    REQUIRE(octet == (s.urgent.contains(place) ? Stream::urgent_octet : s.at(place)));
    ++place;
  }
  if (!flags.peek) h.read = place;
}

// The end of a stream is told after all of it, and if nothing else was told before.
void World::check_end(Handle& h) {
  if (h.failed || h.read_shut || h.pair.local.port == Port{}) return;
  h.ended = true;
  if (h.in == nullptr) return;
  REQUIRE(h.in->ended);
  std::size_t place = h.read;
  while (h.in->urgent.contains(place)) ++place;
  REQUIRE(place == h.in->written);
}

}  // namespace tunic::fuzz
