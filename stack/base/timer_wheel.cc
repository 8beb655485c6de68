#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace tunic {
namespace {

constexpr std::uint64_t origin = std::uint64_t{1} << 63;  // makes the earliest Instant 0

std::uint64_t since_origin(Instant t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()) ^ origin; }

}  // namespace

TimerWheel::Tick TimerWheel::tick_reached(Instant now) { return since_origin(now) >> tick_bits; }

TimerWheel::Tick TimerWheel::tick_after(Instant when) {
  const std::uint64_t t = since_origin(when);
  return (t >> tick_bits) + ((t & ((std::uint64_t{1} << tick_bits) - 1)) != 0);
}

// A time that had passed when the node was armed is that of base_, which cannot go on before the node has come out.
TimerWheel::Tick TimerWheel::tick_of(const TimerNode& node) const { return std::max(tick_after(node.when), base_); }

void TimerWheel::arm(TimerNode& node, Instant when) {
  cancel(node);
  node.when = when;
  if (when == never) return;
  place(node, cascading_ == none ? 0 : static_cast<unsigned>(cascading_ / slots));
  ++size_;
}

void TimerWheel::cancel(TimerNode& node) {
  if (!node.is_armed()) return;
  remove(node);
  --size_;
}

void TimerWheel::place(TimerNode& node, unsigned lowest_level) {
  const Tick tick = tick_of(node);
  const auto differing = static_cast<unsigned>(std::bit_width(tick ^ base_));
  const unsigned level = std::max(lowest_level, differing == 0 ? 0 : (differing - 1) / level_bits);
  const auto digit = static_cast<unsigned>(tick >> (level * level_bits)) & (slots - 1);
  node.slot_ = static_cast<std::uint16_t>(level * slots + digit);
  Slot& slot = slots_[node.slot_];
  slot.earliest = slot.nodes.empty() ? tick : std::min(slot.earliest, tick);
  slot.nodes.push_back(node);
  used_[level] |= std::uint64_t{1} << digit;
}

void TimerWheel::remove(TimerNode& node) {
  slots_[node.slot_].nodes.erase(node);
  if (!slots_[node.slot_].nodes.empty()) return;
  used_[node.slot_ / slots] &= ~(std::uint64_t{1} << (node.slot_ % slots));
  if (cascading_ == node.slot_) cascading_ = none;
}

// The slot with the earliest node.
std::size_t TimerWheel::first_slot() const {
  if (cascading_ != none) return cascading_;
  for (std::size_t level = 0; level < levels; ++level)
    if (used_[level] != 0) return level * slots + static_cast<std::size_t>(std::countr_zero(used_[level]));
  return none;
}

TimerNode* TimerWheel::pop_due(Instant now) {
  const Tick reached = tick_reached(now);
  for (std::size_t budget = moves;;) {
    const std::size_t first = first_slot();
    if (first == none || slots_[first].earliest > reached) {
      catch_up(reached);
      return nullptr;
    }
    if (first < slots) {  // on the finest level: one tick a slot
      TimerNode& node = slots_[first].nodes.front();
      base_ = tick_of(node);
      cancel(node);
      return &node;
    }
    if (budget == 0) return nullptr;
    cascade(first, budget);
  }
}

// Nothing is due: base_ may follow the time as far as every node keeps its level.
void TimerWheel::catch_up(Tick reached) {
  const std::size_t first = first_slot();
  Tick limit = reached;
  if (first != none) limit = std::min(limit, slot_start(first) - 1);
  base_ = std::max(base_, limit);
}

// Brings base_ to the start of a slot and its nodes to finer levels, in order, as far as the budget goes.
void TimerWheel::cascade(std::size_t first, std::size_t& budget) {
  base_ = std::max(base_, slot_start(first));
  cascading_ = first;
  for (; cascading_ != none && budget != 0; --budget) {
    TimerNode& node = slots_[first].nodes.front();
    remove(node);
    place(node, 0);
  }
}

TimerWheel::Tick TimerWheel::slot_start(std::size_t slot) const {
  const std::size_t shift = slot / slots * level_bits;
  return slots_[slot].earliest >> shift << shift;
}

Instant TimerWheel::next() const {
  const std::size_t first = first_slot();
  if (first == none || slots_[first].earliest >> (64 - tick_bits) != 0) return never;
  return Instant{Duration{static_cast<std::int64_t>((slots_[first].earliest << tick_bits) ^ origin)}};
}

}  // namespace tunic
