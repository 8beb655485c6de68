// One queue of a TUN device as a Link: a packet is one readv or one writev, its virtio_net_hdr apart from its octets.
// A received packet is read into a receive slab of the pool, so placed that the text of a packet with the same headers
// as the last large one begins on a page boundary (the kernel's copy is several times slower elsewhere); a short packet
// is moved to a small block and the slab used again at once. The descriptor is non-blocking and stays its owner's; the
// descriptor and the pool outlive the queue. When the device is down or gone packets are lost, as on a cable that is
// cut: TCP's own timers decide what that means.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "buf/link.h"
#include "buf/slab.h"
#include "tun/vnet.h"

namespace tunic {

class Queue final : public Link {
 public:
  static constexpr std::size_t burst = 64;           // packets of one receive()
  static constexpr std::size_t short_packet = 2048;  // up to here a packet does not keep a receive slab
  static constexpr std::size_t flat = 256;           // up to here a packet is written in one piece
  static constexpr unsigned asks_each = 16;          // see receive()

  struct Counts {
    std::uint64_t reads = 0, writes = 0;  // packets that crossed
    std::uint64_t read_errors = 0;        // reads that failed for no reason known here
    std::uint64_t link_down = 0;          // packets to send that met a device that is down or gone
    std::uint64_t refused = 0;            // packets to send that the device will never take
    std::uint64_t malformed = 0;          // packets to send whose length is not what they say: not written
    std::uint64_t truncated = 0;          // packets received that filled the buffer: perhaps cut
    std::uint64_t runts = 0;              // messages shorter than the header that must come first; dropped
    std::uint64_t no_memory = 0;          // packets received and dropped because the pool was empty
  };

  /// `vnet_size`: octets of the virtio_net_hdr before each packet, 0 for none (Device::vnet_size()).
  Queue(int fd, std::size_t vnet_size, Pool& pool);

  /// After many bursts of one short packet, as requests are that wait for their answers, the next such packet is taken
  /// for a burst without asking for another, except at each 16th: a read that finds nothing costs as much as one that
  /// does. What is there all the same the next call receives.
  std::span<RxPacket> receive(const ReadHint* hint = nullptr) override;
  /// Takes all packets unless the device has no room for more just now.
  std::size_t send(std::span<TxPacket> packets) override;

  /// Without a virtio_net_hdr checksums must be complete and packets at most the MTU.
  LinkTraits traits() const;
  int fd() const { return fd_; }
  /// The device is there again, with a header of that size (Device::attach_again()).
  void attached_again(std::size_t vnet_size) {
    vnet_size_ = vnet_size;
    lost_ = false;
  }
  /// The device was deleted, or the far end of the socket closed: nothing comes or goes until attached_again().
  bool lost() const { return lost_; }
  const Counts& counts() const { return counts_; }

 private:
  enum class Read : std::uint8_t { packet, dropped, none };
  enum class Write : std::uint8_t { taken, no_room };

  bool ends_burst(const RxPacket& packet);
  Read read_packet(RxPacket& packet);
  Read drain_one();
  Read read_failed(int code);
  Slice keep(std::size_t size);
  Write write_packet(const TxPacket& packet);
  Write write_flat(const TxPacket& packet);
  Write write_failed(int code);

  int fd_;
  std::size_t vnet_size_;
  Pool& pool_;
  Slice spare_;                  // the receive slab that the next packet is read into
  std::size_t front_ = 52;       // header length to expect: IPv4 and TCP with timestamps
  std::size_t spare_front_ = 0;  // the one for which spare_ was placed
  bool lost_ = false;
  Counts counts_;
  unsigned lone_ = 0, bursts_ = 0;  // bursts in a row that were one short packet; all that were ended by one
  std::size_t received_ = 0;        // packets_ in use
  std::array<RxPacket, burst> packets_;
};

}  // namespace tunic
