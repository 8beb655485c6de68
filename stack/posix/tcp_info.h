// struct tcp_info as Linux gives it for TCP_INFO. The kernel lets the structure grow at its end; getsockopt() gives as
// much of it as is asked for.
#pragma once

#include <linux/tcp.h>

#include <cstddef>

#include "tcp/info.h"

namespace tunic {

/// Linux's struct tcp_info beyond the fields that the headers of 6.1 have.
struct LinuxTcpInfo {
  struct tcp_info known;
  __u32 rcv_wnd;
  __u32 rehash;
  __u8 later[40];  // Linux 6.18: times in recovery, AccECN; 0
};
static_assert(sizeof(struct tcp_info) == 232, "newer headers: they name these fields themselves");
static_assert(offsetof(LinuxTcpInfo, rcv_wnd) == 232 && sizeof(LinuxTcpInfo) == 280);

LinuxTcpInfo to_linux(const TcpInfo& info);

}  // namespace tunic
