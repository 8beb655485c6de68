#include "buf/slab.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace tunic {

// The head of a chunk's header page: what the chunk holds and who refers to it.
struct Chunk {
  Pool* pool;
  Chunk *next, *prev;  // in Pool::partial_ of its class, or in free_chunks_
  Pool::Class cls;
  bool listed;
  std::uint16_t used, fresh;  // blocks handed out; blocks from `fresh` on were never handed out
  std::uint16_t free_head;    // last freed block
  struct Entry {
    std::uint32_t references;
    std::uint16_t next_free;
  } entries[256];

  static constexpr std::uint16_t no_block = 0xffff;
  std::size_t block_size() const { return Pool::block_size(cls); }
  std::byte* block(std::uint16_t i) { return reinterpret_cast<std::byte*>(this) + Pool::page + i * block_size(); }
  std::uint16_t count() const { return static_cast<std::uint16_t>(Pool::payload / block_size()); }
};
static_assert(sizeof(Chunk) <= Pool::page);
static_assert(offsetof(Chunk, entries) + sizeof(Chunk::Entry) <= Pool::page - Pool::headroom,
              "a receive slab has one block");

Pool::Pool(std::size_t limit)
    : chunks_{std::max<std::size_t>(1, limit / chunk_size)}, memory_{new std::byte[chunks_ * chunk_size + page]} {
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
  base_ = memory_.get() + (page - address % page) % page;
}

Pool::~Pool() = default;

void Pool::link(Chunk* c) {
  auto& head = partial_[static_cast<std::size_t>(c->cls)];
  c->prev = nullptr;
  c->next = head;
  if (head != nullptr) head->prev = c;
  head = c;
  c->listed = true;
}

void Pool::unlink(Chunk* c) {
  auto& head = partial_[static_cast<std::size_t>(c->cls)];
  (c->prev != nullptr ? c->prev->next : head) = c->next;
  if (c->next != nullptr) c->next->prev = c->prev;
  c->listed = false;
}

Chunk* Pool::new_chunk(Class c) {
  if (free_chunks() == 0) return nullptr;
  Chunk* chunk = free_chunks_;
  if (chunk != nullptr)
    free_chunks_ = chunk->next;
  else
    chunk = reinterpret_cast<Chunk*>(base_ + touched_++ * chunk_size);
  ++used_chunks_;
  chunk->pool = this;
  chunk->cls = c;
  chunk->used = chunk->fresh = 0;
  chunk->free_head = Chunk::no_block;
  link(chunk);
  return chunk;
}

Chunk* Pool::take(Class c, std::uint16_t& block) {
  if (fail_every_ != 0 && ++fail_count_ % fail_every_ == 0) return nullptr;
  Chunk* chunk = partial_[static_cast<std::size_t>(c)];
  if (chunk == nullptr && (chunk = new_chunk(c)) == nullptr) return nullptr;
  block = chunk->free_head;
  if (block != Chunk::no_block)
    chunk->free_head = chunk->entries[block].next_free;
  else
    block = chunk->fresh++;
  chunk->entries[block].references = 1;
  if (++chunk->used == chunk->count()) unlink(chunk);
  in_use_ += chunk->block_size();
  return chunk;
}

void Pool::release(Chunk* c, std::uint16_t block) {
  if (--c->entries[block].references != 0) return;
  in_use_ -= c->block_size();
  c->entries[block].next_free = c->free_head;
  c->free_head = block;
  if (--c->used == 0) {
    if (c->listed) unlink(c);
    --used_chunks_;
    c->next = free_chunks_;
    free_chunks_ = c;
  } else if (!c->listed) {
    link(c);
  }
}

bool Pool::reserve(std::size_t chunks) {
  if (free_chunks() < chunks) return false;
  reserved_ += chunks;
  return true;
}

Slice Pool::allocate(Class c) {
  std::uint16_t block;
  Chunk* chunk = take(c, block);
  return chunk == nullptr ? Slice{} : Slice{chunk->block(block), block_size(c), Slice::Owner::slab, chunk, block};
}

Slice Pool::allocate_reserved(Class c) {
  const std::uint32_t door = std::exchange(fail_every_, 0);
  Slice s = allocate(c);
  fail_every_ = door;
  if (s.empty()) throw std::bad_alloc{};
  return s;
}

Slice Pool::allocate_receive(std::size_t front) {
  front = std::min(front, headroom);
  std::uint16_t block;
  Chunk* chunk = take(Class::receive, block);
  return chunk == nullptr ? Slice{}
                          : Slice{chunk->block(block) - front, payload + front, Slice::Owner::slab, chunk, block};
}

Slice Pool::copy(Bytes b) {
  if (b.empty() || b.size() > payload) return {};
  Slice s = allocate(class_for(b.size()));
  if (s.empty()) return s;
  std::memcpy(s.mutable_data(), b.data(), b.size());
  s.truncate(b.size());
  return s;
}

void Slice::retain_counted() { ++chunk_->entries[block_].references; }

void Slice::release_counted() {
  chunk_->pool->release(chunk_, block_);
  owner_ = Owner::none;
}

std::size_t Slice::pinned() const { return owner_ == Owner::slab ? chunk_->block_size() : size_; }

std::size_t Slice::tailroom() const {
  if (owner_ != Owner::slab || chunk_->entries[block_].references != 1) return 0;
  return static_cast<std::size_t>(chunk_->block(block_) + chunk_->block_size() - (data_ + size_));
}

}  // namespace tunic
