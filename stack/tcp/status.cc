// STATUS (RFC 9293 section 3.10.6): what a connection tells of itself.
#include "tcp/connection.h"

namespace tunic {

static std::uint32_t narrow(std::int64_t n) { return static_cast<std::uint32_t>(n); }

CongestionState Connection::congestion_state() const {
  if (recovery_.active()) return CongestionState::recovery;
  if (snd_.outstanding() != 0 && snd_.una() <= recovery_.recovery_point()) return CongestionState::loss;
  return recovery_.dup_acks() != 0 ? CongestionState::disorder : CongestionState::open;
}

TcpInfo Connection::info(const TcpSettings& settings, Instant now) const {
  TcpInfo i;
  const auto since = [now](Instant then) { return then == Instant{} ? Duration{} : now - then; };
  i.state = state_;
  i.timestamps = agreed_.timestamps;
  i.sack = agreed_.sack;
  i.window_scale = agreed_.window_scale;
  i.snd_scale = agreed_.snd_scale;
  i.rcv_scale = agreed_.rcv_scale;
  i.snd_mss = narrow(eff_mss_);
  i.rcv_mss = narrow(rcv_mss_);
  i.advmss = narrow(advertised_mss()) - (agreed_.timestamps ? 12 : 0);
  i.pmtu = mtu_;

  i.congestion = congestion_state();
  i.cwnd = std::visit([](const auto& c) { return c.cwnd(); }, cc_);
  i.ssthresh = std::visit([](const auto& c) { return c.ssthresh(); }, cc_);
  i.snd_wnd = snd_.wnd();
  i.rcv_wnd = rcv_.wnd();
  i.rcv_ssthresh = rcv_.largest_window();
  i.rcv_space = receive_space_;
  const Scoreboard::Counts sent = snd_.has_sent() ? snd_.sent().counts() : Scoreboard::Counts{};
  i.unacked = narrow(sent.all);
  i.sacked = narrow(sent.sacked);
  i.lost = narrow(sent.lost);
  i.retrans = narrow(sent.sent_again);
  i.notsent = std::max<std::int64_t>(0, snd_.queue_end() - std::max(snd_.nxt(), snd_.iss() + 1));

  i.rto = rtt_.rto(settings);
  i.srtt = rtt_.srtt();
  i.rttvar = rtt_.rttvar();
  i.min_rtt = rtt_.min();
  i.rcv_rtt = stats_.receive_rtt;
  i.delayed_ack = settings.delayed_ack;
  i.retransmits = narrow(retransmissions_);
  i.probes = narrow(snd_.wnd() == 0 ? persist_backoff_ : keep_probes_);
  i.backoff = narrow(snd_.wnd() == 0 && persist_backoff_ != 0 ? persist_backoff_ : rtt_.backoff());
  i.total_retrans = stats_.retransmitted;
  i.segs_in = stats_.segments_in;
  i.segs_out = stats_.segments_out;
  i.data_segs_in = stats_.text_in;
  i.data_segs_out = stats_.text_out;
  i.delivered = stats_.delivered;
  i.bytes_acked = static_cast<std::uint64_t>(snd_.text_acknowledged());
  if (last_heard_at_ != Instant{}) i.bytes_received = static_cast<std::uint64_t>(rcv_.text_received());
  i.bytes_sent = stats_.octets_sent;
  i.bytes_retrans = stats_.octets_sent_again;
  i.rcv_ooopack = stats_.out_of_order;
  i.dsack_dups = stats_.dsacks;
  i.reord_seen = stats_.reorderings;
  i.delivery_rate = rate_.rate();
  i.app_limited = rate_.app_limited();

  using enum SendClock::Limit;
  i.rwnd_limited = stats_.clock.total(receive_window, now);
  i.sndbuf_limited = stats_.clock.total(send_buffer, now);
  i.busy_time = stats_.clock.total(none, now) + i.rwnd_limited + i.sndbuf_limited;
  i.last_data_sent = since(stats_.text_sent_at);
  i.last_data_recv = since(stats_.text_received_at);
  i.last_ack_recv = since(last_heard_at_);
  return i;
}

}  // namespace tunic
