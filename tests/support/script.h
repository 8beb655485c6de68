// Packet scripts: a conversation with a Stack, line by line, in virtual time.
//
//   repeat(established({.mss = 1000, .peer_window = 64'000, .rtt = 100ms}), R"(
//        0ms  write 4000
//        0ms  > P. 1:4001(4000) ack 1            // one super-segment
//      100ms  < .  1:1(0)       ack 4001
//        0ms  nothing )");
//
// A line is `<time> [#peer] <action>`. The time is how long after the line before it happens; on the way the Stack is
// polled at each of its deadlines. What comes out must be expected, in order, at its time (2 ms are tolerated for
// timers); anything else fails. `&` in place of the time puts a segment into the same burst as the one before.
//
//   < SEGMENT          arrives (notation.h)      > SEGMENT      comes out
//   < icmp unreachable CODE|port, too_big MTU, time_exceeded CODE, problem CODE, quench CODE, then seq N [size N]
//                      a router tells of our segment at N, with so much text; it quotes the least that it may
//   nothing            nothing came out until here
//   listen N | accept [again] | connect | connected | connect error E | bind PORT
//   write N [oob|more] [gets M | again | error E]
//   read N | read eof | read again | read oob | read error E | skip N (octets that read() will not give)
//   shutdown wr|rd|rdwr [error E] | close [listener] | abort | disconnect
//   setsockopt NAME N [error E]      of the peer's socket, or of the listener before there is one
//   link full | link open            the Link takes no packets; takes them again
//   expect state NAME | expect [not] readable|writable|urgent|error|hangup|read_hangup|mark | expect error E
//   expect inq|outq|connections|retransmits|cwnd|ssthresh|mss|accept_queue|syn_queue N | expect rto N ms | expect drop
//   NAME N expect clean                     all memory and all connections are given back
//
// Peers have numbers, 1 unless written. At the end everything is closed, and everything must be given back in time. The
// octets of both streams are keyed by their position, and every octet acknowledged must be readable.
#pragma once

#include <functional>
#include <map>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "test_support/host.h"
#include "test_support/notation.h"

namespace tunic::test {

/// How a script begins.
struct Setup {
  std::uint16_t mss = 1460;              // the peer's MSS option; 0: none
  std::uint32_t peer_window = 65'535;    // octets; the default of `win`
  std::optional<std::uint8_t> wscale{};  // the peer's window scale
  bool sack = true, timestamps = false;
  Duration rtt = 10ms;  // of the handshake
  bool active = false;  // who opened: we, or the peer
  int backlog = 16;
  std::uint32_t mtu = 1500;
  LinkTraits link{.checksum = true, .max_gso = 65'535};
  TcpSettings tcp{};
  enum class Begin { blank, listening, connecting, established } begin = Begin::blank;
};
inline Setup blank(Setup s = {}) { return s; }
/// A listener on port 80.
inline Setup listening(Setup s = {}) { return s.begin = Setup::Begin::listening, s; }
/// connect() was called; its SYN is the first packet to expect.
inline Setup connecting(Setup s = {}) { return s.begin = Setup::Begin::connecting, s; }
/// The handshake is done and the connection accepted; both next numbers are 1.
inline Setup established(Setup s = {}) { return s.begin = Setup::Begin::established, s; }

/// What a script is repeated over: it must read the same for all.
struct Variant {
  Family family = Family::v4;
  std::uint32_t our_isn = 0x10000, their_isn = 0x20000;
  bool prediction = true;
};
std::string name(const Variant& v);

class Script {
 public:
  explicit Script(const Setup& setup, const Variant& v = {});
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() { finish(); }

  /// Runs lines; the first failure ends the script: it is told, and all that follows is skipped.
  void run(std::string_view lines, std::source_location where = std::source_location::current());
  /// The same, but whatever comes out is fine as long as it keeps the laws.
  void run_loosely(std::string_view lines, std::source_location where = std::source_location::current());
  /// Closes everything, waits, and asks whether everything was given back. Once.
  void finish();

  bool failed() const { return failed_; }
  Host& host() { return host_; }
  Stack& stack() { return host_.stack(); }
  SocketId socket(int peer = 1) { return peers_[peer].socket; }
  SocketId listener() const { return listener_; }
  TcpInfo info(int peer = 1) { return stack().info(socket(peer)).value_or(TcpInfo{}); }
  const Variant& variant() const { return variant_; }

 private:
  struct Peer {
    Endpoint endpoint;
    SocketId socket;
    Port our_port{};
    std::int64_t written = 0, read = 0;  // positions in the streams
  };
  using Words = std::vector<std::string>;
  using Wrong = std::optional<std::string>;
  using Call = Wrong (Script::*)(const Words&);

  static Config config(const Setup& s, const Variant& v);
  Endpoint here(Port port) const;
  Peer& peer();
  FourTuple tuple(Peer& p);
  Flow& flow() { return host_.laws().flow(tuple(peer())); }
  Bases our_bases();
  Bases their_bases();
  std::uint16_t largest_mss();
  std::size_t effective_mss();
  SocketId target();

  void begin(std::source_location where);
  void run_lines(std::string_view lines, std::source_location where);
  Wrong line(std::string_view text);
  Wrong at_time(Duration d, bool burst, const std::string& direction);
  Wrong act(const std::string& direction, std::string_view rest);
  Wrong inject(std::string_view text);
  Wrong inject_icmp(const Words& w);
  Wrong expect_segment(std::string_view text, Instant at);
  Wrong compare(const Written& w, const Host::Sent& came, Instant at);
  Wrong unexpected();
  Wrong call(std::string_view text);
  Wrong result(const Status& s, const Words& w, std::size_t i);

  Wrong do_nothing(const Words&);
  Wrong do_listen(const Words&);
  Wrong do_bind(const Words&);
  Wrong do_accept(const Words&);
  Wrong do_connect(const Words&);
  Wrong do_connected(const Words&);
  Wrong do_write(const Words&);
  Wrong do_read(const Words&);
  Wrong read_octets(std::size_t n);
  Wrong do_skip(const Words&);
  Wrong do_shutdown(const Words&);
  Wrong do_close(const Words&);
  Wrong do_abort(const Words&);
  Wrong do_disconnect(const Words&);
  Wrong do_setsockopt(const Words&);
  Wrong do_link(const Words&);
  Wrong do_expect(const Words&);
  Wrong expect_ready(const std::string& what, bool wanted);
  Wrong expect_error(const std::string& wanted);
  Wrong expect_number(const std::string& what, std::int64_t wanted);
  Wrong expect_drop(const std::string& reason, std::int64_t wanted);
  Wrong expect_clean();

  void drain(Peer& p);
  void log(std::string_view text);
  std::string print(const Host::Event& e);
  void fail(const std::string& line, const std::string& wrong, std::source_location where);
  std::string conversation();

  Setup setup_;
  Variant variant_;
  Host host_;
  Instant start_, time_;  // of the script; of the line before
  Segment last_injected_;
  bool pending_ = false;  // injected, not polled yet
  SocketId listener_;
  std::map<int, Peer> peers_;
  int current_ = 1;
  struct Said {
    std::size_t after;  // how many events of the Host
    std::string text;
  };
  std::vector<Said> log_;
  std::size_t broken_seen_ = 0;
  bool failed_ = false, finished_ = false, loose_ = false;
};

/// Runs a script over both families, six pairs of initial sequence numbers (H6) and the fast path on and
/// off, which must send the same packets at the same times.
void repeat(const Setup& setup, const std::function<void(Script&)>& body);
void repeat(const Setup& setup, std::string_view lines, std::source_location where = std::source_location::current());

}  // namespace tunic::test
