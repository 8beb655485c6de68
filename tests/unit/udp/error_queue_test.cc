// The queue that MSG_ERRQUEUE reads: its order, what it is charged, and what it does to the pending error.
#include "udp/error_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace tunic {
namespace {

constexpr std::size_t plenty = 1u << 20;
const MutBytes nowhere[1];

struct ErrorQueues : ::testing::Test {
  Pool pool{8u << 20};
  ErrorQueue queue;

  bool add(int error, std::uint8_t from, const std::string& quoted = {}, std::size_t room = plenty) {
    return queue.add(pool, {.error = error, .origin = from}, Slice::lent(std::as_bytes(std::span{quoted})), room);
  }
  ErrorReport take() {
    ErrorReport r;
    queue.take(nowhere, r);
    return r;
  }
};

TEST_F(ErrorQueues, is_read_in_turn_and_the_error_goes_with_the_last) {
  ASSERT_TRUE(add(EHOSTUNREACH, origin::icmp, "first"));
  ASSERT_TRUE(add(ECONNREFUSED, origin::icmpv6, "second"));
  ASSERT_TRUE(add(EMSGSIZE, origin::this_host));
  std::array<std::byte, 3> room;
  const MutBytes out{room};
  ErrorReport r;
  EXPECT_EQ(queue.take({&out, 1}, r), 3u);
  EXPECT_EQ(r.size, 5u);
  EXPECT_EQ(r.error, EHOSTUNREACH);
  EXPECT_EQ(queue.error_after(r), ECONNREFUSED);
  EXPECT_EQ(queue.take({&out, 1}, r), 3u);
  EXPECT_EQ(queue.error_after(r), 0) << "the network has no more to say";
  EXPECT_EQ(queue.take({&out, 1}, r), 0u);
  EXPECT_EQ(r.error, EMSGSIZE);
  EXPECT_EQ(queue.error_after(r), std::nullopt) << "a report of this host clears nothing";
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(ErrorQueues, is_charged_to_the_buffer) {
  std::size_t kept = 0;
  while (add(ECONNREFUSED, origin::icmp, std::string(500, 'q'), 20'000)) ++kept;
  EXPECT_GT(kept, 10u);
  EXPECT_LE(kept * 500, 20'000u);
  EXPECT_LE(queue.charge(), 20'000u);
  pool.fail_every(1);
  EXPECT_FALSE(add(ECONNREFUSED, origin::icmp, std::string(5000, 'q')));
}

// As Linux: a sender who does not read them yet finds one report of all that is done.
TEST_F(ErrorQueues, completions_that_follow_each_other_are_one) {
  queue.complete(0, 0, false);
  queue.complete(1, 1, false);
  queue.complete(2, 9, false);
  queue.complete(11, 12, true);
  ASSERT_TRUE(add(EHOSTUNREACH, origin::icmp));
  queue.complete(13, 13, false);
  const auto is = [](const ErrorReport& r, std::uint32_t first, std::uint32_t last, std::uint8_t code) {
    return r.error == 0 && r.origin == origin::zero_copy && r.info == first && r.data == last && r.code == code;
  };
  const ErrorReport first = take();
  EXPECT_TRUE(is(first, 0, 9, 0));
  EXPECT_EQ(queue.error_after(first), std::nullopt) << "it says nothing of errors";
  const ErrorReport second = take();
  EXPECT_TRUE(is(second, 11, 12, 1)) << "10 is not done";
  EXPECT_EQ(queue.error_after(second), EHOSTUNREACH);
  EXPECT_EQ(take().error, EHOSTUNREACH);
  EXPECT_TRUE(is(take(), 13, 13, 0)) << "it came after an error";
  EXPECT_TRUE(queue.empty());
}

TEST_F(ErrorQueues, numbers_of_completions_go_round) {
  queue.complete(0xffff'fffe, 0xffff'ffff, false);
  queue.complete(0, 0xffff'fffc, false);
  queue.complete(0xffff'fffd, 0xffff'fffd, false);
  queue.complete(0xffff'fffe, 0xffff'fffe, false);
  EXPECT_EQ(take().data, 0xffff'fffcu) << "one more were 2^32 of them, which no two numbers can say";
  const ErrorReport next = take();
  EXPECT_EQ(next.info, 0xffff'fffdu);
  EXPECT_EQ(next.data, 0xffff'fffeu);
  EXPECT_TRUE(queue.empty());
}

TEST_F(ErrorQueues, completions_outlive_the_wish_for_errors) {
  ASSERT_TRUE(add(EHOSTUNREACH, origin::icmp, "quoted"));
  queue.complete(3, 4, false);
  ASSERT_TRUE(add(EMSGSIZE, origin::this_host));
  queue.forget_errors();
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(take().info, 3u);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace tunic
