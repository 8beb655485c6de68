// Linux's names for the knobs of a Stack: what they take, what they change, and that the page that lists them is true.
#include "core/sysctl.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "core/stack.h"

namespace tunic {
namespace {

std::string show(const Config& c, std::string_view name) {
  const Sysctl* s = find_sysctl(name);
  return s == nullptr ? "no such name" : s->show(c);
}

Error error_of(std::string_view name, std::string_view value) {
  Config c;
  const Status s = set_sysctl(c, name, value);
  return s ? Error{} : s.error();
}

TEST(Sysctl, each_takes_its_own_default_and_shows_it_again) {
  for (const Sysctl& s : sysctls()) {
    SCOPED_TRACE(s.name);
    EXPECT_FALSE(s.what.empty());
    EXPECT_FALSE(takes(s).empty());
    Config c;
    const std::string before = s.show(c);
    if (s.take == nullptr) continue;
    ASSERT_TRUE(set_sysctl(c, s.name, before));
    EXPECT_EQ(s.show(c), before);
    EXPECT_TRUE(s.linux_value.empty() || s.linux_value != before) << "it says a difference where there is none";
  }
}

TEST(Sysctl, each_that_is_a_number_takes_its_ends_and_nothing_beyond) {
  for (const Sysctl& s : sysctls()) {
    if (s.take == nullptr || !s.form.empty()) continue;
    SCOPED_TRACE(s.name);
    for (const std::int64_t n : {s.least, s.most}) {
      Config c;
      ASSERT_TRUE(set_sysctl(c, s.name, std::to_string(n)));
      EXPECT_EQ(s.show(c), std::to_string(n));
    }
    for (const std::string& wrong :
         {std::to_string(s.least - 1), std::to_string(s.most + 1), std::string{}, std::string{"x"}, std::string{"1x"},
          std::string{"1 1"}, std::string{"99999999999999999999"}})
      EXPECT_EQ(error_of(s.name, wrong), Error::invalid) << wrong;
  }
}

TEST(Sysctl, no_two_share_a_place) {
  for (const Sysctl& s : sysctls()) {
    if (s.take == nullptr || !s.form.empty()) continue;
    Config c;
    const std::string before = s.show(c);
    ASSERT_TRUE(set_sysctl(c, s.name, std::to_string(before == std::to_string(s.least) ? s.most : s.least)));
    for (const Sysctl& other : sysctls())
      EXPECT_EQ(other.show(c) == other.show(Config{}), other.name != s.name) << s.name << " " << other.name;
  }
}

TEST(Sysctl, names) {
  EXPECT_EQ(error_of("net.ipv4.tcp_fin_timeou", "1"), Error::no_entry);
  EXPECT_EQ(error_of("net.ipv4.tcp_fin_timeout ", "1"), Error::no_entry);
  EXPECT_EQ(error_of("", "1"), Error::no_entry);
  EXPECT_EQ(error_of("net.ipv4.tcp_available_congestion_control", "reno"), Error::denied);
  EXPECT_EQ(error_of("net/ipv4/tcp_fin_timeout", "1"), Error{});
}

TEST(Sysctl, values_of_several_numbers) {
  Config c;
  ASSERT_TRUE(set_sysctl(c, "net.ipv4.tcp_rmem", "4096 131072\t6291456\n"));  // Linux's own
  EXPECT_EQ(c.tcp.receive_buffer, 65'536u);
  EXPECT_EQ(c.tcp.max_receive_buffer, 3u << 20);
  EXPECT_EQ(c.tcp.max_send_buffer, TcpSettings{}.max_send_buffer);
  for (const char* wrong : {"4096 131072", "4096 131072 65536", "131072 4096 6291456", "4096 1 2",
                            "4096 131072 6291456 7", "4096,131072,6291456", "-1 131072 6291456"})
    EXPECT_EQ(error_of("net.ipv4.tcp_rmem", wrong), Error::invalid) << wrong;
  ASSERT_TRUE(set_sysctl(c, "net.ipv4.ip_local_port_range", "1024 65535"));
  EXPECT_EQ(show(c, "net.ipv4.ip_local_port_range"), "1024\t65535");
  for (const char* wrong : {"1024", "2000 1999", "0 10", "1 65536"})
    EXPECT_EQ(error_of("net.ipv4.ip_local_port_range", wrong), Error::invalid) << wrong;
}

TEST(Sysctl, reserved_ports) {
  Config c;
  const char* name = "net.ipv4.ip_local_reserved_ports";
  EXPECT_EQ(show(c, name), "");
  ASSERT_TRUE(set_sysctl(c, name, "9000-9002,8080,9003,8080"));
  EXPECT_EQ(c.reserved_ports, (std::vector<std::uint16_t>{8080, 9000, 9001, 9002, 9003}));
  EXPECT_EQ(show(c, name), "8080,9000-9003");
  for (const char* wrong : {",", "1,", ",1", "2-1", "0", "65536", "1-", "-1", "1,,2", "a"}) {
    EXPECT_FALSE(set_sysctl(c, name, wrong)) << wrong;
    EXPECT_EQ(show(c, name), "8080,9000-9003") << "nothing has changed";
  }
  ASSERT_TRUE(set_sysctl(c, name, ""));
  EXPECT_TRUE(c.reserved_ports.empty());
}

// -- in a Stack that runs --

Config host() {
  Config c;
  c.addresses = {{IpAddr::v4(0xc6120002u), 24}};
  c.memory = 8u << 20;
  return c;
}

TEST(Sysctl, a_stack_obeys_at_once) {
  Stack stack{host()};
  EXPECT_EQ(stack.set_sysctl("net.ipv4.nothing", "1").error(), Error::no_entry);
  EXPECT_EQ(stack.sysctl("net.ipv4.nothing").error(), Error::no_entry);
  EXPECT_EQ(stack.set_sysctl("net.ipv4.ip_default_ttl", "0").error(), Error::invalid);
  const SocketId before = *stack.open(Family::v4);
  ASSERT_TRUE(stack.set_sysctl("net.ipv4.ip_default_ttl", "9"));
  ASSERT_TRUE(stack.set_sysctl("net.ipv6.conf.default.hop_limit", "8"));
  ASSERT_TRUE(stack.set_sysctl("net.ipv6.bindv6only", "1"));
  ASSERT_TRUE(stack.set_sysctl("net.ipv4.tcp_syn_retries", "2"));
  ASSERT_TRUE(stack.set_sysctl("net.core.rmem_max", "10000"));
  EXPECT_EQ(*stack.sysctl("net.ipv4.ip_default_ttl"), "9");
  const SocketId v4 = *stack.open(Family::v4), v6 = *stack.open(Family::v6);
  EXPECT_EQ(*stack.get(before, Option::ttl), 64);
  EXPECT_EQ(*stack.get(v4, Option::ttl), 9);
  EXPECT_EQ(*stack.get(v6, Option::ttl), 8);
  EXPECT_EQ(*stack.get(v6, Option::v6_only), 1);
  EXPECT_EQ(*stack.get(v4, Option::syn_count), 2);
  ASSERT_TRUE(stack.set(v4, Option::receive_buffer, 1 << 20));
  EXPECT_EQ(*stack.get(v4, Option::receive_buffer), 10'000);
}

TEST(Sysctl, ephemeral_ports_come_from_the_range_but_not_from_what_is_reserved) {
  Stack stack{host()};
  ASSERT_TRUE(stack.set_sysctl("net.ipv4.ip_local_port_range", "40000 40003"));
  ASSERT_TRUE(stack.set_sysctl("net.ipv4.ip_local_reserved_ports", "40001-40002"));
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 2; ++i) {
    const SocketId s = *stack.open(Family::v4);
    ASSERT_TRUE(stack.bind(s, {IpAddr::any(Family::v4), {}}));
    ports.insert(static_cast<std::uint16_t>(stack.local(s)->port));
  }
  EXPECT_EQ(ports, (std::set<std::uint16_t>{40'000, 40'003}));
}

// -- the page --

std::string cell(std::string_view text) { return text.empty() ? std::string{} : "`" + std::string{text} + "`"; }

std::string row(const Sysctl& s) {
  std::string value = s.show(Config{});
  std::replace(value.begin(), value.end(), '\t', ' ');
  return "| `" + std::string{s.name} + "` | " + cell(value) + " | " + cell(s.linux_value) + " | " + takes(s) + " | " +
         std::string{s.what} + " |";
}

TEST(Sysctl, the_page_lists_exactly_these) {
  std::ifstream page{SYSCTL_PAGE};
  std::string line, is, should;
  while (std::getline(page, line))
    if (line.starts_with("| `")) is += line + "\n";
  for (const Sysctl& s : sysctls()) should += row(s) + "\n";
  EXPECT_EQ(is, should) << "the table of docs/sysctl.md should be:\n" << should;
}

}  // namespace
}  // namespace tunic
