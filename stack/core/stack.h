/// @file
/// A Stack is one shard: a complete TCP/IP host over one packet queue, for one thread at a time. Time, randomness and
/// packets are handed in; packets and a deadline come out. It makes no system call and starts no thread: embed it in
/// any loop.
///
///     Stack stack{config};
///     SocketId s = *stack.open(Family::v4);
///     stack.connect(s, remote, now);
///     for (;;) { wake = stack.poll(now, link); wait for packets or until `wake`; }
///
/// Sockets are named by handles with a generation: a handle of a closed socket gives Error::bad_handle, never another
/// socket. Calls never block: they give Error::again, and ready() and take_edge() say when to try once more. After
/// calls that may have something to send (send, receive, set, shutdown, close, connect), call flush() or
/// poll().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/time.h"
#include "buf/link.h"
#include "buf/slab.h"
#include "core/config.h"
#include "tcp/info.h"
#include "udp/datagram.h"
#include "wire/addr.h"

namespace tunic {

/// Names a socket of one Stack.
struct SocketId {
  std::uint32_t index = 0;       ///< of its slot, which later sockets reuse; < Config::max_sockets
  std::uint32_t generation = 0;  ///< 0: no socket
  friend constexpr bool operator==(SocketId, SocketId) = default;
};

/// What a socket can do now; bits may be or-ed. They map one to one to POLLIN, POLLOUT, POLLPRI, POLLERR, POLLHUP,
/// POLLRDHUP.
namespace ready {
inline constexpr std::uint32_t readable = 1;  ///< receive() or accept() has something, or the end or an error to tell
inline constexpr std::uint32_t writable = 2;  ///< a third of the send buffer is free, or send() or connect() has ended
inline constexpr std::uint32_t urgent = 4;    ///< an urgent octet is here and not yet read (RFC 9293 section 3.8.5)
inline constexpr std::uint32_t error = 8;  ///< an error is pending, see take_error(), or a report, see receive_error()
inline constexpr std::uint32_t hangup = 16;       ///< both directions have ended
inline constexpr std::uint32_t read_hangup = 32;  ///< the peer's FIN was received, or reading was shut
}  // namespace ready

/// Options of a socket, with Linux's values and units (see Stack::set()). Where it says 0/1, any other number is 1.
enum class Option : std::uint8_t {
  reuse_address,   ///< SO_REUSEADDR 0/1
  reuse_port,      ///< SO_REUSEPORT 0/1
  v6_only,         ///< IPV6_V6ONLY 0/1, before bind
  keep_alive,      ///< SO_KEEPALIVE 0/1
  keep_idle,       ///< TCP_KEEPIDLE seconds, 1..32767
  keep_interval,   ///< TCP_KEEPINTVL seconds, 1..32767
  keep_count,      ///< TCP_KEEPCNT probes, 1..127
  no_delay,        ///< TCP_NODELAY 0/1: no Nagle algorithm (RFC 9293 MUST-17)
  cork,            ///< TCP_CORK 0/1: full segments alone, or what has waited 200 ms
  linger,          ///< SO_LINGER: seconds, -1 is off
  oob_inline,      ///< SO_OOBINLINE 0/1
  receive_buffer,  ///< SO_RCVBUF octets of text, clamped to 1152..Config::rmem_max; ends autotuning
  send_buffer,     ///< SO_SNDBUF octets of text, clamped to 2304..Config::wmem_max; ends autotuning
  receive_low,     ///< SO_RCVLOWAT octets that make a socket readable; 0 counts as 1; a receive buffer grows with it
  max_segment,     ///< TCP_MAXSEG octets, 88..32767, or 0: as the MTU says; of a SYN and what follows it
  user_timeout,    ///< TCP_USER_TIMEOUT milliseconds, 0: TcpSettings::data_give_up (RFC 9293 MUST-21)
  syn_count,       ///< TCP_SYNCNT retransmissions of SYN, 1..127
  linger2,       ///< TCP_LINGER2 seconds in FIN-WAIT-2 after close(), at most 120; 0: TcpSettings::fin_wait_2, -1: none
  quick_ack,     ///< TCP_QUICKACK 0/1: acknowledgments are not delayed; get() tells 0 where text answers text
  defer_accept,  ///< TCP_DEFER_ACCEPT seconds: accept() waits for text so long, in whole retransmissions of SYN-ACK
  window_clamp,  ///< TCP_WINDOW_CLAMP octets of the largest window offered, 1152 and more; 0: none, if unconnected
  not_sent_low,  ///< TCP_NOTSENT_LOWAT octets not yet sent that make a socket unwritable; 0: no such mark
  ttl,           ///< IP_TTL / IPV6_UNICAST_HOPS 1..255
  tos,           ///< IP_TOS / IPV6_TCLASS 0..255, the ECN bits with it
  bind_no_port,  ///< IP_BIND_ADDRESS_NO_PORT 0/1: bind() to port 0 leaves the choice to connect()
  broadcast,     ///< SO_BROADCAST 0/1: may send to broadcast addresses
  receive_times,   ///< of streams 0/1, SO_TIMESTAMP and its kin: arrival() tells when text arrived
  receive_errors,  ///< IP_RECVERR, IPV6_RECVERR 0/1: receive_error() tells what the network said
  mtu_discover,    ///< IP_MTU_DISCOVER, IPV6_MTU_DISCOVER: the values of MtuDiscover
  mtu,             ///< IP_MTU, IPV6_MTU: octets of the path MTU to the peer; only to get()
  no_checksum,     ///< SO_NO_CHECK 0/1: UDP over IPv4 is sent without a checksum
  free_bind,       ///< IP_FREEBIND, IPV6_FREEBIND 0/1: may bind an address that is not ours
};

/// Which half of a connection is shut; the values of SHUT_RD, SHUT_WR, SHUT_RDWR.
enum class Shutdown : std::uint8_t {
  read = 0,   ///< receive() gives no more than what is there
  write = 1,  ///< what was sent goes out, then FIN
  both = 2,   ///< the one and the other
};

/// Whether send() copies what it takes in.
enum class Loan : std::uint8_t {
  none,          ///< it does
  call,          ///< large pieces may stay where they are: they must not change until Stack::end_loan()
  acknowledged,  ///< the same until receive_error() says that the peer has it: see end_zero_copy()
};

/// How send() sends.
struct SendFlags {
  bool urgent = false;     ///< MSG_OOB: the last octet is the urgent one
  bool more = false;       ///< MSG_MORE: more follows, do not send a part segment yet
  Loan loan = Loan::none;  ///< of a stream: who keeps the text until it is acknowledged
};
/// What receive() receives.
struct ReceiveFlags {
  bool peek = false;     ///< MSG_PEEK: it stays to be read again
  bool urgent = false;   ///< MSG_OOB: the urgent octet alone, which is out of line unless Option::oob_inline
  std::size_t skip = 0;  ///< with `peek`, of a stream: octets to look past; 0 octets come where there are no more
  /// The caller would wait: of datagrams, 0 and not Error::again where reading was shut, as Linux.
  bool waits = false;
};

/// One complete host for one thread at a time; the head of this file shows the loop around it. Every call on a socket
/// may give Error::bad_handle; `now` never goes back from call to call.
class Stack {
 public:
  /// A host without sockets. Throws std::bad_alloc if Config::memory cannot be reserved.
  explicit Stack(const Config& config);
  /// Sends nothing: peers learn nothing. All slices of pool() must be gone.
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// Receives a burst, runs the timers that are due, sends a burst. Returns when to call again at the latest (`never`:
  /// only when packets come or calls were made; `now` or earlier: at once).
  Instant poll(Instant now, Link& link);
  /// The device takes packets of `octets` at most from now on (Config::mtu). Connections follow before they send next:
  /// what is sent again is cut anew, and more than the peer's MSS or a learned path MTU is never sent.
  void set_mtu(std::uint32_t octets);
  /// The Link of poll() and flush() does something else for us from now on (Config::link).
  void set_link(const LinkTraits& link);
  /// Sends what calls have made ready, without receiving. Same result as poll().
  Instant flush(Instant now, Link& link);
  /// Whether receive() has made anything ready since the last poll() or flush(), which it does seldom.
  bool wants_flush() const;

  // -- the user calls of RFC 9293 section 3.9.1, in the shape of sockets --

  /// A blank socket that is not hooked up; tcp, unless another transport is named. Error: too_many.
  Result<SocketId> open(Family family, Transport transport = Transport::tcp);
  /// Gives a socket an address (MUST-43); port 0 takes a free one. Errors: invalid (already bound, or IPv4 on a v6_only
  /// socket), not_available (not ours), in_use, family.
  Status bind(SocketId s, const Endpoint& local);
  /// Passive open. `backlog` is clamped to 1..TcpSettings::max_backlog, negative is the most; a second call changes it.
  /// Binds to an ephemeral port if unbound. Errors: invalid (has a connection), in_use.
  Status listen(SocketId s, int backlog);
  /// A new socket for the oldest established connection, and its peer (also if that has reset it since). Errors: again,
  /// invalid (not listening).
  Result<SocketId> accept(SocketId s, Endpoint* remote = nullptr);
  /// Begins an active open; binds first to an ephemeral port if need be. Success is Error::in_progress at first, later
  /// success once, then is_connected; failure is the error of the connection once. Other errors: already, aborted
  /// (the error was asked for meanwhile), family,
  /// unreachable, invalid (a loopback source for elsewhere), refused (port 0), not_available (no port, or the pair is
  /// in use), no_buffers.
  ///
  /// A datagram socket is given its peer, at once and again and again: it sends there, from an address that fits, and
  /// hears nobody else. Errors: family, unreachable, invalid, denied (broadcast without Option::broadcast), no_buffers,
  /// again (no port).
  Status connect(SocketId s, const Endpoint& remote, Instant now);
  /// connect() with AF_UNSPEC: the socket has no peer any more, and no address and port but those that bind() chose. A
  /// connection is reset, and the error `reset` is pending then; a listener stops.
  Status disconnect(SocketId s);
  /// Takes in what fits. Errors: no_buffers (Loan::acknowledged, and too many such sends wait), again (also while
  /// memory is short), pipe, not_connected, the pending error (reset, timed_out...).
  Result<std::size_t> send(SocketId s, Bytes text, SendFlags flags = {});
  /// What is still needed of text sent on Loan::call is copied: the caller's memory is free. It comes before the call
  /// in which the caller let it be used returns, whatever became of that; close() and abort() do it by themselves.
  Status end_loan(SocketId s);
  /// After the calls of send() with Loan::acknowledged that were one send of the user (MSG_ZEROCOPY): gives it the next
  /// number, from 0. Once all of it is acknowledged, or the connection has ended, a report of origin::zero_copy tells
  /// that number; until then the memory must not change. What close() leaves unacknowledged is copied. Of a datagram,
  /// which is copied, the report comes at once.
  Status end_zero_copy(SocketId s);
  /// Copies out what is there; 0 is the end of the stream. Errors: again, not_connected, the pending error; with
  /// `urgent` also invalid (nothing urgent, or it is in line).
  Result<std::size_t> receive(SocketId s, MutBytes out, ReceiveFlags flags = {});
  /// CLOSE of one direction (RFC 9293 section 3.10.4). In SYN-SENT the connection ends; a listener stops on `read` and
  /// resets what nobody accepted. Error: not_connected.
  Status shutdown(SocketId s, Shutdown how);
  /// Lets go of the socket: the handle ends now; the connection goes on by itself until the close is acknowledged
  /// (RFC 9293 section 3.10.4), or is reset where text was left unread (SHLD-3) or linger is 0.
  Status close(SocketId s);
  /// RFC 9293 section 3.10.5: sends a reset and lets go.
  Status abort(SocketId s);

  // -- datagrams --

  /// Sends one datagram of the octets of `text` in turn, 0 octets too; an echo socket's begins with the ICMP header,
  /// whose identifier and checksum are written over. Binds first to an ephemeral port if need be. Success means that it
  /// waits for flush() or poll() in the send buffer. Errors: again, destination_required, too_long (65507 octets over
  /// IPv4 and 65527 over IPv6 are the most, less as Option::mtu_discover says), denied (broadcast without
  /// Option::broadcast), unreachable (no address of ours, multicast), invalid (port 0, a source that is not ours, or
  /// not an echo request), family, pipe (shut), unsupported (another socket), or the pending error.
  Result<std::size_t> send_datagram(SocketId s, std::span<const Bytes> text, const DatagramOptions& how = {});
  /// Copies the oldest datagram into `out` in turn, as far as there is room; what is left of it is lost, and
  /// `info.size` tells how long it was. Of an echo socket it begins with the ICMP header. Gives 0 with info.size 0 also
  /// when reading was shut and `flags.waits`. Errors: again, unsupported (another socket), or the pending error.
  Result<std::size_t> receive_datagram(SocketId s, std::span<const MutBytes> out, ReceiveFlags flags,
                                       DatagramInfo& info);
  /// MSG_ERRQUEUE: the oldest report of what was sent, and as much of that as it quotes: of Option::receive_errors, and
  /// of a connect() that the network has ended, for that is not asked for over IPv4 (as Linux). Error: again (there is
  /// none).
  Result<std::size_t> receive_error(SocketId s, std::span<const MutBytes> out, ErrorReport& report);

  // -- asking --

  /// What the socket was opened for; tcp for a bad handle.
  Transport transport(SocketId s) const;

  /// Bits of namespace ready; ready::error alone for a bad handle.
  std::uint32_t ready(SocketId s) const;
  /// A socket whose readiness may have changed since it was last returned here, or none.
  /// @param news  bits of namespace ready that may newly have come, or come once more: text while other text stands
  ///              unread is news, an acknowledgment is none to who reads.
  std::optional<SocketId> take_edge(std::uint32_t* news = nullptr);
  /// Its own address and port; all zero of its family when unbound.
  Result<Endpoint> local(SocketId s) const;
  /// The peer. Error: not_connected, also in SYN-SENT.
  Result<Endpoint> remote(SocketId s) const;
  /// Sets an option; a listener's pass to the sockets it accepts. Errors: invalid (out of range, or not now), no_option
  /// (v6_only of an IPv4 socket).
  Status set(SocketId s, Option o, std::int64_t value);
  /// An option in the unit of set(); max_segment of a connection is TcpInfo::snd_mss. Error: no_option.
  Result<std::int64_t> get(SocketId s, Option o) const;
  /// TCP_CONGESTION: the congestion control of a connection, now or when there is one. Error: no_entry (no such name).
  Status set_congestion(SocketId s, std::string_view name);
  /// Its name.
  Result<std::string_view> congestion(SocketId s) const;
  /// The pending error as errno; 0 if none, or for a bad handle. ready::error may stand for reports alone.
  int error(SocketId s) const;
  /// SO_ERROR: the same, which is cleared.
  int take_error(SocketId s);
  /// SIOCINQ: octets that receive() would give without waiting; of datagrams, those of the next one. Error: invalid (a
  /// listener).
  Result<std::size_t> readable_bytes(SocketId s) const;
  /// SIOCOUTQ: octets sent or queued and not acknowledged; of datagrams, those that wait for the link. Error: invalid
  /// (a listener).
  Result<std::size_t> unacknowledged_bytes(SocketId s) const;
  /// SIOCOUTQNSD: octets queued and not yet sent; 0 of datagrams.
  Result<std::size_t> unsent_bytes(SocketId s) const;
  /// Octets on loan: still needed where the program has them.
  std::size_t lent_bytes(SocketId s) const;
  /// When the last of the octets arrived that receive() would give of at most `n`; nothing where Option::receive_times
  /// was off then, or nothing can be read.
  std::optional<Instant> arrival(SocketId s, std::size_t n) const;
  /// SIOCATMARK: whether the next octet to be read is the urgent one.
  Result<bool> at_mark(SocketId s) const;
  /// STATUS (RFC 9293 section 3.10.6), as TCP_INFO; State::closed for a blank socket. Times are told as of `now`, or of
  /// the last poll() or flush().
  Result<TcpInfo> info(SocketId s, std::optional<Instant> now = {}) const;

  // -- knobs: docs/sysctl.md lists them --

  /// Changes a knob by Linux's name for it, such as "net.ipv4.tcp_fin_timeout". What belongs to a socket from its
  /// beginning (buffers, time to live, keep-alives) holds for those opened or accepted afterwards. Errors: no_entry
  /// (there is none of that name), denied (it is only to be read), invalid (not one of its values).
  Status set_sysctl(std::string_view name, std::string_view value);
  /// A knob's value, as `sysctl` would print it. Error: no_entry.
  Result<std::string> sysctl(std::string_view name) const;

  /// What it was made from, and what set_mtu() and set_sysctl() made of it.
  const Config& config() const;
  /// What it has counted so far.
  const Counters& counters() const;
  /// Its packet memory, from which its Link makes received packets.
  Pool& pool();
  /// A hash of all protocol state: equal inputs give equal digests after every call.
  std::uint64_t digest() const;
  /// Connections in any state, TIME-WAIT records included; 0 when all is closed and forgotten.
  std::size_t connections() const;
  /// Whether anything sent or queued still waits for the peer (used to drive on at exit).
  bool unfinished() const;
  /// Where the one copy of Config::key is: whole pages that hold nothing else, so that a program can keep them out of
  /// core dumps and forked children (madvise(2)).
  Bytes secrets() const;
  /// Forgets what is there, which must not be shared with a forked child. Nothing may be sent afterwards.
  void wipe_secrets();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tunic
