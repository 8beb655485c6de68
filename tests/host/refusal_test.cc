// What a Stack says of packets that it cannot take, whom it never says it to (C6), and how often (C7).
#include <algorithm>

#include "datagram_host.h"

namespace tunic::test {
namespace {

struct Refusal : DatagramHost {
  static Endpoint closed(Family f) { return {us(f), Port{9}}; }
  static Octets probe(const IpAddr& from) { return udp_packet({from, Port{4000}}, closed(from.family()), Octets(12)); }
};

Octets with_extension(std::uint8_t kind, std::string_view header, std::uint8_t protocol = 17, const IpAddr& dst = us6) {
  return encode({.src = peer6,
                 .dst = dst,
                 .protocol = protocol,
                 .payload = udp({peer6, Port{4000}}, {dst, Port{9}}, Octets(4)),
                 .extensions = octets(header),
                 .extension = kind});
}

TEST_F(Refusal, of_a_port_that_is_closed) {  // RFC 1122 section 4.1.3.1, RFC 4443 section 3.1
  for (const Family f : families) {
    const Octets p = probe(peer(f));
    const auto out = answers(p);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].src, us(f));
    EXPECT_EQ(out[0].dst, peer(f));
    EXPECT_EQ(out[0].type, f == Family::v4 ? 3 : 1);
    EXPECT_EQ(out[0].code, f == Family::v4 ? 3 : 4);
    EXPECT_EQ(out[0].rest, 0u);
    EXPECT_EQ(out[0].tos, 0);
    EXPECT_EQ(out[0].text, p) << "the quote is unchanged";
  }
}

TEST_F(Refusal, quotes_no_more_than_every_link_takes) {  // RFC 1812 section 4.3.2.3, RFC 4443 section 2.4(c)
  for (const Family f : families) {
    const Octets p = udp_packet({peer(f), Port{1}}, closed(f), Octets(1400));
    const auto out = answers(p);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].size, f == Family::v4 ? 576u : 1280u);
    EXPECT_TRUE(std::equal(out[0].text.begin(), out[0].text.end(), p.begin()));
  }
}

TEST_F(Refusal, of_protocols_that_are_not_spoken) {  // I4
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    const auto number = static_cast<std::uint8_t>(protocol);
    const auto out = answers(encode({.src = peer4, .dst = us4, .protocol = number, .payload = Octets(40)}));
    const bool spoken = number == 1 || number == 6 || number == 17;
    ASSERT_EQ(out.size(), spoken ? 0u : 1u) << protocol;
    if (!spoken) {
      EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0302);
    }
    lapse(1s);
  }
  EXPECT_EQ(stack().connections(), 0u);
}

TEST_F(Refusal, of_next_headers_that_are_not_known) {  // I4, RFC 8200 section 4
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    const auto number = static_cast<std::uint8_t>(protocol);
    Octets payload(40);
    payload[0] = std::byte{59};  // where it is an extension header: no next one
    const auto out = answers(encode({.src = peer6, .dst = us6, .protocol = number, .payload = payload}));
    const bool known = std::ranges::count(std::vector{0, 6, 17, 43, 44, 58, 59, 60}, number) != 0;
    ASSERT_EQ(out.size(), known ? 0u : 1u) << protocol;
    if (!known) {
      EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0401);
      EXPECT_EQ(out[0].rest, 6u) << "the pointer";
    }
    lapse(1s);
  }
  const auto out = answers(with_extension(60, "63 00 01 04 00000000", 99));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].rest, 40u) << "the field of the last header";
}

TEST_F(Refusal, of_tunnels) {  // I4
  const Octets inner = encode(Segment{.src = {peer4, Port{9}}, .dst = {us4, Port{80}}, .flags = flag::syn});
  for (const std::uint8_t protocol : std::initializer_list<std::uint8_t>{4, 41, 47}) {
    EXPECT_EQ(answers(encode({.src = peer4, .dst = us4, .protocol = protocol, .payload = inner})).size(), 1u);
    EXPECT_EQ(stack().connections(), 0u);
  }
}

TEST_F(Refusal, of_routing_headers_with_segments_left) {  // I8
  const std::string ours = "fd000000000000000000000000000002";
  const auto out = answers(with_extension(43, "11 04 00 02 00000000" + ours + ours));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0400);
  EXPECT_EQ(out[0].rest, 42u);
  EXPECT_EQ(counters().received, 1u) << "not processed again";
  EXPECT_EQ(answers(with_extension(43, "11 04 00 00 00000000" + ours + ours))[0].type, 1)
      << "none left: port unreachable";
}

TEST_F(Refusal, of_options_by_their_top_bits) {  // I10
  const IpAddr all = v6("ff02 0000 0000 0000 0000 0000 0000 0001");
  struct Row {
    const char* option;
    bool unicast, multicast;  // whether there is an answer
  };
  for (const Row& row : {Row{"5e", false, false}, Row{"9e", true, true}, Row{"de", true, false}}) {
    const std::string header = std::string{"11 00 "} + row.option + " 04 00000000";
    const auto one = answers(with_extension(60, header)), many = answers(with_extension(60, header, 17, all));
    ASSERT_EQ(one.size(), row.unicast ? 1u : 0u) << row.option;
    ASSERT_EQ(many.size(), row.multicast ? 1u : 0u) << row.option;
    for (const auto& out : {one, many})
      if (!out.empty()) {
        EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0402);
        EXPECT_EQ(out[0].rest, 42u);
        EXPECT_EQ(out[0].src, us6) << "from a unicast address (RFC 4443 section 2.2)";
      }
    lapse(1s);
  }
  const auto skipped = answers(with_extension(60, "11 00 1e 04 00000000"));
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_EQ(skipped[0].type, 1) << "00: the port was asked";
  EXPECT_TRUE(is_silent(with_extension(60, "11 00 1e 04 00000000", 17, all)));
}

TEST_F(Refusal, of_a_bad_ipv4_option) {  // I3
  IpPacket p{.src = peer4, .dst = us4, .payload = Octets(8), .options = octets("0107 0100")};
  const auto out = answers(encode(p));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].type << 8 | out[0].code, 0x0c00);
  EXPECT_EQ(out[0].rest, 21u << 24);
  p.options = octets("8307 04 c6120001 00");
  EXPECT_TRUE(is_silent(encode(p))) << "a source route goes without a word";
}

// C6: RFC 1122 section 3.2.2, RFC 4443 section 2.4(e); every error that one packet can cause.
TEST_F(Refusal, is_never_about_an_error) {
  const Octets quote = udp_packet({us4, Port{9}}, {peer4, Port{9}}, Octets(8));
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{3, 4, 5, 11, 12, 40, 255}) {
    const Octets error = icmp(peer4, us4, type, 0, 0, quote);
    EXPECT_TRUE(
        is_silent(encode({.src = peer4, .dst = us4, .protocol = 1, .payload = error, .options = octets("0107")})));
  }
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{1, 2, 3, 4, 100, 127, 137}) {
    const Octets error = icmp(peer6, us6, type, 0, 0, Octets(60));
    for (const char* option : {"9e", "de"})
      EXPECT_TRUE(is_silent(encode({.src = peer6,
                                    .dst = us6,
                                    .protocol = 58,
                                    .payload = error,
                                    .extensions = octets(std::string{"3a 00 "} + option + " 04 00000000"),
                                    .extension = 60})))
          << unsigned{type};
  }
}

TEST_F(Refusal, is_never_told_to_or_about_many) {  // C6
  for (const IpAddr& dst : {IpAddr::v4(0xffffffffu), IpAddr::v4(0xc61200ffu), IpAddr::v4(0xe0000001u)}) {
    EXPECT_TRUE(is_silent(udp_packet({peer4, Port{1}}, {dst, Port{9}}, Octets(4))));
    EXPECT_TRUE(is_silent(encode({.src = peer4, .dst = dst, .protocol = 99, .payload = Octets(8)})));
    EXPECT_TRUE(is_silent(encode({.src = peer4, .dst = dst, .payload = Octets(8), .options = octets("0107")})));
  }
  const IpAddr all = v6("ff02 0000 0000 0000 0000 0000 0000 0001");
  EXPECT_TRUE(is_silent(udp_packet({peer6, Port{1}}, {all, Port{9}}, Octets(4))));
  EXPECT_TRUE(is_silent(encode({.src = peer6, .dst = all, .protocol = 99, .payload = Octets(8)})));
}

TEST_F(Refusal, is_never_told_to_who_is_nobody) {  // C6, I5, I6
  const IpAddr bad4[] = {us4,
                         IpAddr::v4(0u),
                         IpAddr::v4(0x00000001u),
                         IpAddr::v4(0x7f000001u),
                         IpAddr::v4(0x7fffffffu),
                         IpAddr::v4(0xe0000001u),
                         IpAddr::v4(0xefffffffu),
                         IpAddr::v4(0xf0000001u),
                         IpAddr::v4(0xfffffffeu),
                         IpAddr::v4(0xffffffffu),
                         IpAddr::v4(0xc61200ffu)};
  const IpAddr bad6[] = {us6, IpAddr{}, IpAddr::loopback(Family::v6), v6("ff02 0000 0000 0000 0000 0000 0000 0001"),
                         v6("ff0e 0000 0000 0000 0000 0000 0000 0001")};
  const auto try_all = [&](const IpAddr& src, const IpAddr& dst) {
    for (const auto& p : {udp_packet({src, Port{9}}, {dst, Port{9}}, Octets(4)), echo_request(src, dst, 1, 1, {}),
                          encode({.src = src, .dst = dst, .protocol = 99, .payload = Octets(8)}),
                          encode(Segment{.src = {src, Port{9}}, .dst = {dst, Port{9}}, .flags = flag::syn}),
                          encode(Segment{.src = {src, Port{9}}, .dst = {dst, Port{9}}, .flags = flag::rst}),
                          fragment(udp_packet({src, Port{9}}, {dst, Port{9}}, Octets(40)), 0, 24, true, 5)})
      EXPECT_TRUE(is_silent(p));
  };
  for (const IpAddr& src : bad4) try_all(src, us4);
  for (const IpAddr& src : bad6) try_all(src, us6);
  EXPECT_EQ(dropped(Drop::martian_source), counters().received);
  EXPECT_EQ(stack().connections(), 0u);
}

TEST_F(Refusal, is_never_about_a_later_fragment) {  // C6
  const Octets p =
      encode({.src = peer4, .dst = us4, .payload = Octets(8), .options = octets("0107"), .fragment_offset = 80});
  EXPECT_TRUE(is_silent(p));
  const auto later = [](std::uint8_t protocol) {
    return encode({.src = peer6,
                   .dst = us6,
                   .protocol = protocol,
                   .payload = Octets(12),
                   .extensions = fragment_header(protocol, 80, true, 1),
                   .extension = 44});
  };
  EXPECT_TRUE(is_silent(later(58))) << "a length that is no multiple of 8; but it may be a part of an error";
  EXPECT_EQ(answers(later(17)).size(), 1u) << "RFC 8200 section 4.5";
}

TEST_F(Refusal, of_others_packets_does_not_exist) {  // I13: forwarding neither
  Octets p = udp_packet({peer4, Port{1}}, {IpAddr::v4(0x08080808u), Port{9}}, Octets(4));
  EXPECT_TRUE(is_silent(p));
  EXPECT_TRUE(is_silent(udp_packet({peer6, Port{1}}, {neighbour(Family::v6, 1), Port{9}}, Octets(4))));
  EXPECT_EQ(dropped(Drop::not_ours), 2u);
}

TEST_F(Refusal, is_limited_by_destination) {  // C7
  for (const Family f : families) {
    std::size_t told = 0;
    const Instant begin = host_.now();
    constexpr int probes = 100'000, burst = 100;
    const Octets p = probe(peer(f));
    for (int i = 0; i < probes; i += burst) {
      for (int k = 0; k < burst; ++k) host_.inject_packet(p);
      host_.poll();
      told += taken().size();
      lapse(10ms);
    }
    const auto most = static_cast<std::size_t>(6 + (host_.now() - begin) / 100ms);
    EXPECT_LE(told, most);
    EXPECT_GE(told, most - 1);
  }
}

// C7: B is told the same, whether A asks for all it can get or not (law 4).
TEST_F(Refusal, to_one_does_not_show_another) {
  const auto view_of_b = [](bool with_a) {
    Host host{config()};
    host.datagrams = true;
    const IpAddr a = neighbour(Family::v4, 1), b = neighbour(Family::v4, 2);
    for (int i = 0; i < 2000; ++i) {
      if (with_a)
        for (int k = 0; k < 20; ++k) host.inject_packet(probe(a));
      if (i % 100 == 0) host.inject_packet(probe(b));
      host.poll();
      host.advance(host.now() + 2ms);
    }
    EXPECT_TRUE(host.broken().empty());
    std::vector<std::pair<Instant, Octets>> view;
    for (const auto& [at, packet] : host.record())
      if (IpAddr::v4(&packet[16]) == b) view.emplace_back(at, packet);
    return view;
  };
  const auto alone = view_of_b(false);
  EXPECT_EQ(alone.size(), 20u);
  EXPECT_EQ(view_of_b(true), alone);
}

TEST_F(Refusal, to_all_is_limited_by_a_number_that_nobody_knows) {  // C7
  std::vector<std::size_t> told;
  for (std::uint8_t key = 0; key < 8; ++key) {
    Config c = config();
    c.key.fill(key);
    Host host{c};
    host.datagrams = true;
    for (std::uint32_t n = 1; n <= 256; ++n) {
      host.inject_packet(probe(neighbour(Family::v4, n)));
      host.poll();
    }
    EXPECT_TRUE(host.broken().empty());
    told.push_back(host.others.size());
    EXPECT_GE(told.back(), 34u);
    EXPECT_LE(told.back(), 101u);
  }
  std::ranges::sort(told);
  EXPECT_NE(told.front(), told.back()) << "the burst differs from key to key";
}

TEST_F(Refusal, is_limited_as_the_knobs_say) {  // C7
  const auto told = [&](int probes) {
    std::size_t n = 0;
    for (int i = 0; i < probes; ++i) n += answers(probe(peer4)).size();
    return n;
  };
  ASSERT_TRUE(stack().set_sysctl("net.ipv4.icmp_ratelimit", "1000"));
  EXPECT_EQ(told(10), 6u);
  lapse(1s);
  EXPECT_EQ(told(10), 1u);
  ASSERT_TRUE(stack().set_sysctl("net.ipv4.icmp_ratelimit", "0"));
  EXPECT_GE(told(200), 30u) << "what all have alone";
  lapse(10s);
  ASSERT_TRUE(stack().set_sysctl("net.ipv4.icmp_msgs_per_sec", "1"));
  ASSERT_TRUE(stack().set_sysctl("net.ipv4.icmp_msgs_burst", "4"));
  const std::size_t few = told(50);
  EXPECT_GE(few, 2u);
  EXPECT_LE(few, 8u);
}

TEST_F(Refusal, of_segments_by_resets_is_limited_by_destination) {  // C7
  const auto segment = [](const IpAddr& from, std::uint16_t port) {
    return Segment{.src = {from, Port{port}}, .dst = {us4, Port{9}}, .flags = flag::syn};
  };
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    host_.inject(segment(peer4, port));
    if (port % 50 == 0) host_.poll();
  }
  EXPECT_EQ(counters().tcp_resets_out, 200u);
  EXPECT_EQ(counters().resets_limited, 800u);
  host_.inject(segment(neighbour(Family::v4, 7), 1));
  host_.poll();
  EXPECT_EQ(counters().tcp_resets_out, 201u) << "another has its own bucket";
}

}  // namespace
}  // namespace tunic::test
