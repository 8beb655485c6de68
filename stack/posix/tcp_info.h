// struct tcp_info as Linux gives it for TCP_INFO, with what we know; what we do not know is 0.
#pragma once

#include <linux/tcp.h>

#include "tcp/info.h"

namespace tunic {

struct tcp_info to_linux(const TcpInfo& info);

}  // namespace tunic
