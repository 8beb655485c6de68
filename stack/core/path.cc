// The way to a destination: how large packets on it may be.
#include "core/impl.h"

namespace tunic {

PathMtu Stack::Impl::path_mtu(const IpAddr& dst, Instant now) const {
  if (addresses.is_local(dst)) return {loop_mtu};
  return pmtu.mtu_to(dst, config.mtu, now);
}

bool Stack::Impl::learn_path_mtu(const IpAddr& dst, std::uint32_t mtu, Instant now) {
  return !addresses.is_local(dst) && pmtu.learn(dst, mtu, config.mtu, now);
}

}  // namespace tunic
