// IPv6 flow labels (RFC 6437): all packets of a flow have one, which tells nothing of others.
#include <set>

#include "datagram_host.h"

namespace tunic::test {
namespace {

struct FlowLabel : DatagramHost {
  /// Of all packets that came out since this was last asked.
  std::vector<std::uint32_t> labels() {
    std::vector<std::uint32_t> all;
    for (; seen_ < host_.record().size(); ++seen_)
      all.push_back(load_be<std::uint32_t>(host_.record()[seen_].second.data()) & 0xfffff);
    return all;
  }
  std::uint32_t only_label() {
    const auto all = labels();
    EXPECT_FALSE(all.empty());
    EXPECT_EQ(std::set(all.begin(), all.end()).size(), 1u);
    return all.empty() ? 0 : all[0];
  }
  std::size_t seen_ = 0;
};

TEST_F(FlowLabel, a_connection_has_one_until_its_very_end) {
  const SocketId listener = *stack().open(Family::v6);
  const Endpoint here{us6, Port{80}}, there{peer6, Port{4000}};
  ASSERT_TRUE(stack().bind(listener, here));
  ASSERT_TRUE(stack().listen(listener, 1));
  host_.inject({.src = there, .dst = here, .seq = 1, .flags = flag::syn, .window = 1000});
  host_.poll();
  const std::uint32_t next = host_.out.back().segment.seq + 1;
  const std::uint32_t label = only_label();
  host_.inject({.src = there, .dst = here, .seq = 2, .ack = next, .flags = flag::ack, .window = 1000});
  host_.poll();
  const SocketId s = *stack().accept(listener);
  ASSERT_TRUE(stack().send(s, pattern_text(0, 100, ours)));
  ASSERT_TRUE(stack().close(s));
  host_.flush();
  EXPECT_EQ(only_label(), label);
  const Segment fin{.src = there, .dst = here, .seq = 2, .ack = next + 101, .flags = flag::fin | flag::ack};
  for (int n = 0; n < 2; ++n) {  // to the connection, then to its record in TIME-WAIT
    host_.inject(fin);
    host_.poll();
    EXPECT_EQ(only_label(), label);
  }
}

TEST_F(FlowLabel, datagrams_of_a_pair_have_one_connected_or_not) {
  const SocketId s = *stack().open(Family::v6, Transport::udp);
  ASSERT_TRUE(stack().bind(s, {us6, Port{7}}));
  const auto label_to = [&](std::optional<Endpoint> to) {
    const Octets text(9);
    const Bytes piece{text};
    EXPECT_TRUE(stack().send_datagram(s, {&piece, 1}, {.to = to}));
    host_.flush();
    return only_label();
  };
  const Endpoint a{peer6, Port{53}}, b{peer6, Port{54}};
  const std::uint32_t to_a = label_to(a), to_b = label_to(b);
  EXPECT_NE(to_a, to_b);
  ASSERT_TRUE(stack().connect(s, a, host_.now()));
  EXPECT_EQ(label_to({}), to_a);
  EXPECT_EQ(label_to(a), to_a);
  EXPECT_EQ(label_to(b), to_b);
  ASSERT_TRUE(stack().connect(s, b, host_.now()));
  EXPECT_EQ(label_to({}), to_b);
  ASSERT_TRUE(stack().disconnect(s));
  EXPECT_EQ(label_to(a), to_a);
}

}  // namespace
}  // namespace tunic::test
