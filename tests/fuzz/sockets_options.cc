// Z7: options keep what they were given or stay as they were; knobs can be written as they are read.
#include "core/sysctl.h"
#include "fuzz/sockets_world.h"

namespace tunic::fuzz {
namespace {

constexpr std::uint32_t options = static_cast<std::uint32_t>(Option::no_checksum) + 1;

/// Those that give back exactly what they took, beside 0/1.
bool keeps_numbers(Option o) {
  return o == Option::keep_idle || o == Option::keep_interval || o == Option::keep_count || o == Option::linger ||
         o == Option::user_timeout || o == Option::not_sent_low || o == Option::ttl || o == Option::tos ||
         o == Option::syn_count || o == Option::mtu_discover;
}

bool is_switch(Option o) {
  return o == Option::reuse_address || o == Option::reuse_port || o == Option::v6_only || o == Option::keep_alive ||
         o == Option::no_delay || o == Option::cork || o == Option::oob_inline || o == Option::bind_no_port ||
         o == Option::broadcast || o == Option::receive_errors || o == Option::no_checksum;
}

}  // namespace

void World::set(Handle& h) {
  static constexpr std::array<std::int64_t, 16> numbers{
      0,  1,    2,    -1,     5,         120,         500,           1152,
      64, 1460, 4096, 65'536, 1'000'000, 0x7fff'ffff, -0x8000'0000l, std::int64_t{1} << 40};
  const auto o = static_cast<Option>(tape_.below(options));
  const std::int64_t value = numbers[tape_.below(numbers.size())];
  const auto before = of(h).get(h.id, o);
  REQUIRE(before || before.error() == Error::no_option || (o == Option::mtu && before.error() == Error::not_connected));
  const Status done = of(h).set(h.id, o, value);
  REQUIRE(done || done.error() == Error::invalid || done.error() == Error::no_option);
  const auto after = of(h).get(h.id, o);
  if (!done) {
    REQUIRE(after == before);
    return;
  }
  if (is_switch(o)) REQUIRE(after == (value != 0));
  if (keeps_numbers(o)) REQUIRE(after == value || (o == Option::user_timeout && value == 0));
  if (o == Option::send_buffer)
    REQUIRE(after == std::clamp<std::int64_t>(value, 2304, static_cast<std::int64_t>(of(h).config().wmem_max)));
  if ((o == Option::reuse_address || o == Option::reuse_port) && value != 0) h.may_share = true;
  if (o == Option::cork && value == 0 && !h.is_stream()) finish_gathered(h);
}

void World::set_congestion(Handle& h) {
  const bool known = tape_.below(2) == 0;
  const Status done = of(h).set_congestion(h.id, known ? "reno" : "renown");
  REQUIRE(done.has_value() == known && (known || done.error() == Error::no_entry));
  REQUIRE(of(h).congestion(h.id) == "reno");
}

void World::set_sysctl(int side) {
  const auto all = sysctls();
  const Sysctl& knob = all[tape_.octet() % all.size()];
  const std::uint8_t n = tape_.octet();
  const std::string number = std::to_string(n % 4 == 0 ? n : n % 4 == 1 ? n * 1000 : knob.least + n);
  const std::string value = n % 3 == 0   ? number
                            : n % 3 == 1 ? number + " " + number + "9"
                                         : "4096 " + number + " " + number + "0";
  Stack& s = at(side);
  const auto before = s.sysctl(knob.name);
  REQUIRE(before);
  const Status done = s.set_sysctl(knob.name, value);
  REQUIRE(done || done.error() == Error::invalid || done.error() == Error::denied);
  const auto after = s.sysctl(knob.name);
  REQUIRE(after && (done || *after == *before));
  const Status again = s.set_sysctl(knob.name, *after);
  REQUIRE(again || again.error() == Error::denied);
  REQUIRE(s.sysctl(knob.name) == *after);
  REQUIRE(s.set_sysctl("net.ipv4.none", value).error() == Error::no_entry);
}

void World::set_device(int side) {
  const std::uint8_t how = tape_.octet();
  if (how % 4 == 0)
    at(side).set_link({.checksum = how / 4 % 2 == 0, .max_gso = how / 8 % 2 == 0 ? 65'535u : 0u});
  else
    at(side).set_mtu(std::uint32_t{how} * 36);
}

// Every so many blocks that are asked for, one is refused.
void World::make_memory_fail(int side) {
  const std::uint32_t every = tape_.below(9);
  at(side).pool().fail_every(every);
  memory_fails_[static_cast<std::size_t>(side)] = every != 0;
}

}  // namespace tunic::fuzz
