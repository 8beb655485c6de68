#include "test_support/notation.h"

#include <charconv>
#include <sstream>

namespace tunic::test {
namespace {

using Wrong = std::optional<std::string>;

constexpr std::string_view letters = "FSRP.UEW";  // in the order of the bits, from FIN up
constexpr std::string_view print_order = "SFRPUEW.";

std::optional<std::uint8_t> read_flags(std::string_view text) {
  if (text == "-") return std::uint8_t{0};
  unsigned flags = 0;
  for (char c : text) {
    const auto bit = letters.find(c);
    if (bit == letters.npos) return {};
    flags |= 1u << bit;
  }
  return static_cast<std::uint8_t>(flags);
}

std::optional<Number> read_number(std::string_view text) {
  const bool absolute = text.starts_with('=');
  if (absolute) text.remove_prefix(1);
  const auto value = integer(text);
  if (!value) return {};
  return Number{*value, absolute};
}

std::optional<std::pair<Number, Number>> read_range(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos) return {};
  const auto begin = read_number(text.substr(0, colon)), end = read_number(text.substr(colon + 1));
  if (!begin || !end) return {};
  return std::pair{*begin, *end};
}

// "1:1001(1000)"
Wrong read_sequence(std::string_view text, Written& w) {
  const auto open = text.find('(');
  if (open == text.npos || !text.ends_with(')')) return "seq:end(size) expected";
  const auto range = read_range(text.substr(0, open));
  const auto size = integer(text.substr(open + 1, text.size() - open - 2));
  if (!range || !size || *size < 0) return "seq:end(size) expected";
  if (range->second.value - range->first.value != *size) return "end is not seq + size";
  w.seq = range->first;
  w.size = static_cast<std::size_t>(*size);
  return {};
}

std::vector<std::byte> read_hex(std::string_view text) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned v = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, v, 16);
    out.push_back(static_cast<std::byte>(v));
  }
  return out;
}

Wrong read_option(const std::vector<std::string>& w, WrittenOptions& o, std::uint16_t mss) {
  if (w.empty()) return "an empty option";
  const auto number = [&](std::size_t i) { return i < w.size() ? read_number(w[i]) : std::nullopt; };
  if (w[0] == "sackOK") {
    o.plain.sack_ok = true;
  } else if (w[0] == "nots") {
    o.no_ts = true;
  } else if (w[0] == "mss" && w.size() == 2 && w[1] == "$mss") {
    o.plain.mss = mss;
  } else if (w[0] == "mss" && number(1)) {
    o.plain.mss = static_cast<std::uint16_t>(number(1)->value);
  } else if (w[0] == "wscale" && number(1)) {
    o.plain.wscale = static_cast<std::uint8_t>(number(1)->value);
  } else if (w[0] == "TS" && w.size() == 5 && number(2) && number(4)) {
    o.ts = std::pair{*number(2), *number(4)};
  } else if (w[0] == "raw" && w.size() == 2) {
    o.plain.raw = read_hex(w[1]);
  } else if (w[0] == "sack" && w.size() > 1) {
    for (std::size_t i = 1; i < w.size(); ++i) {
      const auto range = read_range(w[i]);
      if (!range) return "a SACK block is begin:end";
      o.sack.push_back(*range);
    }
  } else {
    return "unknown option " + w[0];
  }
  return {};
}

Wrong read_options(std::string_view text, Written& w, std::uint16_t mss) {
  w.options.emplace();
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (auto wrong = read_option(words(text.substr(0, comma)), *w.options, mss)) return wrong;
    text = comma == text.npos ? std::string_view{} : text.substr(comma + 1);
  }
  return {};
}

Wrong read_fields(const std::vector<std::string>& w, Written& out) {
  for (std::size_t i = 2; i < w.size(); i += 2) {
    const auto number = i + 1 < w.size() ? read_number(w[i + 1]) : std::nullopt;
    if (!number) return "a number is missing after " + w[i];
    const auto field = static_cast<std::uint16_t>(number->value);
    if (w[i] == "ack") {
      out.ack = number;
    } else if (w[i] == "win") {
      out.window = field;
    } else if (w[i] == "urg") {
      out.urgent = field;
    } else if (w[i] == "sport") {
      out.sport = field;
    } else if (w[i] == "dport") {
      out.dport = field;
    } else {
      return "unknown word " + w[i];
    }
  }
  return {};
}

std::string options_difference(const WrittenOptions& e, const Segment& came, const Bases& b) {
  const auto& o = came.options;
  if (e.plain.mss != o.mss) return "the MSS option";
  if (e.plain.wscale != o.wscale) return "the window scale option";
  if (e.plain.sack_ok != o.sack_ok) return "the SACK-permitted option";
  std::vector<Range> sack;
  for (const auto& [begin, end] : e.sack) sack.push_back({begin.from(b.ack), end.from(b.ack)});
  if (sack != o.sack) return "the SACK blocks";
  if (e.no_ts && o.ts) return "timestamps";
  if (!e.ts) return {};
  if (!o.ts) return "timestamps are missing";
  const bool has_echo = came.has(flag::ack);
  if (e.ts->first.from(b.ts_val) != o.ts->val) return "TSval";
  if (e.ts->second.from(has_echo ? b.ts_ecr : 0) != o.ts->ecr) return "TSecr";
  return {};
}

std::int64_t signed_distance(std::uint32_t raw, std::uint32_t base) { return static_cast<std::int32_t>(raw - base); }

void print_options(std::ostringstream& out, const Segment& s, const Bases& b) {
  const auto& o = s.options;
  std::vector<std::string> list;
  if (o.mss) list.push_back("mss " + std::to_string(*o.mss));
  if (o.sack_ok) list.emplace_back("sackOK");
  if (o.ts)
    list.push_back("TS val " + std::to_string(signed_distance(o.ts->val, b.ts_val)) + " ecr " +
                   std::to_string(s.has(flag::ack) ? signed_distance(o.ts->ecr, b.ts_ecr) : o.ts->ecr));
  if (o.wscale) list.push_back("wscale " + std::to_string(*o.wscale));
  if (!o.sack.empty()) list.emplace_back("sack");
  for (const auto& r : o.sack)
    list.back() +=
        " " + std::to_string(signed_distance(r.begin, b.ack)) + ":" + std::to_string(signed_distance(r.end, b.ack));
  if (!o.raw.empty()) list.push_back("raw, " + std::to_string(o.raw.size()) + " octets");
  for (std::size_t i = 0; i < list.size(); ++i) out << (i == 0 ? " <" : ",") << list[i];
  if (!list.empty()) out << '>';
}

std::string print_flags(std::uint8_t flags) {
  std::string out;
  for (char c : print_order)
    if ((flags >> letters.find(c) & 1) != 0) out += c;
  return out.empty() ? "-" : out;
}

}  // namespace

std::vector<std::string> words(std::string_view text) {
  std::istringstream in{std::string{text}};
  std::vector<std::string> out;
  for (std::string w; in >> w;) out.push_back(w);
  return out;
}

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::expected<Written, std::string> read_segment(std::string_view text, std::uint16_t mss) {
  Written out;
  if (const auto open = text.find('<'); open != text.npos) {
    const auto close = text.rfind('>');
    if (close == text.npos || close < open) return std::unexpected{"options end with >"};
    if (auto wrong = read_options(text.substr(open + 1, close - open - 1), out, mss)) return std::unexpected{*wrong};
    text = text.substr(0, open);
  }
  const auto w = words(text);
  if (w.size() < 2) return std::unexpected{"flags and seq:end(size) expected"};
  const auto flags = read_flags(w[0]);
  if (!flags) return std::unexpected{"unknown flag in " + w[0]};
  out.flags = *flags;
  if (auto wrong = read_sequence(w[1], out)) return std::unexpected{*wrong};
  if (auto wrong = read_fields(w, out)) return std::unexpected{*wrong};
  return out;
}

std::optional<std::string> difference(const Written& e, const Segment& came, const Bases& b) {
  const auto compared = static_cast<std::uint8_t>(~(e.flags & flag::psh ? 0u : unsigned{flag::psh}));
  if ((e.flags & compared) != (came.flags & compared)) return "the flags";
  if (e.seq.from(b.seq) != came.seq) return "the sequence number";
  if (e.size != came.text.size()) return "the size of the text";
  if (e.ack && e.ack->from(b.ack) != came.ack) return "the acknowledgment";
  if (e.window && *e.window != came.window) return "the window";
  if (e.urgent && *e.urgent != came.urgent) return "the urgent pointer";
  if (!e.options) return {};
  const auto wrong = options_difference(*e.options, came, b);
  return wrong.empty() ? std::nullopt : std::optional{wrong};
}

std::string print(const Segment& s, const Bases& b) {
  std::ostringstream out;
  const auto seq = signed_distance(s.seq, b.seq);
  out << print_flags(s.flags) << ' ' << seq << ':' << seq + static_cast<std::int64_t>(s.text.size()) << '('
      << s.text.size() << ')';
  if (s.has(flag::ack)) out << " ack " << signed_distance(s.ack, b.ack);
  out << " win " << s.window;
  if (s.has(flag::urg)) out << " urg " << s.urgent;
  print_options(out, s, b);
  if (s.gso_size != 0) out << " (segments of " << s.gso_size << ')';
  return out.str();
}

}  // namespace tunic::test
