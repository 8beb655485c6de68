// A run of a Stack replays from its list of events. A Recorder is a Stack whose every entrance (the time, the packets
// that came, the call and its arguments) may be written into a Journal, with all that came of it: packets, results,
// deadline, digest. replay() feeds a Journal to a fresh Stack and says where the two differ first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/stack.h"

namespace tunic::test {

/// A packet as it crosses the edge of a Stack.
struct Packet {
  std::vector<std::byte> octets;
  Offload offload;
  friend bool operator==(const Packet& a, const Packet& b) {
    return a.octets == b.octets && a.offload.checksum == b.offload.checksum && a.offload.gso_size == b.offload.gso_size;
  }
};

/// One entrance into a Stack: what it was given, then what came of it.
struct Event {
  enum class Kind : std::uint8_t {
    poll,
    flush,
    open,
    bind,
    listen,
    accept,
    connect,
    send,
    receive,
    shutdown,
    close,
    abort,
    set,
    take_edge,
    take_error,
    fail_every,
  };
  Kind kind{};
  Instant now{};
  SocketId socket{};
  Endpoint endpoint{};
  std::int64_t number = 0, value = 0;  // family, backlog, octets, direction, option; its value
  bool flag = false, more = false;     // urgent or peek; MSG_MORE
  std::vector<std::byte> text;         // to send
  std::vector<Packet> in;

  std::vector<Packet> out;     // what was offered to the link,
  std::vector<bool> taken;     // and whether the link took it
  std::int64_t result = 0;     // the value, the deadline, or the error below zero
  std::vector<std::byte> got;  // by receive()
  std::uint64_t digest = 0;
};
using Journal = std::vector<Event>;

const char* name(Event::Kind k);

class Recorder : private Link {
 public:
  /// Says whether the link takes a packet.
  using Sink = std::function<bool(Packet&&)>;

  /// `slabs`: packets arrive in whole receive slabs as from a TUN, else in the smallest block that holds them.
  Recorder(const Config& c, Sink sink, bool slabs = false) : stack_{c}, sink_{std::move(sink)}, slabs_{slabs} {}

  /// Writes all that follows into `journal`, which must outlive this.
  void record(Journal* journal) { journal_ = journal; }

  Instant poll(Instant now, std::vector<Packet> in);
  Instant flush(Instant now);
  Result<SocketId> open(Family family);
  Status bind(SocketId s, const Endpoint& local);
  Status listen(SocketId s, int backlog);
  Result<SocketId> accept(SocketId s);
  Status connect(SocketId s, const Endpoint& remote, Instant now);
  Result<std::size_t> send(SocketId s, Bytes text, SendFlags flags = {});
  /// Not an event: a replay copies at once, and must give the same packets.
  Status end_loan(SocketId s) { return stack_.end_loan(s); }
  Result<std::size_t> receive(SocketId s, MutBytes out, ReceiveFlags flags = {});
  Status shutdown(SocketId s, Shutdown how);
  Status close(SocketId s);
  Status abort(SocketId s);
  Status set(SocketId s, Option o, std::int64_t value);
  std::optional<SocketId> take_edge();
  int take_error(SocketId s);
  void fail_every(std::uint32_t k);

  /// For questions, which change nothing.
  Stack& stack() { return stack_; }
  TcpInfo info(SocketId s) const { return stack_.info(s).value_or(TcpInfo{}); }
  std::uint64_t no_memory() const { return no_memory_; }

 private:
  std::span<RxPacket> receive(const ReadHint*) override;
  std::size_t send(std::span<TxPacket> packets) override;
  Event& begin(Event::Kind kind, SocketId s = {});
  template <class R>
  R end(R result);
  Slice slab_for(const Packet& p);

  Stack stack_;
  Sink sink_;
  bool slabs_;
  Journal* journal_ = nullptr;
  Event unrecorded_;
  std::vector<Packet> arriving_;
  std::vector<RxPacket> burst_;
  std::uint64_t no_memory_ = 0;  // arrived while the pool was empty
};

/// Feeds `journal` to a fresh Stack: the first difference in words, or nothing.
std::optional<std::string> replay(const Config& c, const Journal& journal, bool slabs = false);

}  // namespace tunic::test
