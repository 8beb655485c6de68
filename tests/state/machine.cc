#include "machine.h"

#include <algorithm>
#include <array>

#include "test_support/names.h"

namespace tunic::test {
namespace {

constexpr Port our_port{80}, their_port{40'000};

IpAddr address(Family f, std::uint8_t host) {
  if (f == Family::v4) return IpAddr::v4(0xc612'0000u + host);
  std::array<std::byte, 16> a{std::byte{0xfd}, {}, {}, std::byte{7}};
  a[15] = std::byte{host};
  return IpAddr::v6(a.data());
}

// No retransmission within the half second in which a case is watched; timestamps are not in the table.
Config config(const Numbers& n) {
  Config c;
  c.addresses = {{address(n.family, 2), static_cast<std::uint8_t>(n.family == Family::v4 ? 24 : 64)}};
  c.memory = 4u << 20;
  c.max_sockets = 16;
  c.tcp.time_wait_records = 16;
  c.tcp.rto_min = 2s;
  c.tcp.timestamps = false;
  c.tcp.test_isn = n.iss;
  return c;
}

}  // namespace

Machine::Machine(const std::string& state, const Numbers& n)
    : name_{state},
      numbers_{n},
      host_{config(n)},
      here_{address(n.family, 2), our_port},
      peer_{address(n.family, 1), their_port},
      snd_una_{n.iss},
      snd_nxt_{n.iss} {
  if (state == "CLOSED") return;
  if (state == "SYN_SENT" || state == "SYN_RECEIVED_A") {
    connect();
    if (state == "SYN_RECEIVED_A") hear(flag::syn);
    host_.out.clear();
    return;
  }
  listen();
  if (state == "LISTEN") return;
  if (state == "SYN_RECEIVED_P") {
    hear(flag::syn);
    snd_nxt_ = numbers_.iss + 1;
    host_.out.clear();
    return;
  }
  establish();
  if (state == "ESTABLISHED") write(10);
  if (state == "CLOSE_WAIT") write(10), hear(flag::ack | flag::fin);
  if (state == "LAST_ACK") hear(flag::ack | flag::fin), finish_writing();
  if (state == "FIN_WAIT_1" || state == "CLOSING" || state == "FIN_WAIT_2" || state == "TIME_WAIT") finish_writing();
  if (state == "FIN_WAIT_2" || state == "TIME_WAIT") snd_una_ = snd_nxt_, hear(flag::ack);
  if (state == "CLOSING" || state == "TIME_WAIT") hear(flag::ack | flag::fin);
  host_.out.clear();
  at_end_before_ = at_end();
}

// ---- on the way to a state ----

void Machine::listen() {
  listener_ = *host_.stack().open(numbers_.family);
  (void)host_.stack().bind(listener_, here_);
  (void)host_.stack().listen(listener_, 4);
}

void Machine::connect() {
  socket_ = *host_.stack().open(numbers_.family);
  (void)host_.stack().bind(socket_, here_);
  (void)host_.stack().connect(socket_, peer_, host_.now());
  host_.flush();
  snd_nxt_ = numbers_.iss + 1;
}

// Ten octets have gone each way and were acknowledged, so that acknowledgments above ISS can be old.
void Machine::establish() {
  hear(flag::syn);
  snd_una_ = snd_nxt_ = numbers_.iss + 1;
  hear(flag::ack);
  look_for_child();
  write(10);
  snd_una_ = snd_nxt_;
  hear(flag::ack, 10);
  std::array<std::byte, 10> text;
  (void)host_.stack().receive(socket_, text);
  settle(500ms);
}

void Machine::write(std::size_t n) {
  (void)host_.stack().send(socket_, pattern_text(snd_nxt_ - numbers_.iss - 1, n, ours));
  host_.flush();
  snd_nxt_ += static_cast<std::uint32_t>(n);
}

void Machine::finish_writing() {
  (void)host_.stack().shutdown(socket_, Shutdown::write);
  host_.flush();
  ++snd_nxt_;
}

// The next segment of a peer that acknowledges up to SND.UNA.
void Machine::hear(std::uint8_t flags, std::size_t text) {
  Segment s{.src = peer_, .dst = here_, .seq = rcv_nxt_, .flags = flags, .window = 65'535};
  if (s.has(flag::syn)) s.seq = rcv_nxt_ = numbers_.irs, s.options.mss = std::uint16_t{1000};
  if (s.has(flag::ack)) s.ack = snd_una_;
  s.text = pattern_text(rcv_nxt_ - numbers_.irs - 1, text, theirs);
  rcv_nxt_ += s.length();
  host_.inject(s);
  host_.poll();
}

void Machine::settle(Duration d) { host_.advance(host_.now() + d); }

void Machine::look_for_child() {
  if (listener_.generation == 0) return;
  if (const auto child = host_.stack().accept(listener_)) {
    socket_ = *child;
    host_.flush();
  }
}

// ---- the segment ----

std::uint32_t Machine::seq_at(const std::string& position, std::uint32_t length) const {
  const auto& flow = const_cast<Machine*>(this)->host_.laws().flow({here_, peer_});
  if (position == "old") return rcv_nxt_ - std::max(1u, length);
  if (position == "exact") return rcv_nxt_;
  if (position == "inside") return rcv_nxt_ + 1;
  if (position == "beyond") return static_cast<std::uint32_t>(*flow.irs + static_cast<std::uint64_t>(flow.our_edge));
  return numbers_.irs;
}

std::uint32_t Machine::ack_at(const std::string& position) const {
  const bool synchronized = snd_una_ != numbers_.iss && name_ != "SYN_RECEIVED_P";
  if (position == "ghost") return synchronized ? numbers_.iss : numbers_.iss - 1;
  if (position == "old") return snd_una_ - 1;
  if (position == "una") return snd_una_;
  if (position == "good") return snd_nxt_;
  if (position == "future") return snd_nxt_ + 1;
  return numbers_.iss + 12'345;
}

void Machine::arrives(Segment s) {
  s.src = peer_;
  s.dst = here_;
  s.window = 65'535;
  if (s.has(flag::urg)) s.urgent = 1000;  // the urgent octet is not in this text, which stays in line
  s.text = pattern_text(relative(s.seq, numbers_.irs, 0) - 1, s.text.size(), theirs);
  if (s.has(flag::syn)) s.options.mss = std::uint16_t{1000};
  host_.inject(s);
  host_.poll();
  settle(500ms);
  if (socket_.generation != 0) error_ = host_.stack().take_error(socket_);
}

// ---- what is to be seen ----

std::string Machine::state() {
  auto& stack = host_.stack();
  const bool there = stack.connections() > 0;
  const auto listening = listener_.generation != 0 ? stack.info(listener_).value_or(TcpInfo{}) : TcpInfo{};
  if (listening.syn_queue > 0) return "SYN_RECEIVED_P";
  if (name_ == "LISTEN" || name_ == "SYN_RECEIVED_P") look_for_child();
  if (socket_.generation == 0) return listener_.generation != 0 && !there ? "LISTEN" : there ? "unknown" : "CLOSED";
  const auto info = stack.info(socket_);
  const auto state = info ? info->state : State::closed;
  if (state == State::closed && there) return "TIME_WAIT";
  return state == State::syn_received ? "SYN_RECEIVED_A" : std::string{state_name(state)};
}

bool Machine::at_end() {
  return socket_.generation != 0 && (host_.stack().ready(socket_) & ready::read_hangup) != 0 && error_ == 0;
}

std::string Machine::told() {
  if (error_ == ECONNRESET) return "reset";
  if (error_ == ECONNREFUSED) return "refused";
  if (error_ != 0) return error_name(error_);
  const auto info = socket_.generation != 0 ? host_.stack().info(socket_) : Result<TcpInfo>{};
  const bool dead = info && info->state == State::closed && host_.stack().connections() == 0;
  return at_end() && !at_end_before_ && !dead ? "eof" : "nothing";
}

std::size_t Machine::readable() {
  if (socket_.generation == 0) return 0;
  std::array<std::byte, 16> text;
  const auto got = host_.stack().receive(socket_, text);
  return got ? *got : 0;
}

std::string Machine::accepted(const Segment& s) {
  if (s.text.empty() && !s.has(flag::fin)) return "-";
  look_for_child();
  const bool end = at_end() && !at_end_before_ && error_ == 0;
  if (readable() > 0) return end ? "data+fin" : "data";
  if (end && told() == "eof") return "fin";
  // Was it held? Fill the gap before it, or complete the handshake, and see how far the Stack then acknowledges.
  if (state() == "CLOSED" || state() == "LISTEN" || state() == "TIME_WAIT") return "no";
  const bool gap = !s.has(flag::syn) && s.seq == rcv_nxt_ + 1;
  const bool opens = s.has(flag::syn) && (name_ == "LISTEN" || name_ == "SYN_SENT" || name_ == "TIME_WAIT");
  if (!gap && !opens) return "no";
  Segment fill{.src = peer_, .dst = here_, .seq = rcv_nxt_, .ack = snd_nxt_, .flags = flag::ack, .window = 65'535};
  if (opens) fill.seq = s.seq + 1, fill.ack = host_.out.empty() ? snd_nxt_ : host_.out.front().segment.seq + 1;
  host_.out.clear();
  if (gap) fill.text = pattern_text(relative(rcv_nxt_, numbers_.irs, 0) - 1, 1, theirs);
  host_.inject(fill);
  host_.poll();
  settle(500ms);
  look_for_child();
  const auto held_to = s.seq + s.length();
  const bool reached = std::ranges::any_of(host_.out, [&](const auto& o) { return o.segment.ack == held_to; });
  return reached ? "held" : "no";
}

}  // namespace tunic::test
