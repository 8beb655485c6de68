// A datagram socket's own state: what it has received, and what waits for the link. It decides what fits (a queue of
// tiny datagrams is charged what it costs: U2); who may talk to it is decided before it is asked.
#pragma once

#include <cstdint>
#include <optional>

#include "buf/packet.h"
#include "udp/datagram.h"
#include "udp/message_queue.h"

namespace tunic {

/// A datagram on its way out.
struct Outgoing {
  FourTuple pair;
  std::uint32_t flow_label = 0;
  std::uint8_t ttl = 0, tos = 0;
  MtuDiscover discover = MtuDiscover::want;
  bool checksum = true;
};

/// One that came, without its text. 64 octets is what it is charged (U2).
struct Received {
  Endpoint from;
  IpAddr to;
  std::uint8_t ttl = 0, tos = 0;
  std::uint32_t drops = 0;
  Instant received{};
};
static_assert(sizeof(Queued<Received>) <= 64);

class DatagramSocket {
 public:
  static constexpr std::uint32_t none = 0xffff'ffff;

  explicit DatagramSocket(Transport t) : transport{t} {}

  const Transport transport;
  std::optional<Endpoint> peer;  // connected
  bool address_by_user = false;  // bind() chose the address
  bool port_by_user = false;     // bind() chose the port
  bool read_shut = false, write_shut = false;
  std::uint32_t next_of_pair = none;  // another socket that is connected to the same peer from the same address
  std::optional<Outgoing> gathering;  // MSG_MORE: how the open message of `output` will be sent

  // -- received --

  /// Takes a datagram if `buffer` octets have room for it or nothing waits; false: refused, or no memory.
  bool take(Pool& pool, DatagramInfo info, Slice text, std::size_t buffer);
  bool readable() const { return !received_.empty(); }
  /// Octets of the next datagram, 0 if there is none.
  std::size_t next_size() const { return received_.empty() ? 0 : received_.front().size; }
  /// Copies the next datagram as far as there is room; the rest of it is lost unless it is `peek`ed at.
  std::size_t receive(std::span<const MutBytes> out, bool peek, DatagramInfo& info);

  /// Octets of `buffer` that what was received leaves for something else.
  std::size_t room(std::size_t buffer) const { return buffer - std::min(buffer, received_.charge()); }

  // -- errors --

  void fail(int error) { error_ = error; }
  int error() const { return error_; }
  int take_error() { return std::exchange(error_, 0); }

  // -- to send --

  MessageQueue<Outgoing> output;
  /// Room for one more message; Linux lets in what begins within the buffer.
  bool has_room(std::size_t buffer) const { return output.charge() < buffer; }

  std::uint64_t digest(std::uint64_t h) const;

 private:
  MessageQueue<Received> received_;
  int error_ = 0;
  std::uint32_t drops_ = 0;
};

}  // namespace tunic
