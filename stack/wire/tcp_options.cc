#include "wire/tcp_options.h"

#include <algorithm>
#include "base/work.h"

namespace tunic {
namespace {

/// The size that each known kind must have; 0 for those without one fixed size.
constexpr std::size_t size_of(std::uint8_t kind) {
  switch (kind) {
    case option_kind::mss:
      return 4;
    case option_kind::window_scale:
      return 3;
    case option_kind::sack_permitted:
      return 2;
    case option_kind::timestamps:
      return 10;
    default:
      return 0;
  }
}

Timestamps load_timestamps(const std::byte* p) { return {load_be<std::uint32_t>(p), load_be<std::uint32_t>(p + 4)}; }

/// RFC 7323 appendix A: two NOPs and timestamps, the whole area of almost every segment of a connection.
constexpr std::uint32_t nop_nop_timestamps = 0x0101080a;
constexpr std::size_t timestamps_area = 12;

bool is_timestamps_alone(Bytes b) {
  return b.size() == timestamps_area && load_be<std::uint32_t>(b.data()) == nop_nop_timestamps;
}

void take_sack(TcpOptions& o, Bytes value) {
  if (value.empty() || value.size() % 8 != 0 || value.size() > 8 * o.sack.size()) {
    o.malformed = true;
    return;
  }
  if (o.sack_count != 0) return;
  for (; !value.empty(); value = value.subspan(8))
    o.sack[o.sack_count++] = {{load_be<std::uint32_t>(value.data())}, {load_be<std::uint32_t>(value.data() + 4)}};
}

/// One option with its length proven; `whole` has its kind and length octets too.
void take(TcpOptions& o, Bytes whole) {
  const std::uint8_t kind = byte_at(whole, 0);
  const Bytes value = whole.subspan(2);
  if (kind == option_kind::sack) return take_sack(o, value);
  const std::size_t expected = size_of(kind);
  if (expected == 0) return;  // unknown: skipped (MUST-6)
  if (whole.size() != expected) {
    o.malformed = true;
    return;
  }
  switch (kind) {
    case option_kind::mss:
      if (!o.mss) o.mss = load_be<std::uint16_t>(value.data());
      break;
    case option_kind::window_scale:
      if (!o.window_scale) o.window_scale = std::min(byte_at(value, 0), TcpOptions::max_window_scale);
      break;
    case option_kind::sack_permitted:
      o.sack_permitted = true;
      break;
    case option_kind::timestamps:
      if (!o.timestamps) o.timestamps = load_timestamps(value.data());
      break;
  }
}

/// Writes option octets one after another.
class Writer {
 public:
  explicit Writer(MutBytes out) : out_{out} {}
  template <std::unsigned_integral T>
  void put(T v) {
    store_be(out_.data() + size_, v);
    size_ += sizeof v;
  }
  void option(std::uint8_t kind, std::size_t size) {
    put(kind);
    put(static_cast<std::uint8_t>(size));
  }
  void nops(int n) {
    while (n-- > 0) put(option_kind::nop);
  }
  std::size_t size() const { return size_; }

 private:
  MutBytes out_;
  std::size_t size_ = 0;
};

std::size_t size_without_sack(const TcpOptions& o) {
  const std::size_t permitted_alone = o.sack_permitted && !o.timestamps ? 4 : 0;  // else it takes the place of two NOPs
  return (o.mss ? 4u : 0u) + (o.timestamps ? timestamps_area : 0u) + permitted_alone + (o.window_scale ? 4u : 0u);
}

/// The others take 20 octets at most, so there is always room for two blocks.
std::size_t blocks_that_fit(const TcpOptions& o) {
  return std::min<std::size_t>(o.sack_count, (TcpOptions::max_size - size_without_sack(o) - 4) / 8);
}

}  // namespace

TcpOptions TcpOptions::parse(Bytes options) {
  TcpOptions o;
  if (is_timestamps_alone(options)) {
    o.timestamps = load_timestamps(options.data() + 4);
    return o;
  }
  while (!options.empty()) {
    step();
    const std::uint8_t kind = byte_at(options, 0);
    if (kind == option_kind::end) break;
    if (kind == option_kind::nop) {
      options = options.subspan(1);
      continue;
    }
    const std::size_t size = options.size() < 2 ? 0 : byte_at(options, 1);
    if (size < 2 || size > options.size()) {
      o.malformed = true;
      break;
    }
    take(o, options.first(size));
    options = options.subspan(size);
  }
  return o;
}

std::size_t TcpOptions::size() const {
  const std::size_t blocks = blocks_that_fit(*this);
  return size_without_sack(*this) + (blocks == 0 ? 0 : 4 + 8 * blocks);
}

std::size_t TcpOptions::emit(MutBytes out) const {
  Writer w{out};
  if (mss) {
    w.option(option_kind::mss, 4);
    w.put(*mss);
  }
  if (sack_permitted) {
    if (!timestamps) w.nops(2);
    w.option(option_kind::sack_permitted, 2);
  }
  if (timestamps) {
    if (!sack_permitted) w.nops(2);
    w.option(option_kind::timestamps, 10);
    w.put(timestamps->value);
    w.put(timestamps->echo);
  }
  if (window_scale) {
    w.nops(1);
    w.option(option_kind::window_scale, 3);
    w.put(*window_scale);
  }
  if (const std::size_t blocks = blocks_that_fit(*this); blocks != 0) {
    w.nops(2);
    w.option(option_kind::sack, 2 + 8 * blocks);
    for (std::size_t i = 0; i < blocks; ++i) {
      w.put(sack[i].begin.raw);
      w.put(sack[i].end.raw);
    }
  }
  return w.size();
}

}  // namespace tunic
