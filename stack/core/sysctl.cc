#include "core/sysctl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace tunic {

namespace {

constexpr std::int64_t most_int = 0x7fff'ffff;
constexpr std::int64_t nanosecond = 1, microsecond = 1'000, millisecond = 1'000'000, second = 1'000'000'000;
static_assert(Duration{second * nanosecond} == 1s);

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/// `count` numbers with white space between, each from `least` to `most`.
template <std::size_t count>
std::optional<std::array<std::int64_t, count>> numbers(const Sysctl& s, std::string_view text) {
  std::array<std::int64_t, count> all{};
  const char *at = text.data(), *const end = at + text.size();
  for (std::int64_t& n : all) {
    while (at != end && is_space(*at)) ++at;
    const auto [after, error] = std::from_chars(at, end, n);
    if (error != std::errc{} || n < s.least || n > s.most || (after != end && !is_space(*after))) return {};
    at = after;
  }
  while (at != end && is_space(*at)) ++at;
  return at == end ? std::optional{all} : std::nullopt;
}

std::string text_of(std::int64_t n) {
  char digits[24];
  return {digits, std::to_chars(digits, digits + sizeof digits, n).ptr};
}

// `field` finds the number in a Config.
#define FIELD(path) \
  [](auto& c) -> auto& { return c.path; }

template <auto field>
constexpr Sysctl number(std::string_view name, std::int64_t least, std::int64_t most, std::string_view linux_value,
                        std::string_view what) {
  return {.name = name,
          .linux_value = linux_value,
          .what = what,
          .least = least,
          .most = most,
          .show = [](const Config& c) { return text_of(static_cast<std::int64_t>(field(c))); },
          .take =
              [](const Sysctl& s, Config& c, std::string_view text) {
                const auto n = numbers<1>(s, text);
                if (n) field(c) = static_cast<std::remove_reference_t<decltype(field(c))>>((*n)[0]);
                return n.has_value();
              }};
}

template <auto field>
constexpr Sysctl flag(std::string_view name, std::string_view linux_value, std::string_view what) {
  return number<field>(name, 0, 1, linux_value, what);
}

template <auto field, std::int64_t unit>
constexpr Sysctl duration(std::string_view name, std::int64_t least, std::int64_t most, std::string_view linux_value,
                          std::string_view what) {
  return {.name = name,
          .linux_value = linux_value,
          .what = what,
          .least = least,
          .most = most,
          .show = [](const Config& c) { return text_of(field(c).count() / unit); },
          .take =
              [](const Sysctl& s, Config& c, std::string_view text) {
                const auto n = numbers<1>(s, text);
                if (n) field(c) = Duration{(*n)[0] * unit};
                return n.has_value();
              }};
}

// Linux counts its overhead into a buffer, as much again as text; we count text. The least has no field: SO_RCVBUF and
// SO_SNDBUF have fixed ones.
constexpr std::int64_t overhead = 2;

template <auto initial, auto largest, std::int64_t least_of_all>
constexpr Sysctl buffer(std::string_view name, std::string_view linux_value, std::string_view what) {
  return {.name = name,
          .linux_value = linux_value,
          .what = what,
          .least = least_of_all * overhead,
          .most = most_int,
          .form = "three numbers, none less than the one before it; the first cannot be changed",
          .show =
              [](const Config& c) {
                return text_of(least_of_all * overhead) + " " +
                       text_of(static_cast<std::int64_t>(initial(c)) * overhead) + " " +
                       text_of(static_cast<std::int64_t>(largest(c)) * overhead);
              },
          .take =
              [](const Sysctl& s, Config& c, std::string_view text) {
                Sysctl any = s;
                any.least = 1;  // Linux's own default of the first is less than ours and does no harm
                const auto n = numbers<3>(any, text);
                if (!n || (*n)[0] > s.least || (*n)[1] < s.least || (*n)[2] < (*n)[1]) return false;
                initial(c) = static_cast<std::size_t>((*n)[1] / overhead);
                largest(c) = static_cast<std::size_t>((*n)[2] / overhead);
                return true;
              }};
}

std::string show_port_range(const Config& c) { return text_of(c.tcp.port_first) + "\t" + text_of(c.tcp.port_last); }
bool take_port_range(const Sysctl& s, Config& c, std::string_view text) {
  const auto n = numbers<2>(s, text);
  if (!n || (*n)[1] < (*n)[0]) return false;
  c.tcp.port_first = static_cast<std::uint16_t>((*n)[0]);
  c.tcp.port_last = static_cast<std::uint16_t>((*n)[1]);
  return true;
}

std::string show_reserved(const Config& c) {
  std::string text;
  for (std::size_t i = 0, end; i < c.reserved_ports.size(); i = end) {
    for (end = i + 1; end < c.reserved_ports.size() && c.reserved_ports[end] == c.reserved_ports[end - 1] + 1;) ++end;
    if (!text.empty()) text += ',';
    text += text_of(c.reserved_ports[i]);
    if (end - i > 1) text += "-" + text_of(c.reserved_ports[end - 1]);
  }
  return text;
}
/// "8080,9000-9099"; nothing at all: none.
bool take_reserved(const Sysctl& s, Config& c, std::string_view text) {
  std::vector<bool> is_reserved(65'536);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    if (part.size() == text.size() - 1) return false;  // it ends in a comma
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const std::size_t dash = part.find('-');
    const auto first = numbers<1>(s, part.substr(0, dash));
    const auto last = dash == part.npos ? first : numbers<1>(s, part.substr(dash + 1));
    if (!first || !last || (*last)[0] < (*first)[0]) return false;
    for (std::int64_t p = (*first)[0]; p <= (*last)[0]; ++p) is_reserved[static_cast<std::size_t>(p)] = true;
  }
  c.reserved_ports.clear();
  for (std::size_t p = 0; p < is_reserved.size(); ++p)
    if (is_reserved[p]) c.reserved_ports.push_back(static_cast<std::uint16_t>(p));
  return true;
}

constexpr const char* reno = "reno";

// Sorted by name. Left out: what would have no effect here.
constexpr Sysctl table[] = {
    duration<FIELD(busy_read), microsecond>(
        "net.core.busy_read", 0, 1'000, "0",
        "microseconds that a caller looks for packets before it sleeps, as long as that finds some; 0: never"),
    number<FIELD(udp.receive_buffer)>("net.core.rmem_default", 2304, most_int, "",
                                      "octets of a datagram socket's receive buffer: text, and 64 for each datagram"),
    number<FIELD(rmem_max)>("net.core.rmem_max", 2304, most_int, "",
                            "octets that SO_RCVBUF may ask for; getsockopt() shows twice as much"),
    number<FIELD(tcp.max_backlog)>("net.core.somaxconn", 1, 65'535, "",
                                   "connections that listen() may let wait for accept()"),
    number<FIELD(udp.send_buffer)>("net.core.wmem_default", 4608, most_int, "",
                                   "octets of a datagram socket's send buffer, of what waits for the device"),
    number<FIELD(wmem_max)>("net.core.wmem_max", 4608, most_int, "",
                            "octets that SO_SNDBUF may ask for; getsockopt() shows twice as much"),
    flag<FIELD(ip.icmp_echo_ignore_all)>("net.ipv4.icmp_echo_ignore_all", "", "no echo request is answered"),
    number<FIELD(ip.icmp_msgs_burst)>(
        "net.ipv4.icmp_msgs_burst", 1, most_int, "",
        "ICMP errors to all at once, IPv6's too; what is taken for one of them is drawn, from a half to one and a "
        "half, so that nobody can count with it (CVE-2020-25705)"),
    number<FIELD(ip.icmp_msgs_per_sec)>(
        "net.ipv4.icmp_msgs_per_sec", 1, most_int, "",
        "ICMP errors to all in a second, IPv6's too; resets and echo replies have limits of their own"),
    duration<FIELD(ip.icmp_ratelimit), millisecond>(
        "net.ipv4.icmp_ratelimit", 0, most_int, "1000",
        "milliseconds between ICMP errors to one destination, after a burst of 6; 0: no limit of one destination. At "
        "the end of a TUN there is often one only, which has many programs"),
    number<FIELD(tcp.ttl)>("net.ipv4.ip_default_ttl", 1, 255, "",
                           "time to live of packets, unless IP_TTL says otherwise (RFC 1122 3.2.1.7)"),
    {.name = "net.ipv4.ip_local_port_range",
     .linux_value = "32768 60999",
     .what =
         "ephemeral ports, IPv6's too; as wide as the dynamic ports of RFC 6335 and more, as each makes an attacker's "
         "guess harder (RFC 6056 3.2); 1024 and up when none of them is left",
     .least = 1,
     .most = 65'535,
     .form = "two numbers, 1 to 65535, the second not less than the first",
     .show = show_port_range,
     .take = take_port_range},
    {.name = "net.ipv4.ip_local_reserved_ports",
     .what = "ports that are never chosen as ephemeral ones; bind() may still name them",
     .least = 1,
     .most = 65'535,
     .form = "ports and ranges with commas between, such as 8080,9000-9099, or nothing",
     .show = show_reserved,
     .take = take_reserved},
    number<FIELD(ip.ipfrag_high_thresh)>(
        "net.ipv4.ipfrag_high_thresh", 64 << 10, 4 << 20, "",
        "octets for datagrams that wait for fragments, 64 KiB each, IPv6's too; then the oldest makes room"),
    duration<FIELD(ip.ipfrag_time), second>(
        "net.ipv4.ipfrag_time", 1, 3600, "",
        "seconds that fragments wait for the rest; RFC 1122 3.3.2 would have 60 to 120, Linux's IDs come round sooner"),
    number<FIELD(ip.min_pmtu)>(
        "net.ipv4.route.min_pmtu", 68, 65'535, "",
        "octets; no lower path MTU is learned for IPv4: whoever tells less is believed this much"),
    duration<FIELD(ip.mtu_expires), second>("net.ipv4.route.mtu_expires", 1, most_int, "",
                                            "seconds that a learned path MTU holds, IPv6's too (RFC 1191 6.3)"),
    {.name = "net.ipv4.tcp_available_congestion_control",
     .linux_value = "reno cubic",
     .what = "what tcp_congestion_control may be",
     .show = [](const Config&) { return std::string{reno}; }},
    {.name = "net.ipv4.tcp_congestion_control",
     .linux_value = "cubic",
     .what = "RFC 5681 with NewReno (RFC 6582), which every other one is measured by",
     .form = "reno",
     .show = [](const Config&) { return std::string{reno}; },
     .take = [](const Sysctl&, Config&, std::string_view text) { return text == reno; }},
    duration<FIELD(tcp.fin_wait_2), second>("net.ipv4.tcp_fin_timeout", 1, 86'400, "",
                                            "seconds that a closed socket waits in FIN-WAIT-2 for the peer's FIN"),
    duration<FIELD(tcp.keep_interval), second>("net.ipv4.tcp_keepalive_intvl", 1, 32'767, "",
                                               "seconds between keep-alives that nobody answers"),
    number<FIELD(tcp.keep_count)>("net.ipv4.tcp_keepalive_probes", 1, 127, "",
                                  "unanswered keep-alives after which the peer is gone (MUST-29)"),
    duration<FIELD(tcp.keep_idle), second>("net.ipv4.tcp_keepalive_time", 1, 32'767, "",
                                           "seconds of silence before the first keep-alive (MUST-28)"),
    number<FIELD(tcp.syn_queue)>("net.ipv4.tcp_max_syn_backlog", 1, 65'536, "",
                                 "half-open connections of one listener; Linux's depends on memory, from 128 on"),
    number<FIELD(tcp.time_wait_records)>(
        "net.ipv4.tcp_max_tw_buckets", 1, 1 << 24, "",
        "connections in TIME-WAIT that are remembered, 80 octets each; then the oldest makes room. Linux's depends on "
        "memory"),
    buffer<FIELD(tcp.receive_buffer), FIELD(tcp.max_receive_buffer), 2304>(
        "net.ipv4.tcp_rmem", "4096 131072 6291456",
        "octets of a receive buffer: least, initial, most of autotuning; Linux's most depends on memory. The "
        "window is half of it, as Linux's is"),
    duration<FIELD(tcp.rto_max), millisecond>(
        "net.ipv4.tcp_rto_max_ms", 1000, 120'000, "120000",
        "longest retransmission timeout; 60 s is the least that RFC 6298 2.5 has"),
    duration<FIELD(tcp.rto_min), microsecond>(
        "net.ipv4.tcp_rto_min_us", 1000, 1'000'000, "",
        "shortest retransmission timeout, below the 1 s of RFC 6298 2.4 as everywhere"),
    flag<FIELD(tcp.sack)>("net.ipv4.tcp_sack", "", "selective acknowledgments are offered and accepted (RFC 2018)"),
    number<FIELD(tcp.syn_retries)>(
        "net.ipv4.tcp_syn_retries", 0, 127, "6",
        "retransmissions of a SYN, unless TCP_SYNCNT says otherwise; 0: as many as 3 minutes have (RFC 9293 MUST-23)"),
    number<FIELD(tcp.syn_ack_retries)>("net.ipv4.tcp_synack_retries", 0, 255, "", "retransmissions of a SYN-ACK"),
    flag<FIELD(tcp.timestamps)>("net.ipv4.tcp_timestamps", "", "timestamps are offered and accepted (RFC 7323 3)"),
    flag<FIELD(tcp.window_scale)>("net.ipv4.tcp_window_scaling", "",
                                  "window scales are offered and accepted (RFC 7323 2)"),
    buffer<FIELD(tcp.send_buffer), FIELD(tcp.max_send_buffer), 4608>(
        "net.ipv4.tcp_wmem", "4096 16384 4194304",
        "octets of a send buffer: least, initial, most of autotuning. The first flight of ten segments fits at "
        "once without waiting for the buffer to grow"),
    flag<FIELD(v6_only)>("net.ipv6.bindv6only", "", "IPv6 sockets begin with IPV6_V6ONLY (RFC 3493 5.3)"),
    number<FIELD(tcp.hop_limit)>("net.ipv6.conf.default.hop_limit", 1, 255, "",
                                 "hop limit of packets, unless IPV6_UNICAST_HOPS says otherwise"),
    flag<FIELD(ip.icmp6_echo_ignore_all)>("net.ipv6.icmp.echo_ignore_all", "", "no ICMPv6 echo request is answered"),
    duration<FIELD(ip.icmp6_ratelimit), millisecond>(
        "net.ipv6.icmp.ratelimit", 0, most_int, "", "the same as net.ipv4.icmp_ratelimit for ICMPv6 (RFC 4443 2.4(f))"),
    duration<FIELD(ip.ip6frag_time), second>("net.ipv6.ip6frag_time", 1, 3600, "",
                                             "seconds that IPv6 fragments wait for the rest (RFC 8200 4.5)"),
};
#undef FIELD
static_assert(std::ranges::is_sorted(table, {}, &Sysctl::name));

}  // namespace

std::span<const Sysctl> sysctls() { return table; }

const Sysctl* find_sysctl(std::string_view name) {
  const auto same = [&](const Sysctl& s) {
    return std::ranges::equal(name, s.name, {}, [](char c) { return c == '/' ? '.' : c; });
  };
  const auto found = std::ranges::find_if(table, same);
  return found == std::end(table) ? nullptr : found;
}

std::string takes(const Sysctl& s) {
  if (s.take == nullptr) return "only to be read";
  if (!s.form.empty()) return std::string{s.form};
  if (s.least == 0 && s.most == 1) return "0 or 1";
  return text_of(s.least) + " to " + text_of(s.most);
}

Status set_sysctl(Config& config, std::string_view name, std::string_view value) {
  const Sysctl* const s = find_sysctl(name);
  if (s == nullptr) return fail(Error::no_entry);
  if (s->take == nullptr) return fail(Error::denied);
  return s->take(*s, config, value) ? Status{} : fail(Error::invalid);
}

}  // namespace tunic
