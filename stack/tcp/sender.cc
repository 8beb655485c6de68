#include "tcp/sender.h"

#include <algorithm>

namespace tunic {

AckReport Sender::on_ack(Seq ack) {
  AckReport report;
  report.acked = ack - una_;
  una_ = ack;
  nxt_ = std::max(nxt_, ack);  // a probe that was taken back had been taken after all
  if (!out_) return report;
  report.ranges = out_->sent.on_ack(ack);
  const std::int64_t text = std::min(ack, queue_end()) - head_;
  if (text > 0) {
    out_->queue.drop_front(static_cast<std::size_t>(text));
    head_ += text;
    report.text = text;
  }
  return report;
}

void Sender::update_window(Seq seq, Seq ack, std::int64_t window) {
  if (wl2_ < ack || wl1_ < seq || (wl1_ == seq && wl2_ == ack)) {
    wnd_ = static_cast<std::uint32_t>(window);
    max_wnd_ = std::max(max_wnd_, wnd_);
    wl1_ = seq;
    wl2_ = ack;
  }
}

void Sender::on_sent(const Run& run, Instant now, std::uint16_t gso_size, const RateStamp& rate) {
  if (run.retransmit) {
    out_->sent.on_retransmitted(run.begin, run.end, now, gso_size, rate);
    return;
  }
  nxt_ = run.end;
  out_->sent.on_sent({.begin = run.begin,
                      .end = run.end,
                      .first_sent_at = now,
                      .sent_at = now,
                      .rate = rate,
                      .tx_in_flight = flight(),
                      .gso_size = gso_size,
                      .retransmitted = run.begin < out_->taken_back});
}

void Sender::undo(const Run& run) {
  if (!out_) return;  // the connection has ended
  if (run.retransmit) {
    out_->sent.mark_lost(run.begin, run.end);
  } else if (nxt_ > run.begin) {
    out_->sent.undo_sent(run.begin);
    nxt_ = run.begin;
  }
}

void Sender::take_back() {
  out_->taken_back = nxt_;
  undo({una_, nxt_, false});
}

void Sender::rest(Stock<OutgoingText>& stock) {
  if (!out_ || unsent() > 0 || !out_->queue.empty() || !out_->sent.empty()) return;
  out_->queue.trim();
  out_->sent.trim();
  out_->up = out_->taken_back = out_->small_end = {};
  stock.give_back(std::move(out_));
}

Seq Sender::gather(Seq begin, Seq end, TxPacket& packet) const {
  const Seq text_begin = std::max(begin, head_), text_end = std::min(end, queue_end());
  if (text_begin >= text_end) return end;
  const auto size = static_cast<std::size_t>(text_end - text_begin);
  const std::size_t got = out_->queue.gather(static_cast<std::size_t>(text_begin - head_), size, packet);
  return got == size ? end : text_begin + static_cast<std::int64_t>(got);
}

}  // namespace tunic
