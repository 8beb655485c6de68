// ping: asks a host for echoes (RFC 792, RFC 4443 section 4) through an echo socket, which needs no raw packets. The
// output is that of the ping people know.
#include <ctime>  // before errqueue.h, which lacks it

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <tunic.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "support/listener.h"
#include "support/owned.h"
#include "support/program.h"
#include "support/resolve.h"
#include "support/stop.h"

namespace {

using namespace apps;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Wishes {
  std::string host;
  Families families = Families::any;
  long count = 0;                      // 0: until Ctrl-C
  double interval = 1, patience = 10;  // seconds
  std::size_t size = 56;               // octets of data
  int ttl = 0;                         // 0: the default
};

/// The same layout in both families (RFC 792, RFC 4443): type, code, checksum, identifier, sequence number.
constexpr std::size_t header_size = 8;

/// What came of the requests so far.
struct Tally {
  long sent = 0, received = 0, errors = 0, repeated = 0;
  double least = std::numeric_limits<double>::infinity(), most = 0, sum = 0, squares = 0;  // milliseconds

  void add(double ms) {
    ++received;
    least = std::min(least, ms);
    most = std::max(most, ms);
    sum += ms;
    squares += ms * ms;
  }
  void print(const std::string& host, Milliseconds took) const {
    std::string line =
        fmt::format("\n--- {} ping statistics ---\n{} packets transmitted, {} received", host, sent, received);
    if (repeated != 0) line += fmt::format(", +{} duplicates", repeated);
    if (errors != 0) line += fmt::format(", +{} errors", errors);
    const double lost = sent == 0 ? 0 : 100.0 * static_cast<double>(sent - received) / static_cast<double>(sent);
    line += fmt::format(", {:.6g}% packet loss, time {:.0f}ms", lost, took.count());
    if (received != 0) {
      const auto n = static_cast<double>(received);
      const double mean = sum / n;
      const double deviation = std::sqrt(std::max(0.0, squares / n - mean * mean));
      line += fmt::format("\nrtt min/avg/max/mdev = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms", least, mean, most, deviation);
    }
    say(line);
  }
};

/// The address without a port.
std::string address_of(const Endpoint& e) {
  const std::string text = to_string(e);
  const std::string address = text.substr(0, text.rfind(':'));
  return address.front() == '[' ? address.substr(1, address.size() - 2) : address;
}

/// "Destination Host Unreachable" for an ICMP error, as ping says it.
std::string sentence(const sock_extended_err& e) {
  const bool v6 = e.ee_origin == SO_EE_ORIGIN_ICMP6;
  if (e.ee_origin == SO_EE_ORIGIN_LOCAL)
    return e.ee_errno == EMSGSIZE ? fmt::format("local error: message too long, mtu={}", e.ee_info)
                                  : "local error: " + reason(static_cast<int>(e.ee_errno));
  if (e.ee_type == (v6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED))
    return e.ee_code == 0 ? "Time to live exceeded" : "Fragment reassembly time exceeded";
  if (v6 ? e.ee_type == ICMP6_PACKET_TOO_BIG : e.ee_type == ICMP_DEST_UNREACH && e.ee_code == ICMP_FRAG_NEEDED)
    return fmt::format("Packet too big, mtu={}", e.ee_info);
  if (e.ee_type == (v6 ? ICMP6_PARAM_PROB : ICMP_PARAMETERPROB)) return "Parameter problem";
  return "Destination unreachable: " + reason(static_cast<int>(e.ee_errno));
}

class Ping {
 public:
  Ping(const Wishes& w, const Endpoint& to) : wishes_{w}, to_{to} {
    const bool v4 = to.family() == AF_INET;
    socket_ = Socket{tunic_socket(to.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                  v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6})};
    if (!socket_) fail_without_socket();
    switch_option(socket_.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, 1);
    switch_option(socket_.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT, 1);
    if (w.ttl != 0) switch_option(socket_.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, w.ttl);
    if (tunic_connect(socket_.fd(), to.raw(), to.length) != 0) fail("cannot reach " + address_of(to));
  }

  /// True if an answer came.
  bool run(const Stop& stop) {
    const auto begun = Clock::now();
    say(fmt::format("PING {} ({}) {} data bytes", wishes_.host, address_of(to_), wishes_.size));
    auto next = begun, last = begun;
    for (;;) {
      const bool all_sent = wishes_.count != 0 && tally_.sent == wishes_.count;
      if (all_sent && tally_.received + tally_.errors >= tally_.sent) break;
      const auto until = all_sent ? last + seconds(wishes_.patience) : next;
      if (Clock::now() >= until) {
        if (all_sent) break;
        ask();
        last = Clock::now();
        next = std::max(next + seconds(wishes_.interval), last);
        continue;
      }
      if (!wait_until(until, stop)) break;
    }
    tally_.print(wishes_.host, Clock::now() - begun);
    return tally_.received != 0;
  }

 private:
  static Clock::duration seconds(double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{s});
  }

  /// Waits for answers until that time; false on Ctrl-C.
  bool wait_until(Clock::time_point until, const Stop& stop) {
    pollfd set[] = {{.fd = stop.fd(), .events = POLLIN, .revents = 0},
                    {.fd = socket_.fd(), .events = POLLIN, .revents = 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (tunic_poll(set, 2, static_cast<int>(std::max<long>(left, 0))) < 0 && errno != EINTR)
      fail("cannot wait for answers");
    if (set[0].revents != 0) return false;
    if ((set[1].revents & POLLERR) != 0)
      while (hear(MSG_ERRQUEUE)) {
      }
    if ((set[1].revents & POLLIN) != 0)
      while (hear(0)) {
      }
    return true;
  }

  void ask() {
    const auto sequence = static_cast<std::uint16_t>(++tally_.sent);
    std::vector<unsigned char> packet(header_size + wishes_.size);
    packet[0] = to_.family() == AF_INET ? std::uint8_t{ICMP_ECHO} : std::uint8_t{ICMP6_ECHO_REQUEST};
    packet[6] = static_cast<unsigned char>(sequence >> 8);
    packet[7] = static_cast<unsigned char>(sequence);
    for (std::size_t i = header_size; i < packet.size(); ++i) packet[i] = static_cast<unsigned char>(i);
    asked_[sequence] = {Clock::now(), true};
    if (tunic_send(socket_.fd(), packet.data(), packet.size(), 0) >= 0) return;
    if (errno == EMSGSIZE) fail(fmt::format("{} octets of data are more than a packet can hold", wishes_.size));
    if (errno == EAGAIN) return;  // no room: as lost as if it had been sent
    ++tally_.errors;
    say(fmt::format("ping: cannot send: {}", reason(errno)));
  }

  /// Takes one answer, or one error about a request; false when there is none.
  bool hear(int flags) {
    std::vector<unsigned char> packet(65'536);
    alignas(cmsghdr) char control[512];
    iovec text{.iov_base = packet.data(), .iov_len = packet.size()};
    Endpoint from;
    msghdr m{};
    m.msg_name = from.raw();
    m.msg_namelen = sizeof from.storage;
    m.msg_iov = &text;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    const ssize_t n = tunic_recvmsg(socket_.fd(), &m, flags);
    if (n < 0) return false;
    const auto now = Clock::now();
    packet.resize(static_cast<std::size_t>(n));
    from.length = m.msg_namelen;
    if (packet.size() < header_size) return true;
    const auto sequence = static_cast<std::uint16_t>(packet[6] << 8 | packet[7]);
    if ((flags & MSG_ERRQUEUE) != 0)
      tell_error(m, sequence);
    else
      tell_answer(m, from, sequence, packet.size(), now);
    return true;
  }

  void tell_answer(msghdr& m, const Endpoint& from, std::uint16_t sequence, std::size_t size, Clock::time_point now) {
    Asked& asked = asked_[sequence];
    const double ms = Milliseconds{now - asked.at}.count();
    const bool again = !std::exchange(asked.waits, false);
    if (again)
      ++tally_.repeated;
    else
      tally_.add(ms);
    say(fmt::format("{} bytes from {}: icmp_seq={} ttl={} time={:.3f} ms{}", size, address_of(from), sequence,
                    ttl_of(m), ms, again ? " (DUP!)" : ""));
  }

  void tell_error(msghdr& m, std::uint16_t sequence) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
      const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
      if (!v4 && !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) continue;
      sock_extended_err e;
      std::memcpy(&e, CMSG_DATA(c), sizeof e);
      Endpoint by = to_;
      if (e.ee_origin != SO_EE_ORIGIN_LOCAL) {
        by.length = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        std::memcpy(&by.storage, CMSG_DATA(c) + sizeof e, by.length);
      }
      ++tally_.errors;
      say(fmt::format("From {} icmp_seq={} {}", address_of(by), sequence, sentence(e)));
    }
  }

  static int ttl_of(msghdr& m) {
    int ttl = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c))
      if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
          (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
        std::memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
    return ttl;
  }

  struct Asked {
    Clock::time_point at{};
    bool waits = false;
  };

  const Wishes& wishes_;
  Endpoint to_;
  Socket socket_;
  std::vector<Asked> asked_ = std::vector<Asked>(65'536);  // by sequence number
  Tally tally_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Asks a host for echoes, on Tunic's own TCP/IP stack.", "ping"};
  Wishes w;
  bool only_v4 = false, only_v6 = false;
  app.add_option("-c", w.count, "stop after so many requests; without it at Ctrl-C")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
  app.add_option("-i", w.interval, "seconds from one request to the next, default 1")
      ->check(CLI::Range(0.001, 3600.0))
      ->type_name("SECONDS");
  app.add_option("-s", w.size, "octets of data, default 56")->check(CLI::Range(0, 65'507))->type_name("OCTETS");
  app.add_option("-t", w.ttl, "TTL or hop limit of the requests")->check(CLI::Range(1, 255))->type_name("HOPS");
  app.add_option("-W", w.patience, "seconds to wait for the last answers, default 10")
      ->check(CLI::Range(0.001, 3600.0))
      ->type_name("SECONDS");
  CLI::Option* v4 = app.add_flag("-4", only_v4, "use IPv4 alone");
  app.add_flag("-6", only_v6, "use IPv6 alone")->excludes(v4);
  app.add_option("HOST", w.host, "a name or an address")->required()->type_name("");
  app.footer(
      "The exit status is 1 if nothing answered. Names are looked up by the system's resolver, over the kernel's\n"
      "network.");

  bool answered = false;
  const int status = run_program(app, argc, argv, [&] {
    w.families = families_of(only_v4, only_v6);
    const Stop stop;
    Ping ping{w, look_up(w.host, "", w.families, SOCK_DGRAM).front()};
    answered = ping.run(stop);
  });
  const bool asked_for_help = status == 0 && w.host.empty();
  return status != 0 ? status : answered || asked_for_help ? 0 : 1;
}
