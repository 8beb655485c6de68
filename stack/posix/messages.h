// What is to be checked of a struct msghdr before a call has anything to do with it.
#pragma once

#include <sys/socket.h>

#include "base/error.h"

namespace tunic {

/// Errors as Linux: EFAULT, EINVAL (a negative length of the name), EMSGSIZE (more than 1024 pieces).
Status check_message(const msghdr* m);

/// The control messages that a stream may be sent with: none of SOL_SOCKET's but what is passed over. Error: EINVAL.
Status check_socket_controls(const msghdr& m);

}  // namespace tunic
