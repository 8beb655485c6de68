// A Queue over a pair of AF_UNIX sockets: each message is what a TUN would carry, so no privilege is needed.
#include "tun/queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "faults.h"
#include "packets.h"

namespace {
// Results for the next readv and writev calls of this program; 0 stands for the call itself (D8).
std::deque<int> read_faults, write_faults;
bool endless_reads = false;  // each readv finds a packet of 60 octets

int next_fault(std::deque<int>& faults) {
  if (faults.empty()) return 0;
  const int f = faults.front();
  faults.pop_front();
  return f;
}
}  // namespace

namespace tunic {
namespace {

std::optional<faults::Result> queue_faults(faults::Call call, unsigned long) {
  if (call == faults::Call::readv) {
    if (endless_reads) return faults::Result{60, 0};
    if (const int code = next_fault(read_faults); code != 0) return faults::failure(code);
  }
  if (call == faults::Call::writev)
    if (const int code = next_fault(write_faults); code != 0) return faults::failure(code);
  return std::nullopt;
}

/// After text was added to a packet of IPv4.
void says_its_length(TxPacket& p) { store_be(p.headers.data() + p.begin + 2, static_cast<std::uint16_t>(p.size())); }

class QueueTest : public testing::Test {
 protected:
  explicit QueueTest(int type = SOCK_DGRAM) {
    faults::hook = queue_faults;
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    ours = fds[0];
    theirs = fds[1];
    const int big = 1 << 20;
    for (int fd : fds) setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
  }
  ~QueueTest() override {
    read_faults.clear();
    write_faults.clear();
    endless_reads = false;
    faults::hook = nullptr;
    close(ours);
    close_far_end();
  }
  void close_far_end() {
    if (theirs >= 0) close(std::exchange(theirs, -1));
  }
  void put(Bytes packet) {
    ASSERT_EQ(::send(theirs, packet.data(), packet.size(), 0), static_cast<ssize_t>(packet.size()));
  }
  std::vector<std::byte> take() {
    std::vector<std::byte> v(1 << 17);
    const ssize_t n = recv(theirs, v.data(), v.size(), 0);
    v.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return v;
  }

  const Endpoint us{IpAddr::v4(0xc6120002u), Port{4000}}, peer{IpAddr::v4(0xc6120001u), Port{80}};
  int ours = -1, theirs = -1;
  Pool pool{8 << 20};
};

TEST_F(QueueTest, an_empty_queue_gives_nothing) {
  Queue q{ours, 0, pool};
  EXPECT_TRUE(q.receive().empty());
  EXPECT_FALSE(q.lost());
  EXPECT_EQ(q.counts().read_errors, 0u);
}

TEST_F(QueueTest, short_packets_keep_no_receive_slab) {
  Queue q{ours, 0, pool};
  const auto a = pattern(60), b = pattern(2048);
  put(a);
  put(b);
  const auto got = q.receive();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_TRUE(std::ranges::equal(got[0].data.bytes(), a));
  EXPECT_TRUE(std::ranges::equal(got[1].data.bytes(), b));
  EXPECT_EQ(got[0].data.pinned(), 256u);
  EXPECT_EQ(got[1].data.pinned(), 2048u);
  EXPECT_EQ(got[0].offload.checksum, Offload::Checksum::unknown);
  EXPECT_EQ(pool.in_use(), 256u + 2048u + Pool::payload) << "and one spare slab for the next packet";
  EXPECT_EQ(q.counts().reads, 2u);
}

TEST_F(QueueTest, after_many_packets_alone_another_is_asked_for_only_now_and_then) {
  Queue q{ours, 0, pool};
  const auto a = pattern(60), b = pattern(61);
  for (unsigned i = 0; i < Queue::asks_each; ++i) {
    put(a);
    ASSERT_EQ(q.receive().size(), 1u);
  }
  unsigned bursts = 0;
  for (std::size_t size = 0; size != 2; ++bursts) {  // two that are there together are found together in the end
    ASSERT_LT(bursts, Queue::asks_each);
    put(a);
    put(b);
    const auto first = q.receive();
    size = first.size();
    ASSERT_TRUE(std::ranges::equal(first[0].data.bytes(), a));
    const auto second = size == 2 ? first.subspan(1) : q.receive();  // nothing is lost, and the order is kept
    ASSERT_EQ(second.size(), 1u);
    ASSERT_TRUE(std::ranges::equal(second[0].data.bytes(), b));
    put(a);
    ASSERT_EQ(q.receive().size(), 1u);  // three bursts each time: each 16th of all will be one that could have two
  }
  EXPECT_GT(bursts, 1u);
  put(a);
  put(b);
  EXPECT_EQ(q.receive().size(), 2u) << "and then every burst is read to its end again";
  EXPECT_EQ(q.receive().size(), 0u);
}

TEST_F(QueueTest, a_large_packet_keeps_its_slab) {
  Queue q{ours, 0, pool};
  const auto big = pattern(65'535);
  put(big);
  put(big);
  const auto got = q.receive();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_TRUE(std::ranges::equal(got[0].data.bytes(), big));
  EXPECT_TRUE(std::ranges::equal(got[1].data.bytes(), big));
  EXPECT_EQ(q.counts().truncated, 0u);
}

TEST_F(QueueTest, text_begins_on_a_page_once_the_headers_are_known) {
  Queue q{ours, 0, pool};
  const auto text = pattern(20'000);
  const std::array<std::byte, 12> options{std::byte{1}};
  const auto page_offset = [&](std::size_t header) {
    const auto got = q.receive();
    EXPECT_EQ(got.size(), 1u);
    return got.empty() ? 1 : reinterpret_cast<std::uintptr_t>(got[0].data.data() + header) % Pool::page;
  };
  put(flat(tcp_packet(us, peer, {.flags = ACK}, text, 1448, options)));
  EXPECT_EQ(page_offset(52), 0u) << "IPv4 with timestamps is expected from the first packet on";
  std::array<std::byte, 16> v6{std::byte{0xfd}};
  const Endpoint us6{IpAddr::v6(v6.data()), Port{4000}};
  const auto packet6 = flat(tcp_packet(us6, us6, {.flags = ACK}, text, 1428, options));
  put(packet6);
  EXPECT_NE(page_offset(72), 0u);
  put(packet6);
  EXPECT_EQ(page_offset(72), 0u);
  put(flat(tcp_packet(us, peer, {.flags = ACK})));  // a short one in between changes nothing
  q.receive();
  put(packet6);
  EXPECT_EQ(page_offset(72), 0u);
}

TEST_F(QueueTest, a_burst_is_bounded) {
  Queue q{ours, 0, pool};
  endless_reads = true;
  EXPECT_EQ(q.receive().size(), Queue::burst);
  EXPECT_EQ(q.receive().size(), Queue::burst);
  pool.fail_every(1);
  q.receive();
  EXPECT_EQ(q.counts().no_memory, Queue::burst - 1) << "draining is bounded too; the spare slab took one";
}

TEST_F(QueueTest, packets_not_taken_out_are_given_back) {
  Queue q{ours, 0, pool};
  put(pattern(60));
  ASSERT_EQ(q.receive().size(), 1u);
  EXPECT_TRUE(q.receive().empty());
  EXPECT_EQ(pool.in_use(), Pool::payload);
}

TEST_F(QueueTest, a_packet_that_fills_the_buffer_is_suspect) {  // D4
  Queue q{ours, 0, pool};
  put(pattern(70'001));
  ASSERT_EQ(q.receive().size(), 1u);
  EXPECT_EQ(q.counts().truncated, 1u);
}

TEST_F(QueueTest, an_exhausted_pool_drains_the_queue) {
  Queue q{ours, 0, pool};
  pool.fail_every(1);
  put(pattern(60));
  put(pattern(3000));
  EXPECT_TRUE(q.receive().empty());
  EXPECT_EQ(q.counts().no_memory, 2u);
  pool.fail_every(0);
  put(pattern(61));
  const auto got = q.receive();
  ASSERT_EQ(got.size(), 1u) << "the stale ones are gone, the new one comes";
  EXPECT_EQ(got[0].data.size(), 61u);
}

TEST_F(QueueTest, without_a_small_block_a_short_packet_keeps_the_slab) {
  Queue q{ours, 0, pool};
  EXPECT_TRUE(q.receive().empty());  // the spare slab is there now
  pool.fail_every(1);
  const auto a = pattern(60);
  put(a);
  const auto got = q.receive();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(std::ranges::equal(got[0].data.bytes(), a));
  EXPECT_EQ(got[0].data.pinned(), Pool::payload);
}

TEST_F(QueueTest, vnet_header_is_read_and_runts_are_dropped) {
  for (const std::size_t size : {10, 12}) {
    Queue q{ours, size, pool};
    std::vector<std::byte> message(size);
    message[0] = std::byte{1};
    message[1] = std::byte{1};
    message[4] = std::byte{100};
    put(message);                  // no packet behind the header
    put(Bytes{message}.first(3));  // not even a header
    const auto packet = pattern(300);
    message.insert(message.end(), packet.begin(), packet.end());
    put(message);
    const auto got = q.receive();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_TRUE(std::ranges::equal(got[0].data.bytes(), packet));
    EXPECT_EQ(got[0].offload.checksum, Offload::Checksum::verified);
    EXPECT_EQ(got[0].offload.gso_size, 100);
    EXPECT_EQ(q.counts().runts, 2u);
  }
}

TEST_F(QueueTest, headers_and_slices_leave_as_one_packet) {
  Queue q{ours, 0, pool};
  const auto a = pattern(1000), b = pattern(200);
  TxPacket p = tcp_packet(us, peer, {.flags = ACK}, a);
  p.text[p.slices++] = Slice::lent(b);
  says_its_length(p);
  p.offload = {};
  EXPECT_EQ(q.send({&p, 1}), 1u);
  EXPECT_EQ(take(), flat(p));
  EXPECT_EQ(q.counts().writes, 1u);
}

TEST_F(QueueTest, as_many_slices_as_a_packet_can_have) {
  Queue q{ours, 12, pool};
  const auto text = pattern(17);
  TxPacket p = tcp_packet(us, peer, {.flags = ACK});
  for (std::size_t i = 0; i < TxPacket::max_slices; ++i) p.text[p.slices++] = Slice::lent(Bytes{text}.subspan(i, 1));
  says_its_length(p);
  EXPECT_EQ(q.send({&p, 1}), 1u);
  const auto got = take();
  ASSERT_EQ(got.size(), 12u + 40u + 17u);
  EXPECT_EQ(got[0], std::byte{1}) << "NEEDS_CSUM";
  EXPECT_TRUE(std::equal(text.begin(), text.end(), got.begin() + 52));
}

TEST_F(QueueTest, without_a_header_unfinished_packets_are_refused) {
  Queue q{ours, 0, pool};
  EXPECT_FALSE(q.traits().checksum);
  EXPECT_EQ(q.traits().max_gso, 0u);
  TxPacket p = tcp_packet(us, peer, {.flags = ACK});
  EXPECT_EQ(q.send({&p, 1}), 1u);
  EXPECT_EQ(q.counts().refused, 1u);
  EXPECT_TRUE(take().empty());
  Queue with{ours, 10, pool};
  EXPECT_TRUE(with.traits().checksum);
  EXPECT_EQ(with.traits().max_gso, 65'535u);
}

TEST_F(QueueTest, a_full_device_takes_no_more_and_later_does) {
  Queue q{ours, 0, pool};
  TxPacket p = tcp_packet(us, peer, {.flags = ACK});
  p.offload = {};
  std::size_t sent = 0;
  while (q.send({&p, 1}) == 1) ASSERT_LT(++sent, 100'000u);
  EXPECT_FALSE(take().empty());
  EXPECT_EQ(q.send({&p, 1}), 1u);
  EXPECT_EQ(q.counts().refused + q.counts().link_down, 0u);
  EXPECT_FALSE(q.lost());
}

TEST_F(QueueTest, a_closed_far_end_is_lost) {
  Queue q{ours, 0, pool};
  TxPacket p = tcp_packet(us, peer, {.flags = ACK});
  p.offload = {};
  close_far_end();
  EXPECT_EQ(q.send({&p, 1}), 1u) << "lost like on a cut cable";
  EXPECT_TRUE(q.lost());
  EXPECT_EQ(q.counts().link_down, 1u);
  EXPECT_TRUE(q.receive().empty());
}

TEST_F(QueueTest, an_empty_datagram_ends_nothing) {
  Queue q{ours, 0, pool};
  put({});
  put(pattern(60));
  EXPECT_EQ(q.receive().size(), 1u);
  EXPECT_FALSE(q.lost());
  EXPECT_EQ(q.counts().runts, 1u);
}

struct SeqpacketTest : QueueTest {
  SeqpacketTest() : QueueTest{SOCK_SEQPACKET} {}
};

TEST_F(SeqpacketTest, its_end_is_lost) {
  Queue q{ours, 0, pool};
  put(pattern(60));
  close_far_end();
  EXPECT_EQ(q.receive().size(), 1u);
  EXPECT_TRUE(q.lost());
  TxPacket p = tcp_packet(us, peer, {.flags = ACK});
  p.offload = {};
  EXPECT_EQ(q.send({&p, 1}), 1u) << "and no signal";
}

// D8: each errno a device can give, at the first packet of two.
struct Fault {
  int code;
  std::size_t taken;    // of two packets
  std::size_t arrives;  // of those
  bool lost;
  std::uint64_t link_down, refused;
};

TEST_F(QueueTest, every_result_of_a_write_has_its_place) {
  const auto text = pattern(100);
  for (const Fault& f :
       {Fault{EINTR, 2, 2, false, 0, 0}, Fault{EAGAIN, 0, 0, false, 0, 0}, Fault{ENOBUFS, 0, 0, false, 0, 0},
        Fault{ENOMEM, 0, 0, false, 0, 0}, Fault{EIO, 2, 1, false, 1, 0}, Fault{EBADFD, 2, 1, true, 1, 0},
        Fault{EINVAL, 2, 1, false, 0, 1}, Fault{EMSGSIZE, 2, 1, false, 0, 1}, Fault{EPERM, 2, 1, false, 0, 1}}) {
    SCOPED_TRACE(f.code);
    Queue q{ours, 0, pool};
    std::vector<TxPacket> packets(2, tcp_packet(us, peer, {.flags = ACK}, text));
    for (auto& p : packets) p.offload = {};
    write_faults = {f.code};
    EXPECT_EQ(q.send(packets), f.taken);
    EXPECT_TRUE(write_faults.empty());
    std::size_t arrived = 0;
    while (!take().empty()) ++arrived;
    EXPECT_EQ(arrived, f.arrives);
    EXPECT_EQ(q.lost(), f.lost);
    EXPECT_EQ(q.counts().link_down, f.link_down);
    EXPECT_EQ(q.counts().refused, f.refused);
    EXPECT_EQ(q.counts().writes, f.arrives);
  }
}

TEST_F(QueueTest, every_result_of_a_read_has_its_place) {
  for (const int code : {EINTR, EAGAIN, EIO, EFAULT, ENOMEM, EBADFD}) {
    SCOPED_TRACE(code);
    Queue q{ours, 0, pool};
    put(pattern(60));
    read_faults = {code};
    EXPECT_EQ(q.receive().size(), code == EINTR ? 1u : 0u);
    EXPECT_EQ(q.lost(), code == EBADFD);
    EXPECT_EQ(q.counts().read_errors, code == EIO || code == EFAULT || code == ENOMEM ? 1u : 0u);
    EXPECT_EQ(q.receive().size(), code == EBADFD || code == EINTR ? 0u : 1u) << "the next call finds what waits";
    take();
    while (recv(ours, nullptr, 0, MSG_DONTWAIT) >= 0) {
    }
  }
}

}  // namespace
}  // namespace tunic
