// A target under libFuzzer.
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tunic::fuzz::run({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
