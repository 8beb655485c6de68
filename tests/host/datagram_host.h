// A Stack that a test speaks to in datagrams: a packet in, what came out, and the laws held after every test.
#pragma once

#include <gtest/gtest.h>

#include "test_support/host.h"

namespace tunic::test {

class DatagramHost : public ::testing::Test {
 protected:
  explicit DatagramHost(const Config& c = config()) : host_{c} { host_.datagrams = true; }

  static Config config() {
    Config c;
    c.addresses = {{us4, 24}, {us6, 64}};
    c.memory = 32u << 20;
    c.max_sockets = 64;
    return c;
  }

  Stack& stack() { return host_.stack(); }
  const Counters& counters() { return stack().counters(); }
  std::uint64_t dropped(Drop why) { return counters().of(why); }
  void lapse(Duration d) { host_.advance(host_.now() + d); }

  /// What comes out at once when `packet` comes in, but for TCP.
  std::vector<IpRead> answers(const Octets& packet) {
    host_.inject_packet(packet);
    host_.poll();
    return taken();
  }
  /// What came out since it was last asked, but for TCP.
  std::vector<IpRead> taken() {
    std::vector<IpRead> out;
    for (auto& d : host_.others) out.push_back(std::move(d.packet));
    host_.others.clear();
    return out;
  }
  /// Whether nothing at all comes out when `packet` comes in.
  bool is_silent(const Octets& packet) {
    const std::size_t before = host_.record().size();
    answers(packet);
    return host_.record().size() == before;
  }

  // Every test ends here: the laws, law 8, and no memory kept once all that was begun has timed out.
  void TearDown() override {
    for (const auto& broken : host_.broken()) ADD_FAILURE() << broken;
    EXPECT_TRUE(counters().conserved());
    EXPECT_EQ(counters().received, host_.injected() + looped_);
    if (keeps_memory_) return;
    lapse(120s);
    EXPECT_EQ(stack().pool().in_use(), 0u);
    for (const auto& broken : host_.broken()) ADD_FAILURE() << broken;
  }

  Host host_;
  std::uint64_t looped_ = 0;   // packets that the test let the Stack send to itself
  bool keeps_memory_ = false;  // sockets of the test still hold some at its end
};

}  // namespace tunic::test
