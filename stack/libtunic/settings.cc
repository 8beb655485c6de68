#include "libtunic/settings.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include "core/config.h"
#include "core/sysctl.h"
#include "libtunic/route_text.h"
#include "libtunic/tunic.h"

namespace tunic {

namespace {

constexpr const char* default_addresses = "198.18.0.2/24,fd00:7::2/64";
constexpr int most_linger = 3600;

using Sentence = std::unexpected<StartError>;

Sentence wrong(std::string sentence) { return Sentence{StartError{EINVAL, std::move(sentence)}}; }

/// `TUNIC_MTU "9x" is wrong: give ...`
Sentence wrong(const char* name, std::string_view text, const std::string& mend) {
  return wrong(std::string{name} + " \"" + std::string{text} + "\" " + mend);
}

bool can_be_ours(const IpAddr& a) { return !a.is_any() && !a.is_loopback() && !a.is_multicast() && !a.is_broadcast(); }

std::expected<std::vector<Prefix>, StartError> to_addresses(std::string_view text) {
  std::vector<Prefix> all;
  for (const std::string& part : split(text, ',')) {
    const auto p = to_prefix(part);
    if (!p)
      return wrong("TUNIC_ADDRESS", text,
                   "has \"" + part + "\", which is no address with a prefix length; write e.g. " + default_addresses);
    if (!can_be_ours(p->addr))
      return wrong("TUNIC_ADDRESS", text,
                   "has \"" + part + "\", which no host can have as its own; write e.g. " + default_addresses);
    if (std::ranges::find(all, p->addr, &Prefix::addr) != all.end())
      return wrong("TUNIC_ADDRESS", text, "has \"" + part + "\" twice; name it once");
    all.push_back(*p);
  }
  return all;
}

/// Default routes: packets go to the TUN device whoever stands behind it.
std::expected<std::vector<Route>, StartError> to_gateways(std::string_view text, const std::vector<Prefix>& addresses) {
  std::vector<Route> all;
  for (const std::string& part : split(text, ',')) {
    const auto g = to_address(part);
    if (!g)
      return wrong("TUNIC_GATEWAY", text, "has \"" + part + "\", which is no address; write e.g. 198.18.0.1,fd00:7::1");
    if (std::ranges::find(addresses, *g, &Prefix::addr) != addresses.end())
      return wrong("TUNIC_GATEWAY", text, "has \"" + part + "\", which is our own address; name the other side's");
    if (std::ranges::none_of(addresses, [&](const Prefix& p) { return p.contains(*g); }))
      return wrong("TUNIC_GATEWAY", text,
                   "has \"" + part +
                       "\", which is in no network of TUNIC_ADDRESS; give an address of "
                       "that network or a shorter prefix length");
    all.push_back({.destination = {IpAddr::any(g->family()), 0}, .gateway = *g});
  }
  return all;
}

/// NAME=VALUE,... A value may have commas too: what has no `=` belongs to the value before it.
std::expected<std::vector<std::pair<std::string, std::string>>, StartError> to_sysctls(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string& part : split(text, ',')) {
    const std::size_t sign = part.find('=');
    if (sign != part.npos)
      all.emplace_back(part.substr(0, sign), part.substr(sign + 1));
    else if (!all.empty())
      all.back().second += "," + part;
    else
      return wrong("TUNIC_SYSCTL", text,
                   "has \"" + part + "\" without a value; write e.g. net.ipv4.tcp_fin_timeout=30");
  }
  Config trial;
  for (const auto& [name, value] : all) {
    const Status done = set_sysctl(trial, name, value);
    if (done) continue;
    if (done.error() == Error::no_entry)
      return wrong("TUNIC_SYSCTL", text, "names \"" + name + "\", which is no knob of ours; docs/sysctl.md lists them");
    if (done.error() == Error::denied)
      return wrong("TUNIC_SYSCTL", text, "gives " + name + " a value, and it is only to be read; leave it out");
    return wrong("TUNIC_SYSCTL", text, "gives " + name + " \"" + value + "\"; give it " + takes(*find_sysctl(name)));
  }
  return all;
}

/// A text of the configuration, else of the environment, else nothing. An empty one is nothing too.
class Texts {
 public:
  Texts(const tunic_config* config, const char* (*variable)(const char*)) : variable_{variable} {
    if (config != nullptr)
      std::copy_n(reinterpret_cast<const char*>(config), std::min(config->size, sizeof given), bytes());
  }
  std::optional<std::string> text(const char* given_text, const char* name) const {
    const char* t = given_text != nullptr ? given_text : variable_(name);
    return t == nullptr || *t == 0 ? std::nullopt : std::optional<std::string>{t};
  }
  std::optional<std::string> number(int given_number, const char* name) const {
    return given_number != 0 ? std::to_string(given_number) : text(nullptr, name);
  }

  tunic_config given{};  // what an older program does not know of is zero

 private:
  char* bytes() { return reinterpret_cast<char*>(&given); }
  const char* (*variable_)(const char*);
};

}  // namespace

bool Settings::has_v6() const {
  return std::ranges::any_of(addresses, [](const Prefix& p) { return !p.addr.is_v4(); });
}

std::expected<void, StartError> check_mtu(std::uint32_t mtu, const Settings& settings, const std::string& whose) {
  if (mtu < Config::least_mtu || mtu > Config::most_mtu)
    return wrong(whose + " is " + std::to_string(mtu) + "; it must be " + std::to_string(Config::least_mtu) + " to " +
                 std::to_string(Config::most_mtu));
  if (settings.has_v6() && mtu < Config::least_mtu_v6)  // RFC 8200 section 5
    return wrong(whose + " is " + std::to_string(mtu) +
                 " and IPv6 needs 1280; raise it, or give TUNIC_ADDRESS without IPv6");
  return {};
}

std::expected<Settings, StartError> read_settings(const tunic_config* config, const char* (*variable)(const char*)) {
  if (config != nullptr && config->size < offsetof(tunic_config, device))
    return wrong("struct tunic_config has no size; set .size = sizeof(struct tunic_config)");
  const Texts texts{config, variable};
  const tunic_config& given = texts.given;
  Settings s;

  if (const auto device = texts.text(given.device, "TUNIC_DEVICE")) s.device = *device;
  if (const auto fd = texts.number(given.fd, "TUNIC_FD"); fd && (given.fd != 0 || given.device == nullptr)) {
    s.fd = to_int(*fd);
    s.takes_fd = given.fd == 0;
    if (!s.fd || *s.fd < 0)
      return wrong("TUNIC_FD", *fd, "is no descriptor; give the number of an open TUN descriptor");
  }

  auto addresses = to_addresses(texts.text(given.address, "TUNIC_ADDRESS").value_or(default_addresses));
  if (!addresses) return Sentence{addresses.error()};
  s.addresses = std::move(*addresses);
  if (const auto text = texts.text(given.route, "TUNIC_ROUTE")) {
    auto routes = to_routes(*text, s.addresses);
    if (!routes) return wrong("TUNIC_ROUTE", *text, routes.error());
    s.routes = std::move(*routes);
  }
  if (const auto text = texts.text(given.gateway, "TUNIC_GATEWAY")) {
    const auto gateways = to_gateways(*text, s.addresses);
    if (!gateways) return Sentence{gateways.error()};
    s.routes.insert(s.routes.end(), gateways->begin(), gateways->end());  // a default of TUNIC_ROUTE comes first
  }
  if (s.routes.size() > Config::most_routes)
    return wrong("TUNIC_ROUTE and TUNIC_GATEWAY have " + std::to_string(s.routes.size()) + " routes; give at most " +
                 std::to_string(Config::most_routes));

  if (const auto text = texts.number(given.mtu, "TUNIC_MTU")) {
    const auto mtu = to_int(*text);
    if (!mtu || *mtu < 0) return wrong("TUNIC_MTU", *text, "is no number of octets; give 1280 to 65535");
    s.mtu = static_cast<std::uint32_t>(*mtu);
    if (const auto checked = check_mtu(*s.mtu, s, "TUNIC_MTU"); !checked) return Sentence{checked.error()};
  }
  if (given.linger == -1) {
    s.linger = 0s;
  } else if (const auto text = texts.number(given.linger, "TUNIC_LINGER")) {
    const auto seconds = to_int(*text);
    if (!seconds || *seconds < 0 || *seconds > most_linger)
      return wrong("TUNIC_LINGER", *text, "is no number of seconds; give 0 to " + std::to_string(most_linger));
    s.linger = std::chrono::seconds{*seconds};
  }
  if (const auto text = texts.text(given.impair, "TUNIC_IMPAIR")) {
    const auto impair = parse_impair(*text);
    if (!impair) return wrong("TUNIC_IMPAIR: " + impair.error());
    s.impair = *impair;
  }
  if (const auto text = texts.text(given.sysctl, "TUNIC_SYSCTL")) {
    auto sysctls = to_sysctls(*text);
    if (!sysctls) return Sentence{sysctls.error()};
    s.sysctls = std::move(*sysctls);
  }
  return s;
}

}  // namespace tunic
