// What a socket is, as far as arguments and options differ by it.
#pragma once

#include "udp/datagram.h"
#include "wire/addr.h"

namespace tunic {

struct SocketKind {
  Family family;
  Transport transport;
};

}  // namespace tunic
