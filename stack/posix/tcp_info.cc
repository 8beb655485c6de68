#include "posix/tcp_info.h"

#include <algorithm>

namespace tunic {

namespace {

__u32 microseconds(Duration d) { return static_cast<__u32>(d / 1us); }

/// Linux counts these in segments.
__u32 segments(std::int64_t octets, std::uint32_t mss) {
  const std::int64_t n = mss == 0 ? 0 : octets / mss + (octets % mss != 0);
  return static_cast<__u32>(std::clamp<std::int64_t>(n, 0, 0x7fffffff));  // its "no threshold yet"
}

}  // namespace

struct tcp_info to_linux(const TcpInfo& info) {
  struct tcp_info t {};
  t.tcpi_state = static_cast<__u8>(info.state);
  t.tcpi_options = static_cast<__u8>((info.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (info.sack ? TCPI_OPT_SACK : 0) |
                                     (info.window_scale ? TCPI_OPT_WSCALE : 0));
  t.tcpi_snd_wscale = info.snd_scale & 0xf;
  t.tcpi_rcv_wscale = info.rcv_scale & 0xf;
  t.tcpi_snd_mss = info.snd_mss;
  t.tcpi_advmss = info.rcv_mss;
  t.tcpi_rcv_mss = info.rcv_mss;
  t.tcpi_rto = microseconds(info.rto);
  t.tcpi_rtt = microseconds(info.srtt);
  t.tcpi_rttvar = microseconds(info.rttvar);
  t.tcpi_snd_cwnd = segments(info.cwnd, info.snd_mss);
  t.tcpi_snd_ssthresh = segments(info.ssthresh, info.snd_mss);
  t.tcpi_snd_wnd = static_cast<__u32>(info.snd_wnd);
  t.tcpi_rcv_space = static_cast<__u32>(info.rcv_wnd);
  t.tcpi_unacked = info.state == State::listen ? info.accept_queue : segments(info.unacked, info.snd_mss);
  t.tcpi_total_retrans = static_cast<__u32>(info.retransmits);
  t.tcpi_segs_in = static_cast<__u32>(info.segments_in);
  t.tcpi_segs_out = static_cast<__u32>(info.segments_out);
  t.tcpi_bytes_acked = info.bytes_acked;
  t.tcpi_bytes_received = info.bytes_received;
  return t;
}

}  // namespace tunic
