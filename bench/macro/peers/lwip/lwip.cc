// lwIP under test: its raw API, which copies nothing that it need not, in one loop over a TUN device.
//
//   PROGRAM --device tun0 --address 198.18.0.2 [--raw] [--mtu N]
//
// Built twice: with Debian's library as it is (lwip), and from Debian's sources with the options of tuned/lwipopts.h
// (lwip-tuned). Ports: 7001 reads and discards, 7002 sends until the other closes, 7003 answers each read with the same
// octets, 7004 reads one octet, writes one and closes.
extern "C" {
#include <lwip/opt.h>  // declares functions, and does not say that they are C's
}
#include <lwip/init.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#if !NO_SYS
#include <lwip/sys.h>
#include <lwip/tcpip.h>
#endif
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tun.h"

#if NO_SYS
extern "C" u32_t sys_now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<u32_t>(t.tv_sec * 1000 + t.tv_nsec / 1'000'000);
}
#define LOCK_TCPIP_CORE()
#define UNLOCK_TCPIP_CORE()
#endif

namespace peer {
namespace {

constexpr std::size_t most_time_wait = 64;  // lwIP itself takes the oldest when its pool is empty; it looks at all of
                                            // them for each SYN
alignas(4096) const char text[65'536] = {};

void close(tcp_pcb* pcb) {
  tcp_recv(pcb, nullptr);
  tcp_sent(pcb, nullptr);
  tcp_arg(pcb, nullptr);
  if (tcp_close(pcb) != ERR_OK) tcp_abort(pcb);
}

/// 7001: each pbuf goes back at once.
err_t sink(void*, tcp_pcb* pcb, pbuf* p, err_t) {
  if (p == nullptr) {
    close(pcb);
    return ERR_OK;
  }
  tcp_recved(pcb, p->tot_len);
  pbuf_free(p);
  return ERR_OK;
}

/// 7002: by reference, whole segments.
void fill(tcp_pcb* pcb) {
  const std::size_t mss = tcp_mss(pcb);
  const std::size_t piece = std::max<std::size_t>(mss, 65'535 / mss * mss);
  while (tcp_sndbuf(pcb) >= piece && tcp_write(pcb, text, static_cast<u16_t>(piece), TCP_WRITE_FLAG_MORE) == ERR_OK)
    continue;
}
err_t refill(void*, tcp_pcb* pcb, u16_t) {
  fill(pcb);
  return ERR_OK;
}
err_t source(void*, tcp_pcb* pcb, pbuf* p, err_t) {
  if (p == nullptr) {
    tcp_recv(pcb, nullptr);
    tcp_abort(pcb);  // what waits to be sent is for nobody
    return ERR_ABRT;
  }
  tcp_recved(pcb, p->tot_len);
  pbuf_free(p);
  return ERR_OK;
}

/// 7003: what came in waits here, as the argument of the connection, until there is room to send it.
pbuf* answer(tcp_pcb* pcb, pbuf* waiting) {
  while (waiting != nullptr && tcp_sndbuf(pcb) != 0) {
    const auto size = static_cast<u16_t>(std::min<std::size_t>(waiting->len, tcp_sndbuf(pcb)));
    if (tcp_write(pcb, waiting->payload, size, TCP_WRITE_FLAG_COPY) != ERR_OK) break;
    tcp_recved(pcb, size);
    waiting = pbuf_free_header(waiting, size);
  }
  return waiting;
}
err_t answer_more(void* waiting, tcp_pcb* pcb, u16_t) {
  if (waiting != nullptr) tcp_arg(pcb, answer(pcb, static_cast<pbuf*>(waiting)));
  return ERR_OK;
}
err_t echo(void* waiting, tcp_pcb* pcb, pbuf* p, err_t) {
  auto* first = static_cast<pbuf*>(waiting);
  if (p == nullptr) {
    if (first != nullptr) pbuf_free(first);
    close(pcb);
    return ERR_OK;
  }
  if (first != nullptr) {
    pbuf_cat(first, p);
    p = first;
  }
  tcp_arg(pcb, answer(pcb, p));
  return ERR_OK;
}
void forget(void* waiting, err_t) {
  if (waiting != nullptr) pbuf_free(static_cast<pbuf*>(waiting));
}

/// 7004.
void trim_time_wait() {
  std::size_t n = 0;
  tcp_pcb* last = nullptr;
  for (tcp_pcb* pcb = tcp_tw_pcbs; pcb != nullptr; pcb = pcb->next, ++n) last = pcb;
  if (n > most_time_wait) tcp_abort(last);
}
err_t once(void*, tcp_pcb* pcb, pbuf* p, err_t) {
  if (p != nullptr) {
    tcp_recved(pcb, p->tot_len);
    tcp_write(pcb, p->payload, 1, TCP_WRITE_FLAG_COPY);
    pbuf_free(p);
  }
  close(pcb);
  trim_time_wait();
  return ERR_OK;
}

template <tcp_recv_fn receive, tcp_sent_fn sent, tcp_err_fn error = nullptr>
err_t accept(void*, tcp_pcb* pcb, err_t) {
  if (pcb == nullptr) return ERR_VAL;
  tcp_nagle_disable(pcb);
  tcp_recv(pcb, receive);
  tcp_sent(pcb, sent);
  tcp_err(pcb, error);
  tcp_arg(pcb, nullptr);
  if constexpr (sent == refill) {
    fill(pcb);
    tcp_output(pcb);
  }
  return ERR_OK;
}

void listen(u16_t port, tcp_accept_fn accepted) {
  tcp_pcb* pcb = tcp_new();
  if (pcb == nullptr || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK ||
      (pcb = tcp_listen_with_backlog(pcb, 255)) == nullptr) {
    std::fprintf(stderr, "lwip: port %d cannot be listened at\n", port);
    std::exit(1);
  }
  tcp_accept(pcb, accepted);
}

void start_lwip() {
#if NO_SYS
  lwip_init();
#else
  sys_sem_t ready;
  sys_sem_new(&ready, 0);
  tcpip_init([](void* sem) { sys_sem_signal(static_cast<sys_sem_t*>(sem)); }, &ready);
  sys_arch_sem_wait(&ready, 0);
#endif
}

/// Until a signal says to end. Sixty-four packets at most before the timers are looked at.
void serve(int fd, int signals, netif& n) {
  for (;;) {
    LOCK_TCPIP_CORE();
    int packets = 0;
    while (packets < 64 && receive(n)) ++packets;
    int timeout = 1000;
#if NO_SYS
    sys_check_timeouts();
    timeout = static_cast<int>(std::min<u32_t>(sys_timeouts_sleeptime(), 1000));
#endif
    UNLOCK_TCPIP_CORE();
    if (packets == 64) continue;
    pollfd set[] = {{fd, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(set, 2, timeout) > 0 && set[1].revents != 0) return;
  }
}

}  // namespace

int run(int argc, char** argv) {
  TunOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--raw") {
      options.raw = true;
    } else if (i + 1 < argc && name == "--device") {
      options.device = argv[++i];
    } else if (i + 1 < argc && name == "--address") {
      options.address = argv[++i];
    } else if (i + 1 < argc && name == "--mtu") {
      options.mtu = static_cast<std::uint16_t>(std::atoi(argv[++i]));
    } else {
      std::fprintf(stderr, "usage: lwip [--device tun0] [--address 198.18.0.2] [--raw] [--mtu 1500]\n");
      return 1;
    }
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);  // before lwIP has threads

  start_lwip();
  static netif n;
  LOCK_TCPIP_CORE();
  const int fd = open_tun(options, n);
  listen(7001, accept<sink, nullptr>);
  listen(7002, accept<source, refill>);
  listen(7003, accept<echo, answer_more, forget>);
  listen(7004, accept<once, nullptr>);
  UNLOCK_TCPIP_CORE();
  std::puts("ready");
  std::fflush(stdout);
  serve(fd, signalfd(-1, &ends, SFD_CLOEXEC), n);
  return 0;
}

}  // namespace peer

int main(int argc, char** argv) { return peer::run(argc, argv); }
