// A Stack is one shard: a complete TCP/IP host over one packet queue, for one thread at a time. Time, randomness and packets
// are handed in; packets and a deadline come out. It makes no system call and starts no thread: embed it in any loop.
//
//   Stack stack{config};
//   SocketId s = *stack.open(Family::v4);
//   stack.connect(s, remote, now);
//   for (;;) { wake = stack.poll(now, link); wait for packets or until `wake`; }
//
// Sockets are named by handles with a generation: a handle of a closed socket gives Error::bad_handle, never another socket.
// Calls never block: they give Error::again, and ready() and take_edge() say when to try once more. After calls that may have
// something to send (send, receive, shutdown, close, connect, listen's accept), call flush() or poll().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/time.h"
#include "buf/link.h"
#include "buf/slab.h"
#include "core/config.h"
#include "tcp/info.h"
#include "wire/addr.h"

namespace tunic {

struct SocketId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;   ///< 0: no socket
  friend constexpr bool operator==(SocketId, SocketId) = default;
};

/// What a socket can do now; bits may be or-ed. They map one to one to POLLIN, POLLOUT, POLLPRI, POLLERR, POLLHUP, POLLRDHUP.
namespace ready {
inline constexpr std::uint32_t readable = 1, writable = 2, urgent = 4, error = 8, hangup = 16, read_hangup = 32;
}

/// Options of a socket, with Linux's values and units (see set()).
enum class Option : std::uint8_t {
  reuse_address,     ///< SO_REUSEADDR 0/1
  reuse_port,        ///< SO_REUSEPORT 0/1
  v6_only,           ///< IPV6_V6ONLY 0/1, before bind
  keep_alive,        ///< SO_KEEPALIVE 0/1
  keep_idle,         ///< TCP_KEEPIDLE seconds, 1..32767
  keep_interval,     ///< TCP_KEEPINTVL seconds, 1..32767
  keep_count,        ///< TCP_KEEPCNT probes, 1..127
  no_delay,          ///< TCP_NODELAY 0/1
  cork,              ///< TCP_CORK 0/1
  linger,            ///< SO_LINGER: seconds, -1 is off
  oob_inline,        ///< SO_OOBINLINE 0/1
  receive_buffer,    ///< SO_RCVBUF octets of text; clamped to the limits of TcpSettings
  send_buffer,       ///< SO_SNDBUF octets of text
  receive_low,       ///< SO_RCVLOWAT octets, >= 1
  max_segment,       ///< TCP_MAXSEG octets, 88..32767
  user_timeout,      ///< TCP_USER_TIMEOUT milliseconds, 0: default
  syn_count,         ///< TCP_SYNCNT retransmissions of SYN, 1..127
  defer_accept,      ///< TCP_DEFER_ACCEPT seconds
  linger2,           ///< TCP_LINGER2 seconds
  quick_ack,         ///< TCP_QUICKACK 0/1
  ttl,               ///< IP_TTL / IPV6_UNICAST_HOPS 1..255
  tos,               ///< IP_TOS / IPV6_TCLASS 0..255
};

enum class Shutdown : std::uint8_t { read = 0, write = 1, both = 2 };

struct SendFlags {
  bool urgent = false;   ///< MSG_OOB: the last octet is the urgent one
  bool more = false;     ///< MSG_MORE: more follows, do not send a part segment yet
};
struct ReceiveFlags {
  bool peek = false;     ///< MSG_PEEK
  bool urgent = false;   ///< MSG_OOB
};

class Stack {
 public:
  /// Throws std::bad_alloc if Config::memory cannot be reserved.
  explicit Stack(const Config& config);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// Receives a burst, runs the timers that are due, sends a burst. Returns when to call again at the latest (`never`: only
  /// when packets come or calls were made; `now` or earlier: at once).
  Instant poll(Instant now, Link& link);
  /// Sends what calls have made ready, without receiving. Same result as poll().
  Instant flush(Instant now, Link& link);

  // -- the user calls of RFC 9293 section 3.9.1, in the shape of sockets --

  /// A blank TCP socket that is not hooked up. Errors: too_many, no_memory.
  Result<SocketId> open(Family family);
  /// Gives a socket an address; port 0 takes a free one. Errors: invalid (already bound), not_available (not ours), in_use,
  /// family.
  Status bind(SocketId s, const Endpoint& local);
  /// backlog is clamped to 1..TcpSettings::max_backlog; a second call changes it. Binds to an ephemeral port if unbound.
  Status listen(SocketId s, int backlog);
  /// A new socket for the oldest established connection, and its peer (also if that has reset it since). Errors: again,
  /// invalid (not listening).
  Result<SocketId> accept(SocketId s, Endpoint* remote = nullptr);
  /// Begins an active open; binds first to an ephemeral port if need be. Success is Error::in_progress at first, later
  /// success once, then is_connected; failure is the error of the connection once.
  Status connect(SocketId s, const Endpoint& remote, Instant now);
  /// Copies in what fits. Errors: again, pipe, not_connected, the pending error (reset, timed_out...), no_buffers.
  Result<std::size_t> send(SocketId s, Bytes text, SendFlags flags = {});
  /// Copies out what is there; 0 is the end of the stream. Errors: again, not_connected, the pending error; with `urgent`
  /// also invalid (nothing urgent, or it is in line).
  Result<std::size_t> receive(SocketId s, MutBytes out, ReceiveFlags flags = {});
  Status shutdown(SocketId s, Shutdown how);
  /// Lets go of the socket: the handle ends now; the connection goes on by itself until the close is acknowledged
  /// (RFC 9293 section 3.10.4), or is reset where text was left unread (SHLD-3) or linger is 0.
  Status close(SocketId s);
  /// RFC 9293 section 3.10.5: sends a reset and lets go.
  Status abort(SocketId s);

  // -- asking --
  std::uint32_t ready(SocketId s) const;                  ///< ready::error alone for a bad handle
  /// A socket whose readiness may have changed since it was last returned here, or none.
  std::optional<SocketId> take_edge();
  Result<Endpoint> local(SocketId s) const;               ///< all zero of its family when unbound
  Result<Endpoint> remote(SocketId s) const;              ///< not_connected unless it has a peer
  Status set(SocketId s, Option o, std::int64_t value);   ///< invalid: out of range or not now
  Result<std::int64_t> get(SocketId s, Option o) const;
  /// SO_ERROR: the pending error, which is cleared; 0 if none.
  int take_error(SocketId s);
  /// SIOCINQ: octets that receive() would give without waiting. SIOCOUTQ: octets sent or queued and not acknowledged.
  Result<std::size_t> readable_bytes(SocketId s) const;
  Result<std::size_t> unacknowledged_bytes(SocketId s) const;
  /// SIOCATMARK: whether the next octet to be read is the urgent one.
  Result<bool> at_mark(SocketId s) const;
  Result<TcpInfo> info(SocketId s) const;

  const Config& config() const;
  const Counters& counters() const;
  Pool& pool();
  /// A hash of all protocol state: equal inputs give equal digests after every call.
  std::uint64_t digest() const;
  /// Connections in any state, TIME-WAIT records included; 0 when all is closed and forgotten.
  std::size_t connections() const;
  /// Whether anything sent or queued still waits for the peer (used to drive on at exit).
  bool unfinished() const;
  /// Forgets what must not be shared with a forked child: the secrets.
  void wipe_secrets();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tunic
