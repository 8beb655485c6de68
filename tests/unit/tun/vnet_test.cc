// The virtio_net_hdr and the Offload it stands for.
#include "tun/vnet.h"

#include <gtest/gtest.h>

#include <array>

namespace tunic {
namespace {

using Header = std::array<std::byte, 12>;

Header header(std::uint8_t flags, std::uint8_t gso_type, std::uint16_t gso_size) {
  Header h{};
  h[0] = std::byte{flags};
  h[1] = std::byte{gso_type};
  std::memcpy(&h[4], &gso_size, 2);
  return h;
}

std::uint16_t field(const Header& h, std::size_t at) {
  std::uint16_t v;
  std::memcpy(&v, &h[at], 2);
  return v;
}

TEST(Vnet, flags_tell_whether_the_checksum_is_trusted) {
  EXPECT_EQ(read_vnet(header(0, 0, 0)).checksum, Offload::Checksum::unknown);
  EXPECT_EQ(read_vnet(header(1, 0, 0)).checksum, Offload::Checksum::verified);  // NEEDS_CSUM
  EXPECT_EQ(read_vnet(header(2, 0, 0)).checksum, Offload::Checksum::verified);  // DATA_VALID
  EXPECT_EQ(read_vnet(header(4, 0, 0)).checksum, Offload::Checksum::unknown);   // RSC_INFO says nothing about it
}

TEST(Vnet, gso_size_is_read_for_tcp_alone) {
  EXPECT_EQ(read_vnet(header(1, 0, 1448)).gso_size, 0);
  EXPECT_EQ(read_vnet(header(1, 1, 1448)).gso_size, 1448);
  EXPECT_EQ(read_vnet(header(1, 4, 1428)).gso_size, 1428);
  EXPECT_EQ(read_vnet(header(1, 0x81, 1448)).gso_size, 1448);  // with ECN
  EXPECT_EQ(read_vnet(header(1, 3, 1448)).gso_size, 0);        // UDP
}

TEST(Vnet, partial_checksum_is_described) {
  std::array<std::byte, 52> packet{std::byte{0x45}};
  Header h;
  h.fill(std::byte{0xee});
  write_vnet(h, {.checksum = Offload::Checksum::partial, .gso_size = 0, .transport = 20, .checksum_field = 16}, packet);
  EXPECT_EQ(h[0], std::byte{1});
  EXPECT_EQ(h[1], std::byte{0});
  EXPECT_EQ(field(h, 2), 52);
  EXPECT_EQ(field(h, 4), 0);
  EXPECT_EQ(field(h, 6), 20);
  EXPECT_EQ(field(h, 8), 16);
  EXPECT_EQ(field(h, 10), 0) << "a longer header is zero behind the fields";
}

TEST(Vnet, super_packet_names_its_family) {
  std::array<std::byte, 72> packet{std::byte{0x45}};
  const Offload offload{
      .checksum = Offload::Checksum::partial, .gso_size = 1428, .transport = 40, .checksum_field = 16};
  Header h;
  write_vnet(h, offload, packet);
  EXPECT_EQ(h[1], std::byte{1});
  packet[0] = std::byte{0x60};
  write_vnet(h, offload, packet);
  EXPECT_EQ(h[1], std::byte{4});
  EXPECT_EQ(field(h, 2), 72) << "exact: the kernel copies fast only then";
  EXPECT_EQ(field(h, 4), 1428);
  EXPECT_EQ(field(h, 6), 40);
}

TEST(Vnet, complete_packet_asks_for_nothing) {
  std::array<std::byte, 28> packet{std::byte{0x45}};
  Header h;
  write_vnet(h, {.transport = 20, .checksum_field = 2}, packet);
  EXPECT_EQ(h[0], std::byte{0});
  EXPECT_EQ(h[1], std::byte{0});
  EXPECT_EQ(field(h, 6), 0);
}

}  // namespace
}  // namespace tunic
