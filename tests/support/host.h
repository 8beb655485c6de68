// A Stack in virtual time whose one Link is the test: segments go in, every packet that comes out is read strictly and
// held against the laws. Packet scripts and the state-table driver stand on it.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/stack.h"
#include "test_support/datagram_laws.h"
#include "test_support/laws.h"
#include "test_support/packets.h"
#include "test_support/segment.h"

namespace tunic::test {

class Host : private Link {
 public:
  struct Sent {
    Instant at;
    Segment segment;
  };
  struct Datagram {
    Instant at;
    IpRead packet;
  };
  struct Event {
    Instant at;
    bool out;  // of the Stack
    Segment segment;
  };
  using Packet = Octets;

  explicit Host(const Config& c) : ttl{c.tcp.ttl}, stack_{c} {}

  Stack& stack() { return stack_; }
  Laws& laws() { return laws_; }
  Instant now() const { return now_; }
  /// When the Stack wants to be called again.
  Instant wake() const { return wake_; }

  /// The segment arrives with the next poll(); several make one burst.
  void inject(const Segment& s);
  /// The same for octets that need not be a good packet.
  void inject_packet(const Packet& p);
  void poll();
  void flush();
  /// Lets time pass until `until`, calling poll() whenever the Stack asked for it; with `stop_at_output` only until a
  /// packet is there to be taken.
  void advance(Instant until, bool stop_at_output = false);

  /// The clock goes on while nobody calls the Stack: its thread was stopped, or busy.
  void lapse(Duration d) { now_ += d; }

  /// What came out and was not taken yet, oldest first.
  std::deque<Sent> out;
  /// The same of what is not TCP; only while `datagrams` is set, else such a packet is a broken law.
  std::deque<Datagram> others;
  bool datagrams = false;
  /// What its packets must have, where a socket chose otherwise than the settings say.
  std::uint8_t ttl, tos = 0;
  /// While set, the Link takes no packet.
  bool refuses = false;

  /// Every segment that went in or came out.
  const std::vector<Event>& events() const { return events_; }
  /// Laws that were broken, in words.
  const std::vector<std::string>& broken() const { return broken_; }
  /// Every packet that came out, with its time: equal for equal behaviour.
  const std::vector<std::pair<Instant, Packet>>& record() const { return record_; }
  std::uint64_t injected() const { return injected_; }

 private:
  std::span<RxPacket> receive(const ReadHint* hint) override;
  std::size_t send(std::span<TxPacket> packets) override;
  void settle(Instant wake);
  void hold_to_work(std::size_t packets_in, std::size_t octets_in);
  void take(const TxPacket& p);
  void take_segment(Bytes octets, const Offload& offload);
  void take_datagram(Bytes octets, const Offload& offload);

  Stack stack_;
  Laws laws_;
  DatagramLaws datagram_laws_;
  Instant now_{3600s};
  Instant wake_ = never;
  std::vector<Packet> waiting_;
  std::vector<RxPacket> burst_;
  std::vector<std::string> broken_;
  std::vector<Event> events_;
  std::vector<std::pair<Instant, Packet>> record_;
  std::uint64_t injected_ = 0;
  std::size_t worked_ = 0;  // packets of record_ whose work was judged
};

}  // namespace tunic::test
