// SPDX-License-Identifier: Apache-2.0
// A job's own error: some of its operations are cut out of the lowered job, together with what ran beside them, and
// replayed in the fast and in the reference network. What is drawn follows from the job and a seed alone.
//
//   draw()    before the job runs: which ranks' times must be known
//   replay()  after it: draws operations by the time that they take, replays them, estimates the error of the job
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/machine/machine.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::audit {

/// The job that is audited.
struct Subject {
  const topology::Topology& topology;
  const workload::Workload& workload;
  const workload::Job& job;
};

struct Request {
  std::optional<std::int64_t> tasks;  ///< none: as many as the budget holds
  std::uint64_t seed = 1;
};

struct Draw {
  std::string why_not;  ///< not empty: nothing will be replayed
  std::int64_t most_tasks = 0;
  double most_flit_hops = 0;  ///< of all replays together, by plan; infinite when a number of tasks is asked for
  double job_flit_hops = 0;   ///< by plan; ranks of one program count once
  std::uint64_t seed = 1;
  std::vector<RankId> ranks;   ///< whose operations are drawn
  std::vector<RankId> record;  ///< whose times must be known: those ranks, and what they share a tile with
};
/// What is known before the job runs.
[[nodiscard]] Draw draw(const Subject& subject, const Request& request);

/// When the tasks of the job ran in the fast network.
struct Times {
  std::map<RankId, std::vector<machine::TaskTime>> of_rank;
  Cycles end = 0;  ///< of the job
};

struct Sample {
  RankId rank = 0;
  std::uint32_t task = 0;
  std::string operation;
  bool between_ranks = false;  ///< a collective or a message, else a window of whole dies with a kernel or a reduction
  bool part = false;           ///< only what lies within a tile
  double exposed = 0;          ///< cycles that nothing else accounts for
  double stands_for = 0;       ///< cycles of the drawn ranks' time; `exposed` when it was sure to be drawn
  Cycles in_job = 0;           ///< its duration in the job
  Cycles fast = 0, reference = 0;  ///< of the replays
  double flit_hops = 0;            ///< of one replay, by plan
};

struct Estimate {
  double ratio_median = 1, ratio_p95 = 1, ratio_worst = 1;  ///< of exp |log(fast / reference)|
  std::size_t worst = 0;                                    ///< sample
  double step_error = 0;             ///< of the job's time: what the fast network gives, over the estimate, less 1
  std::optional<double> confidence;  ///< half of the 95 % interval of `step_error`; none: too few samples
};

struct Result {
  std::string why_not;  ///< not empty: nothing was replayed
  std::vector<Sample> samples;
  Estimate estimate;
  std::int64_t operations = 0;  ///< of the drawn ranks, that could be drawn
  double covered = 0;           ///< share of the drawn ranks' time that passes in those; the rest is taken to be right
  double flit_hops = 0, most_flit_hops = 0;
  std::int64_t unfinished = 0;        ///< samples whose replay did not come to an end
  bool partial = false;               ///< it was stopped
  std::vector<std::string> left_out;  ///< sentences
};

/// `settings`: those of the job's run. `should_stop` is asked in every window of a replay.
[[nodiscard]] Result replay(const Subject& subject, const Draw& drawn, const Times& times,
                            const machine::MachineSettings& settings, const std::function<bool()>& should_stop);

}  // namespace dojo::audit
