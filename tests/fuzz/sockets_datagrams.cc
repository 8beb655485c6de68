// Z7: datagrams, which arrive whole or not at all, once, and where they were sent to.
#include "fuzz/sockets_world.h"

namespace tunic::fuzz {

void World::finish_gathered(Handle& h) {
  if (h.gathers) model_.datagram(*h.gathers).finished = true;
  h.gathers.reset();
}

void World::send_datagram(Handle& h) {
  const std::uint8_t how = tape_.octet();
  const std::size_t size = some_size(), pieces = 1 + how % 3;
  DatagramOptions o;
  if (how / 4 % 2 == 0) o.to = some_endpoint(h.side);
  if (how / 8 % 8 == 1) o.from = some_address(h.side);
  if (how / 8 % 8 == 2) o.ttl = std::uint8_t{3};
  if (how / 8 % 8 == 3) o.tos = std::uint8_t{16};
  o.more = how / 64 == 1;

  // Where more is gathered, the first piece has said where it goes.
  const auto peer = of(h).remote(h.id);
  Endpoint to = o.to ? *o.to : peer ? *peer : h.pair.remote;
  if (to.addr.is_any()) to.addr = IpAddr::loopback(to.addr.family());
  const bool broadcast = to.addr == IpAddr::v4(0xc61200ff) || to.addr.is_broadcast();
  const std::size_t number =
      h.gathers ? *h.gathers
                : model_.open_datagram({.side = h.side, .transport = h.transport, .to = to, .broadcast = broadcast});
  const std::size_t before = model_.datagram(number).size;
  Octets text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = Model::datagram_octet(h.transport, h.family, number, before + i);
  std::array<Bytes, 3> parts;
  for (std::size_t i = 0; i < pieces; ++i) {
    const std::size_t begin = size * i / pieces, end = size * (i + 1) / pieces;
    parts[i] = Bytes{text}.subspan(begin, end - begin);
  }
  const bool writable = (of(h).ready(h.id) & ready::writable) != 0;
  const auto sent = of(h).send_datagram(h.id, std::span{parts}.first(pieces), o);
  REQUIRE(is_one_of(h, sent,
                    {Error::again, Error::destination_required, Error::too_long, Error::denied, Error::unreachable,
                     Error::invalid, Error::family, Error::pipe, Error::unsupported}));
  REQUIRE(h.is_stream() == (!sent && sent.error() == Error::unsupported));
  if (!sent) {
    const bool has_port = of(h).local(h.id)->port != Port{};
    if (sent.error() == Error::again) REQUIRE(!writable || !has_port || memory_fails(h));
    h.gathers.reset();  // what was gathered is lost with it
    return;
  }
  REQUIRE(*sent == size);
  Sent& d = model_.datagram(number);
  d.size += size;
  d.from = of(h).local(h.id)->port;
  REQUIRE(d.from != Port{});
  h.gathers = number;
  const bool waits = h.transport == Transport::udp && (o.more || *of(h).get(h.id, Option::cork) != 0);
  if (!waits) finish_gathered(h);
}

void World::receive_datagram(Handle& h) {
  const std::size_t size = some_size();
  const std::uint8_t how = tape_.octet();
  Octets out(size);
  const std::array<MutBytes, 2> parts{MutBytes{out}.first(size / 3), MutBytes{out}.subspan(size / 3)};
  const bool readable = (of(h).ready(h.id) & ready::readable) != 0;
  const auto next = of(h).readable_bytes(h.id);
  const bool peek = how % 4 == 1, waits = how / 4 % 2 == 1;
  DatagramInfo info;
  const auto got = of(h).receive_datagram(h.id, parts, {.peek = peek, .waits = waits}, info);
  REQUIRE(is_one_of(h, got, {Error::again, Error::unsupported}) || h.transport != Transport::tcp);
  REQUIRE(h.is_stream() == (!got && got.error() == Error::unsupported));
  if (h.is_stream()) return;
  if (!got) {
    if (got.error() == Error::again) REQUIRE(!readable || (h.read_shut && !waits));
    return;
  }
  REQUIRE(readable && *got <= size && *got <= info.size && (*got == size || *got == info.size));
  if (info.size != 0) REQUIRE(next && *next == info.size);
  const bool nothing = h.read_shut && info.size == 0 && info.from == Endpoint{};
  if (!nothing) check_datagram(h, Bytes{out}.first(*got), info, peek);
}

void World::check_datagram(Handle& h, Bytes text, const DatagramInfo& info, bool peeked) {
  const std::size_t header = h.transport == Transport::icmp ? 8 : 0;
  if (text.size() < header + 4) return;
  std::size_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number |= std::to_integer<std::size_t>(text[header + i]) << 8 * i;
  REQUIRE(number < model_.datagrams());
  Sent& d = model_.datagram(number);
  REQUIRE(d.finished && d.size == info.size && d.transport == h.transport);
  for (std::size_t i = header; i < text.size(); ++i)
    REQUIRE(text[i] == Model::datagram_octet(h.transport, h.family, number, i));
  if (header != 0) {  // a reply: it comes back to who asked
    REQUIRE(text[0] == (info.to.is_v4() ? std::byte{0} : std::byte{129}));
    REQUIRE(text[7] == Model::datagram_octet(h.transport, h.family, number, 7) && h.side == d.side);
  } else {
    REQUIRE(info.from.port == d.from);
    REQUIRE(d.broadcast || h.side == side_of(d.side, d.to.addr));
    REQUIRE(d.broadcast || (info.to == d.to.addr));
  }
  if (!peeked) ++d.arrived;
  REQUIRE(d.broadcast || d.arrived <= 1);
}

void World::receive_error(Handle& h) {
  std::array<std::byte, 64> out;
  const MutBytes all{out};
  ErrorReport report;
  const std::uint32_t before = of(h).ready(h.id);
  const auto got = of(h).receive_error(h.id, {&all, 1}, report);
  if (!got) {
    REQUIRE(got.error() == Error::again);
    return;
  }
  REQUIRE((before & ready::error) != 0);
  REQUIRE(report.error != 0 && report.origin >= 1 && report.origin <= 3 && *got <= out.size() && *got <= report.size);
}

}  // namespace tunic::fuzz
