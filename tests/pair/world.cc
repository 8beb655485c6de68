#include "world.h"

#include <algorithm>
#include <cstring>

#include "test_support/packets.h"

namespace tunic::test {

namespace {

std::uint64_t key_of(SocketId s) { return std::uint64_t{s.index} << 32 | s.generation; }

IpAddr address(Family f, int side) {
  if (f == Family::v4) return IpAddr::v4(0xc6120001u + static_cast<std::uint32_t>(side));
  std::array<std::byte, 16> a{};
  a[0] = std::byte{0xfd};
  a[15] = std::byte(1 + side);
  return IpAddr::v6(a.data());
}

std::uint64_t mixed(std::uint64_t h, std::uint64_t v) {
  h = (h ^ v) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 29;
}

std::uint64_t hash(Bytes b) {
  std::uint64_t h = b.size();
  for (; b.size() >= 8; b = b.subspan(8)) {
    std::uint64_t v;
    std::memcpy(&v, b.data(), 8);
    h = mixed(h, v);
  }
  for (const std::byte octet : b) h = mixed(h, std::to_integer<std::uint64_t>(octet));
  return h;
}

constexpr std::size_t pattern_size = 9u << 20;

const std::vector<std::byte>& all_of_the_pattern() {
  static const auto text = pattern_text(0, pattern_size, ours);
  return text;
}

// The wire segments of a super-packet: only the last has PSH and FIN.
std::vector<Segment> cut(const Segment& s) {
  std::vector<Segment> pieces;
  for (std::size_t at = 0; at < s.text.size(); at += s.gso_size) {
    Segment piece = s;
    piece.gso_size = 0;
    piece.seq = s.seq + static_cast<std::uint32_t>(at);
    const std::size_t n = std::min<std::size_t>(s.gso_size, s.text.size() - at);
    piece.text.assign(s.text.begin() + static_cast<std::ptrdiff_t>(at),
                      s.text.begin() + static_cast<std::ptrdiff_t>(at + n));
    if (at + n < s.text.size()) piece.flags &= static_cast<std::uint8_t>(~(flag::psh | flag::fin));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace

std::string name(const World::Seen& s) {
  std::string flags;
  for (const auto& [bit, letter] :
       {std::pair{flag::syn, 'S'}, {flag::fin, 'F'}, {flag::rst, 'R'}, {flag::psh, 'P'}, {flag::ack, '.'}})
    if (s.segment.has(bit)) flags += letter;
  return std::to_string(s.at.time_since_epoch() / 1ms) + "ms " + (s.from == World::left ? "-> " : "<- ") + flags + " " +
         std::to_string(s.segment.seq) + "(" + std::to_string(s.size) + ") ack " + std::to_string(s.segment.ack) +
         " win " + std::to_string(s.segment.window) + (s.lost ? " lost" : "");
}

// ---- users ----

User::User(World& world, int side, SocketId socket, const Plan& p)
    : plan{p}, world_{world}, side_{side}, socket_{socket} {}

std::size_t User::chunk(std::size_t most) { return plan.random_chunks ? world_.random().in(1, most) : most; }

void User::act() {
  while (!gone_ && (read_some() || write_some())) {
  }
}

bool User::read_some() {
  if (!plan.reads || ended_ || error_ != 0) return false;
  std::vector<std::byte> room(chunk(plan.read_chunk));
  const auto got = world_.at(side_).receive(socket_, room);
  if (!got) {
    if (got.error() == Error::again) return false;
    error_ = static_cast<int>(got.error());
    close();
    return false;
  }
  if (*got == 0) {
    ended_ = true;
    if (finished_ && plan.end != Plan::End::stay) close();
    return true;
  }
  const Bytes wanted = World::stream(read_, *got);
  if (!std::equal(wanted.begin(), wanted.end(), room.begin()))
    world_.complain("another octet read after position " + std::to_string(read_));
  read_ += *got;
  return true;
}

bool User::write_some() {
  if (finished_ || gone_) return false;
  if (written_ == plan.write) {
    if (plan.end == Plan::End::stay) return false;
    const State state = world_.at(side_).info(socket_).state;
    if (state == State::syn_sent || state == State::syn_received) return false;
    finish_writing();
    return true;
  }
  if (!lent_.empty()) return false;
  const std::size_t n = std::min(chunk(plan.write_chunk), plan.write - written_);
  Bytes text = World::stream(written_, n);
  if (plan.loan != Duration{}) {
    lent_.assign(text.begin(), text.end());
    text = lent_;
  }
  const auto sent = world_.at(side_).send(socket_, text, {.loan = lent_.empty() ? Loan::none : Loan::call});
  if (!sent)
    lent_.clear();
  else if (!lent_.empty())
    world_.later(
        Duration{static_cast<std::int64_t>(world_.random().in(0, static_cast<std::uint64_t>(plan.loan.count())))},
        [this] { end_loan(); });
  if (sent) {
    written_ += *sent;
    return *sent != 0;
  }
  if (sent.error() == Error::again) return false;
  error_ = static_cast<int>(sent.error());
  close();
  return false;
}

void User::end_loan() {
  static_cast<void>(world_.at(side_).end_loan(socket_));  // which is known no more where the user has closed it
  std::ranges::fill(lent_, std::byte{0xee});
  lent_.clear();
  act();
}

void User::finish_writing() {
  finished_ = true;
  switch (plan.end) {
    case Plan::End::half_close:
      static_cast<void>(world_.at(side_).shutdown(socket_, Shutdown::write));
      if (ended_) close();
      break;
    case Plan::End::close:
      close();
      break;
    case Plan::End::abort:
      gone_ = true;
      static_cast<void>(world_.at(side_).abort(socket_));
      break;
    case Plan::End::stay:
      break;
  }
}

void User::close() {
  if (gone_) return;
  gone_ = true;
  static_cast<void>(world_.at(side_).close(socket_));
}

// ---- the world ----

World::World(const Setup& s) : setup_{s}, random_{s.seed} {
  for (int side : {left, right}) {
    const auto i = static_cast<std::size_t>(side);
    stacks_[i] = std::make_unique<Recorder>(
        config(side), [this, side](Packet&& p) { return take(side, std::move(p)); }, s.slabs);
    if (s.record) stacks_[i]->record(&journals_[i]);
  }
}

Config World::config(int side) const {
  Config c;
  c.addresses = {{address(Family::v4, side), 24}, {address(Family::v6, side), 64}};
  c.mtu = setup_.mtu;
  c.link = setup_.gso ? LinkTraits{true, 65'535} : LinkTraits{false, 0};
  c.memory = setup_.memory;
  c.max_sockets = setup_.max_sockets;
  c.tcp = setup_.tcp;
  Seeded key{setup_.seed * 2 + static_cast<std::uint64_t>(side)};
  for (auto& octet : c.key) octet = static_cast<std::uint8_t>(key.next());
  return c;
}

Endpoint World::endpoint(int side, std::uint16_t port) const { return {address(setup_.family, side), Port{port}}; }

Bytes World::stream(std::size_t position, std::size_t size) {
  return Bytes{all_of_the_pattern()}.subspan(position, size);
}

SocketId World::serve(int side, std::uint16_t port, int backlog, const Plan& plan) {
  Recorder& r = at(side);
  const SocketId s = r.open(setup_.family).value();
  if (!r.set(s, Option::reuse_address, 1) || !r.bind(s, endpoint(side, port)) || !r.listen(s, backlog))
    complain("no listener");
  listeners_[static_cast<std::size_t>(side)][key_of(s)] = plan;
  return s;
}

User& World::use(int side, SocketId s, const Plan& plan) {
  const auto i = static_cast<std::size_t>(side);
  users_[i].push_back(std::make_unique<User>(*this, side, s, plan));
  by_socket_[i][key_of(s)] = users_[i].back().get();
  return *users_[i].back();
}

User& World::connect(int side, std::uint16_t to, const Plan& plan, std::uint16_t port) {
  Recorder& r = at(side);
  const SocketId s = r.open(setup_.family).value();
  if (port != 0 && !r.bind(s, endpoint(side, port))) complain("the port is taken");
  const auto connecting = r.connect(s, endpoint(1 - side, to), now_);
  if (connecting || connecting.error() != Error::in_progress)
    complain("connect() gave " + std::to_string(static_cast<int>(connecting ? Error{} : connecting.error())));
  User& user = use(side, s, plan);
  flush(side);
  return user;
}

// A packet leaves a Stack.
bool World::take(int side, Packet&& p) {
  if (refuses[static_cast<std::size_t>(side)]) return false;
  const Config& c = stack(side).config();
  auto segment = read_strictly(p.octets, p.offload, {c.mtu, c.link, c.tcp.ttl});
  if (!segment) {
    complain("a packet that a strict reader refuses: " + segment.error());
    return true;
  }
  trace_hash_ = mixed(mixed(trace_hash_, static_cast<std::uint64_t>(now_.time_since_epoch().count())),
                      static_cast<std::uint64_t>(side));
  trace_hash_ = mixed(trace_hash_, hash(p.octets));
  if (setup_.laws)
    if (const auto wrong = laws_[static_cast<std::size_t>(side)].sent(*segment)) complain(*wrong);
  if (segment->gso_size != 0 && !setup_.whole) {
    for (const Segment& piece : cut(*segment)) depart(side, piece, {encode(piece), {}});
    return true;
  }
  if (p.offload.checksum == Offload::Checksum::partial) p.offload.checksum = Offload::Checksum::verified;
  depart(side, *segment, std::move(p));
  return true;
}

void World::depart(int from, const Segment& s, Packet&& p) {
  const auto i = static_cast<std::size_t>(from);
  Way& w = setup_.ways[i];
  const std::size_t number = sent_[i]++;
  const bool refused = w.mtu != 0 && p.octets.size() > w.mtu;
  if (refused) refuse(from, p);
  const bool lost = refused || w.lose.contains(number) || (w.drop && w.drop(s)) || random_.happens(w.loss);
  if (setup_.remember) {
    Seen seen{now_, from, s, s.text.size(), lost, hash(p.octets)};
    seen.segment.text.clear();
    seen_.push_back(std::move(seen));
  }
  if (lost) return;
  Instant arrives = now_ + w.delay;
  if (w.rate != 0) {
    busy_[i] = std::max(busy_[i], now_) + std::chrono::nanoseconds{p.octets.size() * 1'000'000'000u / w.rate};
    arrives = busy_[i] + w.delay;
  }
  if (w.held) arrives += w.held(number);
  if (random_.happens(w.reorder))
    arrives += std::chrono::nanoseconds{random_.in(0, static_cast<std::uint64_t>(w.late.count()))};
  if (random_.happens(w.duplicate)) {
    const auto again = arrives + std::chrono::nanoseconds{random_.in(0, static_cast<std::uint64_t>(w.late.count()))};
    flights_.emplace(again, Flight{1 - from, p, s});
  }
  flights_.emplace(arrives, Flight{1 - from, std::move(p), s});
}

// A router tells the sender (RFC 1191 section 4, RFC 4443 section 3.2).
void World::refuse(int from, const Packet& p) {
  const Way& w = way(from);
  const bool v4 = setup_.family == Family::v4;
  const Bytes quote = Bytes{p.octets}.first(std::min<std::size_t>(p.octets.size(), 500));
  auto told = v4 ? icmp_packet(neighbour(Family::v4, 9), address(Family::v4, from), 3, 4, w.mtu, quote)
                 : icmp_packet(neighbour(Family::v6, 9), address(Family::v6, from), 2, 0, w.mtu, quote);
  flights_.emplace(now_ + w.delay, Flight{from, {std::move(told), {}}, {}});
}

void World::inject(int side, const Segment& s) { flights_.emplace(now_, Flight{side, {encode(s), {}}, s}); }

void World::poll(int side, std::vector<Packet> in) {
  const auto i = static_cast<std::size_t>(side);
  wake_[i] = at(side).poll(now_, std::move(in));
  act(side);
}

// Every socket that has an edge is looked at by its user; what the users did goes out.
void World::act(int side) {
  const auto i = static_cast<std::size_t>(side);
  Recorder& r = at(side);
  bool any = false;
  while (const auto edge = r.take_edge()) {
    any = true;
    if (const auto listener = listeners_[i].find(key_of(*edge)); listener != listeners_[i].end()) {
      const Plan plan = listener->second;
      while (const auto child = r.accept(*edge)) use(side, *child, plan);
    } else if (const auto user = by_socket_[i].find(key_of(*edge)); user != by_socket_[i].end()) {
      user->second->act();
      if (user->second->gone()) by_socket_[i].erase(key_of(*edge));
    }
  }
  if (any) wake_[i] = r.flush(now_);
}

void World::flush(int side) {
  act(side);
  wake_[static_cast<std::size_t>(side)] = at(side).flush(now_);
}

void World::step() {
  while (!alarms_.empty() && alarms_.begin()->first <= now_) {
    auto alarm = alarms_.extract(alarms_.begin());
    alarm.mapped()();
    for (int side : {left, right})
      if (!stopped(side)) flush(side);
  }
  std::array<std::vector<Packet>, 2> in;
  constexpr std::size_t burst = 64;      // as a device gives them
  constexpr std::size_t capacity = 500;  // of a device's queue
  while (!flights_.empty() && flights_.begin()->first <= now_) {
    auto flight = flights_.extract(flights_.begin());
    Flight& f = flight.mapped();
    const auto to = static_cast<std::size_t>(f.to);
    if (stopped(f.to)) {
      if (++backlog_[to] <= capacity) flights_.emplace(stopped_[to], std::move(f));
      continue;
    }
    backlog_[to] = 0;
    if (setup_.laws && f.segment) laws_[to].injected(*f.segment);
    in[to].push_back(std::move(f.packet));
    if (in[to].size() == burst) break;
  }
  for (int side : {left, right}) {
    const auto i = static_cast<std::size_t>(side);
    if (!in[i].empty() || due(side) <= now_) poll(side, std::move(in[i]));
  }
}

bool World::run(Duration d, const std::function<bool()>& done) {
  const Instant until = now_ + d;
  for (int side : {left, right})
    if (!stopped(side)) flush(side);
  int steps_at_once = 0;
  while (!done()) {
    Instant next = std::min(due(left), due(right));
    if (!flights_.empty()) next = std::min(next, flights_.begin()->first);
    if (!alarms_.empty()) next = std::min(next, alarms_.begin()->first);
    if (next > until) {
      now_ = until;
      return false;
    }
    steps_at_once = next > now_ ? 0 : steps_at_once + 1;
    if (steps_at_once > 20'000) {
      complain("a Stack asks to be called again at once, for ever");
      return false;
    }
    now_ = std::max(now_, next);
    step();
  }
  return true;
}

bool World::clean() {
  for (int side : {left, right}) {
    if (stack(side).connections() != 0 || stack(side).pool().in_use() != 0 || !stack(side).counters().conserved())
      return false;
  }
  return flights_.empty();
}

bool World::run_until_clean(Duration d) {
  return run(d, [this] { return clean(); });
}

}  // namespace tunic::test
