// What lines of a script have the user do, and what they expect of the socket.
#include <algorithm>
#include <array>
#include <utility>

#include "test_support/names.h"
#include "test_support/script.h"

namespace tunic::test {
namespace {

constexpr Port server_port{80};

std::optional<std::int64_t> number_at(const std::vector<std::string>& w, std::size_t i) {
  return i < w.size() ? integer(w[i]) : std::nullopt;
}

bool word_at(const std::vector<std::string>& w, std::size_t i, std::string_view text) {
  return i < w.size() && w[i] == text;
}

std::string told(Error e) { return error_name(std::to_underlying(e)); }

}  // namespace

// ---- user calls ----

Script::Wrong Script::call(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Call>, 16> calls{{{"nothing", &Script::do_nothing},
                                                                            {"listen", &Script::do_listen},
                                                                            {"bind", &Script::do_bind},
                                                                            {"accept", &Script::do_accept},
                                                                            {"connect", &Script::do_connect},
                                                                            {"connected", &Script::do_connected},
                                                                            {"write", &Script::do_write},
                                                                            {"read", &Script::do_read},
                                                                            {"skip", &Script::do_skip},
                                                                            {"shutdown", &Script::do_shutdown},
                                                                            {"close", &Script::do_close},
                                                                            {"abort", &Script::do_abort},
                                                                            {"disconnect", &Script::do_disconnect},
                                                                            {"setsockopt", &Script::do_setsockopt},
                                                                            {"link", &Script::do_link},
                                                                            {"expect", &Script::do_expect}}};
  const auto w = words(text);
  const auto* found = std::ranges::find(calls, w[0], [](const auto& c) { return c.first; });
  if (found == calls.end()) return "unknown action " + w[0];
  log(text);
  auto wrong = (this->*found->second)(w);
  host_.flush();
  return wrong;
}

// Compares the result of a call with what the words from `i` on say: nothing, "again", or "error E".
Script::Wrong Script::result(const Status& s, const Words& w, std::size_t i) {
  std::string wanted = "success";
  if (word_at(w, i, "again")) wanted = "EAGAIN";
  if (word_at(w, i, "error") && i + 1 < w.size()) wanted = w[i + 1];
  const auto got = s ? std::string{"success"} : told(s.error());
  return got == wanted ? Wrong{} : Wrong{"the call gave " + got + ", not " + wanted};
}

Script::Wrong Script::do_nothing(const Words&) { return {}; }

Script::Wrong Script::do_listen(const Words& w) {
  if (listener_.generation == 0) {
    const auto s = stack().open(variant_.family);
    if (!s) return "open: " + told(s.error());
    listener_ = *s;
    if (const auto bound = stack().bind(*s, {IpAddr::any(variant_.family), server_port}); !bound)
      return "bind: " + told(bound.error());
  }
  return result(stack().listen(listener_, static_cast<int>(number_at(w, 1).value_or(16))), w, 2);
}

Script::Wrong Script::do_bind(const Words& w) {
  auto& p = peer();
  const auto s = stack().open(variant_.family);
  if (!s) return "open: " + told(s.error());
  p.socket = *s;
  p.our_port = Port{static_cast<std::uint16_t>(number_at(w, 1).value_or(0))};
  return result(stack().bind(*s, here(p.our_port)), w, 2);
}

Script::Wrong Script::do_accept(const Words& w) {
  const auto s = stack().accept(listener_);
  const auto status = s ? Status{} : Status{tunic::fail(s.error())};
  if (auto wrong = result(status, w, 1); wrong || !s) return wrong;
  auto& p = peer();
  p.socket = *s;
  p.written = p.read = 0;
  const auto remote = stack().remote(*s);
  return !remote || *remote == p.endpoint ? Wrong{} : Wrong{"accept() gave the connection of another peer"};
}

Script::Wrong Script::do_connect(const Words& w) {
  auto& p = peer();
  if (p.socket.generation == 0) {
    const auto s = stack().open(variant_.family);
    if (!s) return "open: " + told(s.error());
    p.socket = *s;
    p.written = p.read = 0;
  }
  const auto s = stack().connect(p.socket, p.endpoint, host_.now());
  if (const auto local = stack().local(p.socket)) p.our_port = local->port;
  return result(s, w.size() > 1 ? w : Words{"connect", "error", "EINPROGRESS"}, 1);
}

Script::Wrong Script::do_connected(const Words& w) {
  return result(stack().connect(peer().socket, peer().endpoint, host_.now()), w, 1);
}

Script::Wrong Script::do_write(const Words& w) {
  const auto n = number_at(w, 1);
  if (!n) return "write how much?";
  auto& p = peer();
  SendFlags flags;
  flags.urgent = word_at(w, 2, "oob");
  flags.more = word_at(w, 2, "more");
  const std::size_t i = flags.urgent || flags.more ? 3 : 2;
  const auto text = pattern_text(p.written, static_cast<std::size_t>(*n), ours);
  const auto sent = stack().send(p.socket, text, flags);
  if (!sent) return result(tunic::fail(sent.error()), w, i);
  p.written += static_cast<std::int64_t>(*sent);
  if (word_at(w, i, "error") || word_at(w, i, "again")) return result({}, w, i);
  const auto wanted = word_at(w, i, "gets") ? number_at(w, i + 1).value_or(0) : *n;
  return static_cast<std::int64_t>(*sent) == wanted ? Wrong{} : Wrong{"the call took " + std::to_string(*sent)};
}

Script::Wrong Script::do_read(const Words& w) {
  if (const auto n = number_at(w, 1)) return read_octets(static_cast<std::size_t>(*n));
  auto& p = peer();
  std::array<std::byte, 1> one{};
  ReceiveFlags flags;
  flags.urgent = word_at(w, 1, "oob");
  const auto got = stack().receive(p.socket, one, flags);
  if (!got) return result(tunic::fail(got.error()), w, flags.urgent ? 2 : 1);
  if (word_at(w, 1, "eof")) return *got == 0 ? Wrong{} : Wrong{"there is more to read"};
  if (flags.urgent && w.size() == 2) return *got == 1 ? Wrong{} : Wrong{"no urgent octet"};
  return "the call gave " + std::to_string(*got) + " octets";
}

Script::Wrong Script::read_octets(std::size_t n) {
  auto& p = peer();
  std::vector<std::byte> text(n);
  std::size_t have = 0;
  while (have < n) {
    const auto got = stack().receive(p.socket, MutBytes{text}.subspan(have));
    if (!got || *got == 0)
      return "only " + std::to_string(have) + " octets to read, then " + (got ? "the end" : told(got.error()));
    have += *got;
  }
  for (std::size_t i = 0; i < n; ++i)
    if (text[i] != pattern(static_cast<std::uint64_t>(p.read) + i, theirs))
      return "another octet than the peer sent at position " + std::to_string(p.read + static_cast<std::int64_t>(i));
  p.read += static_cast<std::int64_t>(n);
  return {};
}

Script::Wrong Script::do_skip(const Words& w) {
  peer().read += number_at(w, 1).value_or(0);
  return {};
}

Script::Wrong Script::do_shutdown(const Words& w) {
  if (w.size() < 2) return "shutdown what?";
  const auto how = w[1] == "wr" ? Shutdown::write : w[1] == "rd" ? Shutdown::read : Shutdown::both;
  return result(stack().shutdown(peer().socket, how), w, 2);
}

Script::Wrong Script::do_close(const Words& w) {
  auto& s = word_at(w, 1, "listener") ? listener_ : peer().socket;
  return result(stack().close(std::exchange(s, {})), w, 2);
}

Script::Wrong Script::do_abort(const Words& w) { return result(stack().abort(std::exchange(peer().socket, {})), w, 1); }

Script::Wrong Script::do_disconnect(const Words& w) { return result(stack().disconnect(peer().socket), w, 1); }

Script::Wrong Script::do_setsockopt(const Words& w) {
  const auto value = number_at(w, 2);
  const auto option = w.size() > 1 ? option_named(w[1]) : std::nullopt;
  if (!option || !value) return "setsockopt NAME VALUE";
  return result(stack().set(target(), *option, *value), w, 3);
}

Script::Wrong Script::do_link(const Words& w) {
  host_.refuses = word_at(w, 1, "full");
  return {};
}

// ---- expectations about the socket ----

Script::Wrong Script::do_expect(const Words& w) {
  const bool wanted = !word_at(w, 1, "not");
  const std::size_t i = wanted ? 1 : 2;
  if (w.size() <= i) return "expect what?";
  if (w[i] == "clean") return expect_clean();
  if (w[i] == "state") {
    const auto got = std::string{state_name(info(current_).state)};
    return word_at(w, i + 1, got) ? Wrong{} : Wrong{"the state is " + got};
  }
  if (w[i] == "error" && w.size() > i + 1) return expect_error(w[i + 1]);
  if (w[i] == "drop" && w.size() > i + 2) return expect_drop(w[i + 1], number_at(w, i + 2).value_or(0));
  if (const auto n = number_at(w, i + 1)) return expect_number(w[i], *n);
  return expect_ready(w[i], wanted);
}

Script::Wrong Script::expect_ready(const std::string& what, bool wanted) {
  bool is = false;
  if (what == "mark") {
    is = stack().at_mark(peer().socket).value_or(false);
  } else {
    const auto bit = ready_named(what);
    if (!bit) return "unknown expectation " + what;
    is = (stack().ready(target()) & *bit) != 0;
  }
  return is == wanted ? Wrong{} : Wrong{"it is " + std::string{is ? "" : "not "} + what};
}

Script::Wrong Script::expect_error(const std::string& wanted) {
  const auto got = error_name(stack().take_error(peer().socket));
  return got == wanted ? Wrong{} : Wrong{"the pending error is " + got};
}

Script::Wrong Script::expect_number(const std::string& what, std::int64_t wanted) {
  const auto i = stack().info(target()).value_or(TcpInfo{});
  const auto ms = [](Duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); };
  const auto size = [](const Result<std::size_t>& r) { return static_cast<std::int64_t>(r.value_or(0)); };
  const std::array<std::pair<std::string_view, std::int64_t>, 15> known{
      {{"inq", size(stack().readable_bytes(peer().socket))},
       {"outq", size(stack().unacknowledged_bytes(peer().socket))},
       {"connections", static_cast<std::int64_t>(stack().connections())},
       {"retransmits", static_cast<std::int64_t>(i.total_retrans)},
       {"cwnd", i.cwnd},
       {"ssthresh", i.ssthresh},
       {"mss", i.snd_mss},
       {"unacked", i.unacked},
       {"sacked", i.sacked},
       {"lost", i.lost},
       {"reordered", i.reord_seen},
       {"dsacks", i.dsack_dups},
       {"accept_queue", i.accept_queue},
       {"syn_queue", i.syn_queue},
       {"rto", ms(i.rto)}}};
  const auto* found = std::ranges::find(known, what, [](const auto& k) { return k.first; });
  if (found == known.end()) return "unknown expectation " + what;
  return found->second == wanted ? Wrong{} : Wrong{what + " is " + std::to_string(found->second)};
}

Script::Wrong Script::expect_drop(const std::string& reason, std::int64_t wanted) {
  for (std::size_t i = 0; i < drops; ++i) {
    if (tunic::name(static_cast<Drop>(i)) != reason) continue;
    const auto got = static_cast<std::int64_t>(stack().counters().dropped[i]);
    return got == wanted ? Wrong{} : Wrong{"dropped as " + reason + ": " + std::to_string(got)};
  }
  return "unknown reason " + reason;
}

Script::Wrong Script::expect_clean() {
  if (stack().connections() != 0) return std::to_string(stack().connections()) + " connections are still there";
  if (stack().pool().in_use() != 0) return std::to_string(stack().pool().in_use()) + " octets of the pool are in use";
  return {};
}

}  // namespace tunic::test
