// Z1: every parser of packets, on any octets. Nothing is read outside the input, every loop ends, and what was read is
// written again as the same value.
#include <algorithm>
#include <vector>

#include "base/work.h"
#include "fuzz/fuzz.h"
#include "ip/input.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
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
  describe(packet);
}

}  // namespace tunic::fuzz
