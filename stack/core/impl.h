// The inside of a Stack. input.cc takes packets, flush.cc sends them, sockets.cc has the user calls, options.cc what
// may be set and asked; a socket that changed goes through settle(), whichever door it was.
#pragma once

#include <memory>
#include <vector>

#include "base/chunked.h"
#include "base/stock.h"
#include "core/socket.h"
#include "core/stack.h"
#include "ip/addresses.h"
#include "ip/errors.h"
#include "ip/identification.h"
#include "ip/input.h"
#include "ip/output.h"
#include "ip/pmtu.h"
#include "ip/rate_limit.h"
#include "ip/reassembly.h"
#include "ip/refusal.h"
#include "ip/routes.h"
#include "port/demux.h"
#include "port/ephemeral.h"
#include "tcp/burst.h"
#include "tcp/time_wait.h"
#include "wire/icmp.h"

namespace tunic {

/// Who has which port of a datagram transport, and who is connected to whom. The value of a pair is the latest of the
/// sockets that have it; DatagramSocket::next_of_pair leads to the others.
struct DatagramTables {
  PortTable ports;
  Demux pairs;
  EphemeralPorts ephemeral;
};

/// The key, in a page of its own, so that it can be kept out of core dumps and of forked children (N5). Nothing else
/// holds a copy.
struct alignas(Pool::page) Secrets {
  Prf prf;
};

struct Stack::Impl {
  explicit Impl(const Config& c);
  ~Impl();

  // input.cc
  void receive(RxPacket& packet, Instant now);
  std::optional<Drop> deliver(RxPacket& packet, bool reassembled, Instant now);
  std::optional<Drop> fragment_arrives(RxPacket& packet, const Datagram& d, Instant now);
  std::optional<Drop> deliver_tcp(RxPacket& packet, std::size_t offset, std::size_t size, const IpAddr& src,
                                  const IpAddr& dst, Instant now);
  bool has_room(const Listener& l) const;
  std::optional<Drop> listen_arrives(std::uint32_t listener, Segment& seg, Instant now, const std::uint32_t* reopened);
  std::optional<Drop> time_wait_arrives(std::uint32_t record, Segment& seg, Instant now);
  void reply(const Reply& r);

  // icmp.cc
  std::optional<Drop> deliver_icmp(RxPacket& packet, const Datagram& d, Instant now);
  std::optional<Drop> answer_echo(const Datagram& d, const IcmpView& request, Instant now);
  std::optional<Drop> error_arrives(const IcmpError& e, Instant now);
  /// Tells the sender of `packet` what was wrong with it, if it may be told and was not told too much already.
  void refuse(Bytes packet, const Problem& p, Instant now);
  bool say(IcmpMessage m);
  /// What a socket is told of an error about something that was going to `to`; `mtu` where it was too big.
  static ErrorReport report_of(const IcmpError& e, const Endpoint& to, std::uint32_t mtu);
  /// For receive_error(), where the receive buffer has room for it.
  void queue_report(Socket& s, std::uint32_t index, const ErrorReport& report, Bytes quoted);
  std::size_t take_report(Socket& s, std::span<const MutBytes> out, ErrorReport& report);
  void expire_fragments(Instant now);
  void flush_icmp(Link& link);

  // flush.cc
  void run_timers(Instant now);
  Instant drive(Instant now, Link& link);
  void flush(Instant now, Link& link);
  void flush_replies(Link& link);
  bool send_burst(Burst& burst, Link& link);
  std::size_t send_to_self(Burst& burst);
  void finish(Burst& burst, std::size_t from, const FourTuple& pair, std::uint8_t ttl, std::uint8_t tos,
              std::uint32_t flow_label);
  /// The flow label of all packets of a pair (RFC 6437); 0 for IPv4.
  std::uint32_t flow_label_of(const FourTuple& pair) const;
  Burst& burst_for(bool local) { return local ? loop_burst : device_burst; }
  void reap();

  // transmit.cc
  /// Where a datagram to `dst` is to be made, clear: the end of its burst. Null while the Link refuses: try again at
  /// the next flush.
  TxPacket* begin_datagram(const IpAddr& dst, Link& link);
  /// Ends what begin_datagram() began: `packet` has its transport header now, with zeros where the checksum goes,
  /// `checksum_field` octets after its begin, and its text. It goes out whole, or in fragments where `discover` and the
  /// path MTU ask for it. What the Link refuses waits here. Error: too_long, and it is gone.
  Status transmit(TxPacket& packet, const IpFields& fields, MtuDiscover discover,
                  std::optional<std::size_t> checksum_field, Link& link);
  void transmit_fragments(const TxPacket& packet, const IpFields& fields, std::uint32_t mtu, Link& link);
  std::uint32_t draw_id(const IpFields& fields);
  bool send_stalled(Link& link);
  void keep_refused(TxPacket& packet, bool to_device);

  // path.cc
  /// How large packets to `dst` may be now.
  PathMtu path_mtu(const IpAddr& dst, Instant now) const;
  /// The same for datagrams; ourselves take any.
  std::uint32_t datagram_mtu(const IpAddr& dst, MtuDiscover discover) const;
  /// A router says that the way to `dst` takes packets of at most `mtu` octets, and the transport believes it. True: it
  /// is less than path_mtu() said.
  bool learn_path_mtu(const IpAddr& dst, std::uint32_t mtu, Instant now);
  /// The same before anybody on the way was heard.
  std::uint32_t first_hop_mtu(const IpAddr& dst) const;
  /// Tells the connection of `s` how large packets to its peer may be now.
  void follow_path(Socket& s, Instant now);
  /// An ICMP error quotes a segment of ours: the reason why it was ignored, or nothing.
  std::optional<Drop> tcp_error(const IcmpError& e, Instant now);

  // udp.cc: the user calls of datagram sockets
  DatagramTables& tables(Transport t) { return t == Transport::udp ? udp : echo; }
  Status bind_datagram(Socket& s, std::uint32_t index, const Endpoint& local);
  Status take_port(Socket& s, std::uint32_t index, const Endpoint& local);
  /// Takes a port for what is to go to `remote`, if it has none yet.
  Status take_port_for(Socket& s, std::uint32_t index, const Endpoint& remote, Instant now);
  Status connect_datagram(Socket& s, std::uint32_t index, Endpoint remote, Instant now);
  Result<IpAddr> source_to(const Socket& s, const IpAddr& to) const;
  void leave_peer(Socket& s, std::uint32_t index);
  void disconnect_datagram(Socket& s, std::uint32_t index);
  Result<std::size_t> send_datagram(Socket& s, std::uint32_t index, std::span<const Bytes> text,
                                    const DatagramOptions& how);
  /// What MSG_MORE and UDP_CORK held back is a datagram now.
  void finish_gathered(Socket& s, std::uint32_t index);
  Result<Outgoing> address(const Socket& s, const DatagramOptions& how) const;
  /// True: it goes on until what it sends is out.
  bool close_datagram(Socket& s, std::uint32_t index);
  std::uint32_t ready_datagram(Socket& s, std::uint32_t index);

  // udp_packets.cc
  /// The datagram socket of `pair`: the connected one, else one bound to its local end.
  std::optional<std::uint32_t> find_datagram_socket(Transport t, const FourTuple& pair);
  std::optional<Drop> deliver_udp(RxPacket& packet, const Datagram& d, Instant now);
  std::optional<Drop> deliver_echo_reply(RxPacket& packet, const Datagram& d, Instant now);
  std::optional<Drop> datagram_error(Transport t, const IcmpError& e, Instant now);
  bool hand_over(std::uint32_t index, const DatagramInfo& info, Slice text);
  /// One quantum of a socket's datagrams into bursts; false: a link refuses.
  bool output_datagrams(Socket& s, std::uint32_t index, Link& link);
  bool emit_datagram(TxPacket& packet, const DatagramSocket& d, Link& link);
  void report_too_long(Socket& s, std::uint32_t index, const Endpoint& to, std::uint32_t mtu);

  // borrow.cc
  /// Who owns `text` once `s` has it to send: a slab, where it is too small to borrow or there is no place for a copy.
  Slice::Owner borrow_from(Socket& s, Bytes text, bool until_acknowledged);
  /// Keeps as much of the pool for copies as `s` may need for what it borrows now.
  void reserve_places(Socket& s);
  void take_over(Socket& s, Slice::Owner owner);
  void take_over_all(Socket& s);
  static bool may_zero_copy(const Socket& s);
  void end_zero_copy(Socket& s, std::uint32_t index);
  /// Reports the sends without a copy that are done with.
  void report_zero_copy(Socket& s, std::uint32_t index);

  // sockets.cc
  void config_changed();
  Socket* find(SocketId s);
  Socket& at(std::uint32_t index) { return sockets[index]; }
  /// Whose `pair` is: a value of the demux.
  std::optional<std::uint32_t> find_pair(const FourTuple& pair) const;
  SocketId id_of(std::uint32_t index) const { return {index, sockets[index].generation}; }
  Result<std::uint32_t> new_socket(Family family, Transport transport = Transport::tcp);
  void free_socket(std::uint32_t index);
  Status bind(Socket& s, std::uint32_t index, const Endpoint& local);
  Status bind_port(Socket& s, std::uint32_t index, const Endpoint& local);
  void unbind(Socket& s);
  Status connect(Socket& s, std::uint32_t index, Endpoint remote, Instant now);
  /// What a program means by an address of zeros: this host, over the protocol that the socket speaks (as Linux).
  static Endpoint destination(const Socket& s, Endpoint to);
  Binding binding_of(const Socket& s, std::uint32_t index, const Endpoint& local) const;
  bool pair_is_free(const FourTuple& pair, Instant now) const;
  void disconnect(Socket& s, std::uint32_t index);
  void stop_listening(Socket& s);
  Status forget_failed(Socket& s);

  /// After any door that may change the state (send() and receive() only mark dirty): the accept queue, TIME-WAIT, the
  /// demux, edges, the timer, and the list of the dirty.
  void settle(std::uint32_t index, Instant now);
  void enter_time_wait(Socket& s, Instant now);
  void forget_record(std::uint32_t record);
  /// When its connection is to be woken at the latest.
  void arm_timer(std::uint32_t index, Instant when);
  void cancel_timer(Socket& s);
  void mark_dirty(std::uint32_t index);
  void mark_edge(std::uint32_t index, std::uint8_t news = any_edge);
  /// Whether `s` could write but for the memory, which is kept for what arrives; it gets an edge when there is some
  /// again.
  bool starves(std::uint32_t index);
  void feed_starved();

  TcpContext context(bool local) {
    return {config.tcp, counters, pool, replies, parts, local ? 65'535u : config.link.max_gso};
  }

  // Of the way to ourselves: a quarter of the initial window, so that the window opens in useful steps; super-packets
  // make up for it.
  static constexpr std::uint32_t loop_mtu = 16'384;
  static constexpr std::uint32_t loop_datagram_mtu = 65'536;  // as Linux's lo
  static constexpr std::size_t loop_capacity = 512;
  static constexpr LinkTraits loop_traits{.checksum = true, .max_gso = 65'535};

  // A value of the demux: a socket's index, or a TIME-WAIT record with this bit.
  static constexpr std::uint32_t record_bit = 0x80000000u;

  Config config;
  std::unique_ptr<Secrets> secrets;
  const Prf& prf;  // of `secrets`, as all that draws has it
  Pool pool;
  Parts parts;
  Counters counters;
  Addresses addresses;
  Routes routes;
  PmtuCache pmtu;
  Identification identification;
  Reassembly reassembly;
  ErrorLimit error_limit;
  DestinationLimit echo_limit, reset_limit;
  std::uint32_t path_news = 0;  // grows when a path MTU changes: connections ask before they send next
  TimerWheel wheel;
  Stock<TimerNode> timers;
  Demux demux;
  PortTable ports;
  EphemeralPorts ephemeral;
  DatagramTables udp, echo;  // the ports of echo are identifiers
  TimeWaitTable time_wait;
  TimerNode time_wait_timer, reassembly_timer;
  Chunked<Socket> sockets;  // timers and connections refer to them
  std::vector<std::uint32_t> free_slots;
  std::size_t live = 0;  // sockets and connections
  Ring<SocketId> edges;
  Ring<SocketId> dirty;    // round-robin: one quantum each
  Ring<SocketId> held_up;  // within a flush: dirty, and their link refuses
  Ring<SocketId> starved;  // to be told when memory for sending is there again
  Ring<SocketId> dying;    // closed, nobody holds them: freed when their last packet is out
  Replies replies;
  Ring<IcmpMessage> messages;      // to send: errors and echo replies
  std::size_t message_octets = 0;  // of their bodies
  Burst device_burst, loop_burst;
  Ring<RxPacket> loop;     // packets to ourselves
  Ring<TxPacket> stalled;  // datagrams that the Link has refused: at most a burst and the fragments of one
  bool blocked = false;    // the Link refused something in this call
  Instant clock{};         // of the last call: deadlines of calls that have no time of their own
};

}  // namespace tunic
