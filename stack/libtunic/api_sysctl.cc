// The calls of tunic.h about knobs.
#include <cerrno>
#include <new>

#include "core/sysctl.h"
#include "libtunic/owner.h"
#include "libtunic/tunic.h"

using tunic::fail_with;
using tunic::Process;

int tunic_sysctl_set(const char* name, const char* value) try {
  if (name == nullptr || value == nullptr) return fail_with(EFAULT);
  const auto runtime = Process::instance().running();
  if (!runtime) return fail_with(runtime.error());
  const auto done = (*runtime)->set_sysctl(name, value);
  return done ? 0 : fail_with(static_cast<int>(done.error()));
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

ssize_t tunic_sysctl_get(const char* name, char* value, size_t size) try {
  if (name == nullptr || (value == nullptr && size != 0)) return fail_with(EFAULT);
  const auto runtime = Process::instance().running();
  if (!runtime) return fail_with(runtime.error());
  const auto text = (*runtime)->sysctl(name);
  if (!text) return fail_with(static_cast<int>(text.error()));
  if (size != 0) value[text->copy(value, size - 1)] = '\0';
  return static_cast<ssize_t>(text->size());
} catch (const std::bad_alloc&) {
  return fail_with(ENOMEM);
}

const char* tunic_sysctl_name(size_t index) {
  const auto all = tunic::sysctls();
  return index < all.size() ? all[index].name.data() : nullptr;  // a literal, with its NUL
}
