// Two Stacks and the two ways between them, in virtual time. Every packet is read strictly and held against the laws;
// what the ways do to packets (delay, loss, reordering, duplication) comes from a seed or from the test. Users of
// sockets act only when an edge says that their socket changed, so a wake-up that never comes is a transfer that never
// ends.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/stack.h"
#include "test_support/laws.h"
#include "test_support/replay.h"
#include "test_support/segment.h"

namespace tunic::test {

/// Numbers from a seed (SplitMix64).
class Seeded {
 public:
  explicit Seeded(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  /// In [least, most].
  std::uint64_t in(std::uint64_t least, std::uint64_t most) { return least + next() % (most - least + 1); }
  bool happens(std::uint32_t per_mille) { return per_mille != 0 && next() % 1000 < per_mille; }

 private:
  std::uint64_t state_;
};

/// One direction.
struct Way {
  Duration delay = 5ms;
  std::uint64_t rate = 0;                              // octets a second, 0: any
  std::uint32_t loss = 0, reorder = 0, duplicate = 0;  // per mille of the wire segments
  Duration late = 20ms;                                // a reordered packet comes later by up to this
  std::set<std::size_t> lose{};                        // packets by number, from 0
  std::function<bool(const Segment&)> drop{};          // packets by what they are
  std::function<Duration(std::size_t)> held{};         // further delay of a packet by its number
  std::uint32_t mtu = 0;                               // a router halfway passes no larger packet, and says so; 0: any
};

/// How one user treats a connection. What is written is a pattern keyed by position, and so must be what is read.
struct Plan {
  std::size_t write = 0;
  std::size_t write_chunk = 1u << 16, read_chunk = 1u << 16;  // at most in one call
  bool random_chunks = false;
  bool reads = true;
  /// What is written is lent, for a random time up to this; then the memory is something else's. 0: it is copied.
  Duration loan{};
  /// When all is written: shut the sending side, and close when the peer has ended too; close at once; reset; go on.
  enum class End { half_close, close, abort, stay } end = End::half_close;
};

class World;

/// The user of one socket.
class User {
 public:
  User(World& world, int side, SocketId socket, const Plan& plan);
  void act();
  SocketId socket() const { return socket_; }
  /// Octets that were read and written so far.
  std::size_t read() const { return read_; }
  std::size_t written() const { return written_; }
  bool ended() const { return ended_; }  // the peer has ended its stream
  bool gone() const { return gone_; }    // the socket is closed
  int error() const { return error_; }
  Plan plan;

 private:
  bool read_some();
  bool write_some();
  void finish_writing();
  void close();
  void end_loan();
  std::size_t chunk(std::size_t most);

  World& world_;
  int side_;
  SocketId socket_;
  std::size_t read_ = 0, written_ = 0;
  int error_ = 0;
  bool ended_ = false, gone_ = false, finished_ = false;
  std::vector<std::byte> lent_;  // while a loan goes on
};

class World {
 public:
  enum Side { left = 0, right = 1 };
  struct Setup {
    Family family = Family::v4;
    std::uint64_t seed = 1;
    std::uint32_t mtu = 1500;
    bool gso = true;     // the Stacks make super-packets
    bool whole = false;  // super-packets arrive whole; else they are cut into wire segments first
    bool slabs = false;  // packets arrive in receive slabs, as from a TUN
    std::size_t memory = 16u << 20;
    std::uint32_t max_sockets = 1u << 17;
    TcpSettings tcp{};
    std::array<Way, 2> ways{};  // ways[left]: from left to right
    bool laws = true;
    bool remember = true;  // seen() is kept
    bool record = false;
  };
  struct Seen {
    Instant at;
    int from;
    Segment segment;   // without its text
    std::size_t size;  // of the text
    bool lost;
    std::uint64_t hash;  // of all octets of the packet
  };

  explicit World(const Setup& s);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Recorder& at(int side) { return *stacks_[static_cast<std::size_t>(side)]; }
  Stack& stack(int side) { return at(side).stack(); }
  Config config(int side) const;
  Way& way(int from) { return setup_.ways[static_cast<std::size_t>(from)]; }
  Instant now() const { return now_; }
  Endpoint endpoint(int side, std::uint16_t port) const;
  Seeded& random() { return random_; }

  /// A listener whose connections are used as `plan` says.
  SocketId serve(int side, std::uint16_t port, int backlog, const Plan& plan);
  /// A connection from `side` to a port of the other, used as `plan` says; `port`: of its own, 0: any.
  User& connect(int side, std::uint16_t to, const Plan& plan, std::uint16_t port = 0);
  /// A user for a socket that the test made.
  User& use(int side, SocketId s, const Plan& plan);
  /// Users in the order in which their connections came to be.
  User& user(int side, std::size_t i = 0) { return *users_[static_cast<std::size_t>(side)].at(i); }
  std::size_t users(int side) const { return users_[static_cast<std::size_t>(side)].size(); }
  void later(Duration d, std::function<void()> what) { alarms_.emplace(now_ + d, std::move(what)); }
  /// The segment arrives at `side` now, as if the other had sent it.
  void inject(int side, const Segment& s);
  /// To be called after calls on a Stack that the test itself made.
  void flush(int side);

  /// Nobody calls that Stack for so long: what arrives waits in its device, as much as fits there.
  void stop(int side, Duration d) { stopped_[static_cast<std::size_t>(side)] = now_ + d; }
  /// All clocks go on at once, as after a sleep of both machines.
  void jump(Duration d) { now_ += d; }

  /// Lets time pass until `done` or `d` is over; says whether `done`.
  bool run(Duration d, const std::function<bool()>& done);
  void run(Duration d) {
    run(d, [] { return false; });
  }
  /// The same until both Stacks have forgotten every connection and given every octet back.
  bool run_until_clean(Duration d);
  bool clean();

  /// In words: laws that were broken, and octets that were not what they should be.
  const std::vector<std::string>& broken() const { return broken_; }
  void complain(std::string what) { broken_.push_back(std::move(what)); }
  const std::vector<Seen>& seen() const { return seen_; }
  /// Equal for equal traces: every packet with its time and direction.
  std::uint64_t trace_hash() const { return trace_hash_; }
  const Journal& journal(int side) const { return journals_[static_cast<std::size_t>(side)]; }
  /// While set, that side's link takes no packet.
  std::array<bool, 2> refuses{};
  /// Octets of the streams from a position on.
  static Bytes stream(std::size_t position, std::size_t size);

 private:
  friend class User;
  struct Flight {
    int to;
    Packet packet;
    std::optional<Segment> segment;  // unless it is ICMP
  };

  bool take(int side, Packet&& p);
  void depart(int from, const Segment& s, Packet&& p);
  void refuse(int from, const Packet& p);
  bool stopped(int side) const { return stopped_[static_cast<std::size_t>(side)] > now_; }
  Instant due(int side) const {
    return std::max(wake_[static_cast<std::size_t>(side)], stopped_[static_cast<std::size_t>(side)]);
  }
  void step();
  void poll(int side, std::vector<Packet> in);
  void act(int side);

  Setup setup_;
  Seeded random_;
  Instant now_{3600s};
  std::array<std::unique_ptr<Recorder>, 2> stacks_;
  std::array<Journal, 2> journals_;
  std::array<Laws, 2> laws_;
  std::array<Instant, 2> wake_{never, never}, busy_{}, stopped_{Instant::min(), Instant::min()};
  std::array<std::size_t, 2> sent_{}, backlog_{};
  std::multimap<Instant, Flight> flights_;
  std::multimap<Instant, std::function<void()>> alarms_;
  std::array<std::vector<std::unique_ptr<User>>, 2> users_;
  std::array<std::map<std::uint64_t, User*>, 2> by_socket_;
  std::array<std::map<std::uint64_t, Plan>, 2> listeners_;
  std::vector<std::string> broken_;
  std::vector<Seen> seen_;
  std::uint64_t trace_hash_ = 1;
};

std::string name(const World::Seen& s);

}  // namespace tunic::test
