#include "posix/tcp_info.h"

#include <algorithm>

namespace tunic {

namespace {

__u32 microseconds(Duration d) { return static_cast<__u32>(d / 1us); }

__u32 milliseconds(Duration d) { return static_cast<__u32>(d / 1ms); }
__u32 number(std::int64_t n) { return static_cast<__u32>(std::clamp<std::int64_t>(n, 0, 0xffffffff)); }
__u8 octet(std::uint32_t n) { return static_cast<__u8>(std::min<std::uint32_t>(n, 255)); }

/// Linux counts these in segments.
__u32 segments(std::int64_t octets, std::uint32_t mss) {
  const std::int64_t n = mss == 0 ? 0 : octets / mss + (octets % mss != 0);
  return static_cast<__u32>(std::clamp<std::int64_t>(n, 0, 0x7fffffff));  // its "no threshold yet"
}

}  // namespace

LinuxTcpInfo to_linux(const TcpInfo& info) {
  LinuxTcpInfo all{};
  struct tcp_info& t = all.known;
  t.tcpi_state = static_cast<__u8>(info.state);  // TIME-WAIT too, which Linux shows as CLOSE
  t.tcpi_ca_state = static_cast<__u8>(info.congestion);
  t.tcpi_retransmits = octet(info.retransmits);
  t.tcpi_probes = octet(info.probes);
  t.tcpi_backoff = octet(info.backoff);
  t.tcpi_options = static_cast<__u8>((info.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (info.sack ? TCPI_OPT_SACK : 0) |
                                     (info.window_scale ? TCPI_OPT_WSCALE : 0));
  t.tcpi_snd_wscale = info.snd_scale & 0xf;
  t.tcpi_rcv_wscale = info.rcv_scale & 0xf;
  t.tcpi_delivery_rate_app_limited = info.app_limited;

  t.tcpi_rto = microseconds(info.rto);
  t.tcpi_ato = microseconds(info.delayed_ack);
  t.tcpi_snd_mss = info.snd_mss;
  t.tcpi_rcv_mss = info.rcv_mss;
  const bool listens = info.state == State::listen;
  t.tcpi_unacked = listens ? info.accept_queue : info.unacked;
  t.tcpi_sacked = listens ? info.backlog : info.sacked;
  t.tcpi_lost = info.lost;
  t.tcpi_retrans = info.retrans;
  t.tcpi_last_data_sent = milliseconds(info.last_data_sent);
  t.tcpi_last_data_recv = milliseconds(info.last_data_recv);
  t.tcpi_last_ack_recv = milliseconds(info.last_ack_recv);

  t.tcpi_pmtu = info.pmtu;
  t.tcpi_rcv_ssthresh = number(info.rcv_ssthresh);
  t.tcpi_rtt = microseconds(info.srtt);
  t.tcpi_rttvar = microseconds(info.rttvar);
  t.tcpi_snd_ssthresh = segments(info.ssthresh, info.snd_mss);
  t.tcpi_snd_cwnd = segments(info.cwnd, info.snd_mss);
  t.tcpi_advmss = info.advmss;
  t.tcpi_reordering = 3;  // duplicates that mean a loss
  t.tcpi_rcv_rtt = microseconds(info.rcv_rtt);
  t.tcpi_rcv_space = number(info.rcv_space);
  t.tcpi_total_retrans = static_cast<__u32>(info.total_retrans);

  t.tcpi_pacing_rate = t.tcpi_max_pacing_rate = ~__u64{0};  // not paced
  t.tcpi_bytes_acked = info.bytes_acked;
  t.tcpi_bytes_received = info.bytes_received;
  t.tcpi_segs_out = static_cast<__u32>(info.segs_out);
  t.tcpi_segs_in = static_cast<__u32>(info.segs_in);
  t.tcpi_notsent_bytes = number(info.notsent);
  t.tcpi_min_rtt = info.min_rtt == Duration{} ? ~__u32{0} : microseconds(info.min_rtt);  // as Linux before a sample
  t.tcpi_data_segs_in = static_cast<__u32>(info.data_segs_in);
  t.tcpi_data_segs_out = static_cast<__u32>(info.data_segs_out);
  t.tcpi_delivery_rate = static_cast<__u64>(info.delivery_rate);
  t.tcpi_busy_time = static_cast<__u64>(info.busy_time / 1us);
  t.tcpi_rwnd_limited = static_cast<__u64>(info.rwnd_limited / 1us);
  t.tcpi_sndbuf_limited = static_cast<__u64>(info.sndbuf_limited / 1us);
  t.tcpi_delivered = static_cast<__u32>(info.delivered);
  t.tcpi_bytes_sent = info.bytes_sent;
  t.tcpi_bytes_retrans = info.bytes_retrans;
  t.tcpi_dsack_dups = info.dsack_dups;
  t.tcpi_reord_seen = info.reord_seen;
  t.tcpi_rcv_ooopack = info.rcv_ooopack;
  t.tcpi_snd_wnd = number(info.snd_wnd);
  all.rcv_wnd = number(info.rcv_wnd);
  return all;
}

}  // namespace tunic
