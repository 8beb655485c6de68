#include "buf/byte_queue.h"

#include <algorithm>
#include <cstring>
#include "base/work.h"

namespace tunic {

void ByteQueue::push(Slice s) {
  size_ += s.size();
  pinned_ += s.pinned();
  slices_.push_back(std::move(s));
}

std::size_t ByteQueue::append(Pool& pool, Bytes b) {
  std::size_t done = 0;
  if (!slices_.empty()) {
    Slice& tail = slices_.back();
    done = std::min(tail.tailroom(), b.size());
    if (done != 0) std::memcpy(tail.mutable_data() + tail.size(), b.data(), done);
    tail.grow(done);
    size_ += done;
  }
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
  if (s.owner() != Slice::Owner::lent && s.size() * 2 >= s.pinned()) {
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
  size_ -= n;
  while (n != 0) {
    step();
    Slice& s = slices_.front();
    if (s.size() > n) {
      s.drop_front(n);
      if (cursor_.index == 0)
        cursor_ = {};
      else
        cursor_.start -= n;
      break;
    }
    const std::size_t whole = s.size();
    n -= whole;
    pinned_ -= s.pinned();
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
    if (s.size() > excess) {
      s.truncate(s.size() - excess);
      size_ = n;
      break;
    }
    size_ -= s.size();
    pinned_ -= s.pinned();
    slices_.pop_back();
  }
  cursor_ = {};
}

void ByteQueue::clear() {
  slices_.clear();
  slices_.trim();
  size_ = pinned_ = 0;
  cursor_ = {};
}

}  // namespace tunic
