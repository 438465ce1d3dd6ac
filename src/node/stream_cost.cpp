// SPDX-License-Identifier: Apache-2.0
// A stream's time is the larger of what its busiest resource has and what its busiest thread waits for, turn by turn.
// The turns matter where they are few or not full: a unit's FMAs are a chain, and registers are not renamed.
#include "node/stream_cost.h"

#include <algorithm>
#include <array>

namespace dojo::node {
namespace {

constexpr std::int64_t kThreads = 2, kAtOnce = 4;
/// Fetch and decode of the first load.
constexpr Cycles kStart = 2;
/// Lines that a unit's first FMA may read.
constexpr std::int64_t kOperands = 3;

std::int64_t log2_of(std::int64_t value) {
  std::int64_t log = 0;
  for (; value > 1; value /= 2) ++log;
  return log;
}

/// What follows a turn decides how much of its last chain shows.
enum class Then { kTurn, kChain, kEnd };

class StreamCost {
 public:
  StreamCost(const StreamWork& work, const NodeCost& cost)
      : work_(work),
        cost_(cost),
        fma_(cost.params().vector_latency_cycles),
        shuffle_(cost.params().core.shuffle_latency_cycles),
        sram_(cost.params().sram_latency_cycles),
        slots_(cost.params().core.vector_issues_per_cycle),
        threads_(std::min(kThreads, work.units)) {}

  [[nodiscard]] Cycles cycles() const {
    Cycles waits = 0;
    for (std::int64_t thread = 0; thread < threads_; ++thread) waits = std::max(waits, of_thread(thread));
    // Where nothing waits for the loads, the piece ends with the last one's issue.
    const bool reads = work_.stores > 0 || work_.fma > 0 || work_.unpacks > 0 || work_.packs > 0 || has_rows();
    return saturating_sum(saturating_sum(std::max(waits, busiest()), kStart), reads ? sram_ : 0);
  }

 private:
  [[nodiscard]] bool has_rows() const { return work_.rows.rows > 0 && work_.rows.chains > 0; }

  /// Groups of rows that a thread works on, and how many are in each: an incomplete group takes as long.
  struct Groups {
    std::int64_t count = 0, together = 0;
  };
  [[nodiscard]] Groups groups_of(std::int64_t thread) const {
    const std::int64_t rows = piece_size(work_.rows.rows, threads_, thread);
    if (rows == 0) return {};
    const std::int64_t count = ceil_div(rows, kAtOnce);
    return {count, ceil_div(rows, count)};
  }

  /// Of what both threads share: its work, and the last line's way from there.
  [[nodiscard]] Cycles busiest() const {
    std::int64_t fma = work_.fma, shuffles = saturating_sum(work_.unpacks, work_.packs);
    if (has_rows()) {
      const std::int64_t across = work_.rows.sums * log2_of(work_.rows.lanes);
      for (std::int64_t thread = 0; thread < threads_; ++thread) {
        const Groups groups = groups_of(thread);
        const std::int64_t rows = groups.count * groups.together;
        fma = saturating_sum(fma, saturating_product(rows, across + work_.rows.operations + work_.rows.chains));
        shuffles = saturating_sum(shuffles, saturating_product(rows, across));
      }
    }
    const Cycles slots = ceil_div(saturating_sum(fma, shuffles), slots_);
    const std::int64_t unpacks = ceil_div(work_.unpacks, work_.units);
    const Cycles before = unpacks == 0 ? 0 : unpacks - 1 + shuffle_, after = work_.packs == 0 ? 0 : shuffle_;
    const Cycles chain = saturating_product(ceil_div(work_.fma, work_.units), fma_);
    Cycles addresses = cost_.pipeline().address_cycles(work_.loads, work_.stores);
    if (work_.stores > 0 && !has_rows()) {
      addresses = saturating_sum(addresses, saturating_sum(chain, before + after));
      if (fma > 0) fma = saturating_sum(fma, before + fma_ + after);
      if (shuffles > 0) shuffles = saturating_sum(shuffles, saturating_sum(chain, shuffle_));
    }
    return std::max({fma, shuffles, slots, addresses});
  }

  /// Units that are worked on alike.
  struct Unit {
    std::int64_t loads = 0, unpacks = 0, fma = 0, packs = 0, stores = 0;
  };

  /// From the first FMA of so many units on each thread to that of the next ones.
  [[nodiscard]] Cycles turn(const Unit& unit, std::int64_t units, Then then) const {
    const std::int64_t all = units * threads_, shuffles = unit.unpacks + unit.packs;
    const bool computes = unit.fma > 0 || shuffles > 0;
    Cycles chain = 0;
    if (!computes) {
      // A line that is copied: the register is free for the next load once the store has left.
      if (unit.stores > 0 && unit.loads > 0) chain = then == Then::kEnd ? 1 : sram_;
    } else {
      // Unpacked lines have two halves, side by side.
      const std::int64_t deep = unit.unpacks > 0 ? ceil_div<std::int64_t>(unit.fma, 2) : unit.fma;
      chain = saturating_product(deep, fma_);
      if (unit.unpacks > 0) chain = saturating_sum(chain, unit.unpacks - 1 + shuffle_);
      if (unit.packs > 0) chain = saturating_sum(chain, shuffle_);
      // A result that is not stored may be overwritten as soon as its last FMA has left.
      const bool kept = unit.stores > 0 || shuffles > 0 || then == Then::kChain;
      if (!kept) chain -= fma_ - 1;
      if (then == Then::kEnd && unit.stores > 0) ++chain;
    }
    if (then == Then::kTurn && computes && unit.loads > 0) {
      // The next line goes to its register when the FMA has read the old one, behind those of the units before.
      const std::int64_t before = (std::min(unit.loads, kOperands) - 1) * all;
      chain = std::max(chain, 1 + sram_ + before / cost_.params().core.address_generators);
    }
    const std::int64_t issues = std::max({unit.fma, shuffles, ceil_div(saturating_sum(unit.fma, shuffles), slots_)});
    return std::max(chain, saturating_product(all, issues));
  }

  /// All turns of a thread's stream; the first units have what does not divide, of stores and packs the last ones.
  [[nodiscard]] Cycles turns(const StreamWork& mine, Then then) const {
    const std::int64_t units = mine.units;
    if (units <= 0) return 0;
    const std::array<std::int64_t, 6> ends{mine.loads % units,         mine.unpacks % units,        mine.fma % units,
                                           units - mine.packs % units, units - mine.stores % units, units};
    Cycles cycles = 0;
    for (std::int64_t begin = 0; begin < units;) {
      std::int64_t end = units;
      for (const std::int64_t next : ends)
        if (next > begin) end = std::min(end, next);
      const auto first = [&](std::int64_t items) { return items / units + (begin < items % units ? 1 : 0); };
      const auto last = [&](std::int64_t items) { return items / units + (begin >= units - items % units ? 1 : 0); };
      const Unit unit{first(mine.loads), first(mine.unpacks), first(mine.fma), last(mine.packs), last(mine.stores)};
      std::int64_t full = (end - begin) / kAtOnce;
      const std::int64_t rest = (end - begin) % kAtOnce;
      const bool ends_here = end == units;
      const Then behind = ends_here ? then : Then::kTurn;
      if (rest == 0) --full;
      cycles = saturating_sum(cycles, saturating_product(full, turn(unit, kAtOnce, Then::kTurn)));
      cycles = saturating_sum(cycles, turn(unit, rest == 0 ? kAtOnce : rest, behind));
      begin = end;
    }
    return cycles;
  }

  /// All items of `whole`, by `of`; a part with items has a unit at least.
  template <class Of>
  [[nodiscard]] static StreamWork part_of(const StreamWork& whole, Of&& of) {
    StreamWork part{of(whole.units), of(whole.loads),   of(whole.stores),
                    of(whole.fma),   of(whole.unpacks), of(whole.packs)};
    if (part.units == 0 && part.loads + part.stores + part.fma + part.unpacks + part.packs > 0) part.units = 1;
    return part;
  }

  [[nodiscard]] Cycles of_thread(std::int64_t thread) const {
    const StreamWork mine = part_of(work_, [&](std::int64_t items) { return piece_size(items, threads_, thread); });
    const Groups groups = groups_of(thread);
    if (groups.count == 0 || work_.rows.chains <= 0) return turns(mine, Then::kEnd);
    const RowWork& rows = work_.rows;
    const StreamWork group = part_of(mine, [&](std::int64_t items) { return items / groups.count; });
    const StreamWork rest = part_of(mine, [&](std::int64_t items) { return items % groups.count; });
    const std::int64_t passes = rows.chains + 1, both = threads_ * groups.together;
    Cycles cycles = 0;
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      const auto share = [&](std::int64_t items) { return piece_size(items, passes, pass); };
      const bool more = pass < rows.chains;
      cycles = saturating_sum(cycles, turns(part_of(group, share), more ? Then::kChain : Then::kTurn));
      if (!more) break;
      // Each halving is a shuffle and an FMA of every sum; operations follow one another. Both threads do so at the
      // same time, or nearly: of operations half of the waits for the other thread show (fitted). The copy of the
      // figure that the next pass reads hides behind the end of the group before.
      const auto of_chain = [&](std::int64_t items) { return piece_size(items, rows.chains, pass); };
      const Cycles halving = std::max(shuffle_ + fma_, both * of_chain(rows.sums));
      cycles = saturating_sum(cycles, log2_of(rows.lanes) * halving);
      cycles = saturating_sum(cycles, of_chain(rows.operations) * (fma_ + std::max<Cycles>(fma_, both)) / 2);
    }
    return saturating_sum(saturating_product(cycles, groups.count), turns(rest, Then::kEnd));
  }

  const StreamWork& work_;
  const NodeCost& cost_;
  const Cycles fma_, shuffle_, sram_;
  const std::int64_t slots_, threads_;
};

}  // namespace

Cycles stream_cycles(const StreamWork& work, const NodeCost& cost) {
  return work.units <= 0 ? 0 : StreamCost(work, cost).cycles();
}

}  // namespace dojo::node
