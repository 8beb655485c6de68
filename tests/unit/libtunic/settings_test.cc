// What a start is told: each text that cannot be meant says what is wrong and what mends it.
#include "libtunic/settings.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <string>

#include "libtunic/tunic.h"

namespace tunic {
namespace {

std::map<std::string, std::string> environment;
const char* variable(const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? nullptr : found->second.c_str();
}

auto read(std::map<std::string, std::string> variables, const tunic_config* config = nullptr) {
  environment = std::move(variables);
  return read_settings(config, variable);
}

TEST(Settings, defaults) {
  for (const auto& s : {read({}), read({{"TUNIC_DEVICE", ""}, {"TUNIC_MTU", ""}})}) {
    ASSERT_TRUE(s);
    EXPECT_EQ(s->device, "tun0");
    EXPECT_FALSE(s->fd);
    EXPECT_FALSE(s->mtu);
    EXPECT_FALSE(s->impair);
    EXPECT_EQ(s->linger, 5s);
    ASSERT_EQ(s->addresses.size(), 2u);
    EXPECT_EQ(s->addresses[0], (Prefix{IpAddr::v4(0xc6120002u), 24}));
    EXPECT_EQ(s->addresses[1].length, 64);
  }
}

TEST(Settings, the_environment) {
  const auto s = read({{"TUNIC_DEVICE", "lo"},
                       {"TUNIC_ADDRESS", "10.1.2.3/8,fd00::5"},
                       {"TUNIC_GATEWAY", "10.0.0.1"},
                       {"TUNIC_MTU", "9000"},
                       {"TUNIC_LINGER", "0"},
                       {"TUNIC_IMPAIR", "loss=1%,seed=7"}});
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->is_loopback_only());
  EXPECT_EQ(s->addresses[0], (Prefix{IpAddr::v4(0x0a010203u), 8}));
  EXPECT_EQ(s->addresses[1].length, 128);
  EXPECT_EQ(s->mtu, 9000u);
  EXPECT_EQ(s->linger, 0s);
  EXPECT_EQ(s->impair->seed, 7u);
}

TEST(Settings, a_descriptor_wins_over_a_name) {
  const auto s = read({{"TUNIC_DEVICE", "lo"}, {"TUNIC_FD", "7"}});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->fd, 7);
  EXPECT_TRUE(s->takes_fd);
  EXPECT_FALSE(s->is_loopback_only());
}

TEST(Settings, the_call_wins_over_the_environment) {
  tunic_config config{};
  config.size = sizeof config;
  config.device = "tun9";
  config.mtu = 1400;
  config.linger = -1;
  const auto s = read({{"TUNIC_DEVICE", "lo"},
                       {"TUNIC_FD", "7"},
                       {"TUNIC_MTU", "x"},
                       {"TUNIC_LINGER", "9"},
                       {"TUNIC_ADDRESS", "10.0.0.1/8"}},
                      &config);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->device, "tun9");
  EXPECT_FALSE(s->fd);
  EXPECT_EQ(s->mtu, 1400u);
  EXPECT_EQ(s->linger, 0s);
  EXPECT_EQ(s->addresses.size(), 1u);
  config.fd = 5;
  const auto with_fd = read({}, &config);
  EXPECT_EQ(with_fd->fd, 5);
  EXPECT_FALSE(with_fd->takes_fd);
}

TEST(Settings, fields_beyond_the_callers_size_are_not_read) {
  tunic_config config{};
  config.size = offsetof(tunic_config, fd);
  config.device = "tun9";
  config.mtu = 3;
  EXPECT_EQ(read({}, &config)->device, "tun9");
  EXPECT_FALSE(read({}, &config)->mtu);
  config.size = 0;
  EXPECT_EQ(read({}, &config).error().code, EINVAL);
}

TEST(Settings, knobs) {
  const auto s = read({{"TUNIC_SYSCTL",
                        "net.ipv4.tcp_rmem=4096 131072 6291456,net.ipv4.ip_local_reserved_ports=8080,9000-9099,"
                        "net.ipv4.tcp_fin_timeout=30"}});
  ASSERT_TRUE(s) << s.error().sentence;
  const std::vector<std::pair<std::string, std::string>> should = {
      {"net.ipv4.tcp_rmem", "4096 131072 6291456"},
      {"net.ipv4.ip_local_reserved_ports", "8080,9000-9099"},
      {"net.ipv4.tcp_fin_timeout", "30"}};
  EXPECT_EQ(s->sysctls, should);
  tunic_config config{};
  config.size = sizeof config;
  config.sysctl = "net.ipv4.ip_default_ttl=9";
  EXPECT_EQ(read({{"TUNIC_SYSCTL", "x"}}, &config)->sysctls.size(), 1u);
  config.size = offsetof(tunic_config, sysctl);  // a program that does not know of it
  EXPECT_TRUE(read({}, &config)->sysctls.empty());
}

TEST(Settings, what_a_knob_takes_is_said) {
  const auto sentence = [](const char* text) { return read({{"TUNIC_SYSCTL", text}}).error().sentence; };
  EXPECT_EQ(sentence("net.ipv4.ip_default_ttl=300"),
            "TUNIC_SYSCTL \"net.ipv4.ip_default_ttl=300\" gives net.ipv4.ip_default_ttl \"300\"; give it 1 to 255");
  EXPECT_NE(sentence("net.ipv4.no_such=1").find("no knob of ours"), std::string::npos);
}

TEST(Settings, what_cannot_be_meant) {
  const std::pair<const char*, const char*> wrong[] = {
      {"TUNIC_ADDRESS", "198.18.0.300/24"},
      {"TUNIC_ADDRESS", "198.18.0.2/33"},
      {"TUNIC_ADDRESS", "198.18.0.2/"},
      {"TUNIC_ADDRESS", "198.18.0.2/24,"},
      {"TUNIC_ADDRESS", "fd00::1/129"},
      {"TUNIC_ADDRESS", "127.0.0.1/8"},
      {"TUNIC_ADDRESS", "224.0.0.1/8"},
      {"TUNIC_ADDRESS", "0.0.0.0/0"},
      {"TUNIC_ADDRESS", "::ffff:1.2.3.4/96"},
      {"TUNIC_ADDRESS", "::1/128"},
      {"TUNIC_ADDRESS", "10.0.0.1/8,10.0.0.1/24"},
      {"TUNIC_GATEWAY", "nobody"},
      {"TUNIC_GATEWAY", "10.0.0.1"},
      {"TUNIC_GATEWAY", "198.18.0.2"},
      {"TUNIC_FD", "three"},
      {"TUNIC_FD", "-1"},
      {"TUNIC_MTU", "1500x"},
      {"TUNIC_MTU", "575"},
      {"TUNIC_MTU", "1279"},
      {"TUNIC_MTU", "65536"},
      {"TUNIC_LINGER", "soon"},
      {"TUNIC_LINGER", "3601"},
      {"TUNIC_IMPAIR", "loss=lots"},
      {"TUNIC_SYSCTL", "net.ipv4.tcp_fin_timeout"},
      {"TUNIC_SYSCTL", "net.ipv4.no_such=1"},
      {"TUNIC_SYSCTL", "net.ipv4.ip_default_ttl=0"},
      {"TUNIC_SYSCTL", "net.ipv4.ip_default_ttl=9,"},
      {"TUNIC_SYSCTL", "net.ipv4.tcp_available_congestion_control=reno"},
  };
  for (const auto& [name, text] : wrong) {
    SCOPED_TRACE(std::string{name} + "=" + text);
    const auto s = read({{name, text}});
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().code, EINVAL);
    EXPECT_NE(s.error().sentence.find(name), std::string::npos) << s.error().sentence;
    EXPECT_EQ(s.error().sentence.find('\n'), std::string::npos);
    EXPECT_GT(s.error().sentence.size(), 30u) << s.error().sentence;
  }
  EXPECT_TRUE(read({{"TUNIC_MTU", "576"}, {"TUNIC_ADDRESS", "10.0.0.1/8"}}));
}

}  // namespace
}  // namespace tunic
