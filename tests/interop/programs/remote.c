/* Socket calls on our stack by order of a test: each line of stdin, `ID CALL ARGUMENTS`, is made in a thread of its
 * own, so that one may block while others go on, and answered by a line `ID RESULT ERRNO`. The line `exit`, or the end
 * of stdin, returns from main(). Files carry what is sent and what arrives. tests/support/remote.py gives the orders.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <tunic.h>
#include <unistd.h>

enum { most_arguments = 4, block = 1 << 18 };

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static socklen_t read_address(const char* text, const char* port, union address* to) {
  memset(to, 0, sizeof *to);
  if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
    to->v4.sin_family = AF_INET;
    to->v4.sin_port = htons((unsigned short)atoi(port));
    return sizeof to->v4;
  }
  inet_pton(AF_INET6, text, &to->v6.sin6_addr);
  to->v6.sin6_family = AF_INET6;
  to->v6.sin6_port = htons((unsigned short)atoi(port));
  return sizeof to->v6;
}

static long do_start(char** a) {
  (void)a;
  return tunic_start(NULL);
}

static long do_socket(char** a) { return tunic_socket(atoi(a[0]), SOCK_STREAM, 0); }

static long do_bind(char** a) {
  union address to;
  const socklen_t size = read_address(a[1], a[2], &to);
  return tunic_bind(atoi(a[0]), &to.any, size);
}

static long do_listen(char** a) { return tunic_listen(atoi(a[0]), atoi(a[1])); }

static long do_accept(char** a) { return tunic_accept(atoi(a[0]), NULL, NULL); }

static long do_connect(char** a) {
  union address to;
  const socklen_t size = read_address(a[1], a[2], &to);
  return tunic_connect(atoi(a[0]), &to.any, size);
}

static long do_local_port(char** a) {
  union address here;
  socklen_t size = sizeof here;
  if (tunic_getsockname(atoi(a[0]), &here.any, &size) != 0) return -1;
  return ntohs(here.any.sa_family == AF_INET ? here.v4.sin_port : here.v6.sin6_port);
}

static int send_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = tunic_send(fd, data, size, MSG_NOSIGNAL);
    if (n < 0) return -1;
    data += n;
    size -= (size_t)n;
  }
  return 0;
}

/* send FD PATH: the whole file. Its size. */
static long do_send(char** a) {
  const int file = open(a[1], O_RDONLY | O_CLOEXEC);
  char* const buffer = malloc(block);
  long sent = 0;
  ssize_t n;
  while ((n = read(file, buffer, block)) > 0) {
    if (send_all(atoi(a[0]), buffer, (size_t)n) != 0) {
      sent = -1;
      break;
    }
    sent += n;
  }
  const int error = errno;
  close(file);
  free(buffer);
  errno = error;
  return sent;
}

/* receive FD PATH MOST: adds to the file what comes, until the end of the stream or MOST octets. How many. */
static long do_receive(char** a) {
  const int file = open(a[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const long most = atol(a[2]);
  char* const buffer = malloc(block);
  long got = 0;
  while (got < most) {
    const size_t room = most - got < block ? (size_t)(most - got) : block;
    const ssize_t n = tunic_read(atoi(a[0]), buffer, room);
    if (n < 0) got = -1;
    if (n <= 0) break;
    if (write(file, buffer, (size_t)n) != n) abort();
    got += n;
  }
  const int error = errno;
  close(file);
  free(buffer);
  errno = error;
  return got;
}

static long do_shutdown(char** a) { return tunic_shutdown(atoi(a[0]), atoi(a[1])); }

static long do_close(char** a) { return tunic_close(atoi(a[0])); }

static long do_linger(char** a) {
  const struct linger l = {.l_onoff = 1, .l_linger = atoi(a[1])};
  return tunic_setsockopt(atoi(a[0]), SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static long do_set(char** a) {
  const int value = atoi(a[3]);
  return tunic_setsockopt(atoi(a[0]), atoi(a[1]), atoi(a[2]), &value, sizeof value);
}

static long ask(int fd, unsigned long request) {
  int n = 0;
  return tunic_ioctl(fd, request, &n) == 0 ? n : -1;
}

static long do_readable(char** a) { return ask(atoi(a[0]), FIONREAD); }

static long do_unacknowledged(char** a) { return ask(atoi(a[0]), SIOCOUTQ); }

static long do_state(char** a) {
  struct tcp_info info;
  socklen_t size = sizeof info;
  return tunic_getsockopt(atoi(a[0]), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_state : -1;
}

/* Octets of a segment that we may send now. */
static long do_mss(char** a) {
  int n = 0;
  socklen_t size = sizeof n;
  return tunic_getsockopt(atoi(a[0]), IPPROTO_TCP, TCP_MAXSEG, &n, &size) == 0 ? n : -1;
}

/* How many retransmissions there have been. */
static long do_retransmissions(char** a) {
  struct tcp_info info;
  socklen_t size = sizeof info;
  return tunic_getsockopt(atoi(a[0]), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? (long)info.tcpi_total_retrans : -1;
}

/* How much there is to say of a device that carries nothing: 0, as long as it does. */
static long do_device_error(char** a) {
  (void)a;
  return (long)strlen(tunic_device_error());
}

static const struct {
  const char* name;
  int arguments;
  long (*make)(char** arguments);
} calls[] = {
    {"start", 0, do_start},
    {"socket", 1, do_socket},
    {"bind", 3, do_bind},
    {"listen", 2, do_listen},
    {"accept", 1, do_accept},
    {"connect", 3, do_connect},
    {"local_port", 1, do_local_port},
    {"send", 2, do_send},
    {"receive", 3, do_receive},
    {"shutdown", 2, do_shutdown},
    {"close", 1, do_close},
    {"linger", 2, do_linger},
    {"set", 4, do_set},
    {"readable", 1, do_readable},
    {"state", 1, do_state},
    {"mss", 1, do_mss},
    {"retransmissions", 1, do_retransmissions},
    {"device_error", 0, do_device_error},
    {"unacknowledged", 1, do_unacknowledged},
};

static void* obey(void* order) {
  char* rest = order;
  const char *const id = strsep(&rest, " "), *const name = strsep(&rest, " ");
  char* arguments[most_arguments] = {NULL};
  int count = 0;
  while (rest != NULL && count < most_arguments) arguments[count++] = strsep(&rest, " ");
  long result = -1;
  errno = ENOSYS;
  for (size_t i = 0; name != NULL && i < sizeof calls / sizeof *calls; ++i)
    if (strcmp(calls[i].name, name) == 0 && calls[i].arguments == count) {
      errno = 0;
      result = calls[i].make(arguments);
      break;
    }
  char answer[64];  // in none of libc's buffers: an exit at this moment would write it again
  const int length = snprintf(answer, sizeof answer, "%s %ld %d\n", id, result, result < 0 ? errno : 0);
  if (write(STDOUT_FILENO, answer, (size_t)length) != length) abort();
  free(order);
  return NULL;
}

int main(void) {
  char* line = NULL;
  size_t room = 0;
  ssize_t size;
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  while ((size = getline(&line, &room, stdin)) > 0) {
    pthread_t thread;
    line[size - 1] = '\0';
    if (strcmp(line, "exit") == 0) return 0;
    if (pthread_create(&thread, &detached, obey, strdup(line)) != 0) abort();
  }
  return 0;
}
