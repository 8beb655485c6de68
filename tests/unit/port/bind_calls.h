// Bind rules as lines of calls on sockets, to be compared with what a kernel answered to the same calls.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

#include "port/binding.h"

namespace tunic {

inline constexpr Port port{20'000};
constexpr std::uint32_t v4(std::uint32_t last) { return 0x7f000000u + last; }

inline const Prf prf{PrfKey{1}};

// One line of calls on sockets named by letters, all on one port:
//   A=4  A=6   a socket of a family           A+r A-r A+p A-p A+o   set or clear REUSEADDR, REUSEPORT; set V6ONLY
//   A@ADDR     bind                           A!  A^  listen; shutdown, which ends listening
//   C<A@ADDR   accept C from A at ADDR        A>ADDR  connect the bound socket, which chooses the local address ADDR
//   C.         close a connection, which goes to TIME-WAIT             A%  close a socket
class Sockets {
 public:
  explicit Sockets(PortRules rules = PortRules::stream) : rules_{rules}, table_{prf, rules} {}

  Status run(const std::string& line) {
    std::istringstream words{line};
    Status last;
    for (std::string word; words >> word;) {
      EXPECT_TRUE(last) << "only the last call may fail: " << line;
      last = step(word);
    }
    return last;
  }

  /// The letter of the socket that takes a datagram from elsewhere to `to`, '-' if none does.
  char taker(const std::string& to) const {
    const IpAddr local = address(to);
    const auto owner = table_.find_listener({{local, port}, {IpAddr::loopback(local.family()), Port{9}}});
    return owner ? static_cast<char>(*owner) : '-';
  }

 private:
  struct Socket {
    Binding binding;
    BindingId id{};
  };

  static IpAddr address(std::string text) {
    if (text == "::") return IpAddr::any(Family::v6);
    if (text == "::1") return IpAddr::loopback(Family::v6);
    if (text.starts_with("::ffff:")) text = text.substr(7);
    return IpAddr::v4(text == "0.0.0.0" ? 0 : v4(static_cast<std::uint32_t>(text.back() - '0')));
  }

  Status step(const std::string& word) {
    Socket& s = sockets_[word[0]];
    switch (word[1]) {
      case '=':
        s = {};
        s.binding.owner = static_cast<unsigned char>(word[0]);
        break;
      case '+':
      case '-':
        set(s, word[2], word[1] == '+');
        break;
      case '@':
        return bind(s, address(word.substr(2)));
      case '!':
        return table_.set_listening(s.id, true);
      case '^':
        return table_.set_listening(s.id, false);
      case '<':
        s.id = table_.hold(sockets_[word[2]].id, address(word.substr(4)));
        break;
      case '>':
        table_.set_address(s.id, address(word.substr(2)));
        if (rules_ == PortRules::datagram) return table_.set_listening(s.id, false);
        break;
      case '.':
        close(s);
        break;
      case '%':
        table_.release(s.id);
        break;
      default:
        ADD_FAILURE() << word;
    }
    return {};
  }
  void set(Socket& s, char option, bool on) {
    (option == 'r' ? s.binding.reuse_address : option == 'p' ? s.binding.reuse_port : s.binding.v6_only) = on;
    if (s.binding.port == port) table_.set_reuse(s.id, s.binding.reuse_address, s.binding.reuse_port);
  }
  Status bind(Socket& s, const IpAddr& addr) {
    s.binding.addr = addr;
    s.binding.port = port;
    const bool allowed = table_.can_bind(s.binding).has_value();
    const auto id = table_.bind(s.binding);
    EXPECT_EQ(allowed, id.has_value());
    if (!id) return fail(id.error());
    s.id = *id;
    return {};
  }
  void close(Socket& s) {
    table_.hold(s.id, table_[s.id].addr);
    table_.release(s.id);
  }

  PortRules rules_;
  PortTable table_;
  std::map<char, Socket> sockets_;
};

enum Outcome { ok, in_use };
struct Case {
  const char* calls;
  Outcome last;
};

}  // namespace tunic
