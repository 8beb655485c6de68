/// @file
/// The edge of a Stack: one queue of packets. A TUN queue, a simulated port, a test script and a fuzzer are all Links.
#pragma once

#include <span>

#include "buf/packet.h"

namespace tunic {

/// Where a blocked reader waits for the next octets of one connection, so that a Link may read them there directly. A
/// Link may ignore it; Stack::poll() does not offer one yet.
struct ReadHint {
  Bytes four_tuple;           ///< 36 octets, as FourTuple
  std::size_t header_length;  ///< IP + TCP header of the predicted packet
  MutBytes target;            ///< where its text is wanted
};

/// What a Link takes off the Stack's hands. A Link states it before the Stack is made (Config::link).
struct LinkTraits {
  bool checksum = false;      ///< completes Offload::Checksum::partial
  std::uint32_t max_gso = 0;  ///< largest super-packet (IP length, <= 65535) it cuts by gso_size; 0: none
};

/// One virtual call per burst, never per packet. Calls come from one thread at a time.
struct Link {
  /// The Stack owns no Link.
  virtual ~Link() = default;
  /// The packets that are there now, oldest first; empty when none is. They belong to the caller, who may move slices
  /// out; the array itself is valid until the next call.
  virtual std::span<RxPacket> receive(const ReadHint* hint = nullptr) = 0;
  /// Takes the first k packets and returns k: those are consumed before it returns. What it does not take was never
  /// sent.
  virtual std::size_t send(std::span<TxPacket> packets) = 0;
};

}  // namespace tunic
