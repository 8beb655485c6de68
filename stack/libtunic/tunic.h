/** @file
 *  The socket calls of Tunic, a TCP/IP stack that lives in your program and speaks through a TUN device.
 *
 *  Each call is the call of Linux without its `tunic_`: the same arguments, results and errno (see `man 2 socket`),
 *  blocking or not, from any number of threads. A socket's number is a descriptor number of this process, so it never
 *  collides with the kernel's; a number that is not ours goes to the kernel's own call of that name. The comments say
 *  only what is special here.
 *
 *  Nothing needs to be started: the first tunic_socket() does it, as the environment says:
 *
 *  - TUNIC_DEVICE: name of the TUN device, default "tun0": attached if it exists, else created; "lo": no device at all,
 *    only the stack's own loopback addresses (127.0.0.0/8, `::1` and TUNIC_ADDRESS)
 *  - TUNIC_FD: number of an open TUN descriptor; wins over TUNIC_DEVICE, and becomes the library's
 *  - TUNIC_ADDRESS: our own addresses, default `198.18.0.2/24,fd00:7::2/64`
 *  - TUNIC_GATEWAY: whom the default routes go through (`198.18.0.1,fd00:7::1`). All packets go to the TUN device,
 * whoever is behind it; of several IPv4 addresses, the one in the gateway's network speaks to the world
 *  - TUNIC_ROUTE: what becomes of packets to other hosts, e.g. `10.0.0.0/8 src 198.18.0.2 mtu 1400,unreachable
 *    203.0.113.0/24,default via 198.18.0.1`: at most 64 of `[KIND] DESTINATION [via A] [src A] [mtu N] [metric N]`. The
 *    longest prefix wins, then the least metric, then the first; whatever no route names goes to the device. KIND is
 *    `unicast`, `unreachable` (calls give EHOSTUNREACH), `prohibit` (EACCES), `blackhole` (EINVAL) or `throw`
 *    (ENETUNREACH); `src` is the address to speak from, `mtu` 576..65535 octets (1280.. for IPv6)
 *  - TUNIC_MTU: octets of an IP packet, 1280..65535 (576.. where there is no IPv6 address), default the device's
 *  - TUNIC_LINGER: seconds that a normal exit waits for sent data to be acknowledged, 0..3600, default 5
 *  - TUNIC_SYSCTL: knobs under Linux's names, e.g. `net.ipv4.tcp_fin_timeout=30,net.ipv4.tcp_rmem=4096 131072 6291456`;
 *    docs/sysctl.md lists them
 *  - TUNIC_IMPAIR: for tests: loses, reorders and repeats packets both ways, e.g.
 *    `loss=1%,reorder=1%,duplicate=1%,seed=7`
 *
 *  The library never prints and never ends the process. A call on a socket of ours is no point of cancellation: a
 * thread that is to be cancelled (pthread_cancel) goes on until the call returns. After fork() the child's sockets and
 * epolls give EBADF, until tunic_close(), tunic_dup2() or tunic_dup3() makes the number free for another use; the
 * parent's go on undisturbed. Address families: AF_INET and AF_INET6. Types: SOCK_STREAM and SOCK_DGRAM (UDP, ICMP
 * echo), with SOCK_NONBLOCK and SOCK_CLOEXEC. */
#ifndef TUNIC_H
#define TUNIC_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct mmsghdr;

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** What tunic_start() may be told. Set `size`, leave the rest zero: a field that is zero is taken from the environment,
 *  and where that is silent too it has its default. */
struct tunic_config {
  size_t size;         /**< sizeof(struct tunic_config) */
  const char* device;  /**< as TUNIC_DEVICE */
  int fd;              /**< as TUNIC_FD; the library duplicates it, and the caller may close it after tunic_start() */
  const char* address; /**< as TUNIC_ADDRESS */
  const char* gateway; /**< as TUNIC_GATEWAY */
  int mtu;             /**< as TUNIC_MTU, octets */
  int linger;          /**< as TUNIC_LINGER, seconds; -1: do not wait at exit */
  const char* impair;  /**< as TUNIC_IMPAIR */
  const char* sysctl;  /**< as TUNIC_SYSCTL */
  const char* route;   /**< as TUNIC_ROUTE */
};

/** Starts the stack now, rather than at the first tunic_socket().
 *  @param config  NULL: all from the environment.
 *  @return 0, or -1 with errno: EALREADY (it runs already), EINVAL (a text or number that cannot be meant), EACCES or
 *          EPERM (no right to the device), ENODEV or ENOENT (no such device), ENOMEM, EMFILE. tunic_start_error() has
 *          the sentence. After a failure it may be called again. */
int tunic_start(const struct tunic_config* config);

/** Why the last start failed, as one sentence without a newline that says what is wrong and what mends it; "" if none
 *  failed. The text belongs to the library and stays valid until the calling thread calls this again. */
const char* tunic_start_error(void);

/** Why the stack's device carries no packets just now, as one sentence like tunic_start_error()'s: it is down, or was
 *  deleted and is not there again. "" while it does, and before a start. Connections outlive both. The text stays valid
 *  until the calling thread calls this again. */
const char* tunic_device_error(void);

/** Changes a knob of the running stack, which is started if need be.
 *  @param name   Linux's name for it, such as "net.ipv4.tcp_fin_timeout"; docs/sysctl.md lists them.
 *  @param value  as `sysctl` takes it; several numbers have white space between them.
 *  @return 0, or -1 with errno: ENOENT (no such knob), EACCES (it is only to be read), EINVAL (not one of its values).
 */
int tunic_sysctl_set(const char* name, const char* value);
/** Tells the value of a knob.
 *  @param value  gets as much of it as there is room for, and always a final NUL unless `size` is 0.
 *  @param size   octets of `value`.
 *  @return the length of the whole value without its NUL, or -1 with errno: ENOENT. */
ssize_t tunic_sysctl_get(const char* name, char* value, size_t size);
/** The names of all knobs, one by one.
 *  @param index  0, 1, 2 ...
 *  @return a text that is valid for ever; NULL after the last. */
const char* tunic_sysctl_name(size_t index);

/** A blank socket: not bound, not connected.
 *  @param domain    AF_INET or AF_INET6, else EAFNOSUPPORT.
 *  @param type      SOCK_STREAM or SOCK_DGRAM, may be or-ed with SOCK_NONBLOCK and SOCK_CLOEXEC; else ESOCKTNOSUPPORT
 * or EINVAL.
 *  @param protocol  0; IPPROTO_TCP for SOCK_STREAM; for SOCK_DGRAM IPPROTO_UDP, or IPPROTO_ICMP (AF_INET) or
 *                   IPPROTO_ICMPV6 (AF_INET6): echo requests out and their replies in, with the ICMP header, whose
 *                   identifier is the socket's port; any user may. Else EPROTONOSUPPORT.
 *  @return the new socket, or -1. Besides Linux's errno: those of tunic_start(), if this call had to start the stack.
 *          A socket does not outlive execve(): there its number, unless SOCK_CLOEXEC closes it, is that of a descriptor
 *          that is never ready. */
int tunic_socket(int domain, int type, int protocol);

/** Gives the socket a local address. Port 0 takes a free port at once. EADDRNOTAVAIL: neither in TUNIC_ADDRESS nor
 *  loopback. */
int tunic_bind(int fd, const struct sockaddr* address, socklen_t length);
/** Takes connections from now on; binds to a free port if need be.
 *  @param backlog  connections that may wait for tunic_accept(): 1..4096, what is less or more counts as the nearest;
 *                  negative: 4096. */
int tunic_listen(int fd, int backlog);
/** The oldest connection that waits. ECONNABORTED: it has ended meanwhile, and `address` was asked for. */
int tunic_accept(int fd, struct sockaddr* address, socklen_t* length);
/** tunic_accept(), with flags for the new socket.
 *  @param flags  SOCK_NONBLOCK and SOCK_CLOEXEC; else EINVAL. */
int tunic_accept4(int fd, struct sockaddr* address, socklen_t* length, int flags);
/** Opens a connection; of a datagram socket, chooses the peer, at once and as often as one likes. AF_UNSPEC lets go of
 *  either. ETIMEDOUT after 3 minutes without an answer, unless TCP_SYNCNT says otherwise (RFC 9293 section
 *  3.8.3); SO_SNDTIMEO bounds how long a blocking call waits for it. */
int tunic_connect(int fd, const struct sockaddr* address, socklen_t length);
/** Ends one direction of a connection, or both; a listener stops on SHUT_RD.
 *  @param how  SHUT_RD, SHUT_WR or SHUT_RDWR; else EINVAL. */
int tunic_shutdown(int fd, int how);
/** Lets go of the number, and with the last one that stands for it of the socket. A call that another thread is blocked
 *  in on this number returns -1 with EBADF; on Linux it would go on. Sent data is still delivered afterwards, as
 * SO_LINGER says. */
int tunic_close(int fd);
/** Another number, the lowest free one, for the same socket with the same options and flags. FD_CLOEXEC belongs to the
 *  number. */
int tunic_dup(int fd);
/** tunic_dup() to a chosen number. What that stood for before, ours or the kernel's, is closed as by tunic_close();
 *  `fd` may be the kernel's too. A number of ours that goes by the kernel's own close() or dup2() keeps its socket
 * until the number becomes ours again. */
int tunic_dup2(int fd, int number);
/** tunic_dup2(), with flags; EINVAL where both numbers are the same.
 *  @param flags  O_CLOEXEC; else EINVAL. */
int tunic_dup3(int fd, int number, int flags);

/** The next octets of the stream, 0 is its end; or the next datagram, of which the rest is lost. */
ssize_t tunic_read(int fd, void* buffer, size_t size);
/** tunic_read() into several buffers.
 *  @param count  0..IOV_MAX (1024), else EINVAL. */
ssize_t tunic_readv(int fd, const struct iovec* vector, int count);
/** tunic_read(), with flags.
 *  @param flags  MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC (a stream's data is thrown away; of a datagram the full
 *                length is returned), MSG_OOB, MSG_ERRQUEUE. */
ssize_t tunic_recv(int fd, void* buffer, size_t size, int flags);
/** tunic_recv(), with the sender's address. On a stream the address is left alone and its length becomes 0. */
ssize_t tunic_recvfrom(int fd, void* buffer, size_t size, int flags, struct sockaddr* address, socklen_t* length);
/** Queues octets for the peer; a blocking call waits until all are queued. EPIPE of a stream comes with SIGPIPE. Of a
 *  datagram socket, sends one datagram. */
ssize_t tunic_write(int fd, const void* data, size_t size);
/** tunic_write() from several buffers.
 *  @param count  0..IOV_MAX (1024), else EINVAL. */
ssize_t tunic_writev(int fd, const struct iovec* vector, int count);
/** tunic_write(), with flags.
 *  @param flags  MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE, MSG_OOB; on a socket with SO_ZEROCOPY also MSG_ZEROCOPY: the
 * data may not change until MSG_ERRQUEUE reports the call, and ENOBUFS says that 1024 wait (docs/sockets.md). */
ssize_t tunic_send(int fd, const void* data, size_t size, int flags);
/** tunic_send() to an address. On a stream the address is not used. */
ssize_t tunic_sendto(int fd, const void* data, size_t size, int flags, const struct sockaddr* address,
                     socklen_t length);

/** Receives into several buffers, with the sender's address, control messages and flags.
 *  @param message  as recvmsg(2) has it: msg_namelen, msg_controllen and msg_flags (MSG_TRUNC, MSG_CTRUNC, MSG_OOB,
 *                  MSG_ERRQUEUE) tell what came. A stream names no sender: msg_namelen becomes 0. More than 1024
 * buffers give EMSGSIZE. docs/options.md has the control messages.
 *  @param flags    those of tunic_recv(), MSG_ERRQUEUE; MSG_CMSG_CLOEXEC means nothing here. */
ssize_t tunic_recvmsg(int fd, struct msghdr* message, int flags);
/** Sends from several buffers, with a destination and control messages where the socket's kind has them.
 *  @param message  more than 1024 buffers give EMSGSIZE; control messages that cannot be meant EINVAL.
 *  @param flags    those of tunic_send(). MSG_CONFIRM and MSG_DONTROUTE mean nothing here; MSG_FASTOPEN gives
 *                  EOPNOTSUPP. */
ssize_t tunic_sendmsg(int fd, const struct msghdr* message, int flags);
/** tunic_recvmsg() for each of a set.
 *  @param set      msg_len becomes the octets of each message.
 *  @param flags    those of tunic_recvmsg(), MSG_WAITFORONE (only the first is waited for).
 *  @param timeout  looked at after each message alone, as Linux does; what is left of it is written back. NULL: no end.
 *  @return how many messages; an error after the first is told by the next call. */
int tunic_recvmmsg(int fd, struct mmsghdr* set, unsigned int count, int flags, struct timespec* timeout);
/** tunic_sendmsg() for each of a set, at most 1024.
 *  @return how many messages; an error after the first is not told. */
int tunic_sendmmsg(int fd, struct mmsghdr* set, unsigned int count, int flags);
/** Sends what a file has.
 *  @param fd      a socket of ours; if it is the kernel's, this is the kernel's sendfile().
 *  @param from    a file of the kernel's that can be read at a place; a pipe, or a socket of ours, gives EINVAL (ESPIPE
 *                 with an offset).
 *  @param offset  where to begin; becomes the place behind the last octet sent. NULL: the file's own offset, which
 *                 moves.
 *  @param count   octets at most; 0x7ffff000 in one call.
 *  @return octets sent: less than asked at the end of the file, or where a socket that does not block takes no more. */
ssize_t tunic_sendfile(int fd, int from, off_t* offset, size_t count);

/** The socket's own address and port, zeros while it is not bound. */
int tunic_getsockname(int fd, struct sockaddr* address, socklen_t* length);
/** The peer's address and port. ENOTCONN before the connection stands and after its end. */
int tunic_getpeername(int fd, struct sockaddr* address, socklen_t* length);
/** Options of the levels SOL_SOCKET, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IP and IPPROTO_IPV6: docs/options.md has the
 * table. Others: ENOPROTOOPT. */
int tunic_getsockopt(int fd, int level, int option, void* value, socklen_t* length);
/** The options of tunic_getsockopt(); those that only tell, such as SO_ERROR or TCP_INFO, give ENOPROTOOPT. */
int tunic_setsockopt(int fd, int level, int option, const void* value, socklen_t length);

/** The flags of the socket and of its number.
 *  @param command  F_GETFL and F_SETFL (O_NONBLOCK; O_ASYNC and O_DIRECT give EINVAL), F_GETFD and F_SETFD, F_DUPFD and
 *                  F_DUPFD_CLOEXEC; others: EINVAL. */
int tunic_fcntl(int fd, int command, ...);
/** What waits to be read or acknowledged, the urgent mark, and O_NONBLOCK.
 *  @param request  FIONREAD, SIOCOUTQ, SIOCATMARK, FIONBIO, each with an int*; others: ENOTTY. */
int tunic_ioctl(int fd, unsigned long request, ...);
/** Sockets of ours and descriptors of the kernel may stand in one set.
 *  @param timeout_milliseconds  negative: no end; 0: does not wait. */
int tunic_poll(struct pollfd* set, nfds_t count, int timeout_milliseconds);
/** tunic_poll(), with a time in nanoseconds and a signal mask that holds while the thread sleeps.
 *  @param timeout  NULL: no end.
 *  @param mask     NULL: the thread's own. */
int tunic_ppoll(struct pollfd* set, nfds_t count, const struct timespec* timeout, const sigset_t* mask);
/** tunic_poll() by sets of bits. `except` is urgent data (POLLPRI).
 *  @param count    the highest number and one; may be more than FD_SETSIZE where the sets are that large.
 *  @param timeout  what is left of it is written back; NULL: no end. */
int tunic_select(int count, fd_set* in, fd_set* out, fd_set* except, struct timeval* timeout);
/** tunic_select(), with a time in nanoseconds, which is left alone, and a signal mask as tunic_ppoll() has it. */
int tunic_pselect(int count, fd_set* in, fd_set* out, fd_set* except, const struct timespec* timeout,
                  const sigset_t* mask);

/** An epoll for sockets of ours and descriptors of the kernel together. Its number is that of an epoll of the kernel.
 *  @param size  more than 0, and means nothing. */
int tunic_epoll_create(int size);
/** tunic_epoll_create().
 *  @param flags  EPOLL_CLOEXEC or 0; else EINVAL.
 *  @return its number, or -1. Besides Linux's errno: those of tunic_start(), if this call had to start the stack. */
int tunic_epoll_create1(int flags);
/** Adds, changes or removes what is waited for: EPOLLIN EPOLLOUT EPOLLPRI EPOLLRDHUP EPOLLERR EPOLLHUP, with EPOLLET,
 *  EPOLLONESHOT, EPOLLEXCLUSIVE; EPOLLWAKEUP means nothing.
 *
 *  `epoll` may also be one that the kernel's epoll_create1() has made, in which a socket of ours is a doorbell. It then
 *  shows EPOLLIN, whatever is asked for, while one of the events asked for, an error or a hang-up is there; with
 * EPOLLET, at each news of them. It means: look again, by tunic_poll() or by the calls themselves, without blocking.
 * The bell becomes quiet in the tunic_ call that leaves none of the events there, so a loop that calls until EAGAIN, or
 * reads all that is there, neither misses anything nor spins. In several such epolls it rings for the events asked for
 * in any of them: EPOLL_CTL_DEL the socket before you close one of them, whose events are otherwise forgotten at the
 * next tunic_epoll_ctl() of the socket only. A doorbell takes a second descriptor for as long as the socket is open.
 *  EPOLLONESHOT and EPOLLEXCLUSIVE are the kernel's. */
int tunic_epoll_ctl(int epoll, int operation, int fd, struct epoll_event* event);
/** The events that are there, in turn where `count` is too small for all. A wait by another thread that closes the
 *  epoll's number returns -1 with EBADF.
 *  @param count                 1 or more, else EINVAL.
 *  @param timeout_milliseconds  negative: no end; 0: does not wait. */
int tunic_epoll_wait(int epoll, struct epoll_event* events, int count, int timeout_milliseconds);
/** tunic_epoll_wait(), with a signal mask as tunic_ppoll() has it. */
int tunic_epoll_pwait(int epoll, struct epoll_event* events, int count, int timeout_milliseconds, const sigset_t* mask);
/** tunic_epoll_pwait(), with a time in nanoseconds.
 *  @param timeout  NULL: no end. */
int tunic_epoll_pwait2(int epoll, struct epoll_event* events, int count, const struct timespec* timeout,
                       const sigset_t* mask);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
