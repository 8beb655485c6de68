// A large buffer that starts at a page boundary: a source and a target 1..31 octets apart modulo the page are copied by
// many processors at a tenth of their speed, and 16 is just where malloc puts large blocks.
#pragma once

#include <cstddef>
#include <new>

namespace apps {

class PageBuffer {
 public:
  explicit PageBuffer(std::size_t size)
      : size_{size}, data_{static_cast<char*>(::operator new (size, std::align_val_t{page}))} {}
  ~PageBuffer() { ::operator delete (data_, std::align_val_t{page}); }
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  char* data() { return data_; }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t page = 4096;
  std::size_t size_;
  char* data_;
};

}  // namespace apps
