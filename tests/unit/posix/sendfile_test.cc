// sendfile() from the kernel's files.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "host.h"

namespace tunic {
namespace {

class Sendfile : public testing::Test {
 protected:
  void SetUp() override {
    for (unsigned i = 0; i < 200'000; ++i) text_ += static_cast<char>('a' + i * i % 23);
    file_ = memfd_create("text", MFD_CLOEXEC);
    ASSERT_EQ(write(file_, text_.data(), text_.size()), static_cast<ssize_t>(text_.size()));
    ASSERT_EQ(lseek(file_, 0, SEEK_SET), 0);
  }
  void TearDown() override { close(file_); }
  ssize_t sendfile(int fd, int in, off_t* offset, std::size_t n) {
    return host_.with(fd, [&](Handle h) { return host_.sockets().sendfile(h, in, offset, n); });
  }

  Host host_;
  std::string text_;
  int file_ = -1;
};

TEST_F(Sendfile, all_of_it_and_the_offsets_move) {
  const auto [client, server] = host_.pair();
  std::string got;
  std::thread reader{[&, fd = server] { got = host_.take(fd, text_.size(), MSG_WAITALL); }};
  EXPECT_EQ(sendfile(client, file_, nullptr, text_.size() + 5), static_cast<ssize_t>(text_.size()));
  reader.join();
  EXPECT_EQ(got, text_);
  EXPECT_EQ(lseek(file_, 0, SEEK_CUR), static_cast<off_t>(text_.size()));
  EXPECT_EQ(sendfile(client, file_, nullptr, 5), 0);
  off_t from = 10;
  EXPECT_EQ(sendfile(client, file_, &from, 5), 5);
  EXPECT_EQ(from, 15);
  EXPECT_EQ(lseek(file_, 0, SEEK_CUR), static_cast<off_t>(text_.size()));
  EXPECT_EQ(host_.take(server), text_.substr(10, 5));
}

TEST_F(Sendfile, the_end_of_the_file_is_not_held_back_for_more) {
  const auto [client, server] = host_.pair();
  constexpr std::size_t whole = 2 * 65'536;
  ASSERT_EQ(ftruncate(file_, whole), 0);
  ASSERT_NE(whole % static_cast<std::size_t>(host_.get(client, IPPROTO_TCP, TCP_MAXSEG)), 0u);
  ASSERT_EQ(sendfile(client, file_, nullptr, whole + 5), static_cast<ssize_t>(whole));
  host_.set_timeout(server, SO_RCVTIMEO, 100ms);
  EXPECT_EQ(host_.take(server, whole, MSG_WAITALL).size(), whole);
}

TEST_F(Sendfile, what_a_full_socket_does_not_take_stays_in_the_file) {
  const auto [client, server] = host_.pair();
  host_.with(client, [&](Handle h) { return host_.sockets().fcntl(h, F_SETFL, O_NONBLOCK); });
  ASSERT_EQ(host_.set(client, SOL_SOCKET, SO_SNDBUF, 10'000), 0);
  ASSERT_EQ(host_.set(server, SOL_SOCKET, SO_RCVBUF, 10'000), 0);
  std::string got;
  off_t at = 0;
  while (at < 50'000) {
    const ssize_t n = sendfile(client, file_, &at, 50'000 - static_cast<std::size_t>(at));
    if (n < 0) {
      ASSERT_EQ(errno, EAGAIN);
      ASSERT_EQ(host_.ready(client, POLLOUT, -1), POLLOUT);  // all is read, and its acknowledgment on the way
      continue;
    }
    got += host_.take(server, 50'000);
    ASSERT_GE(at, static_cast<off_t>(got.size()));
  }
  while (got.size() < 50'000) got += host_.take(server, 50'000);
  EXPECT_EQ(got, text_.substr(0, 50'000));
}

TEST_F(Sendfile, sources_that_cannot_be) {
  const auto [client, server] = host_.pair();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  off_t at = 0;
  EXPECT_FAILS(sendfile(client, ends[0], nullptr, 1), EINVAL);
  EXPECT_FAILS(sendfile(client, ends[0], &at, 1), ESPIPE);
  EXPECT_FAILS(sendfile(client, ends[1], nullptr, 1), EBADF);
  EXPECT_FAILS(sendfile(client, 99'999, nullptr, 1), EBADF);
  at = -1;
  EXPECT_FAILS(sendfile(client, file_, &at, 1), EINVAL);
  EXPECT_FAILS(sendfile(client, file_, nullptr, ~std::size_t{0}), EINVAL);
  const int directory = open("/", O_RDONLY | O_CLOEXEC);
  EXPECT_FAILS(sendfile(client, directory, nullptr, 1), EINVAL);
  close(directory);
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(sendfile(client, file_, nullptr, 0), 0);
  EXPECT_EQ(host_.ready(server, POLLIN), 0);
}

}  // namespace
}  // namespace tunic
