/// @file
/// The knobs of a Stack under the names that Linux gives them: net.ipv4, net.ipv6 and net.core. A value is a
/// text of numbers in Linux's units, with white space between several. `docs/sysctl.md` is this table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "core/config.h"

namespace tunic {

/// One knob: a name, and where in a Config it lives.
struct Sysctl {
  std::string_view name;                         ///< as `sysctl` of Linux prints it
  std::string_view linux_value;                  ///< Linux's default where it is not ours, else empty
  std::string_view what;                         ///< what it does, and why the default is what it is
  std::int64_t least = 0;                        ///< of each number
  std::int64_t most = 0;                         ///< of each number
  std::string_view form = {};                    ///< what a value must be, where `least` to `most` does not say it
  std::string (*show)(const Config&) = nullptr;  ///< its value as a text
  /// Takes a value over; false: it is none of those allowed, and nothing has changed. nullptr: it is only to be read.
  bool (*take)(const Sysctl&, Config&, std::string_view value) = nullptr;
};

/// All there are, sorted by name.
std::span<const Sysctl> sysctls();
/// The one of that name; dots may also be slashes. nullptr: there is none.
const Sysctl* find_sysctl(std::string_view name);
/// What its values are, in words: "0 or 1", "1 to 255".
std::string takes(const Sysctl& s);
/// Changes a Config. Errors: no_entry (no such name), denied (only to be read), invalid (not a value of it).
Status set_sysctl(Config& config, std::string_view name, std::string_view value);

}  // namespace tunic
