// A queue of messages, each a head and text: datagrams received, datagrams to send, errors to read. The texts share one
// ByteQueue, so that a million datagrams of one octet do not hold a million blocks, and a message is charged what it
// holds: its text and `overhead`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ring.h"
#include "base/work.h"
#include "buf/byte_queue.h"

namespace tunic {

template <class Head>
struct Queued {
  Head head{};
  std::uint32_t size = 0;  // octets of text
};

template <class Head>
class MessageQueue {
 public:
  using Message = Queued<Head>;
  static constexpr std::size_t overhead = std::max<std::size_t>(64, sizeof(Message));

  bool empty() const { return messages_.empty(); }
  std::size_t count() const { return messages_.size(); }
  /// Octets charged to a buffer, those of an open message too.
  std::size_t charge() const { return text_.size() + messages_.size() * overhead; }
  /// Octets of memory that the texts keep from being reused.
  std::size_t pinned() const { return text_.pinned(); }

  /// Adds a message whose text is kept where it fills its memory, else copied. False: no memory, nothing taken.
  bool push(Pool& pool, const Head& head, Slice text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    if (size != 0 && !text_.append(pool, std::move(text))) return false;
    messages_.push_back({head, size});
    return true;
  }

  /// Adds to the open message at the end, which finish() makes one of the queue. False: no memory, nothing taken.
  bool append(Pool& pool, std::span<const Bytes> pieces) {
    const std::size_t before = text_.size();
    for (const Bytes& piece : pieces) {
      if (text_.append(pool, piece) == piece.size()) continue;
      text_.truncate(before);
      return false;
    }
    open_ += text_.size() - before;
    return true;
  }
  /// Octets of the open message.
  std::size_t open() const { return open_; }
  void finish(const Head& head) {
    messages_.push_back({head, static_cast<std::uint32_t>(open_)});
    open_ = 0;
  }
  /// Forgets the open message.
  void abandon() {
    text_.truncate(text_.size() - open_);
    open_ = 0;
  }

  /// i counts from the oldest.
  Message& operator[](std::size_t i) { return messages_[i]; }
  const Message& operator[](std::size_t i) const { return messages_[i]; }
  Message& front() { return messages_.front(); }
  const Message& front() const { return messages_.front(); }
  /// Copies the oldest message's text as far as `out` has room; returns how much.
  std::size_t copy_front(std::span<const MutBytes> out) const {
    std::size_t done = 0;
    for (const MutBytes& piece : out) {
      const std::size_t n = std::min(piece.size(), front().size - done);
      text_.copy_out(done, piece.first(n));
      done += n;
    }
    return done;
  }
  void pop() {
    text_.drop_front(front().size);
    messages_.pop_front();
  }
  void clear() {
    text_.clear();
    messages_.clear();
    messages_.shrink();
    open_ = 0;
  }
  const ByteQueue& text() const { return text_; }

 private:
  ByteQueue text_;
  Ring<Message> messages_;
  std::size_t open_ = 0;
};

}  // namespace tunic
