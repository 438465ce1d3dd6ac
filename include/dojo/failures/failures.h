// SPDX-License-Identifier: Apache-2.0
// A job over days: it works, writes checkpoints, loses work to failures, restarts. Event by event, in milliseconds,
// with a generator of its own, so that results are the same everywhere. docs/failures.md.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/failures/params.h"

namespace dojo::failures {

enum class Part : std::uint8_t { kDie, kNode, kLink, kDip, kHost, kJob };
inline constexpr std::array<schema::EnumEntry<Part>, 6> kPartTexts{
    {{Part::kDie, "die", "failures of dies, mean of the repetitions"},
     {Part::kNode, "node", "failures of nodes, mean of the repetitions"},
     {Part::kLink, "link", "failures of links, mean of the repetitions"},
     {Part::kDip, "dip", "failures of DIPs, mean of the repetitions"},
     {Part::kHost, "host", "failures of hosts, mean of the repetitions"},
     {Part::kJob, "job", "failures of the job itself, mean of the repetitions"}}};
constexpr const auto& enum_entries(Part) {
  return kPartTexts;
}
inline constexpr std::size_t kParts = kPartTexts.size();

/// How the time of the tiles was spent, as shares that add up to 1.
struct Shares {
  double useful = 0;   ///< work that was kept: the goodput
  double lost = 0;     ///< work since the last checkpoint, when a failure came
  double writing = 0;  ///< of checkpoints
  double restarting = 0;
  double waiting = 0;  ///< for a tile to be repaired
  double absent = 0;   ///< tiles that the job goes on without
};

/// Of one stretch of days.
struct Days {
  Shares shares;
  std::array<std::int64_t, kParts> failures{};
};

/// What may fail and what the job does then; times in milliseconds.
struct Job {
  std::array<double, kParts> failures_per_year{};  ///< of all parts of a kind together
  std::int64_t tiles = 1;
  std::int64_t days_ms = 0, write_ms = 0, restart_ms = 0, repair_ms = 0;
  std::int64_t spare_tiles = 0;
  SparePolicy spare_policy = SparePolicy::kWait;

  [[nodiscard]] double failures_per_year_of_all() const;
  [[nodiscard]] double mean_ms_between_failures() const;  ///< infinite where nothing fails
};

/// One stretch of days with a checkpoint after each `interval_ms` of work.
[[nodiscard]] Days simulate(const Job& job, std::int64_t interval_ms, std::uint64_t seed, std::uint64_t repetition);

/// The optimum by Young (1974), sqrt(2 write x between failures), and by Daly (2006), to the third order. In the unit
/// of the arguments; infinite where nothing fails.
[[nodiscard]] double young_interval(double write, double between_failures);
[[nodiscard]] double daly_interval(double write, double between_failures);

struct IntervalGoodput {
  double interval_s = 0, goodput = 0;
};
struct Result {
  Job job;
  double checkpoint_bytes = 0;
  double interval_s = 0, best_interval_s = 0, young_s = 0, daly_s = 0;
  double goodput_min = 0, goodput_max = 0;  ///< of the repetitions
  Shares shares;                            ///< means of the repetitions
  std::array<double, kParts> failures{};
  std::vector<IntervalGoodput> intervals;  ///< what was tried around Daly's optimum, ascending
};

/// How many of each part the machine has.
struct Machine {
  double dies = 0, nodes = 0, links = 0, dips = 0, hosts = 0;
  std::int64_t tiles = 1;
};
/// A shorter interval than this would keep the host busy for long.
[[nodiscard]] double shortest_interval_s(const Params& params);
/// `bytes_per_s`: at which checkpoints are written and read, where Params gives no time.
[[nodiscard]] Result study(const Params& params, const Machine& machine, double checkpoint_bytes, double bytes_per_s,
                           std::uint64_t seed);

}  // namespace dojo::failures
