// A socket of a Stack: a blank place at first, then a listener or one end of a connection; or a datagram socket. Slots
// are reused; the generation tells which socket a handle meant. A slot outlives its handle while the connection in it
// still has something to do.
#pragma once

#include <cstdint>
#include <memory>

#include "base/timer_wheel.h"
#include "core/stack.h"
#include "core/zero_copy.h"
#include "port/binding.h"
#include "tcp/connection.h"
#include "tcp/listener.h"
#include "udp/datagram_socket.h"
#include "udp/error_queue.h"

namespace tunic {

struct Socket {
  enum class Kind : std::uint8_t { free, blank, listener, connection, datagram };

  Kind kind = Kind::free;
  Family family = Family::v4;
  bool held = false;      // a handle exists
  bool dirty = false;     // in the Stack's list of sockets with something to send
  bool starved = false;   // in the Stack's list of sockets that wait for memory
  std::uint8_t edge = 0;  // in the Stack's list of sockets to look at, for these bits of ready
  bool bound = false;
  bool bound_by_user = false;    // bind() chose it: kept when a connection ends
  bool connect_pending = false;  // connect() has not yet told of its success
  bool in_demux = false;
  bool any_address = false;               // bind() left the address to connect()
  bool local_peer = false;                // the other end is in this Stack
  bool zero_copy_copied = false;          // of the send that is being taken in
  bool embryo = false;                    // of a listener, before it is established
  bool queued = false;                    // established, waits for accept()
  std::uint8_t time_wait_generation = 0;  // of `time_wait`
  std::uint32_t time_wait = 0xffffffff;   // the record this connection left
  std::uint32_t generation = 1;
  std::uint32_t places = 0;      // chunks of the pool reserved for copies of what is borrowed
  std::uint32_t flow_label = 0;  // of all its packets to its peer (RFC 6437)
  std::uint32_t path_news = 0;   // of the Stack, when its connection was last told of the path MTU
  SocketId parent{};             // the listener of a socket that nobody accepted yet
  std::uint32_t listening = 0;   // how often listen() began here; of a child, when its parent took it
  int late_error = 0;            // of a connection that disconnect() ended
  BindingId binding{};
  Endpoint local{};  // as bound: the address may be a wildcard
  UserOptions options;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connection> connection;
  std::unique_ptr<DatagramSocket> datagram;
  std::unique_ptr<ErrorQueue> errors;        // while there are some
  std::unique_ptr<ZeroCopySends> zero_copy;  // once there was one
  std::unique_ptr<TimerNode> timer;          // while it is armed
};

}  // namespace tunic
