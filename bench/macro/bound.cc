// The bound: the cheapest TCP peer that can be imagined on a TUN device, and so the limit that the device and the
// kernel's own TCP set. It shakes hands, acknowledges, and sends octets that mean nothing. It copies nothing to an
// application, keeps nothing to retransmit, has no timer, and verifies nothing: it is no stack, and works only where
// nothing is lost.
//
//   --device D --address A    as every peer
//   --raw                     no virtio_net_hdr: packets of the MTU, a window of 256 KiB, an acknowledgment each 64 KiB
//   --copy                    one more copy, from and to an application's buffers of 4 MB
//   --window N                octets, 4194304
//   --spin N                  looks for packets for N microseconds before it sleeps: for a CPU of its own, 0
//   --queues N                threads, each with a queue and a CPU of its own, 1
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "options.h"

namespace {

using namespace bench;

constexpr std::size_t page = 4096, headers = 40, largest = 65'535, application = 4'000'000;
constexpr std::size_t packets_a_burst = 64, super_packets_a_burst = 16, small = 100;
constexpr unsigned scale = 7;
constexpr std::uint8_t fin = 1, syn = 2, rst = 4, psh = 8, ack = 16;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "bound: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

struct Vnet {
  std::uint8_t flags, gso_type;
  std::uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

using Clock = std::chrono::steady_clock;

struct Setup {
  std::string device;
  std::uint32_t address;
  bool raw, copy;
  std::size_t vnet, window, ack_each, burst;
  unsigned queues;
  Clock::duration spin;
};

template <class T>
T get(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
std::uint16_t get16(const std::byte* p) { return ntohs(get<std::uint16_t>(p)); }
std::uint32_t get32(const std::byte* p) { return ntohl(get<std::uint32_t>(p)); }
void put16(std::byte* p, std::size_t v) {
  const std::uint16_t n = htons(static_cast<std::uint16_t>(v));
  std::memcpy(p, &n, sizeof n);
}
void put32(std::byte* p, std::uint32_t v) {
  v = htonl(v);
  std::memcpy(p, &v, sizeof v);
}

std::uint64_t sum(const std::byte* p, std::size_t size, std::uint64_t s = 0) {
  for (; size >= 4; p += 4, size -= 4) s += get<std::uint32_t>(p);
  if (size >= 2) s += get<std::uint16_t>(p), p += 2, size -= 2;
  if (size != 0) s += static_cast<std::uint8_t>(*p);
  return s;
}
std::uint16_t fold(std::uint64_t s) {
  while (s >> 16 != 0) s = (s & 0xffff) + (s >> 16);
  return static_cast<std::uint16_t>(~s);
}

/// Memory on a page boundary, touched.
std::unique_ptr<std::byte, void (*)(void*)> pages(std::size_t size) {
  std::unique_ptr<std::byte, void (*)(void*)> p{
      static_cast<std::byte*>(std::aligned_alloc(page, (size + page - 1) / page * page)), std::free};
  std::memset(p.get(), 'x', size);
  return p;
}

struct Flow {
  bool open = false, dirty = false, closing = false, fin_sent = false;  // closing: FIN follows what is to be sent
  std::uint32_t peer = 0;                                               // in network order
  std::uint16_t port = 0, service = 0;
  std::uint32_t rcv_nxt = 0, snd_nxt = 0, snd_una = 0;
  std::size_t peer_window = 0, mss = 1460, owed = 0;  // owed: sequence numbers received and not acknowledged
  unsigned peer_scale = 0;
  std::uint64_t to_send = 0;
};

constexpr std::size_t services = 4;
std::vector<Flow> flows(65'536 * services);  // by the peer's port and our own; there is one peer

/// A queue of the device and the thread that serves it.
class Queue {
 public:
  Queue(const Setup& setup, bool one_of_several) : setup_{setup}, fd_{open_device(setup, one_of_several)} {
    all_.push_back(fd_);
    for (std::size_t size = 1; size <= 1460; ++size) payload_sums_.push_back(sum(out_.get() + page, size));
  }

  void run() {
    for (;;) serve();
  }

 private:
  static int open_device(const Setup& setup, bool one_of_several) {
    ifreq request{};
    std::strncpy(request.ifr_name, setup.device.c_str(), IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (setup.raw ? 0 : IFF_VNET_HDR) |
                                           (one_of_several ? IFF_MULTI_QUEUE : 0));
    const int fd = open("/dev/net/tun", O_RDWR);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) fail("the device");
    if (ioctl(fd, TUNSETOFFLOAD, setup.raw ? 0ul : static_cast<unsigned long>(TUN_F_CSUM | TUN_F_TSO4)) != 0)
      fail("TUNSETOFFLOAD");
    return fd;
  }

  /// Reads a burst, then answers it. The first read sleeps until there is something, which saves asking with poll(). A
  /// short packet may be a request: it is answered at once, without looking for more.
  void serve() {
    std::size_t size = first_packet();
    for (std::size_t n = 1; n < packets_a_burst && size != 0 && (size > small || bulk_); ++n)
      size = read_packet(RWF_NOWAIT);
    for (Flow* flow : dirty_) output(*flow);
    dirty_.clear();
  }

  std::size_t first_packet() {
    if (setup_.spin == Clock::duration{}) return read_packet(0);
    const Clock::time_point end = Clock::now() + setup_.spin;
    do {
      if (const std::size_t size = read_packet(RWF_NOWAIT)) return size;
    } while (Clock::now() < end);
    return read_packet(0);
  }

  /// The packet's size, or 0. The headers end on a page boundary, so that the kernel copies fast.
  std::size_t read_packet(int flags) {
    std::byte* const packet = in_.get() + page - headers;
    const iovec part{packet - setup_.vnet, setup_.vnet + largest};
    const ssize_t n = preadv2(fd_, &part, 1, -1, flags);
    if (n < 0) return 0;
    const std::size_t size = static_cast<std::size_t>(n) - setup_.vnet;
    if (size >= headers && get<std::uint8_t>(packet) == 0x45 && get<std::uint8_t>(packet + 9) == IPPROTO_TCP)
      segment(packet);
    return size;
  }

  void segment(const std::byte* packet) {
    const std::byte* const tcp = packet + 20;
    const std::size_t service = get16(tcp + 2) - std::size_t{port_sink};
    if (service >= services || get<std::uint32_t>(packet + 16) != setup_.address) return;
    Flow& flow = flows[get16(tcp) * services + service];
    const auto flags = get<std::uint8_t>(tcp + 13);
    bulk_ = flow.service == port_sink || setup_.raw;
    if (flags & syn) return handshake(flow, packet);
    if (!flow.open) return;
    if (flags & rst) return void(flow.open = false);
    flow.snd_una = get32(tcp + 8);
    flow.peer_window = std::size_t{get16(tcp + 14)} << flow.peer_scale;
    const std::size_t before = 20 + (get<std::uint8_t>(tcp + 12) >> 4) * std::size_t{4};
    const std::size_t octets = get16(packet + 2) - 20 - (before - 20);
    if (octets != 0 || (flags & fin) != 0) text(flow, packet, before, octets, (flags & fin) != 0);
    if (flow.owed != 0 || flow.to_send != 0) mark(flow);
    if (flow.owed >= setup_.ack_each) output(flow);
  }

  void text(Flow& flow, const std::byte* packet, std::size_t before, std::size_t octets, bool ends) {
    if (get32(packet + 24) != flow.rcv_nxt) return void(++flow.owed);  // something was lost: ask for it
    if (setup_.copy) copy(application_.get(), packet + before, octets, true);
    flow.owed += octets + ends;
    flow.rcv_nxt += static_cast<std::uint32_t>(octets + ends);
    if (flow.service == port_echo) flow.to_send += octets;
    if (flow.service == port_once && octets != 0) flow.to_send = 1;
    if (flow.service == port_source && ends) flow.to_send = 0;
    if (ends || (flow.service == port_once && octets != 0)) flow.closing = true;
  }

  /// To the application's memory or from it, which is as much as the caches do not hold.
  void copy(std::byte* app, const std::byte* packet, std::size_t octets, bool in) {
    if (place_ + octets > application) place_ = 0;
    if (in)
      std::memcpy(app + place_, packet, octets);
    else
      std::memcpy(out_.get() + page, app + place_, octets);
    place_ += octets;
  }

  void mark(Flow& flow) {
    if (!flow.dirty) dirty_.push_back(&flow);
    flow.dirty = true;
  }

  void handshake(Flow& flow, const std::byte* packet) {
    const std::byte* const tcp = packet + 20;
    flow = {.open = true,
            .dirty = flow.dirty,
            .peer = get<std::uint32_t>(packet + 12),
            .port = get16(tcp),
            .service = get16(tcp + 2)};
    flow.rcv_nxt = get32(tcp + 4) + 1;
    flow.snd_una = flow.snd_nxt = 1;
    flow.peer_window = get16(tcp + 14);
    const std::byte* const end = tcp + (get<std::uint8_t>(tcp + 12) >> 4) * 4;
    for (const std::byte* option = tcp + 20; option < end && *option != std::byte{0};) {
      const auto kind = get<std::uint8_t>(option);
      if (kind == 2) flow.mss = std::min<std::size_t>(get16(option + 2), 1460);
      if (kind == 3) flow.peer_scale = get<std::uint8_t>(option + 2);
      option += kind == 1 ? 1 : std::max<std::uint8_t>(get<std::uint8_t>(option + 1), 2);
    }
    static constexpr std::uint8_t options[] = {2, 4, 1460 >> 8, 1460 & 255, 1, 3, 3, scale};
    std::byte* const out = out_.get() + page - headers - sizeof options;
    std::memcpy(out + headers, options, sizeof options);
    // The device gives a flow to the queue that wrote to it last: so a service's flows go round.
    static std::array<std::atomic<std::size_t>, services> next;
    send_packet(flow, out, sizeof options, 0, syn | ack, all_[next[flow.service - port_sink]++ % all_.size()]);
    if (flow.service == port_source) flow.to_send = ~std::uint64_t{0} / 2;
  }

  /// A burst of what is to be sent, if there is room for one: small ones only make the reader run more often.
  void send_text(Flow& flow) {
    const std::size_t most = setup_.raw ? flow.mss : (largest - headers) / flow.mss * flow.mss;
    const std::size_t in_flight = flow.snd_nxt - flow.snd_una;
    std::size_t room = flow.peer_window > in_flight ? flow.peer_window - in_flight : 0;
    if (room < setup_.burst * most && room < flow.to_send && in_flight != 0) return;
    for (std::size_t i = 0; i < setup_.burst && flow.to_send != 0 && room != 0; ++i) {
      const std::size_t size = std::min<std::uint64_t>({flow.to_send, most, room});
      if (setup_.copy) copy(application_.get(), nullptr, size, false);
      const bool last = size == flow.to_send;
      flow.fin_sent = last && flow.closing;
      send_packet(flow, out_.get() + page - headers, 0, size, last ? flow.closing ? ack | psh | fin : ack | psh : ack);
      flow.to_send -= size;
      room -= size;
    }
  }

  /// Everything that a flow has to say: text, or an acknowledgment alone.
  void output(Flow& flow) {
    flow.dirty = false;
    if (!flow.open) return;
    send_text(flow);
    const bool ends = flow.closing && !flow.fin_sent && flow.to_send == 0;
    if (ends || flow.owed != 0)
      send_packet(flow, out_.get() + page - headers, 0, 0, static_cast<std::uint8_t>(ack | (ends ? fin : 0)));
    flow.fin_sent |= ends;
  }

  void send_packet(Flow& flow, std::byte* packet, std::size_t options, std::size_t octets, std::uint8_t flags,
                   int fd = -1) {
    std::byte* const tcp = packet + 20;
    const std::size_t size = headers + options + octets;
    put32(packet, 0x45000000u | static_cast<std::uint32_t>(size));
    put32(packet + 4, 0x4000);
    put32(packet + 8, 64u << 24 | IPPROTO_TCP << 16);
    std::memcpy(packet + 12, &setup_.address, 4);
    std::memcpy(packet + 16, &flow.peer, 4);
    const std::uint16_t ip_sum = fold(sum(packet, 20));
    std::memcpy(packet + 10, &ip_sum, 2);
    put16(tcp, flow.service);
    put16(tcp + 2, flow.port);
    put32(tcp + 4, flow.snd_nxt);
    put32(tcp + 8, flow.rcv_nxt);
    put32(tcp + 12, static_cast<std::uint32_t>((20 + options) / 4) << 28 | static_cast<std::uint32_t>(flags) << 16 |
                        static_cast<std::uint32_t>(flags & syn ? 65'535 : setup_.window >> scale));
    put32(tcp + 16, 0);
    if (setup_.raw)
      finish_sum(tcp, options, octets);
    else
      offload(packet - setup_.vnet, options, octets, flow.mss);
    flow.snd_nxt += static_cast<std::uint32_t>(octets + ((flags & (syn | fin)) != 0));
    flow.owed = 0;
    if (write(fd >= 0 ? fd : fd_, packet - setup_.vnet, setup_.vnet + size) < 0) std::perror("bound: write");
  }

  void offload(std::byte* header, std::size_t options, std::size_t octets, std::size_t mss) {
    Vnet v{.flags = 1,
           .gso_type = 0,
           .hdr_len = static_cast<std::uint16_t>(headers + options),
           .gso_size = 0,
           .csum_start = 20,
           .csum_offset = 16};
    if (octets > mss) v.gso_type = 1, v.gso_size = static_cast<std::uint16_t>(mss);
    std::memcpy(header, &v, sizeof v);
  }

  /// What the text adds up to is known, for it is always the same, but where it is copied.
  void finish_sum(std::byte* tcp, std::size_t options, std::size_t octets) {
    std::uint64_t s =
        sum(tcp - 8, 8 + 20 + options) + htons(IPPROTO_TCP) + htons(static_cast<std::uint16_t>(20 + options + octets));
    if (octets != 0) s += payload_sums_[octets - 1];
    const std::uint16_t folded = fold(s);
    std::memcpy(tcp + 16, &folded, 2);
  }

  static inline std::vector<int> all_;  // the descriptors of all queues
  const Setup& setup_;
  int fd_;
  bool bulk_ = false;  // of the last packet: nobody waits for its answer
  std::size_t place_ = 0;
  std::vector<Flow*> dirty_;
  std::vector<std::uint64_t> payload_sums_;
  std::unique_ptr<std::byte, void (*)(void*)> in_ = pages(page + largest + page), out_ = pages(page + largest + page),
                                              application_ = pages(application);
};

}  // namespace

int main(int count, char** words) {
  const Options options{count, words};
  const bool raw = options.has("--raw");
  const std::size_t window = options.count("--window", raw ? 262'144 : 4'194'304);
  Setup setup{.device = options.text("--device", "tun0"),
              .address = inet_addr(options.text("--address", "198.18.0.2").c_str()),
              .raw = raw,
              .copy = options.has("--copy"),
              .vnet = raw ? 0 : sizeof(Vnet),
              .window = window,
              .ack_each = options.count("--ack-each", raw ? 65'536 : window / 4),
              .burst = raw ? packets_a_burst : super_packets_a_burst,
              .queues = static_cast<unsigned>(options.count("--queues", 1)),
              .spin = std::chrono::microseconds{options.count("--spin", 0)}};
  std::signal(SIGTERM, [](int) { _exit(0); });
  std::vector<std::unique_ptr<Queue>> queues;
  for (unsigned i = 0; i < setup.queues; ++i) queues.push_back(std::make_unique<Queue>(setup, setup.queues > 1));
  std::puts("ready");
  std::fflush(stdout);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < queues.size(); ++i)
    threads.emplace_back([i, &queues] {
      if (queues.size() > 1) stay_on_cpu(i);
      queues[i]->run();
    });
  for (std::thread& t : threads) t.join();
}
