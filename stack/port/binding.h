// The port table: which sockets, connections and TIME-WAIT records hold which `ip:port`, and who may take one. Its
// rules are those of Linux TCP, found by asking a Linux kernel, with one exception: a port that connect() took by
// itself never blocks a later bind() or listen(). For datagrams they are those of Linux UDP: a binding that takes from
// anybody "listens", and that alone takes nothing from others.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/prf.h"
#include "wire/addr.h"

namespace tunic {

enum class BindingId : std::uint32_t {};

struct Binding {
  IpAddr addr;  // 0.0.0.0 and :: are wildcards
  Port port{};
  bool v6_only = false;        // IPV6_V6ONLY: without it, :: takes IPv4 too
  bool mapped = false;         // an IPv4 address of a socket of IPv6: one of IPv4 goes before it
  bool reuse_address = false;  // SO_REUSEADDR
  bool reuse_port = false;     // SO_REUSEPORT
  std::uint32_t owner = 0;     // whose it is: the caller's number
};

enum class PortRules : std::uint8_t { stream, datagram };

class PortTable {
 public:
  /// `prf` must outlive the table.
  explicit PortTable(const Prf& prf, PortRules rules = PortRules::stream) : prf_{&prf}, rules_{rules} {}

  // -- sockets: one binding each --

  /// Success or in_use: two bindings of a port conflict where their addresses overlap, unless both have reuse_address
  /// and the other one does not listen (of datagrams: also if it does), or both have reuse_port.
  Status can_bind(const Binding& b) const;
  Result<BindingId> bind(const Binding& b);
  /// Whether nobody at all holds `b.port` where it overlaps with b: what bind() to port 0 looks for first.
  bool is_unused(const Binding& b) const;
  /// listen() asks again whether the binding conflicts: in_use if so. A datagram socket listens until it is connected,
  /// and asks nothing.
  Status set_listening(BindingId id, bool listening);
  /// SO_REUSEADDR and SO_REUSEPORT may change at any time and count from then on. Connections keep what they had.
  void set_reuse(BindingId id, bool address, bool port);
  /// connect() turns a wildcard into the address it chose.
  void set_address(BindingId id, const IpAddr& addr);

  // -- connections: bindings that are shared and counted --

  /// The binding of a connection at `local` that comes from the binding `from` (accept(), TIME-WAIT): it outlives
  /// `from` and has its flags.
  BindingId hold(BindingId from, const IpAddr& local);
  /// The binding of a connection whose port connect() chose.
  BindingId bind_automatic(const IpAddr& local, Port port);

  /// Lets go of what bind(), hold() or bind_automatic() gave.
  void release(BindingId id);

  // -- asking --

  const Binding& operator[](BindingId id) const { return at(id).binding; }
  bool is_listening(BindingId id) const { return at(id).kind == Kind::listening; }
  /// Whether the port is held by more than connections that connect() bound: then connect() chooses another.
  bool is_claimed(Port port) const;
  /// The owner of the listener for a connection request: the one at its address, else the wildcard of its family, else,
  /// for IPv4, the wildcard :: that takes both; a mapped address comes after the same one of IPv4. Of several the
  /// latest; if that has reuse_port the pair decides which of those that have it, always the same.
  std::optional<std::uint32_t> find_listener(const FourTuple& pair) const;
  /// The owners of all listeners for a broadcast to `local`, as many as `out` has room for; returns how many.
  std::size_t find_listeners(const Endpoint& local, std::span<std::uint32_t> out) const;
  /// Bindings, shared ones counted once.
  std::size_t size() const { return size_; }

 private:
  enum class Kind : std::uint8_t { listening, bound, connected, automatic };
  static constexpr std::size_t kinds = 4;
  static constexpr std::uint32_t none = 0xffff'ffff;

  struct Record {
    Binding binding;
    Kind kind = Kind::bound;
    std::uint32_t references = 0;
    std::uint32_t next = none, previous = none;  // of the same port and kind; next also of free records
  };
  /// The first record of each kind.
  struct Heads {
    std::array<std::uint32_t, kinds> first{none, none, none, none};
  };
  using Page = std::array<Heads, 256>;  // ports with the same high octet

  Record& at(BindingId id) { return records_[static_cast<std::uint32_t>(id)]; }
  const Record& at(BindingId id) const { return records_[static_cast<std::uint32_t>(id)]; }
  const Heads* heads(Port port) const;
  bool conflict(const Binding& asking, const Record& other) const;
  template <class F>
  bool any_of(Port port, std::size_t kinds_asked, F f) const;
  bool conflicts(const Binding& b, std::uint32_t self) const;
  std::uint32_t insert(const Binding& b, Kind kind);
  BindingId share(const Binding& b, Kind kind);
  void link(std::uint32_t i);
  void unlink(std::uint32_t i);
  template <class F>
  std::optional<std::uint32_t> choose(const FourTuple& pair, std::uint32_t first, F matches) const;

  const Prf* prf_;
  PortRules rules_;
  std::size_t size_ = 0;
  std::uint32_t free_ = none;
  std::vector<Record> records_;
  std::array<std::unique_ptr<Page>, 256> pages_;  // by the high octet of the port, made when first used
};

}  // namespace tunic
