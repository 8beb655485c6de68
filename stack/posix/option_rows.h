// Which options are a number, and how the number that a program gives becomes the one that is kept: by the Stack, or in
// SocketSettings. docs/options.md is this table with the reasons.
#pragma once

#include <cstdint>
#include <variant>

#include "core/stack.h"
#include "posix/settings.h"
#include "posix/socket_kind.h"

namespace tunic {

/// How a number given to setsockopt() becomes one that is kept.
enum class Rule : std::uint8_t {
  number,
  natural,        // what is negative EINVAL
  flag,           // anything but 0 means 1
  bit,            // 0 or 1, else EINVAL
  buffer,         // Linux shows twice what it is given, and takes what is negative as very much
  low_water,      // what is negative is as much as there can be
  hops,           // -1: the default
  traffic,        // an octet; the two ECN bits belong to TCP (RFC 3168 section 5)
  traffic_class,  // the same, -1: 0, what is no octet EINVAL
  fin_wait,       // what is negative is -1; at most two minutes
  stamp,          // one of several options, of which the last that is set holds
};

enum Kinds : std::uint8_t { stream = 1, udp = 2, echo = 4, datagram = udp | echo, any_kind = stream | datagram };

struct OptionRow {
  int level, name;
  std::variant<Option, Kept> home;
  Rule rule;
  std::uint8_t kinds = any_kind;
};

/// Whether such a socket has options at `level` at all.
bool has_level(SocketKind s, int level);
/// The row of an option that such a socket has, or nullptr.
const OptionRow* find_option(SocketKind s, int level, int name);

/// What is to be kept of a given number. `default_hops` is what -1 means. Error: invalid.
Result<std::int64_t> number_to_keep(const OptionRow& row, int given, SocketKind s, int default_hops);
/// What is shown of a number that is kept.
int number_to_show(const OptionRow& row, std::int64_t kept);

}  // namespace tunic
