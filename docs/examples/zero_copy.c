/* Sends a file's worth of text from this program's own memory (MSG_ZEROCOPY) and takes a buffer again only when the
 * error queue says that the stack needs it no more. With nc as the reader:
 *
 *     nc -l 198.18.0.1 9000 >/dev/null &      # the kernel's
 *     zero_copy 198.18.0.1 9000
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunic.h"

enum { buffers = 8, size = 256 * 1024, sends = 4096 };

/* Buffer i holds send i modulo `buffers`: sends up to done[] are over, and buffers are free in order. */
static unsigned done;

static void fail(const char* what) {
  const char* start = tunic_start_error();
  fprintf(stderr, "%s: %s\n", what, *start != '\0' ? start : strerror(errno));
  exit(1);
}

/* Reads what the error queue says; waits for it if there is nothing yet. */
static void hear(int fd) {
  char control[256];
  struct msghdr m;
  memset(&m, 0, sizeof m);
  m.msg_control = control;
  m.msg_controllen = sizeof control;
  while (tunic_recvmsg(fd, &m, MSG_ERRQUEUE) < 0) {
    struct pollfd p = {fd, 0, 0}; /* POLLERR comes unasked */
    if (errno != EAGAIN || tunic_poll(&p, 1, -1) < 0) fail("MSG_ERRQUEUE");
    m.msg_controllen = sizeof control;
  }
  for (struct cmsghdr* c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
    struct sock_extended_err e;
    memcpy(&e, CMSG_DATA(c), sizeof e);
    if (e.ee_origin == SO_EE_ORIGIN_ZEROCOPY) done = e.ee_data + 1; /* sends ee_info to ee_data, in order */
  }
}

int main(int argc, char** argv) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
    fprintf(stderr, "usage: zero_copy ADDRESS PORT\n");
    return 2;
  }
  to.sin_port = htons((unsigned short)atoi(argv[2]));
  const int on = 1;
  const int fd = tunic_socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || tunic_connect(fd, (struct sockaddr*)&to, sizeof to) != 0) fail("connect");
  if (tunic_setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0) fail("SO_ZEROCOPY");
  char* memory = aligned_alloc(4096, (size_t)buffers * size); /* the device copies best from the begin of a page */
  if (memory == NULL) fail("memory");
  for (unsigned i = 0; i < sends; ++i) {
    while (i - done >= buffers) hear(fd);
    char* buffer = memory + (size_t)(i % buffers) * size;
    memset(buffer, 'a' + (int)(i % 26), size); /* ours again: it may change */
    for (ssize_t at = 0; at < size;) {
      /* A part that is taken has a number of its own: here a send blocks until all is taken. */
      const ssize_t n = tunic_send(fd, buffer + at, (size_t)(size - at), MSG_ZEROCOPY);
      if (n < 0 && errno == ENOBUFS) { /* too many wait */
        hear(fd);
        continue;
      }
      if (n != size) fail("send");
      at += n;
    }
  }
  while (done < sends) hear(fd);
  printf("%d sends of %d octets, none copied by this program's side\n", sends, size);
  free(memory);
  return tunic_close(fd) == 0 ? 0 : 1;
}
