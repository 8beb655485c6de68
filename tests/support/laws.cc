#include "test_support/laws.h"

#include <algorithm>

namespace tunic::test {

void Intervals::add(std::int64_t begin, std::int64_t end) {
  if (begin >= end) return;
  auto i = ranges_.upper_bound(begin);
  if (i != ranges_.begin() && std::prev(i)->second >= begin) --i;
  while (i != ranges_.end() && i->first <= end) {
    begin = std::min(begin, i->first);
    end = std::max(end, i->second);
    i = ranges_.erase(i);
  }
  ranges_[begin] = end;
}

std::int64_t Intervals::end_of(std::int64_t from) const {
  const auto i = ranges_.upper_bound(from);
  return i == ranges_.begin() ? from : std::max(from, std::prev(i)->second);
}

bool Intervals::covers(std::int64_t begin, std::int64_t end) const { return end_of(begin) >= end; }

namespace {

using Broken = Laws::Broken;

void begin_anew(Flow& f, const Segment& s) {
  Flow fresh;
  fresh.open = true;
  fresh.iss = s.seq;
  fresh.active = !s.has(flag::ack);
  fresh.validated = fresh.active;
  fresh.our_offer = s.options;
  fresh.snd_max = 1;
  fresh.syns = f.syns;
  fresh.credit = f.credit;
  f = fresh;
}

// The peer's SYN that an acknowledgment of ours answers is the one that counts.
void adopt(Flow& f, const Segment& syn) {
  f.irs = syn.seq;
  f.scaling = f.our_offer.wscale && syn.options.wscale;
  f.our_scale = f.our_offer.wscale.value_or(0);
  f.peer_scale = std::min<std::uint8_t>(syn.options.wscale.value_or(0), 14);
  f.timestamps = f.our_offer.ts && syn.options.ts;
  f.sack = f.our_offer.sack_ok && syn.options.sack_ok;
  f.heard.add(0, syn.length());
  if (syn.has(flag::ack)) f.peer_edge = relative(syn.ack, f.iss, 1) + syn.window;
}

const Segment* answered(const Flow& f, const Segment& s) {
  for (auto syn = f.syns.rbegin(); syn != f.syns.rend(); ++syn)
    if (s.ack - syn->seq - 1 <= syn->length()) return &*syn;
  return nullptr;
}

// Law 3. The repeats of a SYN-ACK are the exception, at most five (S3).
Broken amplifies(Flow& f, const Segment& s) {
  const bool opens = s.has(flag::syn) && !s.has(flag::ack);
  if (f.validated || opens) return {};
  if (f.credit > 0) {
    --f.credit;
    return {};
  }
  const bool repeat = f.open && s.has(flag::syn) && s.has(flag::ack) && s.seq == f.iss;
  if (repeat && ++f.syn_ack_repeats <= 5) return {};
  return "law 3: more packets out than in for a source that is not validated";
}

Broken breaks_offer(const Flow& f, const Segment& s) {
  if (!s.has(flag::syn) || !s.has(flag::ack) || f.active) return {};
  const auto* syn = answered(f, s);
  if (syn == nullptr) return "a SYN-ACK that answers no SYN";
  const auto &mine = s.options, &theirs = syn->options;
  if ((mine.wscale && !theirs.wscale) || (mine.ts && !theirs.ts) || (mine.sack_ok && !theirs.sack_ok))
    return "an option on a SYN-ACK that the SYN did not offer";
  return {};
}

Broken breaks_sequence(Flow& f, const Segment& s) {
  const auto begin = relative(s.seq, f.iss, f.snd_max);
  const auto end = begin + s.length();
  const auto text_end = end - (s.has(flag::fin) ? 1 : 0);
  if (f.our_fin && end > *f.our_fin + 1) return "text or FIN beyond our FIN";
  if (s.has(flag::fin)) {
    if (f.our_fin && *f.our_fin != text_end) return "a second FIN at another place";
    f.our_fin = text_end;
  }
  if (s.has(flag::syn) && !s.text.empty()) return "text on a SYN";
  if (s.text.size() > 1 && text_end > f.peer_edge) return "text beyond the peer's window";  // one octet is a probe
  for (std::size_t i = 0; i < s.text.size(); ++i)
    if (s.text[i] != pattern(static_cast<std::uint64_t>(begin - 1) + i, ours))
      return "law 9: another octet at position " + std::to_string(begin - 1 + static_cast<std::int64_t>(i));
  f.snd_max = std::max(f.snd_max, end);
  return {};
}

Broken breaks_acknowledgment(Flow& f, const Segment& s) {
  if (!f.irs || !s.has(flag::ack)) return {};
  const auto ack = relative(s.ack, *f.irs, f.acked);
  if (ack > f.heard.end_of(0)) return "law 9: acknowledges what never came";
  if (ack < f.acked) return "an acknowledgment that moves left";
  const auto edge = ack + (std::int64_t{s.window} << (s.has(flag::syn) ? 0 : f.scale_of_ours()));
  const bool saturated = s.has(flag::syn) && s.window == 0xffff;  // a SYN that comes again cannot tell a larger window
  const auto unit = std::int64_t{1} << (s.has(flag::syn) ? 0 : f.scale_of_ours());  // RFC 7323 section 2.4: rounding
  if (edge + unit <= f.our_edge && !saturated)
    return "law 9: the window's right edge moves left, from " + std::to_string(f.our_edge) + " to " +
           std::to_string(edge);
  f.acked = ack;
  f.our_edge = std::max(f.our_edge, edge);
  for (const auto& r : s.options.sack) {
    const auto begin = relative(r.begin, *f.irs, ack), end = relative(r.end, *f.irs, ack);
    if (!f.heard.covers(begin, end)) return "a SACK block of what never came";
  }
  return {};
}

Broken breaks_options(Flow& f, const Segment& s) {
  if (s.options.ts) {
    if (!f.first_ts) f.first_ts = s.options.ts;
    f.last_ts = s.options.ts;
  }
  if (s.has(flag::syn)) return {};
  if (f.timestamps && !s.options.ts) return "no timestamps though negotiated";  // RFC 7323 section 3.2
  if (!f.timestamps && s.options.ts) return "timestamps though not negotiated";
  if (!f.sack && !s.options.sack.empty()) return "SACK though not permitted";
  return {};
}

}  // namespace

void Laws::injected(const Segment& s) {
  Flow& f = flows_[{s.dst, s.src}];
  if (!f.validated) ++f.credit;
  if (s.has(flag::syn)) f.syns.push_back(s);
  if (!f.open || !f.irs) return;
  const auto begin = relative(s.seq, *f.irs, f.heard.end_of(0));
  f.heard.add(begin, begin + s.length());
  if (!s.has(flag::ack)) return;
  const auto ack = relative(s.ack, f.iss, f.snd_max);
  if (ack < 1 || ack > f.snd_max) return;
  f.validated = true;
  f.peer_edge = std::max(f.peer_edge, ack + (std::int64_t{s.window} << (s.has(flag::syn) ? 0 : f.scale_of_peer())));
}

Laws::Broken Laws::sent(const Segment& s) {
  Flow& f = flows_[{s.src, s.dst}];
  if (auto broken = amplifies(f, s)) return broken;
  if (s.has(flag::rst)) return s.text.empty() ? Broken{} : Broken{"a reset with text"};
  const bool other_peer_syn = s.has(flag::syn) && s.has(flag::ack) && f.irs && s.ack - 1 != *f.irs;
  if (s.has(flag::syn) && (!f.open || f.snd_max > 1 || s.seq != f.iss || other_peer_syn)) begin_anew(f, s);
  if (!f.open) return {};
  if (!f.irs && s.has(flag::ack))
    if (const auto* syn = answered(f, s)) adopt(f, *syn);
  if (auto broken = breaks_offer(f, s)) return broken;
  if (auto broken = breaks_options(f, s)) return broken;
  if (auto broken = breaks_sequence(f, s)) return broken;
  return breaks_acknowledgment(f, s);
}

}  // namespace tunic::test
