// What the network says of a segment that we sent: an ICMP error, read and matched to its connection by the owner. TCP
// does not know ICMP; it gets what matters of it (RFC 9293 section 3.9.2.2).
#pragma once

#include <cstdint>

#include "base/seq.h"

namespace tunic {

struct NetworkError {
  Seq32 seq;              // of the segment that the error quotes
  int error = 0;          // what it means to the user: Linux's errno
  bool hard = false;      // a protocol or port that is not there: SHLD-26
  std::uint32_t mtu = 0;  // packet too big: what fits there, octets of an IP packet; else 0
};

}  // namespace tunic
