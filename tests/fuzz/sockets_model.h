// What the target `sockets` knows of sockets beside the Stacks: which octets each stream and each datagram is made of,
// so that what is received tells by itself where it belongs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/stack.h"
#include "fuzz/fuzz.h"

namespace tunic::fuzz {

/// One of the numbers of a long row, by its place in it.
inline std::byte pattern(std::uint64_t key, std::size_t at, std::uint64_t values = 256) {
  std::uint64_t x = (key + 1) * 0x9e3779b97f4a7c15u + at * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 29) * 0x94d049bb133111ebu;
  return std::byte(static_cast<std::uint8_t>((x >> 32) % values));
}

/// One direction of a connection, as its writer knows it. The first octet tells streams of the same pair apart; 255 is
/// only at urgent places, so that it can be seen whether a reader was given it or passed over it.
struct Stream {
  static constexpr std::byte urgent_octet{255};

  int side = 0;      // the writer's Stack
  FourTuple pair{};  // as the writer sees it
  std::uint8_t number = 0;
  std::size_t written = 0;
  std::set<std::size_t> urgent{};
  bool ended = false;  // by FIN, after all of it

  std::byte at(std::size_t place) const {
    return place == 0 ? std::byte{number}
                      : pattern(std::uint64_t{number} << 16 | std::uint16_t(pair.local.port), place, 251);
  }
};

/// One datagram. Its first four octets (of an echo request: behind the ICMP header) are its number.
struct Sent {
  int side = 0;
  Transport transport{};
  Port from{};
  Endpoint to{};
  bool broadcast = false, finished = false;
  std::size_t size = 0;
  int arrived = 0;
};

struct Handle {
  int side = 0;
  SocketId id{};
  Family family{};
  Transport transport{};
  bool open = false;

  bool listens = false;
  bool failed = false;  // it was told of an error: the stream need not be whole
  bool read_shut = false, ended = false;
  FourTuple pair{};  // of the connection; port 0: none
  Stream *out = nullptr, *in = nullptr;
  std::size_t read = 0;  // octets of `in`

  bool may_share = false;                // SO_REUSEADDR or SO_REUSEPORT was on at some time
  std::optional<Endpoint> bound{};       // by bind(), to a port
  std::optional<std::size_t> gathers{};  // the number of the datagram that waits for more

  bool is_stream() const { return transport == Transport::tcp; }
  void joined(const FourTuple& p) {
    pair = p;
    out = in = nullptr;
    read = 0;
    failed = ended = false;
    if (is_stream()) read_shut = false;
  }
};

class Model {
 public:
  Stream& open_stream(int side, const FourTuple& pair) {
    const auto same =
        std::ranges::count_if(streams_, [&](const auto& s) { return s->side == side && s->pair == pair; });
    streams_.push_back(std::make_unique<Stream>(Stream{side, pair, static_cast<std::uint8_t>(same % 251)}));
    return *streams_.back();
  }
  /// What `h`, whose peer is on `writer`, reads, if its first octet is `first`.
  Stream* find_stream(const Handle& h, int writer, std::byte first) const {
    for (const auto& s : streams_)
      if (s->written != 0 && s->side == writer && s->pair == h.pair.reversed() && std::byte{s->number} == first)
        return s.get();
    return nullptr;
  }

  std::size_t open_datagram(const Sent& sent) {
    datagrams_.push_back(sent);
    return datagrams_.size() - 1;
  }
  Sent& datagram(std::size_t number) { return datagrams_[number]; }
  std::size_t datagrams() const { return datagrams_.size(); }

  static std::byte datagram_octet(Transport t, Family family, std::size_t number, std::size_t place) {
    const std::size_t header = t == Transport::icmp ? 8 : 0;
    if (place < header)  // type and code; checksum and identifier are written over; the sequence number
      return place == 0   ? std::byte{family == Family::v4 ? std::uint8_t{8} : std::uint8_t{128}}
             : place == 7 ? std::byte(static_cast<std::uint8_t>(number))
                          : std::byte{};
    place -= header;
    return place < 4 ? std::byte(static_cast<std::uint8_t>(number >> 8 * place)) : pattern(number, place);
  }

 private:
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Sent> datagrams_;
};

}  // namespace tunic::fuzz
