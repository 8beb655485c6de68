// A Link made bad on purpose (TUNIC_IMPAIR), with a descriptor to wait on: readable when the device is, and while
// packets are held back, once a millisecond.
#pragma once

#include "tun/impair.h"

namespace tunic {

class ImpairedPort final : public Link {
 public:
  /// `inner` is fed by `device`; all outlive this. Throws std::system_error when the kernel has no descriptor left.
  ImpairedPort(Link& inner, int device, Pool& pool, const ImpairSettings& settings);
  ~ImpairedPort() override;

  int fd() const { return waited_on_; }
  std::span<RxPacket> receive(const ReadHint* hint = nullptr) override;
  std::size_t send(std::span<TxPacket> packets) override;

 private:
  void set_timer();

  Impair impair_;
  int timer_;      // timerfd
  int waited_on_;  // epoll of the device and the timer
};

}  // namespace tunic
