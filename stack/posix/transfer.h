// One call that moves octets, while it is under way. For the files of Sockets.
#pragma once

#include <optional>
#include <span>

#include "posix/pieces.h"
#include "posix/sockets.h"

namespace tunic {

struct Sockets::Transfer {
  std::span<const iovec> all;
  Pieces pieces;  // of a stream: what is left of them
  std::size_t size;
  int flags;
  std::size_t least = 1;  // receive: wait for this many, where waiting is allowed
  std::size_t done = 0;
  std::optional<int> left{};         // receive: TCP_INQ, where it is asked for
  int stamp = 0;                     // receive from a stream: SO_TIMESTAMP or its kin, where it is asked for
  std::optional<Instant> arrived{};  // when the last octet did, then
  bool is_message = false;           // of a datagram socket, or a report
  Loan loan = Loan::none;            // send: whether the text may stay where it is

  bool has(int flag) const { return (flags & flag) != 0; }
};

}  // namespace tunic
