// Two Stacks, joined in memory and each by its own loopback, 16 handles on their sockets, and a tape that says which
// call comes next.
#pragma once

#include <array>
#include <initializer_list>

#include "buf/memory_link.h"
#include "fuzz/sockets_model.h"

namespace tunic::fuzz {

/// What the network may have said; after it a stream may be incomplete.
inline bool is_failure(Error e) {
  return e == Error::refused || e == Error::reset || e == Error::timed_out || e == Error::aborted ||
         e == Error::unreachable || e == Error::host_unreachable || e == Error::network_down;
}

class World {
 public:
  explicit World(Bytes input);
  void run();

 private:
  using Octets = std::vector<std::byte>;

  // sockets.cc: what the tape chooses, time, and the end
  void step();
  Stack& at(int side) { return stacks_[static_cast<std::size_t>(side)]; }
  Stack& of(const Handle& h) { return at(h.side); }
  Handle& some_handle() { return handles_[tape_.below(16)]; }
  IpAddr some_address(int side);
  Port some_port();
  Endpoint some_endpoint(int side);
  std::size_t some_size();
  Duration some_time();
  int side_of(int side, const IpAddr& a);
  void pass_time(Duration d);
  void poll_both(int rounds);
  void drain_edges();
  void expect_bad_handle(const Handle& h);
  void expect_whole_streams();
  void expect_all_given_back();

  // sockets_calls.cc: from open() to close()
  void open(Handle& h);
  void bind(Handle& h);
  void listen(Handle& h);
  void accept(Handle& h);
  void connect(Handle& h);
  void disconnect(Handle& h);
  void shutdown(Handle& h, Shutdown how);
  void close(Handle& h, bool abort);
  void ask(Handle& h);
  void take_error(Handle& h);

  // sockets_text.cc: streams
  void send(Handle& h);
  void receive(Handle& h);
  bool read(Handle& h, std::size_t size, ReceiveFlags flags);
  void check_text(Handle& h, Bytes text, ReceiveFlags flags);
  void check_end(Handle& h);

  // sockets_datagrams.cc
  void send_datagram(Handle& h);
  void receive_datagram(Handle& h);
  void receive_error(Handle& h);
  void check_datagram(Handle& h, Bytes text, const DatagramInfo& info, bool peeked);
  void finish_gathered(Handle& h);

  // sockets_options.cc: options, knobs, the link
  void set(Handle& h);
  void set_congestion(Handle& h);
  void set_sysctl(int side);
  void set_device(int side);
  void make_memory_fail(int side);
  bool memory_fails(const Handle& h) const { return memory_fails_[static_cast<std::size_t>(h.side)]; }

  /// Success, or one of these errors, or one that came from the network.
  template <class T>
  bool is_one_of(Handle& h, const Result<T>& r, std::initializer_list<Error> errors) {
    if (r) return true;
    if (is_failure(r.error())) h.failed = true;
    return is_failure(r.error()) || std::ranges::find(errors, r.error()) != errors.end();
  }

  struct Edge {
    int side;
    SocketId id;
    std::uint32_t news;  // in bits of ready
  };

  Tape tape_;
  Instant now_{1h};
  std::array<Stack, 2> stacks_;
  std::array<bool, 2> memory_fails_{};  // at will: then a socket may promise room that it has not
  MemoryLink link_{stacks_[0].pool(), stacks_[1].pool()};
  std::array<Handle, 16> handles_{};
  std::vector<Handle> stale_{};
  std::vector<Edge> edges_{};
  Model model_{};
};

}  // namespace tunic::fuzz
