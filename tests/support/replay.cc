#include "test_support/replay.h"

#include <algorithm>

namespace tunic::test {

namespace {

std::int64_t number_of(Instant t) { return t.time_since_epoch().count(); }
std::int64_t number_of(int n) { return n; }
std::int64_t number_of(const Status& s) { return s ? 0 : -static_cast<std::int64_t>(s.error()); }
std::int64_t number_of(SocketId s) { return static_cast<std::int64_t>(std::uint64_t{s.index} << 32 | s.generation); }
std::int64_t number_of(const std::optional<SocketId>& s) { return s ? number_of(*s) : 0; }
std::int64_t number_of(const Result<SocketId>& s) { return s ? number_of(*s) : -static_cast<std::int64_t>(s.error()); }
std::int64_t number_of(const Result<std::size_t>& n) {
  return n ? static_cast<std::int64_t>(*n) : -static_cast<std::int64_t>(n.error());
}

}  // namespace

const char* name(Event::Kind k) {
  constexpr const char* names[] = {"poll",    "flush",     "open",       "bind",      "listen", "accept",
                                   "connect", "send",      "receive",    "shutdown",  "close",  "abort",
                                   "set",     "take_edge", "take_error", "fail_every"};
  return names[static_cast<std::size_t>(k)];
}

// ---- the Link ----

Slice Recorder::slab_for(const Packet& p) {
  Pool& pool = stack_.pool();
  const auto cls = Pool::class_for(p.octets.size());
  return slabs_ || cls == Pool::Class::receive ? pool.allocate_receive(64) : pool.allocate(cls);
}

std::span<RxPacket> Recorder::receive(const ReadHint*) {
  burst_.clear();
  for (const Packet& p : arriving_) {
    RxPacket rx{slab_for(p), p.offload, false};
    if (rx.data.empty()) {
      ++no_memory_;
      continue;
    }
    std::ranges::copy(p.octets, rx.data.mutable_data());
    rx.data.truncate(p.octets.size());
    burst_.push_back(std::move(rx));
  }
  arriving_.clear();
  return burst_;
}

std::size_t Recorder::send(std::span<TxPacket> packets) {
  for (std::size_t i = 0; i < packets.size(); ++i) {
    Packet p{{}, packets[i].offload};
    p.octets.reserve(packets[i].size());
    p.octets.assign(packets[i].header().begin(), packets[i].header().end());
    for (std::size_t k = 0; k < packets[i].slices; ++k) {
      const Bytes text = packets[i].text[k].bytes();
      p.octets.insert(p.octets.end(), text.begin(), text.end());
    }
    if (journal_ != nullptr) journal_->back().out.push_back(p);
    const bool taken = sink_(std::move(p));
    if (journal_ != nullptr) journal_->back().taken.push_back(taken);
    if (!taken) return i;
  }
  return packets.size();
}

// ---- the entrances ----

Event& Recorder::begin(Event::Kind kind, SocketId s) {
  Event& e = journal_ != nullptr ? journal_->emplace_back() : (unrecorded_ = {});
  e.kind = kind;
  e.socket = s;
  return e;
}

template <class R>
R Recorder::end(R result) {
  if (journal_ == nullptr) return result;
  journal_->back().result = number_of(result);
  journal_->back().digest = stack_.digest();
  return result;
}

Instant Recorder::poll(Instant now, std::vector<Packet> in) {
  Event& e = begin(Event::Kind::poll);
  e.now = now;
  if (journal_ != nullptr) e.in = in;
  arriving_ = std::move(in);
  const Instant wake = stack_.poll(now, *this);
  burst_.clear();
  return end(wake);
}

Instant Recorder::flush(Instant now) {
  begin(Event::Kind::flush).now = now;
  return end(stack_.flush(now, *this));
}

Result<SocketId> Recorder::open(Family family) {
  begin(Event::Kind::open).number = static_cast<std::int64_t>(family);
  return end(stack_.open(family));
}

Status Recorder::bind(SocketId s, const Endpoint& local) {
  begin(Event::Kind::bind, s).endpoint = local;
  return end(stack_.bind(s, local));
}

Status Recorder::listen(SocketId s, int backlog) {
  begin(Event::Kind::listen, s).number = backlog;
  return end(stack_.listen(s, backlog));
}

Result<SocketId> Recorder::accept(SocketId s) {
  begin(Event::Kind::accept, s);
  return end(stack_.accept(s));
}

Status Recorder::connect(SocketId s, const Endpoint& remote, Instant now) {
  Event& e = begin(Event::Kind::connect, s);
  e.endpoint = remote;
  e.now = now;
  return end(stack_.connect(s, remote, now));
}

Result<std::size_t> Recorder::send(SocketId s, Bytes text, SendFlags flags) {
  Event& e = begin(Event::Kind::send, s);
  e.flag = flags.urgent;
  e.more = flags.more;
  if (journal_ != nullptr) e.text.assign(text.begin(), text.end());
  return end(stack_.send(s, text, flags));
}

Result<std::size_t> Recorder::receive(SocketId s, MutBytes out, ReceiveFlags flags) {
  Event& e = begin(Event::Kind::receive, s);
  e.number = static_cast<std::int64_t>(out.size());
  e.flag = flags.peek;
  e.more = flags.urgent;
  const auto got = end(stack_.receive(s, out, flags));
  if (journal_ != nullptr && got) e.got.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*got));
  return got;
}

Status Recorder::shutdown(SocketId s, Shutdown how) {
  begin(Event::Kind::shutdown, s).number = static_cast<std::int64_t>(how);
  return end(stack_.shutdown(s, how));
}

Status Recorder::close(SocketId s) {
  begin(Event::Kind::close, s);
  return end(stack_.close(s));
}

Status Recorder::abort(SocketId s) {
  begin(Event::Kind::abort, s);
  return end(stack_.abort(s));
}

Status Recorder::set(SocketId s, Option o, std::int64_t value) {
  Event& e = begin(Event::Kind::set, s);
  e.number = static_cast<std::int64_t>(o);
  e.value = value;
  return end(stack_.set(s, o, value));
}

std::optional<SocketId> Recorder::take_edge() {
  begin(Event::Kind::take_edge);
  return end(stack_.take_edge());
}

int Recorder::take_error(SocketId s) {
  begin(Event::Kind::take_error, s);
  return end(stack_.take_error(s));
}

void Recorder::fail_every(std::uint32_t k) {
  begin(Event::Kind::fail_every).number = k;
  stack_.pool().fail_every(k);
  end(0);
}

// ---- once more ----

namespace {

void enter(Recorder& r, const Event& e) {
  using Kind = Event::Kind;
  std::vector<std::byte> room;
  switch (e.kind) {
    case Kind::poll:
      r.poll(e.now, e.in);
      break;
    case Kind::flush:
      r.flush(e.now);
      break;
    case Kind::open:
      static_cast<void>(r.open(static_cast<Family>(e.number)));
      break;
    case Kind::bind:
      static_cast<void>(r.bind(e.socket, e.endpoint));
      break;
    case Kind::listen:
      static_cast<void>(r.listen(e.socket, static_cast<int>(e.number)));
      break;
    case Kind::accept:
      static_cast<void>(r.accept(e.socket));
      break;
    case Kind::connect:
      static_cast<void>(r.connect(e.socket, e.endpoint, e.now));
      break;
    case Kind::send:
      static_cast<void>(r.send(e.socket, e.text, {.urgent = e.flag, .more = e.more}));
      break;
    case Kind::receive:
      room.resize(static_cast<std::size_t>(e.number));
      static_cast<void>(r.receive(e.socket, room, {.peek = e.flag, .urgent = e.more}));
      break;
    case Kind::shutdown:
      static_cast<void>(r.shutdown(e.socket, static_cast<Shutdown>(e.number)));
      break;
    case Kind::close:
      static_cast<void>(r.close(e.socket));
      break;
    case Kind::abort:
      static_cast<void>(r.abort(e.socket));
      break;
    case Kind::set:
      static_cast<void>(r.set(e.socket, static_cast<Option>(e.number), e.value));
      break;
    case Kind::take_edge:
      static_cast<void>(r.take_edge());
      break;
    case Kind::take_error:
      static_cast<void>(r.take_error(e.socket));
      break;
    case Kind::fail_every:
      r.fail_every(static_cast<std::uint32_t>(e.number));
      break;
  }
}

std::optional<std::string> difference(const Event& then, const Event& now) {
  if (then.out != now.out) return "other packets";
  if (then.result != now.result)
    return "another result: " + std::to_string(now.result) + ", not " + std::to_string(then.result);
  if (then.got != now.got) return "other octets received";
  if (then.digest != now.digest) return "another digest";
  return {};
}

}  // namespace

std::optional<std::string> replay(const Config& c, const Journal& journal, bool slabs) {
  const Event* then = nullptr;
  std::size_t offered = 0;
  Recorder r{c, [&](Packet&&) { return offered < then->taken.size() && then->taken[offered++]; }, slabs};
  for (std::size_t i = 0; i < journal.size(); ++i) {
    then = &journal[i];
    offered = 0;
    Journal now;
    r.record(&now);
    enter(r, *then);
    if (const auto wrong = difference(*then, now.back()))
      return "event " + std::to_string(i) + ", " + name(then->kind) + ": " + *wrong;
  }
  return {};
}

}  // namespace tunic::test
