#include "port/ephemeral.h"

#include <gtest/gtest.h>

#include <array>
#include <bitset>
#include <cmath>
#include <vector>

#include "port/binding.h"
#include "port/demux.h"

namespace tunic {
namespace {

constexpr std::uint16_t first = 32'768, last = 65'535;
const Prf prf{PrfKey{5, 6}};
const IpAddr local = IpAddr::v4(0xc6120001u);
const Endpoint here{IpAddr::v4(0xc6130001u), Port{80}}, there{IpAddr::v4(0xc6130002u), Port{443}};

Instant at(std::int64_t t) { return Instant{Duration{t}}; }
std::uint32_t number(Port p) { return static_cast<std::uint32_t>(p); }
constexpr auto all_free = [](Port) { return true; };

// Pearson's chi-square of `counts` against equal counts, as a distance from its mean in standard deviations.
template <class Counts>
double deviation(const Counts& counts) {
  double total = 0, chi = 0;
  for (const auto n : counts) total += n;
  const double expected = total / double(counts.size());
  for (const auto n : counts) chi += (n - expected) * (n - expected) / expected;
  const double freedom = double(counts.size()) - 1;
  return (chi - freedom) / std::sqrt(2 * freedom);
}

TEST(EphemeralPorts, draws_are_uniform_and_independent_between_destinations) {  // N3
  const EphemeralPorts ports{prf, first, last};
  constexpr std::int64_t connects = 500'000;  // to each
  std::vector<std::uint32_t> to_here(32'768), to_there(32'768), differences(32'768), joint(64 * 64);
  for (std::int64_t t = 0; t < connects; ++t) {
    const std::uint32_t a = number(*ports.for_connect(local, here, at(t), all_free)) - first;
    const std::uint32_t b = number(*ports.for_connect(local, there, at(t), all_free)) - first;
    ++to_here.at(a);
    ++to_there.at(b);
    ++differences[(b - a) % 32'768];
    ++joint[a / 512 * 64 + b / 512];
  }
  EXPECT_LT(std::abs(deviation(to_here)), 5);
  EXPECT_LT(std::abs(deviation(to_there)), 5);
  EXPECT_LT(std::abs(deviation(differences)), 5);
  double bits = 0;  // of mutual information, the marginals being uniform
  for (const std::uint32_t n : joint) bits += n / double(connects) * std::log2(n / double(connects) * 64 * 64);
  EXPECT_LT(bits, 0.01) << "independent ports give 4095 / (2 N ln 2) = 0.006";
}

TEST(EphemeralPorts, successive_ports_of_one_destination_are_independent) {  // N3
  const EphemeralPorts ports{prf, first, last};
  std::vector<std::uint32_t> steps(32'768);
  std::uint32_t before = 0;
  for (std::int64_t t = 0; t < 500'000; ++t) {
    const std::uint32_t p = number(*ports.for_connect(local, here, at(t), all_free));
    ++steps[(p - before) % 32'768];
    before = p;
  }
  EXPECT_LT(std::abs(deviation(steps)), 5);
}

TEST(EphemeralPorts, every_port_of_a_destination_is_found_then_none) {  // N3
  const EphemeralPorts ports{prf, first, last};
  std::vector<char> taken(65'536);
  const auto is_free = [&](Port p) { return taken[number(p)] == 0; };
  const auto connect = [&](std::int64_t t) {
    const auto port = ports.for_connect(local, here, at(t), is_free);
    if (!port || taken[number(*port)]++ != 0) return 0u;
    return number(*port);
  };
  for (std::int64_t t = 0; t < 32'768; ++t)
    ASSERT_GE(connect(t), first) << "the range is used up before what is below it";
  for (std::int64_t t = 0; t < 300; ++t) {
    const std::uint32_t p = connect(t);
    ASSERT_TRUE(1024 <= p && p < first);
  }
  // The rest of the 64 512 but three, without searching for each.
  for (std::uint32_t p = 1024; p < first; ++p) taken[p] = p != 1024 && p != 20'000 && p != first - 1u;
  EXPECT_EQ(connect(1) + connect(2) + connect(3), 1024u + 20'000u + first - 1u);
  EXPECT_EQ(ports.for_connect(local, here, at(0), is_free).error(), Error::not_available);
  EXPECT_EQ(ports.for_bind(local, at(0), is_free).error(), Error::in_use);
}

TEST(EphemeralPorts, work_is_bounded) {  // N3
  const EphemeralPorts ports{prf, first, last};
  std::uint32_t asked = 0;
  EXPECT_FALSE(ports.for_connect(local, here, at(1), [&](Port) { return ++asked == 0; }));
  EXPECT_EQ(asked, 64'512 + 2 * EphemeralPorts::draws);
}

TEST(EphemeralPorts, reserved_ports_are_never_chosen) {  // N3
  EphemeralPorts ports{prf, 40'000, 40'009};
  ports.reserve({Port{40'009}, Port{40'000}, Port{40'004}, Port{1024}});
  std::bitset<65'536> seen;
  for (std::int64_t t = 0; t < 2000; ++t) seen.set(number(*ports.for_bind(local, at(t), all_free)));
  EXPECT_EQ(seen.count(), 7u);
  EXPECT_FALSE(seen[40'000] || seen[40'004] || seen[40'009]);
}

TEST(EphemeralPorts, a_range_from_1024_on_has_nothing_below) {
  const EphemeralPorts ports{prf, 1024, 1024};
  EXPECT_EQ(*ports.for_connect(local, here, at(0), all_free), Port{1024});
  EXPECT_FALSE(ports.for_connect(local, here, at(0), [](Port) { return false; }));
}

TEST(EphemeralPorts, one_port_serves_many_destinations_and_then_a_listener) {  // N3
  const EphemeralPorts ports{prf, first, first};
  PortTable table{prf};
  Demux demux{prf};
  for (std::uint32_t i = 0; i < 100; ++i) {
    const Endpoint remote{IpAddr::v4(0xc6130000u + i), Port{80}};
    const auto is_free = [&](Port p) { return !table.is_claimed(p) && !demux.find({{local, p}, remote}); };
    const auto port = ports.for_connect(local, remote, at(0), is_free);
    ASSERT_EQ(*port, Port{first});
    table.bind_automatic(local, *port);
    ASSERT_TRUE(demux.insert({{local, *port}, remote}, i));
    EXPECT_LT(number(*ports.for_connect(local, remote, at(0), is_free)), first) << "the same pair cannot be twice";
  }
  EXPECT_EQ(table.size(), 1u);
  const auto listener = table.bind({.addr = local, .port = Port{first}});
  ASSERT_TRUE(listener);
  EXPECT_TRUE(table.set_listening(*listener, true));
}

}  // namespace
}  // namespace tunic
