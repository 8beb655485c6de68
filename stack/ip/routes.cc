#include "ip/routes.h"

#include <algorithm>
#include <limits>

#include "ip/source_address.h"

namespace tunic {
namespace {

/// Ours of the longest prefix that contains `a`; else our first.
const Prefix* nearest_v4(const IpAddr& a, const Addresses& own) {
  const Prefix* best = nullptr;
  const Prefix* first = nullptr;
  for (const Prefix& p : own.all()) {
    if (!p.addr.is_v4()) continue;
    if (first == nullptr) first = &p;
    if (p.contains(a) && (best == nullptr || p.length > best->length)) best = &p;
  }
  return best == nullptr ? first : best;
}

}  // namespace

Routes::Routes(std::vector<Route> given, const Addresses& own)
    : refuses_{!std::ranges::all_of(given, [](const Route& r) { return r.kind == Route::Kind::unicast; })},
      routes_{std::move(given)} {
  for (const Prefix& p : own.all()) routes_.push_back({.destination = p});
  constexpr std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
  for (const Family f : {Family::v4, Family::v6})
    routes_.push_back({.destination = {IpAddr::any(f), 0}, .metric = last});
  std::ranges::stable_sort(routes_, [](const Route& a, const Route& b) {
    if (a.destination.length != b.destination.length) return a.destination.length > b.destination.length;
    return a.metric < b.metric;
  });
}

const Route& Routes::find(const IpAddr& dst) const {
  return *std::ranges::find_if(routes_, [&](const Route& r) { return r.destination.contains(dst); });
}

Status Routes::check(const IpAddr& dst, const Addresses& own) const {
  if (!refuses_) return {};
  const bool to_network = own.is_broadcast(dst) && !dst.is_broadcast();
  if (own.is_local(dst) || to_network) return {};
  switch (find(dst).kind) {
    case Route::Kind::unicast:
      return {};
    case Route::Kind::unreachable:
      return fail(Error::host_unreachable);
    case Route::Kind::blackhole:
      return fail(Error::invalid);
    case Route::Kind::prohibit:
      return fail(Error::denied);
    case Route::Kind::none:
      break;
  }
  return fail(Error::unreachable);
}

Result<IpAddr> Routes::source_to(const IpAddr& dst, const Addresses& own) const {
  if (dst.is_loopback()) return IpAddr::loopback(dst.family());  // the whole of 127/8 is one host
  if (own.is_local(dst)) return dst;
  const Route& r = find(dst);
  if (r.source && r.source->is_v4() == dst.is_v4() && own.is_own(*r.source)) return *r.source;
  const Prefix* const p = dst.is_v4() ? nearest_v4(r.gateway.value_or(dst), own) : select_source(dst, own.all());
  return p == nullptr ? Result<IpAddr>{fail(Error::unreachable)} : p->addr;
}

std::uint32_t Routes::mtu_to(const IpAddr& dst, std::uint32_t device) const {
  const std::uint32_t said = find(dst).mtu;
  return said == 0 ? device : std::min(said, device);
}

}  // namespace tunic
