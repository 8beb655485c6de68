// The echo server that every host must have (RFC 1122 section 3.2.2.6, RFC 4443 section 4.2).
#pragma once

#include <expected>

#include "base/counters.h"
#include "buf/link.h"
#include "buf/packet.h"
#include "buf/slab.h"
#include "ip/input.h"

namespace tunic {

/// Answers an echo request: `reply`, which is clear, becomes the whole packet back with the same identifier, sequence
/// number and data, from the address that was asked. accept() has seen to it that this is a unicast address of ours, so
/// a broadcast is never answered. Otherwise the reason why `message` ends here, and `reply` stays clear. Any other ICMP
/// message is icmp_ignored; how often to answer is the caller's decision.
std::expected<void, Drop> answer_echo(const Datagram& message, const Offload& offload, Pool& pool,
                                      const LinkTraits& link, TxPacket& reply);

}  // namespace tunic
