// SPDX-License-Identifier: Apache-2.0
// The packet latency histogram: exact below 200 cycles, then bins that are 1 % wide; integers only. And the order in
// which the integers of a run go into its digest.
#include "dojo/machine/results.h"

#include <algorithm>
#include <cmath>

#include "dojo/base/error.h"

namespace dojo::machine {
namespace {

using Lows = std::array<Cycles, LatencyHistogram::kBins>;

/// A bin is one hundredth of its lowest latency wide, rounded down, and at least one cycle.
constexpr Lows make_lows() {
  Lows lows{};
  for (std::size_t i = 1; i < lows.size(); ++i) {
    const Cycles width = lows[i - 1] / 100;
    lows[i] = lows[i - 1] + (width > 0 ? width : 1);
  }
  return lows;
}
constexpr Lows kLows = make_lows();
constexpr Cycles kExact = 200;  // below: one bin per cycle, so the index is the latency
static_assert(kLows[kExact] == kExact && kLows[kExact + 1] == kExact + 2);

/// The bin in which each 64th of each power of two begins: from there the right bin is at most a few steps away.
constexpr int kHintBits = 6;
constexpr auto make_hints() {
  std::array<std::array<std::uint16_t, 1u << kHintBits>, 48> hints{};
  std::size_t bin = 0;
  for (std::size_t power = kHintBits; power < hints.size(); ++power) {
    for (std::size_t part = 0; part < hints[power].size(); ++part) {
      const Cycles low = (Cycles{1} << power) + (static_cast<Cycles>(part) << (power - kHintBits));
      while (bin + 1 < kLows.size() && kLows[bin + 1] <= low) ++bin;
      hints[power][part] = static_cast<std::uint16_t>(bin);
    }
  }
  return hints;
}
constexpr auto kHints = make_hints();
static_assert(kLows.back() > 100'000'000'000, "the last bin starts beyond 50 s at 2 GHz");

}  // namespace

void OpCounters::add(Cycles start, Cycles end) {
  schema::merge<Executions>(*this, {1, static_cast<std::uint64_t>(end - start), end - start, end - start});
  first_start = std::min(first_start, start);
  last_end = std::max(last_end, end);
}

int LatencyHistogram::bin(Cycles latency) {
  if (latency < kExact) return static_cast<int>(std::max<Cycles>(latency, 0));
  const auto power = static_cast<std::size_t>(63 - __builtin_clzll(static_cast<unsigned long long>(latency)));
  if (power >= kHints.size()) return kBins - 1;
  std::size_t bin = kHints[power][static_cast<std::size_t>(latency >> (power - kHintBits)) & ((1u << kHintBits) - 1)];
  while (bin + 1 < kLows.size() && kLows[bin + 1] <= latency) ++bin;
  return static_cast<int>(bin);
}

Cycles LatencyHistogram::bin_low(int bin) {
  return kLows[static_cast<std::size_t>(bin)];
}

void LatencyHistogram::add(Cycles latency, std::uint64_t n) {
  if (n == 0) return;
  count[static_cast<std::size_t>(bin(latency))] += n;
  packets += n;
  cycles_sum += static_cast<std::uint64_t>(latency) * n;
  min = std::min(min, latency);
  max = std::max(max, latency);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < count.size(); ++i) count[i] += other.count[i];
  schema::merge<LatencyCounters>(*this, other);
}

// Nearest rank: the smallest latency that at least p % of the packets do not exceed, as the middle of its bin.
double LatencyHistogram::percentile(double p) const {
  DOJO_CHECK(p > 0 && p < 100, "percentile {} is not between 0 and 100", p);
  if (packets == 0) return 0;
  const double wanted = std::max(1.0, std::ceil(p / 100.0 * static_cast<double>(packets)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < count.size(); ++i) {
    seen += count[i];
    if (count[i] == 0 || static_cast<double>(seen) < wanted) continue;
    const Cycles low = kLows[i];
    const Cycles high = i + 1 < count.size() ? kLows[i + 1] - 1 : max;
    const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2;
    return std::clamp(middle, static_cast<double>(min), static_cast<double>(max));
  }
  return static_cast<double>(max);
}

void visit_counted(const Results& r, const std::function<void(std::uint64_t)>& add) {
  // The name of the struct keeps counters of the same name apart.
  const auto named = [&add](const char* of, const auto& counters) {
    add(schema::word_of(of));
    schema::hash_named(counters, add);
  };
  add(static_cast<std::uint64_t>(r.end_cycle));
  add(r.finished ? 1 : 0);
  named("run", static_cast<const RunCounters&>(r));
  named("plan", static_cast<const PlanTotals&>(r));
  named("cores", r.cores);
  named("noc", r.noc);
  named("ports", r.ports);
  named("breakdown", r.breakdown);
  named("zplane", r.zplane);
  if (r.detailed_nodes > 0) named("pipelines", r.pipelines);
  named("packets", static_cast<const LatencyCounters&>(r.packets));
  for (std::size_t bin = 0; bin < r.packets.count.size(); ++bin) {
    if (r.packets.count[bin] == 0) continue;
    add(bin);
    add(r.packets.count[bin]);
  }
  add(r.step_end.size());
  for (const Cycles end : r.step_end) add(static_cast<std::uint64_t>(end));
  for (const LinkClassTotals& links : r.classes) {
    add(links.links);
    named("links", links.counters);
    add(links.max_busy_units);
  }
  for (const OpRecord& op : r.ops) {
    add(op.graph);
    add(op.op);
    named("op", static_cast<const OpCounters&>(op));
  }
  for (const CollectiveRecord& c : r.collectives) {
    add(c.graph);
    add(c.op);
    add(c.ranks);
    add(static_cast<std::uint64_t>(c.bytes));
    named("collective", static_cast<const Executions&>(c));
  }
}

}  // namespace dojo::machine
