// The control messages of datagrams: what receiving tells beside the octets, as the socket's options ask, and how one
// datagram is to be sent.
#pragma once

#include "posix/control.h"
#include "posix/settings.h"
#include "udp/datagram.h"

namespace tunic {

/// SO_TIMESTAMP and its kin, of datagrams and of streams: when it was received, by the wall clock, as `option` has it.
void put_stamp(ControlWriter& control, int option, Instant received);
/// What was asked for, in Linux's order. `port` is the socket's own.
void put_datagram_controls(ControlWriter& control, const SocketSettings& settings, Family family,
                           const DatagramInfo& info, Port port);
/// IP_RECVERR or IPV6_RECVERR: struct sock_extended_err and who reported it.
void put_error_report(ControlWriter& control, Family family, const ErrorReport& report);

/// IP_PKTINFO, IP_TTL, IP_TOS and those of IPv6, for a datagram of a socket of `family` that goes over IPv4 or IPv6;
/// `dont_fragment` is IPV6_DONTFRAG. Error: EINVAL.
Status read_datagram_controls(const msghdr& m, Family family, bool over_v4, DatagramOptions& how, bool& dont_fragment);

}  // namespace tunic
