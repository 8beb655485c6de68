#include "buf/byte_queue.h"

#include <algorithm>
#include <cstring>
#include "base/work.h"

namespace tunic {

// What a slice weighs, as it comes in or goes.
void ByteQueue::count(const Slice& s, bool in) {
  const auto add = [in](auto& n, std::size_t by) {
    n = static_cast<std::remove_cvref_t<decltype(n)>>(in ? n + by : n - by);
  };
  add(size_, s.size());
  add(pinned_, s.pinned());
  if (!s.is_borrowed()) return;
  add(s.owner() == Slice::Owner::lent ? lent_ : external_, s.size());
  add(places_, (s.size() + Pool::payload - 1) / Pool::payload);
}

void ByteQueue::push(Slice s) {
  count(s, true);
  slices_.push_back(std::move(s));
}

void ByteQueue::borrow(Slice s) {
  if (!s.empty()) push(std::move(s));
}

// Each slice passes from the front to the back, what is borrowed as a copy. Copies of neighbours share blocks.
void ByteQueue::take_over(Pool& pool, Slice::Owner owner) {
  if (borrowed(owner) == 0) return;
  cursor_ = {};
  bool after_copy = false;
  for (std::size_t n = slices_.size(); n > 0; --n) {
    step();
    const Slice s = slices_.pop_front();
    count(s, false);
    if (s.owner() != owner) {
      push(s);
      after_copy = false;
      continue;
    }
    std::size_t done = after_copy ? fill_tail(s.bytes()) : 0;
    while (done < s.size()) {
      step();
      const std::size_t left = s.size() - done;
      Slice block = pool.allocate_reserved(Pool::class_for(left));
      const std::size_t size = std::min(left, block.size());
      std::memcpy(block.mutable_data(), s.data() + done, size);
      block.truncate(size);
      push(std::move(block));
      done += size;
    }
    after_copy = true;
  }
}

// Copies what there is room for into the last block.
std::size_t ByteQueue::fill_tail(Bytes b) {
  Slice& tail = slices_.back();
  const std::size_t n = std::min(tail.tailroom(), b.size());
  if (n != 0) std::memcpy(tail.mutable_data() + tail.size(), b.data(), n);
  tail.grow(n);
  size_ += n;
  return n;
}

std::size_t ByteQueue::append(Pool& pool, Bytes b) {
  std::size_t done = slices_.empty() ? 0 : fill_tail(b);
  while (done < b.size()) {
    step();
    const std::size_t left = b.size() - done;
    // Blocks grow with the queue, so that many small writes end in few blocks.
    Slice block = pool.allocate(Pool::class_for(std::max(left, std::min(size_, Pool::payload))));
    if (block.empty()) block = pool.allocate(Pool::class_for(left));
    if (block.empty()) break;
    const std::size_t n = std::min(left, block.size());
    std::memcpy(block.mutable_data(), b.data() + done, n);
    block.truncate(n);
    push(std::move(block));
    done += n;
  }
  return done;
}

bool ByteQueue::append(Pool& pool, Slice s) {
  if (!s.is_borrowed() && s.size() * 2 >= s.pinned()) {
    push(std::move(s));
    return true;
  }
  const std::size_t room = slices_.empty() ? 0 : slices_.back().tailroom();
  if (room < s.size()) {
    // All or nothing: the block that takes the rest must be there before anything is copied.
    const std::size_t rest = s.size() - room;
    Slice block = pool.allocate(Pool::class_for(std::max(rest, std::min(size_, std::size_t{16384}))));
    if (block.empty()) block = pool.allocate(Pool::class_for(rest));
    if (block.empty()) return false;
    if (room != 0) append(pool, s.bytes().first(room));
    std::memcpy(block.mutable_data(), s.data() + room, rest);
    block.truncate(rest);
    push(std::move(block));
    return true;
  }
  return append(pool, s.bytes()) == s.size();
}

ByteQueue::Place ByteQueue::find(std::size_t offset) const {
  Place p = offset >= cursor_.start && cursor_.index < slices_.size() ? cursor_ : Place{};
  while (p.start + slices_[p.index].size() <= offset) p.start += slices_[p.index++].size(), step();
  return p;
}

void ByteQueue::copy_out(std::size_t offset, MutBytes out) const {
  if (out.empty()) return;
  Place p = find(offset);
  for (std::size_t done = 0; done < out.size(); ++p.index, step()) {
    const Slice& s = slices_[p.index];
    const std::size_t skip = offset + done - p.start;
    const std::size_t n = std::min(s.size() - skip, out.size() - done);
    std::memcpy(out.data() + done, s.data() + skip, n);
    done += n;
    p.start += s.size();
  }
}

std::size_t ByteQueue::gather(std::size_t offset, std::size_t size, TxPacket& packet) const {
  if (size == 0) return 0;
  Place p = find(offset);
  std::size_t done = 0;
  while (done < size && packet.slices < TxPacket::max_slices) {
    step();
    const Slice& s = slices_[p.index];
    const std::size_t skip = offset + done - p.start;
    const std::size_t n = std::min(s.size() - skip, size - done);
    packet.text[packet.slices++] = s.subslice(skip, n);
    done += n;
    if (done == size) break;
    p.start += s.size();
    ++p.index;
  }
  cursor_ = p.index < slices_.size() ? p : Place{};
  return done;
}

void ByteQueue::drop_front(std::size_t n) {
  while (n != 0) {
    step();
    Slice& s = slices_.front();
    count(s, false);
    if (s.size() > n) {
      s.drop_front(n);
      count(s, true);
      if (cursor_.index == 0)
        cursor_ = {};
      else
        cursor_.start -= n;
      break;
    }
    const std::size_t whole = s.size();
    n -= whole;
    slices_.pop_front();
    if (cursor_.index == 0)
      cursor_ = {};
    else
      --cursor_.index, cursor_.start -= whole;
  }
  if (size_ == 0) cursor_ = {};
}

void ByteQueue::truncate(std::size_t n) {
  while (size_ > n) {
    step();
    Slice& s = slices_.back();
    const std::size_t excess = size_ - n;
    count(s, false);
    if (s.size() > excess) {
      s.truncate(s.size() - excess);
      count(s, true);
      break;
    }
    slices_.pop_back();
  }
  cursor_ = {};
}

void ByteQueue::clear() {
  slices_.clear();
  slices_.trim();
  size_ = pinned_ = lent_ = external_ = 0;
  places_ = 0;
  cursor_ = {};
}

}  // namespace tunic
