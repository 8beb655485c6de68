#include "ip/icmp_echo.h"

#include "ip/output.h"
#include "wire/icmp.h"
#include "wire/protocol.h"

namespace tunic {
namespace {

constexpr std::uint8_t reply_ttl = 64;

std::expected<IcmpView, Drop> parse_request(const Datagram& d, const Offload& offload) {
  const Family family = d.dst.family();
  if (d.protocol != (family == Family::v4 ? protocol::icmp : protocol::icmpv6))
    return std::unexpected{Drop::bad_protocol};
  const auto message = IcmpView::parse(d.payload);
  if (!message) return std::unexpected{Drop::bad_icmp};
  if (!transport_checksum_ok(d, offload)) return std::unexpected{Drop::bad_checksum};
  if (message->type() != echo_request_type(family)) return std::unexpected{Drop::icmp_ignored};
  return *message;
}

}  // namespace

std::expected<void, Drop> answer_echo(const Datagram& message, const Offload& offload, Pool& pool,
                                      const LinkTraits& link, TxPacket& reply) {
  const auto request = parse_request(message, offload);
  if (!request) return std::unexpected{request.error()};
  if (const Bytes data = request->body(); !data.empty()) {
    Slice copy = pool.copy(data);
    if (copy.empty()) return std::unexpected{Drop::no_memory};
    reply.text[reply.slices++] = std::move(copy);
  }
  IcmpEcho{echo_reply_type(message.dst.family()), 0, request->id(), request->sequence()}.emit(
      MutBytes{reply.headers}.subspan(reply.begin));
  reply.end = static_cast<std::uint16_t>(reply.begin + IcmpView::header_size);
  finish_checksum(reply, message.dst, message.src, message.protocol, IcmpView::checksum_offset, link);
  // The same type of service as the request (RFC 1122 section 3.2.2).
  prepend(reply, message.dst, message.src, message.protocol, reply_ttl, message.tos);
  return {};
}

}  // namespace tunic
