#include "port/binding.h"

#include <bit>
#include <utility>

namespace tunic {
namespace {

/// Whether a wildcard takes in the address of another binding. Across families it depends on the IPv6 side: on a
/// wildcard whether it takes IPv4 too, on a connection whether it comes from one that does.
bool covers(const Binding& wildcard, const Binding& other) {
  if (!wildcard.addr.is_any()) return false;
  if (wildcard.addr.family() == other.addr.family()) return true;
  return !(wildcard.addr.is_v4() ? other : wildcard).v6_only;
}

bool overlap(const Binding& a, const Binding& b) { return a.addr == b.addr || covers(a, b) || covers(b, a); }

/// A socket bound to one IPv6 address has no IPv4 side.
Binding normal(Binding b) {
  if (!b.addr.is_v4() && !b.addr.is_any()) b.v6_only = true;
  return b;
}

std::size_t page_of(Port port) { return static_cast<std::size_t>(port) >> 8; }
std::size_t index_in_page(Port port) { return static_cast<std::size_t>(port) & 0xff; }

}  // namespace

bool PortTable::conflict(const Binding& asking, const Record& other) const {
  if (!overlap(asking, other.binding)) return false;
  const bool shareable = rules_ == PortRules::datagram || other.kind != Kind::listening;
  if (asking.reuse_address && other.binding.reuse_address && shareable) return false;
  return !(asking.reuse_port && other.binding.reuse_port);
}

const PortTable::Heads* PortTable::heads(Port port) const {
  const auto& page = pages_[page_of(port)];
  return page == nullptr ? nullptr : &(*page)[index_in_page(port)];
}

// Whether f is true for one of the port's records of the first so many kinds.
template <class F>
bool PortTable::any_of(Port port, std::size_t kinds_asked, F f) const {
  const Heads* h = heads(port);
  if (h == nullptr) return false;
  for (std::size_t kind = 0; kind < kinds_asked; ++kind)
    for (std::uint32_t i = h->first[kind]; i != none; i = records_[i].next)
      if (f(i)) return true;
  return false;
}

bool PortTable::conflicts(const Binding& b, std::uint32_t self) const {
  return any_of(b.port, static_cast<std::size_t>(Kind::automatic),
                [&](std::uint32_t i) { return i != self && conflict(b, records_[i]); });
}

Status PortTable::can_bind(const Binding& b) const {
  if (conflicts(normal(b), none)) return fail(Error::in_use);
  return {};
}

Result<BindingId> PortTable::bind(const Binding& b) {
  if (conflicts(normal(b), none)) return fail(Error::in_use);
  return BindingId{insert(normal(b), rules_ == PortRules::datagram ? Kind::listening : Kind::bound)};
}

bool PortTable::is_unused(const Binding& b) const {
  const Binding asking = normal(b);
  return !any_of(b.port, kinds, [&](std::uint32_t i) { return overlap(asking, records_[i].binding); });
}

bool PortTable::is_claimed(Port port) const {
  return any_of(port, static_cast<std::size_t>(Kind::automatic), [](std::uint32_t) { return true; });
}

Status PortTable::set_listening(BindingId id, bool listening) {
  if (listening == is_listening(id)) return {};
  const auto i = static_cast<std::uint32_t>(id);
  if (listening && rules_ == PortRules::stream && conflicts(at(id).binding, i)) return fail(Error::in_use);
  unlink(i);
  at(id).kind = listening ? Kind::listening : Kind::bound;
  link(i);
  return {};
}

void PortTable::set_reuse(BindingId id, bool address, bool port) {
  if (at(id).kind >= Kind::connected) return;
  at(id).binding.reuse_address = address;
  at(id).binding.reuse_port = port;
}

void PortTable::set_address(BindingId id, const IpAddr& addr) { at(id).binding.addr = addr; }

BindingId PortTable::hold(BindingId from, const IpAddr& local) {
  if (at(from).kind == Kind::automatic) return bind_automatic(local, at(from).binding.port);
  Binding b = at(from).binding;
  b.addr = local;
  b.owner = 0;
  return share(b, Kind::connected);
}

BindingId PortTable::bind_automatic(const IpAddr& local, Port port) {
  return share({.addr = local, .port = port}, Kind::automatic);
}

// One record for all connections of a port that are alike: as many as the host has addresses, not as it has
// connections.
BindingId PortTable::share(const Binding& b, Kind kind) {
  const Heads* h = heads(b.port);
  const auto same = [&](const Binding& o) {
    return o.addr == b.addr && o.v6_only == b.v6_only && o.reuse_address == b.reuse_address &&
           o.reuse_port == b.reuse_port;
  };
  for (std::uint32_t i = h == nullptr ? none : h->first[static_cast<std::size_t>(kind)]; i != none;
       i = records_[i].next) {
    if (!same(records_[i].binding)) continue;
    ++records_[i].references;
    return BindingId{i};
  }
  return BindingId{insert(b, kind)};
}

std::uint32_t PortTable::insert(const Binding& b, Kind kind) {
  auto& page = pages_[page_of(b.port)];
  if (page == nullptr) page = std::make_unique<Page>();
  auto i = static_cast<std::uint32_t>(records_.size());
  if (free_ == none)
    records_.emplace_back();
  else
    free_ = records_[i = free_].next;
  records_[i] = {.binding = b, .kind = kind, .references = 1};
  link(i);
  ++size_;
  return i;
}

void PortTable::release(BindingId id) {
  if (--at(id).references != 0) return;
  const auto i = static_cast<std::uint32_t>(id);
  unlink(i);
  at(id).next = std::exchange(free_, i);
  --size_;
}

void PortTable::link(std::uint32_t i) {
  Record& r = records_[i];
  auto& first =
      (*pages_[page_of(r.binding.port)])[index_in_page(r.binding.port)].first[static_cast<std::size_t>(r.kind)];
  r.previous = none;
  r.next = first;
  if (first != none) records_[first].previous = i;
  first = i;
}

void PortTable::unlink(std::uint32_t i) {
  Record& r = records_[i];
  auto& first =
      (*pages_[page_of(r.binding.port)])[index_in_page(r.binding.port)].first[static_cast<std::size_t>(r.kind)];
  (r.previous == none ? first : records_[r.previous].next) = r.next;
  if (r.next != none) records_[r.next].previous = r.previous;
}

std::optional<std::uint32_t> PortTable::find_listener(const FourTuple& pair) const {
  const Heads* h = heads(pair.local.port);
  const std::uint32_t first = h == nullptr ? none : h->first[static_cast<std::size_t>(Kind::listening)];
  if (first == none) return {};
  const IpAddr& local = pair.local.addr;
  const IpAddr any = IpAddr::any(local.family()), both = IpAddr::any(Family::v6);
  for (const IpAddr& addr : {local, any})
    for (const bool mapped : {false, true})
      if (const auto found =
              choose(pair, first, [&](const Binding& b) { return b.addr == addr && b.mapped == mapped; }))
        return found;
  return choose(pair, first, [&](const Binding& b) { return b.addr == both && !b.v6_only; });
}

std::size_t PortTable::find_listeners(const Endpoint& local, std::span<std::uint32_t> out) const {
  const Heads* h = heads(local.port);
  const Binding asked{.addr = local.addr, .port = local.port};
  std::size_t found = 0;
  for (std::uint32_t i = h == nullptr ? none : h->first[static_cast<std::size_t>(Kind::listening)];
       i != none && found < out.size(); i = records_[i].next) {
    const Binding& b = records_[i].binding;
    if (b.addr == local.addr || covers(b, asked)) out[found++] = b.owner;
  }
  return found;
}

// One of the listeners that match: the latest, or by a value of the pair one of those that share by reuse_port.
template <class F>
std::optional<std::uint32_t> PortTable::choose(const FourTuple& pair, std::uint32_t first, F matches) const {
  std::uint32_t count = 0, latest = none;
  for (std::uint32_t i = first; i != none; i = records_[i].next) {
    if (!matches(records_[i].binding)) continue;
    if (latest == none) {
      latest = i;
      if (!records_[i].binding.reuse_port) break;
    }
    count += records_[i].binding.reuse_port ? 1 : 0;
  }
  if (latest == none) return {};
  if (count <= 1) return records_[latest].binding.owner;
  const auto octets = std::bit_cast<std::array<std::byte, sizeof pair>>(pair);
  std::uint32_t skip = scale((*prf_)(Purpose::reuse_port, octets), count);
  for (std::uint32_t i = latest;; i = records_[i].next) {
    const Binding& b = records_[i].binding;
    if (b.reuse_port && matches(b) && skip-- == 0) return b.owner;
  }
}

}  // namespace tunic
