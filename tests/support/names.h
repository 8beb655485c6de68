// The names that scripts use for errors, options, states and readiness.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/stack.h"

namespace tunic::test {

/// "ECONNRESET"; "none" for 0.
std::string error_name(int e);
/// "ESTABLISHED", "FIN_WAIT_1".
std::string_view state_name(State s);
std::optional<Option> option_named(std::string_view name);
std::optional<std::uint32_t> ready_named(std::string_view name);

}  // namespace tunic::test
