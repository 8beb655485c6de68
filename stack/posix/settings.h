// What setsockopt() has said about a socket that the socket layer keeps by itself, because only the calls' answers
// depend on it.
#pragma once

namespace tunic {

struct SocketSettings {
  bool queue_length = false;  // TCP_INQ: tell how much is left to read
  int late_error = 0;         // of a call that had done something already: for the next one to report
};

}  // namespace tunic
