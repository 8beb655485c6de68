#include "posix/datagram_controls.h"

#include <ctime>  // which linux/errqueue.h forgets

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/time.h>

#include "posix/address.h"
#include "posix/clock.h"
#include "posix/messages.h"

namespace tunic {

namespace {

constexpr int interface = 1;  // the index of the one that there is

timespec wall_clock(Instant t) {
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  return to_timespec(to_duration(wall) - (now() - t));
}

template <class T>
T address_as(const IpAddr& a) {
  T t{};
  if constexpr (sizeof t == sizeof(in_addr)) {
    if (a.is_v4()) std::memcpy(&t, a.bytes().data(), sizeof t);
  } else {
    std::memcpy(&t, a.octets().data(), sizeof t);
  }
  return t;
}

template <class T>
T name_as(const Endpoint& e, Family family) {
  T t{};
  socklen_t n = sizeof t;
  (void)write_address(e, family, reinterpret_cast<sockaddr*>(&t), &n);
  return t;
}

void put_of_v4(ControlWriter& control, const SocketSettings& asked, const DatagramInfo& info, Port port) {
  if (asked[Kept::packet_info] != 0)
    control.put(IPPROTO_IP, IP_PKTINFO,
                in_pktinfo{.ipi_ifindex = interface,
                           .ipi_spec_dst = address_as<in_addr>(info.to),
                           .ipi_addr = address_as<in_addr>(info.to)});
  if (asked[Kept::ttl] != 0) control.put(IPPROTO_IP, IP_TTL, int{info.ttl});
  if (asked[Kept::tos] != 0) control.put(IPPROTO_IP, IP_TOS, info.tos);
  if (asked[Kept::destination] != 0)
    control.put(IPPROTO_IP, IP_ORIGDSTADDR, name_as<sockaddr_in>({info.to, port}, Family::v4));
}

void put_of_v6(ControlWriter& control, const SocketSettings& asked, const DatagramInfo& info, Port port) {
  if (asked[Kept::hops] != 0) control.put(IPPROTO_IPV6, IPV6_HOPLIMIT, int{info.ttl});
  if (asked[Kept::traffic_class] != 0) control.put(IPPROTO_IPV6, IPV6_TCLASS, int{info.tos});
  if (asked[Kept::destination_v6] != 0)
    control.put(IPPROTO_IPV6, IPV6_ORIGDSTADDR, name_as<sockaddr_in6>({info.to, port}, Family::v6));
}

template <class T>
struct Report {
  sock_extended_err said;
  T offender;
};

template <class T>
Report<T> report_as(const ErrorReport& r, Family family) {
  Report<T> report{};
  report.said = {.ee_errno = static_cast<__u32>(r.error),
                 .ee_origin = r.origin,
                 .ee_type = r.type,
                 .ee_code = r.code,
                 .ee_pad = 0,
                 .ee_info = r.info,
                 .ee_data = r.data};
  if (r.from_network()) report.offender = name_as<T>({r.offender, {}}, family);
  return report;
}

/// The value of a control message that is exactly a T.
template <class T>
Result<T> exactly(Bytes value) {
  T t;
  if (value.size() != sizeof t) return fail(Error::invalid);
  std::memcpy(&t, value.data(), sizeof t);
  return t;
}

Status read_octet(Result<int> given, int least, std::optional<std::uint8_t>& octet) {
  if (!given || *given < least || *given > 255) return fail(Error::invalid);
  octet = static_cast<std::uint8_t>(*given);
  return {};
}

void read_source(const IpAddr& a, DatagramOptions& how) {
  if (!a.is_any()) how.from = a;
}

/// The only one of IPv6's that a datagram over IPv4 may have, from a socket of IPv6.
Status read_v6_packet_info(Bytes value, bool over_v4, DatagramOptions& how) {
  in6_pktinfo info;
  if (value.size() < sizeof info) return fail(Error::invalid);
  std::memcpy(&info, value.data(), sizeof info);
  const IpAddr source = IpAddr::v6(reinterpret_cast<const std::byte*>(&info.ipi6_addr));
  if (source.is_v4() != over_v4) return fail(Error::invalid);
  read_source(source, how);
  return {};
}

Status read_of_v4(int type, Bytes value, DatagramOptions& how) {
  switch (type) {
    case IP_PKTINFO: {
      const auto info = exactly<in_pktinfo>(value);
      if (!info) return fail(info.error());
      read_source(IpAddr::v4(reinterpret_cast<const std::byte*>(&info->ipi_spec_dst)), how);
      return {};
    }
    case IP_TTL:
      return read_octet(exactly<int>(value), 1, how.ttl);
    case IP_TOS:
      return read_octet(value.size() == 1 ? Result<int>{byte_at(value, 0)} : exactly<int>(value), 0, how.tos);
    default:
      return fail(Error::invalid);
  }
}

Status read_of_v6(int type, Bytes value, DatagramOptions& how, bool& dont_fragment) {
  switch (type) {
    case IPV6_PKTINFO:
      return read_v6_packet_info(value, false, how);
    case IPV6_HOPLIMIT:
    case IPV6_TCLASS: {
      const auto given = exactly<int>(value);
      if (given && *given == -1) return {};  // as the socket's options say
      return read_octet(given, 0, type == IPV6_TCLASS ? how.tos : how.ttl);
    }
    case IPV6_DONTFRAG: {
      const auto given = exactly<int>(value);
      if (!given || *given < 0 || *given > 1) return fail(Error::invalid);
      dont_fragment = *given != 0;
      return {};
    }
    default:
      return fail(Error::invalid);
  }
}

}  // namespace

void put_stamp(ControlWriter& control, int option, Instant received) {
  const timespec t = wall_clock(received);
  if (option == SO_TIMESTAMPNS || option == SO_TIMESTAMPNS_NEW)
    control.put(SOL_SOCKET, option, t);
  else
    control.put(SOL_SOCKET, option, timeval{.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000});
}

void put_datagram_controls(ControlWriter& control, const SocketSettings& settings, Family family,
                           const DatagramInfo& info, Port port) {
  if (settings[Kept::stamp] != 0) put_stamp(control, settings[Kept::stamp], info.received);
  if (settings[Kept::overflow] != 0 && info.drops != 0) control.put(SOL_SOCKET, SO_RXQ_OVFL, info.drops);
  if (family == Family::v6 && settings[Kept::packet_info_v6] != 0)
    control.put(IPPROTO_IPV6, IPV6_PKTINFO,
                in6_pktinfo{.ipi6_addr = address_as<in6_addr>(info.to), .ipi6_ifindex = interface});
  if (info.to.is_v4())
    put_of_v4(control, settings, info, port);
  else
    put_of_v6(control, settings, info, port);
}

void put_error_report(ControlWriter& control, Family family, const ErrorReport& report) {
  if (family == Family::v4)
    control.put(IPPROTO_IP, IP_RECVERR, report_as<sockaddr_in>(report, family));
  else
    control.put(IPPROTO_IPV6, IPV6_RECVERR, report_as<sockaddr_in6>(report, family));
}

Status read_datagram_controls(const msghdr& m, Family family, bool over_v4, DatagramOptions& how, bool& dont_fragment) {
  if (const Status s = check_socket_controls(m); !s) return s;
  return for_each_control(m, [&](int level, int type, Bytes value) -> Status {
    if (over_v4 && level == IPPROTO_IP) return read_of_v4(type, value, how);
    if (over_v4 && family == Family::v6 && level == IPPROTO_IPV6 && type == IPV6_PKTINFO)
      return read_v6_packet_info(value, true, how);
    if (!over_v4 && level == IPPROTO_IPV6) return read_of_v6(type, value, how, dont_fragment);
    return {};
  });
}

}  // namespace tunic
