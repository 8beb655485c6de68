// A Link made bad on purpose (TUNIC_IMPAIR), with a descriptor to wait on: readable when the device is, and while
// packets are held back, once a millisecond. A device that reports an error, for it was deleted, would be readable for
// ever: it is looked at once a second.
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
  void watch_device();
  void set_timer();

  Impair impair_;
  const int device_;
  bool rests_ = false;  // the device reports an error, and is not waited for until receive() is called again
  int timer_;           // timerfd
  int waited_on_;       // epoll of the device and the timer
};

}  // namespace tunic
