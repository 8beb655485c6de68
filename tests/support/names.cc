#include "test_support/names.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tunic::test {
namespace {

template <class Table>
auto find(const Table& table, std::string_view name) -> std::optional<typename Table::value_type::second_type> {
  const auto* found = std::ranges::find(table, name, [](const auto& e) { return e.first; });
  if (found == table.end()) return {};
  return found->second;
}

}  // namespace

std::string error_name(int e) {
  static constexpr std::array<std::pair<int, const char*>, 30> names{{{0, "none"},
                                                                      {EAGAIN, "EAGAIN"},
                                                                      {EADDRINUSE, "EADDRINUSE"},
                                                                      {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
                                                                      {EALREADY, "EALREADY"},
                                                                      {EINPROGRESS, "EINPROGRESS"},
                                                                      {EISCONN, "EISCONN"},
                                                                      {ENOTCONN, "ENOTCONN"},
                                                                      {ECONNREFUSED, "ECONNREFUSED"},
                                                                      {ECONNRESET, "ECONNRESET"},
                                                                      {ECONNABORTED, "ECONNABORTED"},
                                                                      {ETIMEDOUT, "ETIMEDOUT"},
                                                                      {ENETUNREACH, "ENETUNREACH"},
                                                                      {EHOSTUNREACH, "EHOSTUNREACH"},
                                                                      {ENETDOWN, "ENETDOWN"},
                                                                      {EPIPE, "EPIPE"},
                                                                      {EINVAL, "EINVAL"},
                                                                      {EBADF, "EBADF"},
                                                                      {ENOMEM, "ENOMEM"},
                                                                      {ENOBUFS, "ENOBUFS"},
                                                                      {EAFNOSUPPORT, "EAFNOSUPPORT"},
                                                                      {EOPNOTSUPP, "EOPNOTSUPP"},
                                                                      {ENOPROTOOPT, "ENOPROTOOPT"},
                                                                      {EACCES, "EACCES"},
                                                                      {EDESTADDRREQ, "EDESTADDRREQ"},
                                                                      {EMFILE, "EMFILE"},
                                                                      {EMSGSIZE, "EMSGSIZE"},
                                                                      {EPROTO, "EPROTO"},
                                                                      {EHOSTDOWN, "EHOSTDOWN"},
                                                                      {ENONET, "ENONET"}}};
  const auto* found = std::ranges::find(names, e, [](const auto& n) { return n.first; });
  return found == names.end() ? "errno " + std::to_string(e) : found->second;
}

std::string_view state_name(State s) {
  using enum State;
  static constexpr std::array<std::pair<State, std::string_view>, 11> names{{{established, "ESTABLISHED"},
                                                                             {syn_sent, "SYN_SENT"},
                                                                             {syn_received, "SYN_RECEIVED"},
                                                                             {fin_wait_1, "FIN_WAIT_1"},
                                                                             {fin_wait_2, "FIN_WAIT_2"},
                                                                             {time_wait, "TIME_WAIT"},
                                                                             {closed, "CLOSED"},
                                                                             {close_wait, "CLOSE_WAIT"},
                                                                             {last_ack, "LAST_ACK"},
                                                                             {listen, "LISTEN"},
                                                                             {closing, "CLOSING"}}};
  const auto* found = std::ranges::find(names, s, [](const auto& n) { return n.first; });
  return found == names.end() ? "no state" : found->second;
}

std::optional<Option> option_named(std::string_view name) {
  using enum Option;
  static constexpr std::array<std::pair<std::string_view, Option>, 25> names{{{"reuse_address", reuse_address},
                                                                              {"reuse_port", reuse_port},
                                                                              {"v6_only", v6_only},
                                                                              {"keep_alive", keep_alive},
                                                                              {"keep_idle", keep_idle},
                                                                              {"keep_interval", keep_interval},
                                                                              {"keep_count", keep_count},
                                                                              {"no_delay", no_delay},
                                                                              {"cork", cork},
                                                                              {"linger", linger},
                                                                              {"oob_inline", oob_inline},
                                                                              {"receive_buffer", receive_buffer},
                                                                              {"send_buffer", send_buffer},
                                                                              {"receive_low", receive_low},
                                                                              {"max_segment", max_segment},
                                                                              {"user_timeout", user_timeout},
                                                                              {"syn_count", syn_count},
                                                                              {"linger2", linger2},
                                                                              {"quick_ack", quick_ack},
                                                                              {"defer_accept", defer_accept},
                                                                              {"window_clamp", window_clamp},
                                                                              {"not_sent_low", not_sent_low},
                                                                              {"ttl", ttl},
                                                                              {"tos", tos},
                                                                              {"receive_errors", receive_errors}}};
  return find(names, name);
}

std::optional<std::uint32_t> ready_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::uint32_t>, 6> names{
      {{"readable", ready::readable},
       {"writable", ready::writable},
       {"urgent", ready::urgent},
       {"error", ready::error},
       {"hangup", ready::hangup},
       {"read_hangup", ready::read_hangup}}};
  return find(names, name);
}

}  // namespace tunic::test
