// The table of every TCP state and every kind of segment (state_events.tsv, whose header explains its columns), read
// into rows. It was written from the RFCs alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tunic::test {

struct Outcome {
  std::string next_state, sent, accepted, told;
};

struct Row {
  int line = 0;
  std::string state, flags, seq, ack;
  std::size_t text = 0;
  std::vector<Outcome> outcomes;  // preferred first
  std::string rule, note;
};

std::vector<Row> read_table(const std::string& path);

/// The bits of "SYN+ACK"; 0 for "none".
std::uint8_t flag_bits(const std::string& flags);

}  // namespace tunic::test
