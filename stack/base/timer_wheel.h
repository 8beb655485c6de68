// All deadlines of a Stack: a hierarchical timing wheel (Varghese and Lauck, 1987) of 8 levels with 64 slots, ticks of
// 2^19 ns (0.52 ms). Nodes live in their owners. A node never comes out before its time and is due at the tick that
// follows it.
//
// Every operation takes a bounded number of steps: arm() and cancel() touch one slot; pop_due() moves at most `moves`
// nodes to a finer level, each node at most 7 times in its life, and goes on in the next call if that was not enough.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/intrusive_list.h"
#include "base/time.h"

namespace tunic {

/// One deadline. The owner cancels it before it goes away.
struct TimerNode : ListHook<TimerNode> {
  Instant when{};           // set by arm()
  std::uint32_t owner = 0;  // whose deadline: the caller's number
  bool is_armed() const { return is_linked(); }

 private:
  friend class TimerWheel;
  std::uint16_t slot_ = 0;
};

class TimerWheel {
 public:
  static constexpr std::size_t moves = 256;
  static constexpr Duration granularity{std::int64_t{1} << 19};

  TimerWheel() = default;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Sets the node's deadline, whether it had one or not; `never` cancels.
  void arm(TimerNode& node, Instant when);
  /// No effect unless the node is armed.
  void cancel(TimerNode& node);
  /// A node whose time has come, no longer armed, or nullptr. The earliest tick comes first; within a tick, the node
  /// that was armed first. `now` never goes back. After nullptr more may be due only if next() <= now.
  TimerNode* pop_due(Instant now);
  /// When to call pop_due() next: at or before the first tick at which a node is due; `never` if none is armed. A call
  /// of pop_due(next()) gives a node, or moves `moves` nodes, or raises next().
  Instant next() const;
  std::size_t size() const { return size_; }

 private:
  using Tick = std::uint64_t;  // counts granularity from the earliest Instant there is: 45 bits and a carry
  static constexpr unsigned tick_bits = 19, level_bits = 6, levels = 8, slots = 1u << level_bits;
  struct Slot {
    IntrusiveList<TimerNode> nodes;
    Tick earliest = 0;  // no node of the slot is earlier
  };

  static Tick tick_reached(Instant now);
  static Tick tick_after(Instant when);
  Tick tick_of(const TimerNode& node) const;
  void place(TimerNode& node, unsigned lowest_level);
  void remove(TimerNode& node);
  std::size_t first_slot() const;
  Tick slot_start(std::size_t slot) const;
  void catch_up(Tick reached);
  void cascade(std::size_t first, std::size_t& budget);

  // A node is on the level of the highest digit (of 6 bits) in which its tick differs from base_, in the slot of that
  // digit. So every node of a level is earlier than every node of a higher level, and the first slot of the lowest
  // level in use has the earliest node. While a slot is cascading, it goes first and new nodes of its span join its
  // end, which keeps the order.
  static constexpr std::size_t none = levels * slots;
  Tick base_ = 0;                 // no node is earlier
  std::size_t cascading_ = none;  // a slot whose nodes are moving to finer levels; never empty
  std::size_t size_ = 0;
  std::array<std::uint64_t, levels> used_{};  // a bit a slot
  std::array<Slot, levels * slots> slots_;
};

}  // namespace tunic
