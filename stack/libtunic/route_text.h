// Addresses and routes as the environment writes them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ip/route.h"
#include "wire/addr.h"

namespace tunic {

std::vector<std::string> split(std::string_view text, char between);
std::optional<int> to_int(std::string_view text);
std::optional<IpAddr> to_address(const std::string& text);
/// ADDRESS[/LENGTH]; without a length, that one address.
std::optional<Prefix> to_prefix(const std::string& text);

/// Routes with commas between them, as `ip route` has them: [KIND] DESTINATION [via A] [src A] [mtu N] [metric N]. A
/// `default` without an address is one of each family of `own`. An error goes on after the quoted text: what is wrong
/// in it, and what mends it.
std::expected<std::vector<Route>, std::string> to_routes(std::string_view text, const std::vector<Prefix>& own);

}  // namespace tunic
