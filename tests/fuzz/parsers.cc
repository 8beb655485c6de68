// Z1: every parser of packets, on any octets. Nothing is read outside the input, no loop takes more than 64 steps
// beside the octets it reads (law 2), and what was read is written again as the same value.
#include <algorithm>
#include <array>
#include <vector>

#include "base/work.h"
#include "fuzz/fuzz.h"
#include "ip/errors.h"
#include "ip/extension_headers.h"
#include "ip/input.h"
#include "ip/refusal.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/protocol.h"
#include "wire/tcp.h"
#include "wire/tcp_options.h"
#include "wire/text.h"
#include "wire/udp.h"

namespace tunic::fuzz {
namespace {

/// A view must lie within what it was made of.
bool is_within(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void options(Bytes input) {
  const Bytes area = input.first(std::min(input.size(), TcpOptions::max_size));
  TcpOptions o = TcpOptions::parse(area);
  REQUIRE(o.sack_count <= o.sack.size());
  REQUIRE(!o.window_scale || *o.window_scale <= TcpOptions::max_window_scale);
  o.malformed = false;
  if (o.size() > TcpOptions::max_size) return;  // more than fits in one header: never sent
  std::vector<std::byte> out(o.size());
  REQUIRE(o.emit(out) == out.size());
  const TcpOptions again = TcpOptions::parse(out);
  REQUIRE(again.sack_count <= o.sack_count);  // as many blocks as there was room for
  for (std::size_t i = again.sack_count; i < o.sack_count; ++i) o.sack[i] = {};
  o.sack_count = again.sack_count;
  REQUIRE(again == o);
  options_text(area);
}

void tcp(Bytes input) {
  const auto v = TcpView::parse(input);
  if (!v) return;
  REQUIRE(is_within(v->text(), input) && is_within(v->options(), input));
  options(v->options());
  const TcpHeader h{v->src(), v->dst(), v->seq(), v->ack(), v->flags(), v->window(), v->urgent()};
  std::vector<std::byte> out(v->header_size());
  REQUIRE(h.emit(out, v->options()).empty());
  const auto again = TcpView::parse(out);
  REQUIRE(again);
  REQUIRE((TcpHeader{again->src(), again->dst(), again->seq(), again->ack(), again->flags(), again->window(),
                     again->urgent()} == h));
  REQUIRE(std::ranges::equal(again->options(), v->options()));
  text(*v);
}

void udp(Bytes input) {
  const auto v = UdpView::parse(input);
  if (!v) return;
  REQUIRE(is_within(v->text(), input) && v->length() == UdpView::header_size + v->text().size());
  std::vector<std::byte> out(v->length());
  const MutBytes rest = UdpHeader{v->src(), v->dst()}.emit(out, v->text().size());
  REQUIRE(rest.size() == v->text().size());
  const auto again = UdpView::parse(out);
  REQUIRE(again && again->src() == v->src() && again->dst() == v->dst() && again->length() == v->length());
}

void icmp(Bytes input) {
  const auto v = IcmpView::parse(input);
  if (!v) return;
  REQUIRE(is_within(v->body(), input));
  std::vector<std::byte> out(IcmpView::header_size);
  IcmpEcho{v->type(), v->code(), v->id(), v->sequence()}.emit(out);
  const auto again = IcmpView::parse(out);
  REQUIRE(again && again->id() == v->id() && again->sequence() == v->sequence());
}

void ipv4(Bytes input) {
  const auto v = Ipv4View::parse(input);
  if (!v) return;
  REQUIRE(is_within(v->payload(), input) && is_within(v->options(), input));
  REQUIRE(v->header_size() + v->payload().size() == v->total_length());
  tcp(v->payload());
  udp(v->payload());
  icmp(v->payload());
}

void ipv6(Bytes input) {
  const auto v = Ipv6View::parse(input);
  if (!v) return;
  REQUIRE(is_within(v->payload(), input));
  REQUIRE(Ipv6View::size + v->payload().size() <= input.size());
  const Ipv6Header h{v->src(), v->dst(), v->next_header(), v->hop_limit(), v->traffic_class(), v->flow_label()};
  std::vector<std::byte> out(Ipv6View::size + v->payload().size());
  h.emit(out, v->payload().size());
  const auto again = Ipv6View::parse(out);
  REQUIRE(again);
  REQUIRE(again->src() == v->src() && again->dst() == v->dst() && again->next_header() == v->next_header() &&
          again->traffic_class() == v->traffic_class() && again->flow_label() == v->flow_label());
  tcp(v->payload());
  udp(v->payload());
}

const Addresses& own() {
  static const Addresses addresses = [] {
    std::array<std::byte, 16> v6{std::byte{0xfd}, std::byte{0}, std::byte{0}, std::byte{7}};
    v6[15] = std::byte{2};
    return Addresses{{{IpAddr::v4(0xc6120002u), 24}, {IpAddr::v6(v6.data()), 64}}};
  }();
  return addresses;
}

/// The steps since the last call were not too many for `octets`.
void expect_little_work(std::size_t octets) { REQUIRE(take_work() <= 64 + octets); }

void extension_headers(std::uint8_t next, Bytes payload) {
  take_work();
  for (const bool reassembled : {false, true}) {
    const auto end = skip_extension_headers(next, payload, reassembled);
    expect_little_work(payload.size());
    if (!end) continue;
    REQUIRE(end->size <= payload.size() && end->size <= ExtensionLimits::octets);
    REQUIRE(end->field == 6 || (end->field >= Ipv6View::size && end->field < Ipv6View::size + end->size));
    REQUIRE(!(reassembled && end->fragment));
    // A whole chain is found alike by who judges it and by who reads a quote.
    const QuotedChain quoted = find_transport(next, payload);
    if (!end->fragment) REQUIRE(!quoted.cut_off && quoted.protocol == end->protocol && quoted.size == end->size);
  }
  take_work();
  const QuotedChain quoted = find_transport(next, payload);
  expect_little_work(payload.size());
  REQUIRE(quoted.size <= payload.size());
}

/// An ICMP error: all that it says lies within the packet, and is about a packet of ours.
void error(const Datagram& d, Bytes packet) {
  take_work();
  const auto e = read_error(d, own());
  expect_little_work(packet.size());
  if (!e) return;
  REQUIRE(is_within(e->quote, packet) && is_within(e->transport, e->quote));
  REQUIRE(e->transport.size() >= 8);
  REQUIRE(own().is_own(e->local) || (e->local.is_loopback() && own().is_local(d.src)));
  REQUIRE(e->reporter == d.src && e->family() == d.src.family() && e->local.family() == d.src.family());
  REQUIRE(e->error != 0);
  REQUIRE(e->pair().local.port == e->local_port() && e->pair().remote.port == e->remote_port());
}

/// The whole way of a packet through IP; and what a refusal of it would quote.
void host(Bytes packet) {
  for (const Origin how : {Origin{}, Origin{.looped = true}, Origin{.reassembled = true}}) {
    take_work();
    const auto d = accept(packet, how, {}, own());
    expect_little_work(packet.size());
    if (!d) {
      if (d.error().problem && may_refuse(packet, *d.error().problem, own())) {
        REQUIRE(is_within(quote_of(packet), packet) && quote_of(packet).size() <= 1280);
      }
      continue;
    }
    REQUIRE(is_within(d->payload, packet));
    REQUIRE(d->payload.data() == packet.data() + d->header_size);
    const bool v6_fragment = !d->src.is_v4() && d->fragment;
    REQUIRE(d->protocol_field < d->header_size);
    REQUIRE(byte_at(packet, d->protocol_field) == (v6_fragment ? protocol::fragment : d->protocol));
    REQUIRE(d->broadcast == own().is_broadcast(d->dst) && (d->broadcast || own().is_local(d->dst)));
    REQUIRE(!(how.reassembled && v6_fragment));
    static_cast<void>(transport_checksum_ok(*d, {}));
    if (d->protocol == protocol::icmp || d->protocol == protocol::icmpv6) error(*d, packet);
  }
}

}  // namespace

void run(Bytes input) {
  // In memory of its own size: a read beyond its end is seen.
  const std::vector<std::byte> packet{input.begin(), input.end()};
  ipv4(packet);
  ipv6(packet);
  tcp(packet);
  udp(packet);
  icmp(packet);
  options(packet);
  host(packet);
  extension_headers(packet.empty() ? 0 : std::to_integer<std::uint8_t>(packet[0]), packet);
  describe(packet);
}

}  // namespace tunic::fuzz
