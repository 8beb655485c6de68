#include "libtunic/route_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>

#include "core/config.h"

namespace tunic {

std::optional<int> to_int(std::string_view text) {
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return n;
}

std::optional<IpAddr> to_address(const std::string& text) {
  std::byte octets[16];
  if (inet_pton(AF_INET, text.c_str(), octets) == 1) return IpAddr::v4(octets);
  if (inet_pton(AF_INET6, text.c_str(), octets) != 1) return {};
  const IpAddr a = IpAddr::v6(octets);
  return a.is_v4() ? std::nullopt : std::optional{a};  // ::ffff:a.b.c.d never stands in a packet
}

std::optional<Prefix> to_prefix(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto address = to_address(text.substr(0, slash));
  if (!address) return {};
  const int most = address->is_v4() ? 32 : 128;
  const auto length = slash == text.npos ? most : to_int(std::string_view{text}.substr(slash + 1));
  if (!length || *length < 0 || *length > most) return {};
  return Prefix{*address, static_cast<std::uint8_t>(*length)};
}

std::vector<std::string> split(std::string_view text, char between) {
  std::vector<std::string> parts;
  for (const auto part : std::views::split(text, between)) parts.emplace_back(part.begin(), part.end());
  return parts;
}

namespace {

using Wrong = std::unexpected<std::string>;

Wrong where(const std::string& word, const std::string& mend) { return Wrong{"where \"" + word + "\" " + mend}; }

std::optional<Route::Kind> to_kind(const std::string& word) {
  using enum Route::Kind;
  constexpr std::array<std::pair<std::string_view, Route::Kind>, 5> kinds{{{"unicast", unicast},
                                                                           {"unreachable", unreachable},
                                                                           {"blackhole", blackhole},
                                                                           {"prohibit", prohibit},
                                                                           {"throw", none}}};
  const auto found = std::ranges::find(kinds, word, &std::pair<std::string_view, Route::Kind>::first);
  return found == kinds.end() ? std::nullopt : std::optional{found->second};
}

/// Whether no bit is set behind the first `length` ones.
bool is_network(const Prefix& p) {
  const Bytes octets = p.addr.bytes();
  for (std::size_t bit = p.length; bit < octets.size() * 8; ++bit)
    if ((byte_at(octets, bit / 8) & (0x80u >> bit % 8)) != 0) return false;
  return true;
}

bool is_own(const IpAddr& a, const std::vector<Prefix>& own) {
  return std::ranges::find(own, a, &Prefix::addr) != own.end();
}

/// The words of one route, read one after the other.
class RouteReader {
 public:
  explicit RouteReader(const std::vector<Prefix>& own) : own_{own} {}

  std::expected<void, std::string> destination(const std::string& word) {
    if (word == "default") return {};
    const auto p = to_prefix(word);
    if (!p) return where(word, "is no address with a prefix length; write e.g. 10.0.0.0/8, or default");
    if (!is_network(*p)) return where(word, "has bits set behind its prefix length; clear them");
    route_.destination = *p;
    family_ = p->addr.family();
    return {};
  }
  std::expected<void, std::string> attribute(const std::string& name, const std::string& value) {
    if (name == "via" || name == "src") return address(name, value);
    if (name != "mtu" && name != "metric")
      return where(name, "means nothing; after the destination there may be via, src, mtu and metric");
    const auto n = to_int(value);
    if (!n || *n < 0) return where(name + " " + value, "is no number; give one, e.g. " + name + " 1400");
    (name == "mtu" ? route_.mtu : route_.metric) = static_cast<std::uint32_t>(*n);
    has_mtu_ |= name == "mtu";
    return {};
  }
  /// One for each family that it is about.
  std::expected<std::vector<Route>, std::string> routes(Route::Kind kind) {
    route_.kind = kind;
    if (kind != Route::Kind::unicast && (route_.gateway || route_.source || has_mtu_))
      return Wrong{"which lets nothing through; leave out via, src and mtu"};
    std::vector<Route> all;
    for (const Family f : {Family::v4, Family::v6}) {
      if (family_ ? *family_ != f : std::ranges::none_of(own_, [&](auto& p) { return p.addr.family() == f; })) continue;
      const std::uint32_t least = f == Family::v4 ? Config::least_mtu : Config::least_mtu_v6;
      if (has_mtu_ && (route_.mtu < least || route_.mtu > Config::most_mtu))
        return where("mtu " + std::to_string(route_.mtu),
                     "cannot be; give " + std::to_string(least) + " to " + std::to_string(Config::most_mtu));
      all.push_back(route_);
      if (route_.destination.length == 0) all.back().destination = {IpAddr::any(f), 0};
    }
    return all;
  }

 private:
  std::expected<void, std::string> address(const std::string& name, const std::string& value) {
    const auto a = to_address(value);
    if (!a) return where(name + " " + value, "is no address; write e.g. " + name + " 198.18.0.2");
    if (family_ && *family_ != a->family())
      return where(name + " " + value, "is of the other address family; give one of the destination's");
    family_ = a->family();
    const bool ours = is_own(*a, own_);
    if (name == "via" && ours) return where(name + " " + value, "is our own address; name the other side's");
    if (name == "src" && !ours) return where(name + " " + value, "is none of TUNIC_ADDRESS; name one of those");
    (name == "via" ? route_.gateway : route_.source) = *a;
    return {};
  }

  const std::vector<Prefix>& own_;
  Route route_;
  std::optional<Family> family_;
  bool has_mtu_ = false;
};

std::expected<std::vector<Route>, std::string> to_route(const std::string& part, const std::vector<Prefix>& own) {
  auto words = split(part, ' ');
  std::erase(words, "");
  auto word = words.begin();
  const auto kind = word == words.end() ? std::nullopt : to_kind(*word);
  if (kind) ++word;
  if (word == words.end()) return Wrong{"which names no destination; write e.g. unreachable 203.0.113.0/24"};
  RouteReader reader{own};
  if (const auto read = reader.destination(*word++); !read) return Wrong{read.error()};
  for (; word != words.end(); word += 2) {
    if (word + 1 == words.end()) return where(*word, "has nothing behind it; write e.g. mtu 1400");
    if (const auto read = reader.attribute(word[0], word[1]); !read) return Wrong{read.error()};
  }
  return reader.routes(kind.value_or(Route::Kind::unicast));
}

}  // namespace

std::expected<std::vector<Route>, std::string> to_routes(std::string_view text, const std::vector<Prefix>& own) {
  std::vector<Route> all;
  for (const std::string& part : split(text, ',')) {
    const auto routes = to_route(part, own);
    if (!routes) return Wrong{"has \"" + part + "\", " + routes.error()};
    all.insert(all.end(), routes->begin(), routes->end());
  }
  return all;
}

}  // namespace tunic
