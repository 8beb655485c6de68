#include "tcp/receiver.h"

#include <algorithm>

namespace tunic {

void Receiver::start(Seq32 irs, std::size_t buffer) {
  irs_ = irs;
  nxt_ = Seq::first(irs) + 1;
  edge_ = nxt_ + static_cast<std::int64_t>(std::min<std::size_t>(65'535, buffer));  // as our SYN tells it
  set_buffer(buffer);
}

bool Receiver::acceptable(const Segment& seg) const {
  if (seg.len() == 0) return wnd() == 0 ? seg.seq == nxt_ : nxt_ <= seg.seq && seg.seq < edge_;
  return wnd() != 0 && seg.seq < edge_ && seg.end() > nxt_;
}

TextReport Receiver::on_text(Pool& pool, Seq seq, Slice text, std::int64_t mss) {
  TextReport report;
  Seq end = seq + static_cast<std::int64_t>(text.size());
  if (seq < nxt_) {  // the front came before
    const Seq upto = std::min(end, nxt_);
    report.duplicate = SeqRange{seq, upto};
    if (upto == end) {
      report.duplicate_only = true;
      return report;
    }
    text.drop_front(static_cast<std::size_t>(nxt_ - seq));
    seq = nxt_;
  }
  if (end > edge_) {  // the tail lies beyond the window
    end = edge_;
    text.truncate(static_cast<std::size_t>(end - seq));
  }
  if (text.empty()) return report;

  // The last memory is for what fills a hole, and the very last for acknowledgments (R12).
  if (!pool.has_spare(seq > nxt_ ? 8 : 16)) {
    report.no_memory = true;
    return report;
  }
  if (seq > nxt_) {
    report.out_of_order = true;
    const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(wnd() / (4 * mss), 64, 4096));
    const auto result = in_->early.insert(pool, seq, std::move(text), most);
    if (result.duplicate) report.duplicate = result.duplicate;
    report.overflow = result.kept == Reassembler::Kept::refused;
    return report;
  }

  report.out_of_order = !in_->early.empty();  // it fills a hole, at least in part
  const Seq before = nxt_;
  if (!in_->queue.append(pool, std::move(text))) {
    report.no_memory = true;
    return report;
  }
  nxt_ = end;
  // What came early follows; it is here already, so it only changes hands.
  while (auto next = in_->early.take(nxt_)) {
    const auto n = static_cast<std::int64_t>(next->size());
    if (!in_->queue.append(pool, *next)) in_->queue.keep(std::move(*next));
    nxt_ += n;
  }
  report.in_order = nxt_ - before;
  return report;
}

bool Receiver::on_fin(Seq fin) {
  if (finished_ || fin >= edge_) return false;
  if (fin != nxt_) {
    in_->held_fin = fin;
    return false;
  }
  in_->held_fin.reset();
  nxt_ += 1;
  finished_ = true;
  in_->early.clear();
  return true;
}

Seq Receiver::offered_edge(std::int64_t mss) const {
  if (finished_) return edge_;  // nothing more will come; TIME-WAIT goes on with this edge
  const auto free = static_cast<std::int64_t>(buffer_) - static_cast<std::int64_t>(readable());
  const Seq wanted = nxt_ + std::clamp<std::int64_t>(free, 0, largest_window());
  // Silly-window avoidance: the edge moves in steps of at least min(half the buffer, one segment).
  const std::int64_t step = std::min(largest_window() / 2, mss);
  return wanted - edge_ >= step ? wanted : edge_;
}

std::uint16_t Receiver::advertise(bool syn, std::int64_t mss) {
  const std::int64_t unit = std::int64_t{1} << (syn ? 0 : scale_);
  if (!syn) edge_ = offered_edge(mss);
  // Up, so that the edge does not move left; but not when more than a unit over the buffer is promised already, or a
  // peer that fills each rest would be given another for ever. Then it seems to move left by less than a unit, which
  // RFC 7323 section 2.4 has the peer expect; what was promised is still taken.
  const std::int64_t up = (wnd() + unit - 1) / unit;
  const bool over = static_cast<std::int64_t>(readable()) + up * unit > static_cast<std::int64_t>(buffer_) + unit;
  const std::int64_t field = std::min<std::int64_t>(65'535, over ? wnd() / unit : up);
  edge_ = std::max(edge_, nxt_ + field * unit);
  return static_cast<std::uint16_t>(field);
}

bool Receiver::window_update_due(std::int64_t mss) const {
  const Seq offered = offered_edge(mss);
  return offered > edge_ && offered - nxt_ >= 2 * wnd();
}

void Receiver::rest(Stock<IncomingText>& stock) {
  if (!in_ || !in_->queue.empty() || !in_->early.empty() || in_->held_fin) return;
  in_->queue.trim();
  in_->arrivals.clear();
  in_->arrivals.trim();
  stock.give_back(std::move(in_));
}

void Receiver::discard() {
  if (!in_) return;
  in_->queue.clear();
  in_->arrivals.clear();
  in_->early.clear();
  in_->held_fin.reset();
}

}  // namespace tunic
