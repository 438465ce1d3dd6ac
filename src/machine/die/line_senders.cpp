// SPDX-License-Identifier: Apache-2.0
#include "machine/die/line_senders.h"

#include <algorithm>
#include <cstdlib>

namespace dojo::machine {

namespace {
constexpr std::int64_t kWhole = 1024;  // shares of all flits
}

void foresee_ends(std::vector<LineSender>& senders, Cycles start, Cycles free) {
  Flits all = 0, before = 0, after = 0;
  std::int64_t count = 0;
  for (const LineSender& s : senders) {
    all += s.all;
    before += s.before;
    after += s.after;
    count += s.all > 0 ? 1 : 0;
  }
  if (after == before) return;
  const std::int64_t first = std::min<std::int64_t>((count + 1) * 5, 47) * kWhole / 10 / count;
  const Cycles span = std::max<Cycles>(free - start, after - before);
  Flits behind = 0;
  for (LineSender& s : senders) {
    if (s.all == 0) continue;
    const std::int64_t off_middle = std::abs((2 * behind + s.all) * kWhole / all - kWhole);  // 0, at an end kWhole
    behind += s.all;
    const std::int64_t share = first + (kWhole - first) * std::min(off_middle, kWhole) / kWhole;
    const Flits end = std::max<Flits>(s.all, all * share / kWhole);
    if (end <= before && before > 0) continue;
    s.end = end <= after ? start + span * (end - before) / (after - before) : free + end - after;
  }
}

}  // namespace dojo::machine
