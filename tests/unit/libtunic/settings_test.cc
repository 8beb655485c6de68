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

TEST(Settings, routes) {
  const auto s = read({{"TUNIC_ROUTE",
                        "10.0.0.0/8 src 198.18.0.2 mtu 1400,unreachable 203.0.113.0/24, blackhole  fd01::/16 metric 7 ,"
                        "default via 198.18.0.9,10.1.2.3"},
                       {"TUNIC_GATEWAY", "198.18.0.1,fd00:7::1"}});
  ASSERT_TRUE(s) << s.error().sentence;
  const auto& r = s->routes;
  ASSERT_EQ(r.size(), 7u);
  EXPECT_EQ(r[0].destination, (Prefix{IpAddr::v4(0x0a000000u), 8}));
  EXPECT_EQ(r[0].kind, Route::Kind::unicast);
  EXPECT_EQ(r[0].source, IpAddr::v4(0xc6120002u));
  EXPECT_EQ(r[0].mtu, 1400u);
  EXPECT_EQ(r[1].kind, Route::Kind::unreachable);
  EXPECT_EQ(r[1].destination.length, 24);
  EXPECT_EQ(r[2].kind, Route::Kind::blackhole);
  EXPECT_EQ(r[2].destination.addr.family(), Family::v6);
  EXPECT_EQ(r[2].metric, 7u);
  EXPECT_EQ(r[3].destination, (Prefix{IpAddr::any(Family::v4), 0}));
  EXPECT_EQ(r[3].gateway, IpAddr::v4(0xc6120009u));
  EXPECT_EQ(r[4].destination.length, 32);
  EXPECT_EQ(r[5].destination, (Prefix{IpAddr::any(Family::v4), 0}));
  EXPECT_EQ(r[5].gateway, IpAddr::v4(0xc6120001u)) << "of TUNIC_GATEWAY: after those of TUNIC_ROUTE";
  EXPECT_EQ(r[6].destination, (Prefix{IpAddr::any(Family::v6), 0}));
}

TEST(Settings, a_default_route_is_of_both_families_that_we_have) {
  const auto both = read({{"TUNIC_ROUTE", "throw default"}});
  ASSERT_TRUE(both);
  ASSERT_EQ(both->routes.size(), 2u);
  EXPECT_EQ(both->routes[0].destination, (Prefix{IpAddr::any(Family::v4), 0}));
  EXPECT_EQ(both->routes[1].destination, (Prefix{IpAddr::any(Family::v6), 0}));
  EXPECT_EQ(both->routes[1].kind, Route::Kind::none);
  const auto one = read({{"TUNIC_ROUTE", "prohibit default"}, {"TUNIC_ADDRESS", "10.0.0.1/8"}});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->routes.size(), 1u);
}

TEST(Settings, routes_of_the_configuration) {
  tunic_config config{};
  config.size = sizeof config;
  config.route = "10.0.0.0/8 mtu 1400";
  EXPECT_EQ(read({{"TUNIC_ROUTE", "x"}}, &config)->routes.size(), 1u);
  config.size = offsetof(tunic_config, route);  // a program that does not know of it
  EXPECT_TRUE(read({}, &config)->routes.empty());
}

TEST(Settings, what_is_wrong_with_a_route_is_said) {
  const auto sentence = [](const std::string& text) { return read({{"TUNIC_ROUTE", text}}).error().sentence; };
  EXPECT_EQ(sentence("default,10.0.0.1/8"),
            "TUNIC_ROUTE \"default,10.0.0.1/8\" has \"10.0.0.1/8\", where \"10.0.0.1/8\" has bits set behind its "
            "prefix length; clear them");
  std::string many;
  for (int i = 0; i < 65; ++i) many += (i == 0 ? "" : ",") + std::string{"10.0.0.0/8"};
  EXPECT_EQ(sentence(many), "TUNIC_ROUTE and TUNIC_GATEWAY have 65 routes; give at most 64");
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
      {"TUNIC_ROUTE", "10.0.0.0/8,"},
      {"TUNIC_ROUTE", "unreachable"},
      {"TUNIC_ROUTE", "nowhere"},
      {"TUNIC_ROUTE", "10.0.0.1/8"},
      {"TUNIC_ROUTE", "fd00::1/127"},
      {"TUNIC_ROUTE", "10.0.0.0/33"},
      {"TUNIC_ROUTE", "10.0.0.0/8 via"},
      {"TUNIC_ROUTE", "10.0.0.0/8 dev tun0"},
      {"TUNIC_ROUTE", "10.0.0.0/8 via somebody"},
      {"TUNIC_ROUTE", "10.0.0.0/8 via 198.18.0.2"},
      {"TUNIC_ROUTE", "10.0.0.0/8 via fd00:7::1"},
      {"TUNIC_ROUTE", "10.0.0.0/8 src 198.18.0.3"},
      {"TUNIC_ROUTE", "10.0.0.0/8 src fd00:7::2"},
      {"TUNIC_ROUTE", "default via 198.18.0.1 src fd00:7::2"},
      {"TUNIC_ROUTE", "10.0.0.0/8 mtu 575"},
      {"TUNIC_ROUTE", "10.0.0.0/8 mtu 65536"},
      {"TUNIC_ROUTE", "10.0.0.0/8 mtu 0"},
      {"TUNIC_ROUTE", "fd01::/64 mtu 1279"},
      {"TUNIC_ROUTE", "default mtu 1279"},
      {"TUNIC_ROUTE", "10.0.0.0/8 metric -1"},
      {"TUNIC_ROUTE", "10.0.0.0/8 metric few"},
      {"TUNIC_ROUTE", "prohibit 10.0.0.0/8 mtu 1400"},
      {"TUNIC_ROUTE", "throw default via 198.18.0.1"},
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
