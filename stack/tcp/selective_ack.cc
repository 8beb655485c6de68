// What the SACK option of a segment tells the sender: what came twice (RFC 2883), and what has come beyond a hole
// (RFC 2018).
#include <algorithm>
#include <span>

#include "tcp/connection.h"

namespace tunic {

// RFC 2883: the first block says what came twice if it lies below the acknowledgment, or within the second.
void Connection::count_dsack(const Segment& seg) {
  const Seq begin = Seq::near(snd_.una(), seg.options.sack[0].begin);
  const Seq end = Seq::near(snd_.una(), seg.options.sack[0].end);
  bool twice = end <= seg.ack;
  if (!twice && seg.options.sack_count > 1)
    twice = Seq::near(snd_.una(), seg.options.sack[1].begin) <= begin &&
            end <= Seq::near(snd_.una(), seg.options.sack[1].end);
  if (twice && begin < end) ++stats_.dsacks;
}

// RFC 2018 section 5: what the peer has beyond holes. A block that is not of what is in flight says nothing (R2), nor
// does one that tells what came twice.
void Connection::take_sack(const Segment& seg) {
  std::array<SeqRange, 4> blocks;
  std::size_t n = 0;
  for (const SackBlock& b : std::span{seg.options.sack}.first(seg.options.sack_count)) {
    const SeqRange r{Seq::near(snd_.una(), b.begin), Seq::near(snd_.una(), b.end)};
    if (snd_.una() < r.begin && r.begin < r.end && r.end <= snd_.nxt()) blocks[n++] = r;
  }
  const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(snd_.outstanding() / (4 * mss()), 64, 4096));
  if (snd_.sent().on_sack(std::span{blocks}.first(n), most)) ++stats_.reorderings;
}

}  // namespace tunic
