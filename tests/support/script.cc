#include "test_support/script.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iomanip>
#include <sstream>
#include <utility>

#include "test_support/names.h"

namespace tunic::test {
namespace {

constexpr Duration tolerance = 2ms;
constexpr std::uint32_t their_ts = 0xffff'ff00;  // near its wrap
constexpr Port server_port{80};

std::optional<Duration> read_time(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  static constexpr std::array<std::pair<std::string_view, Duration>, 6> units{
      {{"us", 1us}, {"ms", 1ms}, {"s", 1s}, {"min", 60s}, {"h", 3600s}, {"d", 86'400s}}};
  const auto unit = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto n = integer(text.substr(0, unit));
  const auto* found = std::ranges::find(units, text.substr(unit), [](const auto& u) { return u.first; });
  if (!n || found == units.end()) return {};
  return *n * found->second;
}

std::string print_time(Duration d) {
  std::ostringstream out;
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(d).count();
  out << std::setw(8) << us / 1000 << '.' << std::setfill('0') << std::setw(3) << us % 1000 << "ms";
  return out.str();
}

std::string trimmed(std::string_view text) {
  text = text.substr(0, text.find("//"));
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == text.npos ? std::string{} : std::string{text.substr(first, last - first + 1)};
}

// Takes the first word off `text`.
std::string take_word(std::string_view& text) {
  const auto begin = std::min(text.find_first_not_of(' '), text.size());
  const auto end = std::min(text.find(' ', begin), text.size());
  std::string word{text.substr(begin, end - begin)};
  text = text.substr(end);
  return word;
}

IpAddr address(Family f, std::uint8_t host) {
  if (f == Family::v4) return IpAddr::v4(0xc612'0000u + host);
  std::array<std::byte, 16> a{std::byte{0xfd}, {}, {}, std::byte{7}};
  a[15] = std::byte{host};
  return IpAddr::v6(a.data());
}

}  // namespace

std::string name(const Variant& v) {
  return std::string{v.family == Family::v4 ? "IPv4" : "IPv6"} + ", our ISN " + std::to_string(v.our_isn) +
         ", the peer's " + std::to_string(v.their_isn) + (v.prediction ? ", prediction on" : ", prediction off");
}

Config Script::config(const Setup& s, const Variant& v) {
  Config c;
  c.addresses = {{address(Family::v4, 2), 24}, {address(Family::v6, 2), 64}};
  c.mtu = s.mtu;
  c.link = s.link;
  c.memory = 32u << 20;
  c.max_sockets = 256;
  c.key.fill(0x5a);
  c.tcp = s.tcp;
  c.tcp.time_wait_records = std::min<std::uint32_t>(c.tcp.time_wait_records, 256);
  c.tcp.prediction = v.prediction;
  c.tcp.test_isn = v.our_isn;
  return c;
}

Script::Script(const Setup& setup, const Variant& v)
    : setup_{setup}, variant_{v}, host_{config(setup, v)}, start_{host_.now()}, time_{start_} {
  begin(std::source_location::current());
}

// ---- who is who ----

Endpoint Script::here(Port port) const { return {address(variant_.family, 2), port}; }

Script::Peer& Script::peer() {
  auto [i, fresh] = peers_.try_emplace(current_);
  if (fresh) {
    i->second.endpoint = {address(variant_.family, 1), Port{static_cast<std::uint16_t>(40'000 + current_)}};
    i->second.our_port = server_port;
  }
  return i->second;
}

FourTuple Script::tuple(Peer& p) { return {here(p.our_port), p.endpoint}; }

Bases Script::our_bases() {
  const auto& f = flow();
  return {variant_.our_isn, variant_.their_isn, f.first_ts.value_or(Stamp{}).val, their_ts, largest_mss()};
}

Bases Script::their_bases() {
  const auto b = our_bases();
  return {b.ack, b.seq, b.ts_ecr, b.ts_val, b.mss};
}

std::uint16_t Script::largest_mss() {
  return static_cast<std::uint16_t>(stack().config().mtu - (variant_.family == Family::v4 ? 40 : 60));
}

// MUST-16: the peer's MSS or what IP can send, less the options that every segment carries; MUST-15 without an MSS
// option.
std::size_t Script::effective_mss() {
  std::size_t mss = variant_.family == Family::v4 ? 536 : 1220;
  if (const auto& syns = flow().syns; !syns.empty() && syns.back().options.mss) mss = *syns.back().options.mss;
  return std::min<std::size_t>(mss, largest_mss()) - (flow().timestamps ? 12 : 0);
}

SocketId Script::target() { return peer().socket.generation != 0 ? peer().socket : listener_; }

// ---- running ----

void Script::begin(std::source_location where) {
  const auto options = [&](bool scale) {
    std::string o;
    if (setup_.mss != 0) o += ",mss " + std::to_string(setup_.mss);
    if (setup_.sack) o += ",sackOK";
    if (setup_.timestamps) o += ",TS val 0 ecr 0";
    if (scale && setup_.wscale) o += ",wscale " + std::to_string(*setup_.wscale);
    return o.empty() ? std::string{} : " <" + o.substr(1) + '>';
  };
  const auto rtt = std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(setup_.rtt).count()) + "us ";
  using enum Setup::Begin;
  if (setup_.begin == listening || (setup_.begin == established && !setup_.active))
    run_lines("0ms listen " + std::to_string(setup_.backlog), where);
  if (setup_.begin == connecting || (setup_.begin == established && setup_.active)) run_lines("0ms connect", where);
  if (setup_.begin != established) return;
  if (setup_.active)
    run_lines("0ms > S 0:0(0)\n" + rtt + "< S. 0:0(0) ack 1" + options(true) + "\n0ms > . 1:1(0) ack 1\n0ms connected",
              where);
  else
    run_lines("0ms < S 0:0(0)" + options(true) + "\n0ms > S. 0:0(0) ack 1\n" + rtt + "< . 1:1(0) ack 1\n0ms accept",
              where);
}

void Script::run(std::string_view lines, std::source_location where) {
  run_lines(lines, where);
  if (failed_) return;
  if (auto wrong = unexpected()) fail("the end of these lines", *wrong, where);
}

void Script::run_loosely(std::string_view lines, std::source_location where) {
  loose_ = true;
  run_lines(lines, where);
  if (!failed_) (void)unexpected();
  loose_ = false;
}

void Script::run_lines(std::string_view lines, std::source_location where) {
  while (!lines.empty() && !failed_) {
    const auto end = std::min(lines.find('\n'), lines.size());
    const auto text = trimmed(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (text.empty()) continue;
    auto wrong = line(text);
    if (host_.broken().size() > broken_seen_) wrong = host_.broken()[broken_seen_];
    if (wrong) fail(text, *wrong, where);
  }
  if (pending_) host_.poll(), pending_ = false;
}

Script::Wrong Script::line(std::string_view text) {
  const auto time = take_word(text);
  const bool burst = time == "&";
  const auto d = burst ? Duration{} : read_time(time);
  if (!d) return "a line begins with a time";
  current_ = 1;
  auto word = take_word(text);
  if (word.starts_with('#')) {
    current_ = static_cast<int>(integer(std::string_view{word}.substr(1)).value_or(1));
    word = take_word(text);
  }
  if (burst && !(word == "<" && pending_)) return "& follows a segment that arrives, with another";
  if (!burst && pending_) host_.poll(), pending_ = false;
  if (word == ">") return expect_segment(text, time_ + *d);
  if (auto wrong = unexpected()) return wrong;
  host_.advance(time_ + *d, !loose_);
  if (auto wrong = unexpected()) return wrong;
  time_ += *d;
  if (word == "<") {
    if (const auto w = words(text); !w.empty() && w[0] == "icmp") return log("<" + std::string{text}), inject_icmp(w);
    return inject(text);
  }
  return call(word + std::string{text});
}

Script::Wrong Script::unexpected() {
  if (loose_) host_.out.clear();
  if (host_.out.empty()) return {};
  std::string wrong = "came out, and is not expected:";
  for (const auto& s : host_.out) wrong += "\n  " + print({s.at, true, s.segment});
  return wrong;
}

// ---- segments ----

Script::Wrong Script::inject(std::string_view text) {
  const auto w = read_segment(text, largest_mss());
  if (!w) return w.error();
  auto& p = peer();
  const auto& f = flow();
  const auto b = their_bases();
  Segment s;
  s.src = {p.endpoint.addr, w->sport ? Port{*w->sport} : p.endpoint.port};
  s.dst = here(w->dport ? Port{*w->dport} : p.our_port);
  s.seq = w->seq.from(b.seq);
  s.flags = w->flags;
  if (s.has(flag::ack)) {
    if (!w->ack) return "a segment with ACK has an acknowledgment number";
    s.ack = w->ack->from(b.ack);
  }
  const int scale = s.has(flag::syn) ? 0 : f.scale_of_peer();
  s.window = w->window.value_or(static_cast<std::uint16_t>(std::min(setup_.peer_window >> scale, 65'535u)));
  s.urgent = w->urgent.value_or(0);
  const auto position = relative(s.seq, b.seq, 0) - (s.has(flag::syn) ? 0 : 1);
  s.text = pattern_text(position, w->size, theirs);
  const auto written = w->options.value_or(WrittenOptions{});
  s.options = written.plain;
  for (const auto& [begin, end] : written.sack) s.options.sack.push_back({begin.from(b.ack), end.from(b.ack)});
  if (written.ts) {
    s.options.ts = Stamp{written.ts->first.from(b.ts_val), written.ts->second.from(s.has(flag::ack) ? b.ts_ecr : 0)};
  } else if (f.timestamps && !written.no_ts && !s.has(flag::rst) && f.last_ts) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(host_.now() - start_).count();
    s.options.ts = Stamp{static_cast<std::uint32_t>(their_ts + static_cast<std::uint64_t>(elapsed)), f.last_ts->val};
  }
  host_.inject(s);
  pending_ = true;
  return {};
}

Script::Wrong Script::expect_segment(std::string_view text, Instant at) {
  const auto w = read_segment(text, largest_mss());
  if (!w) return w.error();
  if (host_.out.empty()) host_.advance(at + tolerance, true);
  if (host_.out.empty()) return "nothing came out";
  const auto came = std::move(host_.out.front());
  host_.out.pop_front();
  time_ = came.at;
  return compare(*w, came, at);
}

Script::Wrong Script::compare(const Written& w, const Host::Sent& came, Instant at) {
  const auto context = "\n  instead came\n  " + print({came.at, true, came.segment});
  auto& p = peer();
  if (came.segment.dst != p.endpoint) return "the peer differs" + context;
  if (auto different = difference(w, came.segment, our_bases())) return *different + " differs" + context;
  if (came.at > at + tolerance || came.at + tolerance < at) return "the time differs" + context;
  const auto mss = effective_mss();
  if (came.segment.gso_size > mss || (came.segment.gso_size == 0 && came.segment.text.size() > mss))
    return "a wire segment larger than the effective MSS of " + std::to_string(mss) + context;
  return {};
}

// ---- the end ----

// Law 9: what was acknowledged is what can be read.
void Script::drain(Peer& p) {
  std::array<std::byte, 4096> text;
  for (;;) {
    const auto got = stack().receive(p.socket, text);
    if (!got || *got == 0) return;
    for (std::size_t i = 0; i < *got; ++i)
      if (text[i] != pattern(static_cast<std::uint64_t>(p.read++), theirs)) {
        fail("reading to the end", "another octet than the peer sent at position " + std::to_string(p.read - 1),
             std::source_location::current());
        return;
      }
  }
}

void Script::finish() {
  if (std::exchange(finished_, true) || failed_) return;
  const auto where = std::source_location::current();
  if (host_.broken().size() > broken_seen_) return fail("the end", host_.broken()[broken_seen_], where);
  host_.refuses = false;
  for (auto& [number, p] : peers_) {
    if (p.socket.generation == 0) continue;
    drain(p);
    if (stack().close(p.socket)) log("close, at the end");
  }
  if (listener_.generation != 0) (void)stack().close(listener_);
  host_.flush();
  host_.advance(host_.now() + 900s);
  const auto& c = stack().counters();
  if (failed_) return;
  if (host_.broken().size() > broken_seen_) return fail("the end", host_.broken()[broken_seen_], where);
  if (auto wrong = expect_clean()) return fail("the end", *wrong, where);
  if (!c.conserved()) return fail("the end", "law 8: packets in are not delivered + dropped", where);
  if (c.received != host_.injected()) return fail("the end", "not every packet was counted as received", where);
  if (c.sent != host_.record().size()) fail("the end", "not every packet was counted as sent", where);
}

// ---- telling ----

void Script::log(std::string_view text) {
  log_.push_back({host_.events().size(), print_time(host_.now() - start_) + "  " +
                                             (current_ == 1 ? "" : "#" + std::to_string(current_) + ' ') +
                                             std::string{text}});
}

std::string Script::print(const Host::Event& e) {
  const auto& far = e.out ? e.segment.dst : e.segment.src;
  std::string number;
  for (const auto& [n, p] : peers_)
    if (n != 1 && p.endpoint == far) number = "#" + std::to_string(n) + ' ';
  return print_time(e.at - start_) + "  " + number + (e.out ? "> " : "< ") +
         test::print(e.segment, e.out ? our_bases() : their_bases());
}

std::string Script::conversation() {
  static constexpr std::size_t most = 300;
  const auto& events = host_.events();
  std::string out;
  std::size_t next = events.size() > most ? events.size() - most : 0;
  if (next != 0) out += "  ...\n";
  const auto tell_events = [&](std::size_t upto) {
    for (; next < upto; ++next) out += "  " + print(events[next]) + '\n';
  };
  for (const auto& said : log_) {
    tell_events(said.after);
    if (said.after >= next) out += "  " + said.text + '\n';
  }
  tell_events(events.size());
  for (std::size_t i = 0; i < drops; ++i)
    if (const auto n = stack().counters().dropped[i]; n != 0)
      out += "  dropped as " + std::string{tunic::name(static_cast<Drop>(i))} + ": " + std::to_string(n) + '\n';
  return out;
}

void Script::fail(const std::string& line, const std::string& wrong, std::source_location where) {
  failed_ = true;
  ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
      << "line:  " << line << '\n'
      << wrong << "\nwith:  " << name(variant_) << "\nthe conversation so far:\n"
      << conversation();
}

void repeat(const Setup& setup, const std::function<void(Script&)>& body) {
  static constexpr std::uint32_t half = 1u << 31;
  // H6: 0, 1, 2^31 - 1, 2^31, 2^32 - 1, 2^32 - 1460, for each side once.
  static constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 6> isns{
      {{0u, half}, {1u, 0u - 1460u}, {half - 1, 1u}, {half, 0u}, {0u - 1u, half - 1}, {0u - 1460u, 0u - 1u}}};
  for (const auto family : {Family::v4, Family::v6}) {
    for (const auto& [our, their] : isns) {
      std::vector<std::pair<Instant, Host::Packet>> with;
      for (const bool prediction : {true, false}) {
        Script s{setup, {family, our, their, prediction}};
        body(s);
        s.finish();
        if (s.failed() || testing::Test::HasFailure()) return;
        if (prediction) {
          with = s.host().record();
        } else {
          EXPECT_TRUE(with == s.host().record()) << "the fast path changes packets: " << name(s.variant());
        }
      }
    }
  }
}

void repeat(const Setup& setup, std::string_view lines, std::source_location where) {
  repeat(setup, [&](Script& s) { s.run(lines, where); });
}

}  // namespace tunic::test
