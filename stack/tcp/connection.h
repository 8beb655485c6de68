// One TCP connection: the state machine of RFC 9293, and the only part that knows all the others. It is entered by
// three doors (a segment, a user call, a timeout), which only change state; it is left by one, output(), which alone
// makes segments.
//   segment_arrives.cc  section 3.10.7      user_calls.cc  sections 3.10.1 to 3.10.6
//   timeouts.cc         section 3.10.8      output.cc      what goes out
// The owner (core/stack) asks state() after each door, keeps the pair in the demux, and hands over to a TIME-WAIT
// record.
#pragma once

#include <cstdint>
#include <optional>

#include "base/counters.h"
#include "base/error.h"
#include "base/time.h"
#include "tcp/acks_owed.h"
#include "tcp/burst.h"
#include "tcp/congestion.h"
#include "tcp/delivery_rate.h"
#include "tcp/info.h"
#include "tcp/negotiated.h"
#include "tcp/network_error.h"
#include "tcp/octets.h"
#include "tcp/receiver.h"
#include "tcp/recovery.h"
#include "tcp/reno.h"
#include "tcp/rtt.h"
#include "tcp/segment.h"
#include "tcp/sender.h"
#include "tcp/settings.h"
#include "tcp/statistics.h"
#include "tcp/timers.h"
#include "tcp/too_big.h"
#include "tcp/user_options.h"

namespace tunic {

/// What is told of at an edge, in bits of core's `ready`: new text, of which some may be urgent, room to write, or
/// something that may be any of them.
inline constexpr std::uint8_t readable_edge = 1 | 4, writable_edge = 2, any_edge = 0x3f;

/// What connections share: the parts that each has only while text is on its way.
struct Parts {
  Stock<OutgoingText> outgoing;
  Stock<IncomingText> incoming;
  Stock<SpecialAcks> acks;
};

/// What a connection borrows from its Stack for the length of one call.
struct TcpContext {
  const TcpSettings& settings;
  Counters& counters;
  Pool& pool;
  Replies& replies;
  Parts& parts;
  std::uint32_t max_gso;  // largest super-packet the link takes, 0: none
};

class Connection {
 public:
  /// `options` are those of its socket, outlive it, and may change; options_changed() then tells. `mtu`: of the first
  /// hop on the way to the peer, IP header included. What we advertise follows from it.
  Connection(const FourTuple& pair, UserOptions& options, const TcpSettings& settings, std::uint32_t mtu);

  /// Text to send is taken only while at least this part of the pool is free (1/n): the rest is for what arrives (R12).
  static constexpr std::size_t send_part = 4;

  // -- opens (3.10.1) --
  void open_active(Seq32 iss, std::uint32_t timestamp_offset);
  /// From LISTEN: `syn` is acceptable (3.10.7.2, third). Text and FIN that came with it are left for the peer to send
  /// again.
  void open_passive(const Segment& syn, Seq32 iss, std::uint32_t timestamp_offset, Instant now,
                    const TcpSettings& settings);

  // -- door 1: SEGMENT ARRIVES (3.10.7) --
  /// The reason why the segment was dropped, or nothing. `accept_full`: the listener has no room for one more
  /// established connection, so a passive one stays in SYN-RECEIVED.
  std::optional<Drop> segment_arrives(Segment& seg, Instant now, bool accept_full, TcpContext& context);

  // -- hints of the network (3.9.2.2) --
  /// The reason why it was ignored, or nothing.
  std::optional<Drop> network_error(const NetworkError& e, Instant now, const TcpSettings& settings);
  /// The MTU of the whole way as it is known now, up or down, for text from now on; at `until` it is asked for again.
  void set_path_mtu(std::uint32_t octets, Instant until = never);
  void set_first_hop_mtu(std::uint32_t octets) { first_hop_mtu_ = static_cast<std::uint16_t>(octets); }
  std::int64_t mss() const { return eff_mss_; }
  std::uint32_t path_mtu() const { return mtu_; }
  Instant path_mtu_until() const { return mtu_until_; }
  /// A path MTU that this connection has come to believe since it was last asked, for others on the same way; 0: none.
  std::uint32_t take_learned_mtu() { return std::exchange(learned_mtu_, std::uint16_t{0}); }

  // -- door 2: user calls (3.10.2 to 3.10.6) --
  /// `owner`: slab copies the text; lent and external borrow it, for which sender().places() are to be reserved.
  Result<std::size_t> send(Bytes text, bool urgent, bool more, TcpContext& context,
                           Slice::Owner owner = Slice::Owner::slab);
  /// Copies what is borrowed from `owner` and still needed, into places that have been reserved.
  void take_over(Pool& pool, Slice::Owner owner) { snd_.take_over(pool, owner); }
  Result<std::size_t> receive(MutBytes out, bool peek, std::size_t skip = 0);
  Result<std::size_t> receive_urgent(MutBytes out, bool peek);
  void shutdown_write();
  void shutdown_read() { read_shut_ = true, edge_ = any_edge; }
  /// The user lets go. Resets the connection where text was left unread (SHLD-3) or linger is 0.
  void close();
  void abort();

  // -- door 3: timeouts (3.10.8) --
  void timeouts(Instant now, TcpContext& context);
  Instant deadline() const { return timers_.next(); }

  // -- the way out --
  /// Adds at most one quantum of segments for this connection. True: it has more to send now.
  bool output(Instant now, std::uint32_t self, Burst& burst, TcpContext& context);
  /// receive() has left nothing for output() to do.
  bool is_content() const { return !owed_.any(); }
  /// Gives back what is needed only while text is on its way, where none is. output() does this too.
  void rest(TcpContext& context);
  /// The link refused a packet of output(): it was never sent. Newest first.
  void undo(const Burst::Note& note, Counters& counters);

  // -- asking --
  State state() const { return state_; }
  const FourTuple& pair() const { return pair_; }
  bool was_established() const { return was_established_; }
  bool owned() const { return owned_; }
  std::uint32_t ready(const TcpSettings& settings) const;  // bits of core's `ready`
  /// What happened that a waiting user should look at, in bits of core's `ready`; asking clears it.
  std::uint8_t take_edge() { return std::exchange(edge_, std::uint8_t{0}); }
  int take_error() { return std::exchange(error_, 0); }
  int error() const { return error_; }
  void set_error(int error) { error_ = error; }
  std::size_t readable() const;
  /// When the last of the octets that receive() would give now, of at most `n`, arrived: of UserOptions::receive_times.
  std::optional<Instant> arrival(std::size_t n) const;
  std::size_t unacknowledged() const { return snd_.queued(); }
  std::size_t unsent() const {
    return static_cast<std::size_t>(std::max<std::int64_t>(0, snd_.queue_end() - snd_.nxt()));
  }
  /// What send() would take in now, as far as its buffer has room.
  std::size_t send_room(const TcpSettings& settings) const {
    const std::size_t limit = send_limit(settings);
    return limit - std::min(limit, snd_.queued());
  }
  /// Whether the urgent text ends here: how much is left is what lies before (MUST-33).
  bool at_mark() const { return urgent_valid_ && rcv_.head() == urgent_mark_; }
  bool unfinished() const;
  TcpInfo info(const TcpSettings& settings, Instant now) const;
  std::uint64_t digest(std::uint64_t h) const;
  const Sender& sender() const { return snd_; }
  const Receiver& receiver() const { return rcv_; }
  const Negotiated& negotiated() const { return agreed_; }
  std::uint32_t ts_recent() const { return ts_recent_; }
  std::uint32_t timestamp_offset() const { return ts_offset_; }
  void set_receive_buffer(std::size_t n) { rcv_.set_buffer(n); }
  /// STATUS is all that is left: what a reset would say to the peer, if it has to be told.
  std::optional<Reply> disconnect();
  std::size_t receiver_buffer() const { return state_ == State::syn_sent ? options.receive_buffer : rcv_.buffer(); }
  /// The window field that an ACK would carry now, promised by asking: for the record that goes on in TIME-WAIT.
  std::uint16_t promise_window() { return rcv_.advertise(false, rcv_mss_); }
  /// After a change of `options`: what follows from it now.
  void options_changed(Instant now, const TcpSettings& settings);

  UserOptions& options;

 private:
  // segment_arrives.cc: a step that ends the segment says why.
  std::optional<Drop> syn_sent(Segment& seg, Instant now, TcpContext& context);
  bool is_predicted(const Segment& seg, Instant now) const;
  std::optional<Drop> check_timestamp(const Segment& seg, Instant now);
  std::optional<Drop> check_sequence(const Segment& seg, Instant now, TcpContext& context);
  std::optional<Drop> check_reset(const Segment& seg, Instant now, TcpContext& context);
  std::optional<Drop> check_syn(const Segment& seg, Instant now, TcpContext& context);
  std::optional<Drop> check_ack(const Segment& seg, Instant now, bool accept_full, TcpContext& context);
  void on_new_ack(const Segment& seg, Instant now, TcpContext& context);
  void on_same_ack(const Segment& seg, std::int64_t before, bool same_window, Instant now);
  void check_urgent(const Segment& seg);
  std::optional<Drop> process_text(Segment& seg, Instant now, TcpContext& context);
  std::optional<Drop> take_in(Segment& seg, Instant now, TcpContext& context);
  void check_fin(std::optional<Seq> fin, Instant now, TcpContext& context);
  void on_fin_in_order(Instant now);
  void update_ts_recent(const Segment& seg, Instant now);
  void agree(const TcpOptions& peer, const TcpSettings& settings);
  void establish(Instant now, const TcpSettings& settings);
  void challenge(Instant now, TcpContext& context);
  void owe_for_unacceptable(const Segment& seg, Instant now, TcpContext& context);
  void believe_too_big(std::uint32_t mtu, Instant now, const TcpSettings& settings);
  void sample_rtt(const Segment& seg, const AckReport& report, Instant now, const TcpSettings& settings);

  // selective_ack.cc
  void count_dsack(const Segment& seg);
  void take_sack(const Segment& seg);

  // output.cc
  bool make_segments(Instant now, std::uint32_t self, Burst& burst, TcpContext& context);
  std::optional<Run> next_run(Instant now, const TcpContext& context);
  std::optional<Run> next_retransmission(const TcpContext& context) const;
  std::optional<Run> next_probe();
  std::optional<Run> next_new_text(Instant now, const TcpContext& context);
  bool may_send_part() const;
  std::int64_t quantum(Seq begin, const TcpContext& context) const;
  void emit_run(Run run, Instant now, std::uint32_t self, Burst& burst, TcpContext& context);
  Seq acceptable_seq() const;
  void emit_ack(const AckOwed& owed, Instant now, std::uint32_t self, Burst& burst, TcpContext& context);
  void emit_reset(std::uint32_t self, Burst& burst, TcpContext& context);
  void emit_keep_alive(Instant now, std::uint32_t self, Burst& burst, TcpContext& context);
  TcpOptions options_now(Instant now) const;
  void write_header(TxPacket& packet, Seq seq, Flags flags, const TcpOptions& opts, TcpContext& context);
  void count_out(const Burst::Note& note, int sign);
  void judge_limits(Instant now);
  void tune_receive_buffer(Instant now, const TcpSettings& settings);

  // shared
  void fail_with(Error e);  // the connection ends; the user learns of `e`
  void enter(State s);
  bool can_receive_text() const {
    return state_ == State::established || state_ == State::fin_wait_1 || state_ == State::fin_wait_2;
  }
  std::size_t enough() const;
  bool may_queue() const;
  void compute_mss();
  std::uint8_t our_scale(const TcpSettings& settings) const;
  std::size_t send_limit(const TcpSettings& settings) const;
  std::int64_t cwnd() const {
    return std::visit([](const auto& c) { return c.cwnd(); }, cc_) + recovery_.inflation();
  }
  AckSample sample(Instant now, std::int64_t acked) const;
  /// Why nothing comes back, when the connection gives up: what the network said of it, if anything (as Linux).
  CongestionState congestion_state() const;
  std::int64_t advertised_mss() const;
  std::size_t first_window() const;
  Error silence() const { return soft_error_ != 0 ? static_cast<Error>(soft_error_) : Error::timed_out; }
  /// Of a packet with so much text.
  std::uint32_t packet_size(std::int64_t text) const {
    return static_cast<std::uint32_t>(text) + fixed_headers(pair_.remote.addr.family()) + (agreed_.timestamps ? 12 : 0);
  }
  Duration give_up_after(const TcpSettings& settings) const;
  Instant silent_since() const;
  void arm_retransmit(Instant now, const TcpSettings& settings);
  void arm_keep_alive(Instant now, const TcpSettings& settings);
  void arm_orphan(Instant now, const TcpSettings& settings);
  void arm_persist(Instant now, const TcpSettings& settings);

  // timeouts.cc
  void on_retransmit_timeout(Instant now, TcpContext& context);
  void on_persist_timeout(Instant now, TcpContext& context);
  void on_keep_alive_timeout(Instant now, TcpContext& context);

  // Grouped by size: this is what an idle connection costs. What it needs only while text is on its way is in Parts.
  Sender snd_;
  Receiver rcv_;
  Recovery recovery_;
  Rtt rtt_;
  Timers timers_;
  AnyCongestionControl cc_;
  AcksOwed owed_;
  DeliveryRate rate_;
  Statistics stats_;
  TooBig too_big_;

  Instant mtu_until_ = never;
  Instant last_sent_at_{}, last_heard_at_{}, challenged_at_ = Instant::min(), persist_since_{};
  Instant stalled_until_{};  // when the peer last told, or left, a closed window
  Instant ts_recent_at_{};
  Instant tuned_at_{};
  Seq last_ack_sent_;
  Seq rcv_up_;       // RCV.UP; before any number while nothing urgent came
  Seq urgent_mark_;  // the octet that MSG_OOB reads

  FourTuple pair_;
  Negotiated agreed_;
  std::uint32_t ts_offset_ = 0, ts_recent_ = 0;
  Octets eff_mss_ = 536;             // Eff.snd.MSS: octets of text in a segment (section 3.7.1, MUST-16)
  Octets rcv_mss_ = 536;             // the largest wire segment seen: what "full-sized" means for ACKs
  Octets unacked_text_;              // octets received since the last ACK that we sent
  Octets consumed_, receive_space_;  // octets the user read since tuned_at_; at most, in a round trip
  int error_ = 0, soft_error_ = 0;
  int keep_probes_ = 0, retransmissions_ = 0, persist_backoff_ = 0;
  std::uint16_t first_hop_mtu_, mtu_;  // octets of an IP packet; mtu_: of the whole way
  std::uint16_t learned_mtu_ = 0;
  State state_ = State::closed;
  std::uint8_t edge_ = 0;
  bool passive_ : 1 = false;  // from LISTEN, not from an active open (RFC 9293 §3.5, MUST-11)
  bool owned_ : 1 = true, was_established_ : 1 = false;
  bool read_shut_ : 1 = false;
  bool reset_owed_ : 1 = false;  // abort: one RST goes out
  bool keep_alive_owed_ : 1 = false;
  bool probe_owed_ : 1 = false;  // the persist timer ran out: send although the window is closed
  bool push_now_ : 1 = false;    // the override timer ran out: silly or not, send
  bool more_ : 1 = false;        // MSG_MORE: a part segment waits
  bool syn_lost_ : 1 = false;
  bool deferred_ : 1 = false;      // our SYN-ACK was acknowledged, and the user wants text with it
  bool urgent_valid_ : 1 = false;  // the mark lies ahead of the reader
  bool urgent_taken_ : 1 = false;  // MSG_OOB has read it
  bool cwnd_limited_ : 1 = false;
  bool buffer_full_ : 1 = false;  // the user had more to send
};

}  // namespace tunic
