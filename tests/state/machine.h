// A Stack brought to one of the states of the table, one segment to it, and what can be seen afterwards from outside:
// the socket calls and the packets. A socket half-closes with shutdown(), so that its handle still tells the state.
#pragma once

#include <deque>
#include <string>

#include "table.h"
#include "test_support/host.h"

namespace tunic::test {

/// What a case of the table is repeated over.
struct Numbers {
  Family family = Family::v4;
  std::uint32_t iss = 0, irs = 0;
};

class Machine {
 public:
  /// `state` as in the table.
  Machine(const std::string& state, const Numbers& n);

  /// The positions of the table's columns; `length` is SEG.LEN.
  std::uint32_t seq_at(const std::string& position, std::uint32_t length) const;
  std::uint32_t ack_at(const std::string& position) const;

  /// Injects the segment, its text made of the peer's stream, and waits 500 ms, so that delayed ACKs are out (MUST-40).
  void arrives(Segment s);

  // -- what is to be seen --
  const std::deque<Host::Sent>& sent() const { return host_.out; }
  std::string state();  // as in the table
  std::string told();
  /// Octets to read and, once the octet before RCV.NXT + 1 has come, what was held: "no", "held", "data", "fin",
  /// "data+fin".
  std::string accepted(const Segment& s);
  Host& host() { return host_; }

  std::uint32_t rcv_nxt() const { return rcv_nxt_; }
  std::uint32_t snd_nxt() const { return snd_nxt_; }
  std::uint32_t iss() const { return numbers_.iss; }

 private:
  void listen();
  void connect();
  void establish();
  void write(std::size_t n);
  void finish_writing();
  void hear(std::uint8_t flags, std::size_t text = 0);
  void settle(Duration d);
  void look_for_child();
  bool at_end();
  std::size_t readable();

  std::string name_;
  Numbers numbers_;
  Host host_;
  Endpoint here_, peer_;
  SocketId listener_, socket_;
  std::uint32_t snd_una_, snd_nxt_, rcv_nxt_ = 0;  // before the segment
  bool text_in_flight_ = false, at_end_before_ = false;
  int error_ = 0;
};

}  // namespace tunic::test
