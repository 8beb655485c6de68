// ICMP of both families: echo requests are answered, errors go to the socket whose packet they quote, and senders of
// packets that nobody here can take are told so. All other messages are ignored: redirects, source quench, timestamps,
// masks (RFC 6633, RFC 6918), and neighbours, who do not exist on a TUN.
#include "base/work.h"
#include "core/impl.h"
#include "ip/output.h"
#include "wire/protocol.h"

namespace tunic {

namespace {
constexpr std::size_t most_messages = 256, most_octets = 1u << 20;  // that wait to be sent
constexpr int expiries = 64;                                        // of one timer
constexpr std::uint32_t error_burst = 6;                            // of one destination
constexpr Rate echo_rate{.interval = 1ms, .burst = 200};

Rate all_errors(const IpSettings& s) { return {Duration{1s} / s.icmp_msgs_per_sec, s.icmp_msgs_burst}; }
}  // namespace

std::optional<Drop> Stack::Impl::deliver_icmp(RxPacket& packet, const Datagram& d, Instant now) {
  const auto message = IcmpView::parse(d.payload);
  if (!message) return Drop::bad_icmp;
  if (!transport_checksum_ok(d, packet.offload)) return Drop::bad_checksum;
  if (message->type() == echo_request_type(d.src.family())) return answer_echo(d, *message, now);
  if (message->type() == echo_reply_type(d.src.family())) return deliver_echo_reply(packet, d, now);
  const auto error = read_error(d, addresses);
  if (!error) return error.error();
  ++counters.icmp_errors_in;
  return error_arrives(*error, now);
}

// The same data, from the address that was asked, which accept() has seen to be a unicast one (RFC 1122
// section 3.2.2.6, RFC 4443 section 4.2); and the same type of service.
std::optional<Drop> Stack::Impl::answer_echo(const Datagram& d, const IcmpView& request, Instant now) {
  const Family family = d.src.family();
  if (family == Family::v4 ? config.ip.icmp_echo_ignore_all : config.ip.icmp6_echo_ignore_all)
    return Drop::icmp_ignored;
  if (!addresses.is_local(d.src) && !echo_limit.take(d.src, now, echo_rate)) {
    ++counters.icmp_limited;
    return Drop::rate_limited;
  }
  Slice data = pool.copy(request.body());
  if (data.empty() && !request.body().empty()) return Drop::no_memory;
  const std::uint8_t type = echo_reply_type(family);
  if (!say({d.dst, d.src, type, 0, config.tcp.ttl, d.tos, request.rest(), std::move(data)})) return Drop::rate_limited;
  ++counters.echo_replies;
  return {};
}

std::optional<Drop> Stack::Impl::error_arrives(const IcmpError& e, Instant now) {
  if (e.protocol == protocol::udp) return datagram_error(Transport::udp, e, now);
  if (e.protocol == (e.family() == Family::v4 ? protocol::icmp : protocol::icmpv6))
    return datagram_error(Transport::icmp, e, now);
  if (e.protocol != protocol::tcp) return Drop::icmp_unmatched;
  return tcp_error(e, now);
}

ErrorReport Stack::Impl::report_of(const IcmpError& e, const Endpoint& to, std::uint32_t mtu) {
  return {.error = e.error,
          .origin = e.family() == Family::v4 ? origin::icmp : origin::icmpv6,
          .type = e.type,
          .code = e.code,
          .info = e.too_big ? mtu : e.pointer,
          .offender = e.reporter,
          .to = to};
}

void Stack::Impl::queue_report(Socket& s, std::uint32_t index, const ErrorReport& report, Bytes quoted) {
  const std::size_t buffer = s.options.receive_buffer;
  if (!s.errors) s.errors = std::make_unique<ErrorQueue>();
  if (s.errors->add(pool, report, Slice::lent(quoted), s.datagram ? s.datagram->room(buffer) : buffer))
    mark_edge(index);
  else if (s.errors->empty())
    s.errors.reset();
}

std::size_t Stack::Impl::take_report(Socket& s, std::span<const MutBytes> out, ErrorReport& report) {
  const std::size_t copied = s.errors->take(out, report);
  if (const auto error = s.errors->error_after(report)) {
    if (s.datagram)
      s.datagram->fail(*error);
    else if (s.connection)
      s.connection->set_error(*error);
    else
      s.late_error = *error;
  }
  if (s.errors->empty()) s.errors.reset();
  return copied;
}

void Stack::Impl::refuse(Bytes packet, const Problem& p, Instant now) {
  if (!may_refuse(packet, p, addresses)) return;
  const bool v4 = byte_at(packet, 0) >> 4 == 4;
  const IpAddr sender = v4 ? IpAddr::v4(packet.data() + 12) : IpAddr::v6(packet.data() + 8);
  const IpAddr asked = v4 ? IpAddr::v4(packet.data() + 16) : IpAddr::v6(packet.data() + 24);
  const auto from = asked.is_multicast() ? routes.source_to(sender, addresses) : asked;  // RFC 4443 section 2.2
  if (!from || !routes.check(sender, addresses)) return;
  const Rate each{v4 ? config.ip.icmp_ratelimit : config.ip.icmp6_ratelimit, error_burst};
  const bool withheld = !addresses.is_local(sender) && !error_limit.take(sender, now, each, all_errors(config.ip));
  Slice quote = withheld ? Slice{} : pool.copy(quote_of(packet));
  // Type of service 0 (RFC 1122 section 3.2.2).
  if (quote.empty() || !say({*from, sender, p.type, p.code, config.tcp.ttl, 0, p.rest, std::move(quote)}))
    ++counters.icmp_limited;
  else
    ++counters.icmp_errors_out;
}

// Bounded, since a Link may take nothing for a while.
bool Stack::Impl::say(IcmpMessage m) {
  const std::size_t size = m.body.pinned();
  if (messages.size() == most_messages || message_octets + size > most_octets) return false;
  message_octets += size;
  messages.push_back(std::move(m));
  return true;
}

void Stack::Impl::expire_fragments(Instant now) {
  for (int n = 0; n < expiries && reassembly.next() <= now; ++n) {
    step();
    const Slice first = reassembly.expire(counters);
    if (first.empty()) continue;
    const Family family = byte_at(first.bytes(), 0) >> 4 == 4 ? Family::v4 : Family::v6;
    refuse(first.bytes(), problem::reassembly_time_exceeded(family), now);
  }
  wheel.arm(reassembly_timer, reassembly.next());
}

void Stack::Impl::flush_icmp(Link& link) {
  while (!messages.empty()) {
    step();
    TxPacket* const packet = begin_datagram(messages.front().dst, link);
    if (packet == nullptr) return;
    const IcmpMessage m = messages.pop_front();
    message_octets -= m.body.pinned();
    write_icmp(m, *packet);
    const IpFields fields{.src = m.src,
                          .dst = m.dst,
                          .protocol = m.dst.is_v4() ? protocol::icmp : protocol::icmpv6,
                          .ttl = m.ttl,
                          .tos = m.tos};
    if (!transmit(*packet, fields, MtuDiscover::want, IcmpView::checksum_offset, link)) ++counters.icmp_limited;
  }
}

}  // namespace tunic
