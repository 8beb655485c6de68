#include "tun/impair.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "tun/segments.h"

namespace tunic {

namespace {

constexpr std::uint64_t most_to_pass = 8;

template <class T>
std::optional<T> number(std::string_view s) {
  T value;
  const auto [end, failure] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (failure != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return value;
}

/// "1%", "0.25%": up to four digits after the point, which are the parts per million.
std::optional<std::uint32_t> percent(std::string_view s) {
  if (!s.ends_with('%')) return std::nullopt;
  s.remove_suffix(1);
  const std::size_t point = s.find('.');
  std::string fraction{point == s.npos ? "0" : s.substr(point + 1)};
  if (fraction.size() > 4) return std::nullopt;
  fraction.resize(fraction.empty() ? 0 : 4, '0');
  const auto whole = number<std::uint32_t>(s.substr(0, point));
  const auto parts = number<std::uint32_t>(fraction);
  if (!whole || !parts || *whole > 100) return std::nullopt;
  const std::uint32_t ppm = *whole * 10'000 + *parts;
  return ppm <= ImpairSettings::certain ? std::optional{ppm} : std::nullopt;
}

std::uint32_t* find(ImpairSettings::Odds& odds, std::string_view name) {
  if (name == "loss") return &odds.loss;
  if (name == "reorder") return &odds.reorder;
  if (name == "duplicate") return &odds.duplicate;
  return nullptr;
}

bool read_odds(ImpairSettings& settings, std::string_view name, std::string_view value) {
  const bool in = !name.starts_with("out_"), out = !name.starts_with("in_");
  if (!out) name.remove_prefix(3);
  if (!in) name.remove_prefix(4);
  const auto odds = percent(value);
  if (!odds || find(settings.in, name) == nullptr) return false;
  if (in) *find(settings.in, name) = *odds;
  if (out) *find(settings.out, name) = *odds;
  return true;
}

bool read_item(ImpairSettings& settings, std::string_view item) {
  const std::size_t equals = item.find('=');
  if (equals == item.npos) return false;
  const std::string_view name = item.substr(0, equals), value = item.substr(equals + 1);
  if (name != "seed") return read_odds(settings, name, value);
  const auto seed = number<std::uint64_t>(value);
  if (seed) settings.seed = *seed;
  return seed.has_value();
}

/// The slices of `packet` that make up [begin, begin + size) of its text.
void cut_text(const TxPacket& packet, std::size_t begin, std::size_t size, TxPacket& out) {
  for (std::size_t i = 0; i < packet.slices && size > 0; ++i) {
    const Slice& s = packet.text[i];
    if (begin >= s.size()) {
      begin -= s.size();
      continue;
    }
    const std::size_t n = std::min(size, s.size() - begin);
    out.text[out.slices++] = s.subslice(begin, n);
    size -= n;
    begin = 0;
  }
}

}  // namespace

std::expected<ImpairSettings, std::string> parse_impair(std::string_view text) {
  ImpairSettings settings;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view item = rest.substr(0, rest.find(','));
    if (!read_item(settings, item))
      return std::unexpected{"cannot read the impairment \"" + std::string{item} +
                             "\"; use loss, reorder and duplicate from 0% to 100%, and seed, as in "
                             "loss=1%,reorder=1%,duplicate=1%,seed=7"};
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
  }
  return settings;
}

/// splitmix64: small, and good from any seed.
template <class Packet>
std::uint64_t ImpairLane<Packet>::next() {
  std::uint64_t z = random_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

template <class Packet>
void ImpairLane<Packet>::pass(Packet packet, std::vector<Packet>& out) {
  if (happens(odds_.loss)) {
    ++counts_.lost;
    return;
  }
  if (happens(odds_.reorder)) {
    ++counts_.reordered;
    held_.push_back({std::move(packet), 1 + next() % most_to_pass});
    return;
  }
  if (happens(odds_.duplicate)) {
    ++counts_.duplicated;
    out.push_back(packet);
  }
  ++counts_.passed;
  out.push_back(std::move(packet));
  for (auto& h : held_)
    if (--h.to_pass == 0) out.push_back(std::move(h.packet));
  std::erase_if(held_, [](const Held& h) { return h.to_pass == 0; });
}

template <class Packet>
void ImpairLane<Packet>::turn(bool idle, std::vector<Packet>& out) {
  idle_turns_ = idle ? idle_turns_ + 1 : 0;
  if (idle_turns_ < 2) return;
  for (auto& h : held_) out.push_back(std::move(h.packet));
  held_.clear();
}

template class ImpairLane<RxPacket>;
template class ImpairLane<TxPacket>;

Impair::Impair(Link& inner, Pool& pool, const ImpairSettings& settings)
    : inner_{inner}, pool_{pool}, in_{settings.in, settings.seed}, out_{settings.out, ~settings.seed} {}

/// The hint is not passed on: a text that is cut cannot lie in the caller's memory.
std::span<RxPacket> Impair::receive(const ReadHint*) {
  out_.turn(!sent_since_receive_, ready_);
  sent_since_receive_ = false;
  send_ready();
  burst_.clear();
  const auto packets = inner_.receive();
  for (auto& p : packets) pass_in(p);
  in_.turn(packets.empty(), burst_);
  return burst_;
}

void Impair::pass_in(RxPacket& packet) {
  const auto segments = Segments::of(packet.data.bytes(), packet.data.size(), packet.offload.gso_size);
  if (!segments) {
    in_.pass(std::move(packet), burst_);
    return;
  }
  const Bytes text = packet.data.bytes().subspan(segments->header_size());
  for (std::size_t i = 0; i < segments->count(); ++i) {
    const std::size_t size = segments->text_size(i);
    RxPacket segment;
    segment.data = pool_.allocate(Pool::class_for(segments->header_size() + size));
    if (segment.data.size() < segments->header_size() + size) {
      ++no_memory_;
      continue;
    }
    std::byte* const at = segment.data.mutable_data();
    segments->write_headers(i, {at, segments->header_size()});
    std::memcpy(at + segments->header_size(), text.data() + segments->text_begin(i), size);
    segment.data.truncate(segments->header_size() + size);
    segment.offload.checksum = packet.offload.checksum;
    segment.looped = packet.looped;
    in_.pass(std::move(segment), burst_);
  }
}

std::size_t Impair::send(std::span<TxPacket> packets) {
  sent_since_receive_ = true;
  if (!send_ready()) return 0;
  for (const auto& p : packets) pass_out(p);
  send_ready();
  std::erase_if(ready_, [this](TxPacket& p) { return !promote(p); });
  out_.keep_if([this](TxPacket& p) { return promote(p); });
  return packets.size();
}

/// A complete checksum covers the whole text: such a packet is not cut. (The kernel takes none of that kind either.)
void Impair::pass_out(const TxPacket& packet) {
  const auto segments = packet.offload.checksum == Offload::Checksum::partial
                            ? Segments::of(packet.header(), packet.size(), packet.offload.gso_size)
                            : std::nullopt;
  if (!segments || segments->header_size() != packet.header().size()) {
    out_.pass(packet, ready_);
    return;
  }
  for (std::size_t i = 0; i < segments->count(); ++i) {
    TxPacket segment;
    segment.begin = packet.begin;
    segment.end = packet.end;
    segments->write_headers(i, MutBytes{segment.headers}.subspan(segment.begin));
    cut_text(packet, segments->text_begin(i), segments->text_size(i), segment);
    segment.offload = packet.offload;
    segment.offload.gso_size = 0;
    out_.pass(std::move(segment), ready_);
  }
}

/// Whether inner_ has taken everything.
bool Impair::send_ready() {
  if (ready_.empty()) return true;
  const std::size_t taken = inner_.send(ready_);
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(taken));
  return ready_.empty();
}

/// A packet that stays when send() returns keeps no memory that is not ours. False where memory for a copy is short.
bool Impair::promote(TxPacket& packet) {
  for (Slice& s : std::span{packet.text}.first(packet.slices)) {
    if (!s.is_borrowed()) continue;
    s = pool_.copy(s.bytes());
    if (s.empty()) {
      ++no_memory_;
      return false;
    }
  }
  return true;
}

}  // namespace tunic
