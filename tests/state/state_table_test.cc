// Every row of the table of states and segments, in both families, driven through a Stack (H4, M6): 64
// combinations of flags, each position of SEG.SEQ and SEG.ACK, with and without text. The first outcome that a row
// allows is wanted; where we take another one on purpose, `deviations` says why.
#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <map>
#include <sstream>

#include "machine.h"
#include "table.h"
#include "test_support/notation.h"

namespace tunic::test {
namespace {

struct Deviation {
  const char *state, *note;  // of the rows; the note as a word of the note column
  std::size_t outcome;       // the one we take
  const char* reason;
};
constexpr std::array<Deviation, 2> deviations{{
    {"SYN_SENT", "U", 1, "sockets call the reset of an active open ECONNREFUSED"},
    {"*", "Q", 1,
     "a FIN on a SYN is not kept for a connection that may never be; the peer sends it again (docs/decisions)"},
}};

bool has_word(const std::string& words, const std::string& word) {
  std::istringstream in{words};
  for (std::string w; in >> w;)
    if (w == word) return true;
  return false;
}

bool is_chosen(const Row& row, std::size_t outcome) {
  for (const auto& d : deviations)
    if (d.outcome == outcome && (row.state == d.state || d.state == std::string{"*"}) && has_word(row.note, d.note))
      return true;
  return false;
}

// One concrete segment of a row, and the numbers that the row's outcomes speak of.
struct Case {
  const Row& row;
  Machine machine;
  Segment segment;

  Case(const Row& r, const Numbers& n, const std::string& seq, const std::string& ack, std::uint8_t psh_urg)
      : row{r}, machine{r.state, n} {
    segment.flags = static_cast<std::uint8_t>(flag_bits(r.flags) | psh_urg);
    segment.text.resize(r.text);
    segment.seq = machine.seq_at(seq, segment.length());
    if (segment.has(flag::ack)) segment.ack = machine.ack_at(ack);
  }

  // "RCV.NXT+1", "SEG.ACK", "0"
  std::uint32_t value(std::string expression) const {
    std::uint32_t offset = 0;
    if (const auto plus = expression.find('+'); plus != expression.npos) {
      offset = static_cast<std::uint32_t>(std::stoul(expression.substr(plus + 1)));
      expression.resize(plus);
    }
    if (expression == "RCV.NXT") return machine.rcv_nxt() + offset;
    if (expression == "SND.NXT") return machine.snd_nxt() + offset;
    if (expression == "SEG.ACK") return segment.ack + offset;
    if (expression == "SEG.SEQ") return segment.seq + offset;
    return static_cast<std::uint32_t>(std::stoul(expression));
  }

  // The ISS of a connection that follows one in TIME-WAIT lies beyond all that was sent (note T2).
  bool is_iss(std::uint32_t seq) const {
    return row.state == "TIME_WAIT" ? static_cast<std::int32_t>(seq - machine.snd_nxt()) > 0 : seq == machine.iss();
  }

  bool sent_matches(std::string wanted) const {
    const auto& sent = machine.sent();
    if (wanted == "nothing") return sent.empty();
    if (wanted.ends_with('?')) {
      if (sent.empty()) return true;
      wanted.pop_back();
    }
    if (sent.size() != 1) return false;
    const auto& s = sent.front().segment;
    const auto open = wanted.find('('), comma = wanted.find(','), close = wanted.find(')');
    const auto kind = wanted.substr(0, open);
    const auto number = value(wanted.substr(open + 1, std::min(comma, close) - open - 1));
    if (kind == "RST") return s.flags == flag::rst && s.seq == number;
    if (kind == "RST+ACK")
      return s.flags == (flag::rst | flag::ack) && s.seq == number &&
             s.ack == value(wanted.substr(comma + 1, close - comma - 1));
    if (kind == "SYNACK") return s.flags == (flag::syn | flag::ack) && is_iss(s.seq) && s.ack == number;
    return s.flags == flag::ack && s.seq == machine.snd_nxt() && s.ack == number && s.text.empty();  // ACK, CHACK
  }
};

struct Seen {
  std::string state, told, accepted, sent;
};

std::string print(const std::deque<Host::Sent>& sent, const Machine& m) {
  std::string out;
  for (const auto& s : sent) out += (out.empty() ? "" : "; ") + print(s.segment, Bases{m.iss(), m.rcv_nxt(), 0, 0, 0});
  return out.empty() ? "nothing" : out;
}

bool accepted_matches(const std::string& wanted, const std::string& got) {
  return wanted == got || (wanted == "-" && got == "no");
}

std::optional<std::size_t> outcome_of(const Case& c, const Seen& seen) {
  for (std::size_t k = 0; k < c.row.outcomes.size(); ++k) {
    const auto& o = c.row.outcomes[k];
    if (o.next_state == seen.state && o.told == seen.told && accepted_matches(o.accepted, seen.accepted) &&
        c.sent_matches(o.sent))
      return k;
  }
  return {};
}

std::string allowed(const Row& row) {
  std::string out;
  for (const auto& o : row.outcomes)
    out += "\n  " + o.next_state + ", sent " + o.sent + ", accepted " + o.accepted + ", told " + o.told;
  return out;
}

using Positions = std::vector<std::string>;

Positions positions(const std::string& column, const Positions& all) { return column == "*" ? all : Positions{column}; }

class Driver {
 public:
  std::map<std::size_t, int> rows_by_outcome;
  int cases = 0;

  void drive(const Row& row) {
    static const Positions every_seq{"old", "exact", "inside", "beyond"};
    const Positions every_ack = row.state.starts_with("SYN") ? Positions{"ghost", "una", "good", "future"}
                                                             : Positions{"ghost", "old", "una", "good", "future"};
    std::size_t worst = 0;
    for (const auto& n : numbers)
      for (const auto& seq : positions(row.seq, every_seq))
        for (const auto& ack : positions(row.ack, every_ack))
          for (const unsigned psh_urg :
               {0u, unsigned{flag::psh}, unsigned{flag::urg}, unsigned{flag::psh | flag::urg}}) {
            const auto k = one(row, n, seq, ack, static_cast<std::uint8_t>(psh_urg));
            if (!k) return;  // one failure a row
            worst = std::max(worst, *k);
          }
    ++rows_by_outcome[worst];
  }

 private:
  // Both families, and numbers that wrap within the case.
  static constexpr std::array<Numbers, 2> numbers{
      {{Family::v4, 0u - 8u, 0x8000'0000u - 5u}, {Family::v6, 0x8000'0000u - 8u, 0u - 5u}}};

  std::optional<std::size_t> one(const Row& row, const Numbers& n, const std::string& seq, const std::string& ack,
                                 std::uint8_t psh_urg) {
    ++cases;
    Case c{row, n, seq, ack, psh_urg};
    const auto where = "line " + std::to_string(row.line) + ": " + row.state + ' ' + row.flags +
                       (psh_urg & flag::psh ? "+PSH" : "") + (psh_urg & flag::urg ? "+URG" : "") + " seq " + seq +
                       " ack " + ack + " text " + std::to_string(row.text) +
                       (n.family == Family::v4 ? ", IPv4" : ", IPv6") + "\n  " + row.rule + ", note " + row.note;
    if (const auto before = c.machine.state(); before != row.state) {
      ADD_FAILURE() << where << "\nthe state was to be " << row.state << " but is " << before;
      return {};
    }
    c.machine.arrives(c.segment);
    const auto seen = look(c);
    for (const auto& broken : c.machine.host().broken()) ADD_FAILURE() << where << '\n' << broken;
    EXPECT_TRUE(c.machine.host().stack().counters().conserved()) << where;  // law 8
    const auto k = outcome_of(c, seen);
    if (k && (*k == 0 || is_chosen(row, *k))) return k;
    ADD_FAILURE() << where << "\nseen: " << seen.state << ", sent " << seen.sent << ", accepted " << seen.accepted
                  << ", told " << seen.told << (k ? "\nwhich is not the preferred one of" : "\nallowed:")
                  << allowed(row);
    return {};
  }

  // accepted() goes on with the conversation; what came out before is what counts.
  static Seen look(Case& c) {
    Seen seen{c.machine.state(), c.machine.told(), {}, print(c.machine.sent(), c.machine)};
    const auto sent = c.machine.sent();
    seen.accepted = c.machine.accepted(c.segment);
    c.machine.host().out = sent;
    return seen;
  }
};

class StateTable : public testing::TestWithParam<const char*> {};

// H4, M6, RFC 9293 §3.10.7 (U-1, U-2, U-3, U-4, U-5, U-6, U-7, U-8)
TEST_P(StateTable, every_segment_has_an_allowed_outcome) {
  const auto rows = read_table(STATE_TABLE);
  ASSERT_EQ(rows.size(), 1100u);
  Driver driver;
  int driven = 0;
  for (const auto& row : rows)
    if (row.state == GetParam()) driver.drive(row), ++driven;
  EXPECT_GT(driven, 0);
  std::cout << GetParam() << ": " << driven << " rows, " << driver.cases << " cases";
  for (const auto& [outcome, n] : driver.rows_by_outcome) std::cout << ", outcome " << outcome + 1 << ": " << n;
  std::cout << '\n';
}

INSTANTIATE_TEST_SUITE_P(All, StateTable,
                         testing::Values("CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED_P", "SYN_RECEIVED_A",
                                         "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK",
                                         "TIME_WAIT"),
                         [](const auto& p) { return std::string{p.param}; });

}  // namespace
}  // namespace tunic::test
