// send() from the caller's memory: the memory is the caller's again when the call returns, whichever way it returns.
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "buf/memory_link.h"
#include "host.h"
#include "posix/clock.h"

namespace tunic {
namespace {

std::byte octet_at(std::size_t place) { return static_cast<std::byte>(place * 7 + (place >> 9) + (place >> 17)); }

/// Another host at the end of a wire that loses and doubles packets by chance; it reads whatever is sent there, and
/// knows what it should be.
class Reader final : public Link {
 public:
  Reader(Stack& near, unsigned lost_per_mille) : wire_{near.pool(), far_.pool()}, lost_{lost_per_mille} {
    door_ = *far_.open(Family::v4);
    EXPECT_TRUE(far_.bind(door_, {IpAddr::v4(0xc6120001u), Port{80}}));
    EXPECT_TRUE(far_.listen(door_, 1));
  }
  ~Reader() override { close(fd); }
  std::span<RxPacket> receive(const ReadHint*) override {
    eventfd_t n;
    eventfd_read(fd, &n);
    turn();
    return wire_.left().receive();
  }
  std::size_t send(std::span<TxPacket> packets) override {
    for (TxPacket& p : packets) {
      if (happens()) continue;
      EXPECT_EQ(wire_.left().send({&p, 1}), 1u);
      if (happens()) wire_.left().send({&p, 1});
    }
    turn();
    return packets.size();
  }

  std::size_t read() const { return read_.load(); }
  std::size_t wrong() const { return wrong_.load(); }
  std::atomic<bool> stops{false};  // reading
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

 private:
  static Config config() {
    Config c;
    c.addresses = {{IpAddr::v4(0xc6120001u), 24}};
    return c;
  }
  bool happens() { return lost_ != 0 && random_() % 1000 < lost_; }
  void turn() {
    far_.poll(now(), wire_.right());
    if (!stream_)
      if (const auto s = far_.accept(door_)) stream_ = *s;
    while (stream_ && !stops.load()) {
      const auto n = far_.receive(*stream_, room_);
      if (!n || *n == 0) break;
      for (std::size_t i = 0; i < *n; ++i) wrong_ += room_[i] != octet_at(read_ + i);
      read_ += *n;
    }
    far_.flush(now(), wire_.right());
    if (wire_.waiting()) eventfd_write(fd, 1);
  }

  Stack far_{config()};
  SocketId door_;
  std::optional<SocketId> stream_;
  MemoryLink wire_;
  std::minstd_rand random_{1};
  const unsigned lost_;
  std::vector<std::byte> room_ = std::vector<std::byte>(100'000);
  std::atomic<std::size_t> read_{0}, wrong_{0};
};

struct Wired {
  explicit Wired(unsigned lost_per_mille = 0, Config config = Host::default_config())
      : stack{config}, reader{stack, lost_per_mille} {
    h = files.find(sockets.socket({Family::v4, Transport::tcp}, SOCK_STREAM));
    const Address at = Address::v4("198.18.0.1", 80);
    EXPECT_EQ(sockets.connect(h, at.raw(), at.length), 0);
  }
  ssize_t send(const std::vector<std::byte>& text, int flags = 0) {
    const iovec one{const_cast<std::byte*>(text.data()), text.size()};
    return sockets.send(h, {&one, 1}, flags);
  }
  std::uint64_t taken_over() {
    const std::lock_guard gate{driver};
    return stack.counters().text_taken_over;
  }
  std::size_t lent() {
    const std::lock_guard gate{driver};
    return stack.lent_bytes(h.socket->id);
  }
  /// Drives on until all is acknowledged.
  bool finish() { return sockets.leave(60s); }

  Stack stack;
  Reader reader;
  Driver driver{stack, reader, reader.fd};
  Files files;
  Sockets sockets{driver, files};
  Handle h;
};

std::vector<std::byte> text_from(std::size_t place, std::size_t size) {
  std::vector<std::byte> text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = octet_at(place + i);
  return text;
}

/// Memory that a call has given back is used for something else, and then no more there (as ASan sees).
void reuse(std::vector<std::byte>& text) {
  std::ranges::fill(text, std::byte{0xee});
  text = {};
}

TEST(Lending, what_the_peer_acknowledges_at_once_is_never_copied) {
  Wired w;
  std::size_t sent = 0;
  for (int i = 0; i < 50; ++i) {
    std::vector<std::byte> text = text_from(sent, 256u << 10);
    const ssize_t n = w.send(text);
    ASSERT_EQ(n, static_cast<ssize_t>(text.size()));
    sent += static_cast<std::size_t>(n);
    ASSERT_EQ(w.lent(), 0u);
    reuse(text);
  }
  EXPECT_LE(w.taken_over() * 50, sent) << "more than 2 % was copied";
  EXPECT_TRUE(w.finish());
  EXPECT_EQ(w.reader.read(), sent);
  EXPECT_EQ(w.reader.wrong(), 0u);
}

TEST(Lending, a_peer_that_does_not_read_leaves_copies) {
  Wired w;
  w.reader.stops = true;
  std::size_t sent = 0;
  for (;;) {
    std::vector<std::byte> text = text_from(sent, 100'000);
    const ssize_t n = w.send(text, MSG_DONTWAIT);
    ASSERT_EQ(w.lent(), 0u);
    reuse(text);
    if (n < 0) break;
    sent += static_cast<std::size_t>(n);
  }
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_GT(w.taken_over(), 0u);
  w.reader.stops = false;
  EXPECT_TRUE(w.finish());
  EXPECT_EQ(w.reader.read(), sent);
  EXPECT_EQ(w.reader.wrong(), 0u);
}

// A call that ends early has taken in what it says, and that is ours.
TEST(Lending, a_call_whose_time_is_up_leaves_copies) {
  Wired w;
  w.reader.stops = true;
  const timeval little{.tv_sec = 0, .tv_usec = 20'000};
  ASSERT_EQ(w.sockets.setsockopt(w.h, SOL_SOCKET, SO_SNDTIMEO, &little, sizeof little), 0);
  std::vector<std::byte> text = text_from(0, 64u << 20);
  const ssize_t n = w.send(text);
  ASSERT_GT(n, 0);
  ASSERT_LT(n, 64 << 20);
  EXPECT_EQ(w.lent(), 0u);
  reuse(text);
  w.reader.stops = false;
  EXPECT_TRUE(w.finish());
  EXPECT_EQ(w.reader.read(), static_cast<std::size_t>(n));
  EXPECT_EQ(w.reader.wrong(), 0u);
}

// Another thread closes the socket under a call that waits: what the call lent goes on as a copy.
TEST(Lending, a_socket_closed_by_another_thread_leaves_copies) {
  Wired w;
  w.reader.stops = true;
  std::vector<std::byte> text = text_from(0, 64u << 20);
  ssize_t n = 0;
  std::thread writer{[&] {
    n = w.send(text);
    reuse(text);
  }};
  while (w.lent() == 0) std::this_thread::yield();
  ASSERT_EQ(w.sockets.close(w.h), 0);
  writer.join();
  ASSERT_GT(n, 0);
  w.reader.stops = false;
  EXPECT_TRUE(w.finish());
  EXPECT_EQ(w.reader.read(), static_cast<std::size_t>(n));
  EXPECT_EQ(w.reader.wrong(), 0u);
}

// Several threads on one socket: each call's text stays whole where calls are not cut short, and none is another's.
TEST(Lending, threads_share_a_socket) {
  Wired w;
  w.reader.stops = true;  // what they send is not one pattern: it is counted here
  std::atomic<std::size_t> sent{0};
  std::vector<std::thread> writers;
  for (int k = 0; k < 3; ++k)
    writers.emplace_back([&, k] {
      for (std::size_t size : {1'000u, 40'000u, 200'000u, 17u}) {
        std::vector<std::byte> text(size, static_cast<std::byte>(k));
        const ssize_t n = w.send(text, MSG_DONTWAIT);
        reuse(text);
        if (n > 0) sent += static_cast<std::size_t>(n);
      }
    });
  for (auto& t : writers) t.join();
  EXPECT_EQ(w.lent(), 0u);
  w.reader.stops = false;
  EXPECT_TRUE(w.finish());
  EXPECT_EQ(w.reader.read(), sent.load());
}

// 5 % of all packets lost, as many doubled, and each call interrupted, cut short or not allowed to wait at random:
// every octet that a call says it took arrives as it was then.
TEST(Lending, nothing_is_lost_where_much_is_and_calls_are_interrupted) {
  struct sigaction quiet {};
  quiet.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGUSR1, &quiet, &before), 0);  // without SA_RESTART
  for (const bool lends : {true, false}) {
    Config config = Host::default_config();
    if (!lends) config.tcp.borrow_from = std::size_t{1} << 32;
    Wired w{50, config};
    std::mutex mutex;
    std::condition_variable end;
    bool over = false;
    std::thread pest{[&, whom = pthread_self()] {
      std::unique_lock lock{mutex};
      while (!end.wait_for(lock, 300us, [&] { return over; })) pthread_kill(whom, SIGUSR1);
    }};
    std::minstd_rand random{7};
    std::size_t sent = 0;
    while (sent < 1u << 20) {
      std::vector<std::byte> text = text_from(sent, 1 + random() % 300'000);
      const ssize_t n = w.send(text, random() % 3 == 0 ? MSG_DONTWAIT : random() % 3 == 0 ? MSG_MORE : 0);
      const int error = errno;
      ASSERT_EQ(w.lent(), 0u);
      reuse(text);
      if (n > 0) sent += static_cast<std::size_t>(n);
      if (n < 0) {
        ASSERT_TRUE(error == EINTR || error == EAGAIN) << strerrorname_np(error);
      }
    }
    {
      const std::lock_guard lock{mutex};
      over = true;
    }
    end.notify_one();
    pest.join();
    EXPECT_EQ(w.taken_over() != 0, lends);
    EXPECT_TRUE(w.finish());
    EXPECT_EQ(w.reader.read(), sent);
    EXPECT_EQ(w.reader.wrong(), 0u);
  }
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
}

}  // namespace
}  // namespace tunic
