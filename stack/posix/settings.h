// What setsockopt() has said about a socket that the socket layer keeps by itself, because only the calls' answers
// depend on it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tunic {

/// Options that are numbers and are kept here.
enum class Kept : std::uint8_t {
  // what receiving tells beside the octets
  stamp,           // SO_TIMESTAMP and its kin: the option that was set, 0 none
  overflow,        // SO_RXQ_OVFL
  packet_info,     // IP_PKTINFO
  ttl,             // IP_RECVTTL
  tos,             // IP_RECVTOS
  destination,     // IP_RECVORIGDSTADDR
  packet_info_v6,  // IPV6_RECVPKTINFO
  hops,            // IPV6_RECVHOPLIMIT
  traffic_class,   // IPV6_RECVTCLASS
  destination_v6,  // IPV6_RECVORIGDSTADDR
  queue_length,    // TCP_INQ
  // how text is sent
  zero_copy,      // SO_ZEROCOPY: MSG_ZEROCOPY is heard
  dont_fragment,  // IPV6_DONTFRAG
  // what changes nothing here, and is remembered
  debug,             // SO_DEBUG
  dont_route,        // SO_DONTROUTE
  priority,          // SO_PRIORITY
  mark,              // SO_MARK
  incoming_cpu,      // SO_INCOMING_CPU
  busy_poll,         // SO_BUSY_POLL
  prefer_busy_poll,  // SO_PREFER_BUSY_POLL
  coalesced,         // UDP_GRO: datagrams may come several in one, and none does
  linger_time,       // SO_LINGER: what was said last, which is shown also when it is off
  count
};

/// Most sockets are told nothing of this: there is memory for it once something was said.
class SocketSettings {
 public:
  SocketSettings() = default;
  SocketSettings(const SocketSettings& o) { *this = o; }
  SocketSettings& operator=(const SocketSettings& o) {
    kept_ = o.kept_ ? std::make_unique<All>(*o.kept_) : nullptr;
    late_error = o.late_error;
    return *this;
  }
  int operator[](Kept k) const {
    return kept_ ? (*kept_)[static_cast<std::size_t>(k)] : k == Kept::incoming_cpu ? -1 : 0;
  }
  void set(Kept k, int value) {
    if (!kept_) {
      kept_ = std::make_unique<All>();
      (*kept_)[static_cast<std::size_t>(Kept::incoming_cpu)] = -1;
    }
    (*kept_)[static_cast<std::size_t>(k)] = value;
  }

  int late_error = 0;  // of a call that had done something already: for the next one to report

 private:
  using All = std::array<int, static_cast<std::size_t>(Kept::count)>;
  std::unique_ptr<All> kept_;
};

}  // namespace tunic
