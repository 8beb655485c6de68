// What a socket can do, in the bits of poll(2), which are those of epoll(7) too.
#pragma once

#include <poll.h>

#include <cstdint>

#include "core/stack.h"

namespace tunic {

struct ReadinessPair {
  std::uint32_t ready, events;
};
inline constexpr ReadinessPair readiness_pairs[] = {
    {ready::readable, POLLIN | POLLRDNORM},
    {ready::writable, POLLOUT | POLLWRNORM},
    {ready::urgent, POLLPRI},
    {ready::error, POLLERR},
    {ready::hangup, POLLHUP},
    {ready::read_hangup, POLLRDHUP},
};

constexpr std::uint32_t to_poll(std::uint32_t is) {
  std::uint32_t events = 0;
  for (const ReadinessPair& p : readiness_pairs)
    if ((is & p.ready) != 0) events |= p.events;
  return events;
}

constexpr std::uint32_t to_ready(std::uint32_t events) {
  std::uint32_t is = 0;
  for (const ReadinessPair& p : readiness_pairs)
    if ((events & p.events) != 0) is |= p.ready;
  return is;
}

}  // namespace tunic
