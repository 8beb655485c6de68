#include "tun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace peer {
namespace {

constexpr std::size_t page = 4096, largest = 65'535, ip_header = 20, tcp_header = 20, tcp_checksum = 16;
constexpr std::uint8_t tcp_protocol = 6;

/// What the device puts before each packet: <linux/virtio_net.h> is C.
struct VnetHeader {
  std::uint8_t flags, gso_type;
  std::uint16_t header_size, gso_size, checksum_start, checksum_offset;
};
constexpr std::uint8_t needs_checksum = 1;

struct Tun {
  int fd = -1;
  bool vnet = false;
};
Tun tun;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "lwip: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

/// A packet that the device gave. Free ones wait in a list, the last first, so that few are used and stay in the cache.
struct Buffer {
  pbuf_custom custom;  // first: lwIP gives it back by this address
  Buffer* next = nullptr;
  std::byte* start = nullptr;  // so that text begins on a page, where the kernel copies fastest
};
Buffer* spare = nullptr;

void give_back(pbuf* p) {
  auto* buffer = reinterpret_cast<Buffer*>(p);
  buffer->next = spare;
  spare = buffer;
}

Buffer& take() {
  if (Buffer* buffer = spare) {
    spare = buffer->next;
    return *buffer;
  }
  auto* buffer = new Buffer{};
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(page, 17 * page + page));
  if (memory == nullptr) throw std::bad_alloc{};
  buffer->start = memory + page - ip_header - tcp_header;
  buffer->custom.custom_free_function = give_back;
  return *buffer;
}

/// The checksum of the pseudo-header, which the device wants to find where it puts the whole.
std::uint16_t pseudo_sum(const std::byte* ip, std::uint16_t tcp_size) {
  std::uint32_t sum = htons(tcp_protocol) + std::uint32_t{htons(tcp_size)};
  for (std::size_t i = 12; i < ip_header; i += 2) {
    std::uint16_t word;
    std::memcpy(&word, ip + i, 2);
    sum += word;
  }
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

err_t send(netif*, pbuf* p, const ip4_addr_t*) {
  constexpr std::size_t most = 16;
  VnetHeader vnet{};
  iovec parts[most];
  int count = 0;
  if (tun.vnet) {
    auto* ip = static_cast<std::byte*>(p->payload);
    if (ip[9] == std::byte{tcp_protocol} && p->len >= ip_header + tcp_header) {
      vnet.flags = needs_checksum;
      vnet.checksum_start = ip_header;
      vnet.checksum_offset = tcp_checksum;
      const std::uint16_t sum = pseudo_sum(ip, static_cast<std::uint16_t>(p->tot_len - ip_header));
      std::memcpy(ip + ip_header + tcp_checksum, &sum, 2);
    }
    parts[count++] = {&vnet, sizeof vnet};
  }
  for (const pbuf* q = p; q != nullptr && count < static_cast<int>(most); q = q->next)
    parts[count++] = {q->payload, q->len};
  return writev(tun.fd, parts, count) < 0 ? ERR_BUF : ERR_OK;
}

err_t start(netif* n) {
  n->name[0] = 't';
  n->name[1] = 'n';
  n->output = send;
  n->flags = NETIF_FLAG_LINK_UP;
#if LWIP_CHECKSUM_CTRL_PER_NETIF
  if (tun.vnet)
    NETIF_SET_CHECKSUM_CTRL(
        n, NETIF_CHECKSUM_ENABLE_ALL & ~NETIF_CHECKSUM_GEN_TCP & ~NETIF_CHECKSUM_CHECK_TCP & ~NETIF_CHECKSUM_CHECK_IP);
#endif
  return ERR_OK;
}

}  // namespace

int open_tun(const TunOptions& options, netif& n) {
  tun.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tun.fd < 0) fail("/dev/net/tun");
  tun.vnet = !options.raw;
  ifreq request{};
  options.device.copy(request.ifr_name, IFNAMSIZ - 1);
  const int flags = IFF_TUN | IFF_NO_PI | (tun.vnet ? IFF_VNET_HDR : 0);
  request.ifr_flags = static_cast<short>(flags);
  if (ioctl(tun.fd, TUNSETIFF, &request) != 0) {
    request.ifr_flags = static_cast<short>(flags | IFF_MULTI_QUEUE);
    if (ioctl(tun.fd, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  }
  // lwIP takes super-packets as they come; it sends none.
  if (ioctl(tun.fd, TUNSETOFFLOAD, tun.vnet ? TUN_F_CSUM | TUN_F_TSO4 : 0) != 0 && tun.vnet) fail("TUNSETOFFLOAD");

  ip4_addr_t address, mask, gateway;
  if (!ip4addr_aton(options.address.c_str(), &address)) fail("--address");
  IP4_ADDR(&mask, 255, 255, 255, 0);
  ip4_addr_set_zero(&gateway);
  netif_add(&n, &address, &mask, &gateway, nullptr, start, ip4_input);
  n.mtu = options.mtu;
  netif_set_default(&n);
  netif_set_up(&n);
  return tun.fd;
}

bool receive(netif& n) {
  Buffer& buffer = take();
  VnetHeader vnet;
  iovec parts[] = {{&vnet, sizeof vnet}, {buffer.start, largest}};
  const auto got = tun.vnet ? readv(tun.fd, parts, 2) : read(tun.fd, buffer.start, largest);
  const auto header = tun.vnet ? static_cast<ssize_t>(sizeof vnet) : 0;
  if (got <= header) {
    give_back(&buffer.custom.pbuf);
    return false;
  }
  pbuf* p =
      pbuf_alloced_custom(PBUF_RAW, static_cast<u16_t>(got - header), PBUF_REF, &buffer.custom, buffer.start, largest);
  if (n.input(p, &n) != ERR_OK) pbuf_free(p);
  return true;
}

}  // namespace peer
