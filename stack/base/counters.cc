#include "base/counters.h"

namespace tunic {

const char* name(Drop d) {
  static constexpr std::array<const char*, drops> names{
      "truncated",        "bad_version",  "bad_header",       "bad_checksum",    "martian_source", "not_ours",
      "source_route",     "fragment",     "fragment_overlap", "bad_protocol",    "bad_icmp",       "icmp_ignored",
      "icmp_unmatched",   "rate_limited", "bad_tcp",          "bad_udp",         "port_zero",      "closed_port",
      "tcp_unacceptable", "tcp_paws",     "tcp_no_timestamp", "tcp_ack",         "tcp_no_ack",     "tcp_syn",
      "tcp_reset",        "tcp_state",    "listen_overflow",  "accept_deferred", "no_memory",      "receive_overflow",
      "receive_full",     "loop_overflow"};
  static_assert(names.back() != nullptr, "a name for each reason");
  return names[static_cast<std::size_t>(d)];
}

}  // namespace tunic
