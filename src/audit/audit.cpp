// SPDX-License-Identifier: Apache-2.0
#include "dojo/audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "audit/cut.h"
#include "audit/exposure.h"
#include "audit/flit_hops.h"
#include "audit/sampling.h"
#include "audit/window.h"
#include "dojo/engine/thread_pool.h"
#include "dojo/reference/die.h"

namespace dojo::audit {
namespace {

using workload::Task;

/// Ranks whose operations are drawn; the others of a job do much the same.
constexpr std::uint32_t kMostRanks = 4;
/// Without a number of tasks: replays send at most this share of the flit-hops that the fast network must run, so that
/// they take a tenth of its time or less. docs/studies/audit.md has the measurements.
constexpr double kShare = 1.0 / 1000;
constexpr std::int64_t kMostTasks = 24;
/// Times of so many tasks are kept, 16 bytes each.
constexpr std::uint64_t kMostRecorded = std::uint64_t{1} << 24;

std::uint64_t recorded_tasks(const Subject& subject) {
  std::uint64_t tasks = 0;
  for (const std::uint32_t program : subject.job.program_of_rank) tasks += subject.job.programs[program].tasks.size();
  return tasks;
}

std::string why_not(const Subject& subject) {
  const topology::Topology& t = subject.topology;
  if (t.routes() != nullptr) return "the machine has dead routers, links, edges or dies, which the reference lacks";
  const std::vector<std::string> problems = reference::die_problems(t.params());
  if (!problems.empty()) return problems.front();
  if (recorded_tasks(subject) > kMostRecorded)
    return fmt::format("the job has {} tasks on all ranks, and the times of at most {} are kept",
                       recorded_tasks(subject), kMostRecorded);
  return "";
}

/// A task that can be drawn.
struct Candidate {
  RankId rank = 0;
  std::uint32_t task = 0;
  Reach reach = Reach::kRank;
};

/// All tasks of the drawn ranks, with the cycles that each takes by itself.
struct Population {
  std::vector<Candidate> candidates;
  std::vector<Cycles> exposed;
  Cycles covered = 0;  ///< sum of `exposed`
  Cycles lost = 0;     ///< of tasks that take time but cannot be replayed
};

Population population(const Subject& subject, const Draw& drawn, const Times& times, const Windows& windows) {
  Population all;
  for (const RankId rank : drawn.ranks) {
    const workload::Program& program = subject.job.programs[subject.job.program_of_rank[rank]];
    const std::vector<Cycles> exposed = exposed_cycles(program, times.of_rank.at(rank), times.end);
    for (std::uint32_t task = 0; task < exposed.size(); ++task) {
      const Task::Kind kind = program.tasks[task].kind;
      if (exposed[task] <= 0 || (kind != Task::Kind::kKernel && kind != Task::Kind::kDataflow)) continue;
      const Reach reach = windows.reach(rank, task);
      if (reach == Reach::kLost) {
        all.lost += exposed[task];
        continue;
      }
      all.candidates.push_back({rank, task, reach});
      all.exposed.push_back(exposed[task]);
      all.covered += exposed[task];
    }
  }
  return all;
}

std::string name_of(const Subject& subject, const Candidate& candidate) {
  const workload::Program& program = subject.job.programs[subject.job.program_of_rank[candidate.rank]];
  const Task& task = program.tasks[candidate.task];
  if (task.op == kNone) return "";
  const workload::Graph& graph = subject.workload.graphs[program.graph];
  const workload::Op& op = graph.ops[task.op];
  const char* part = task.kind == Task::Kind::kKernel || workload::is_communication(op.kind) ? ""
                     : task.unit == Task::Unit::kMemory                                      ? " (memory)"
                     : candidate.reach == Reach::kRank                                       ? " (reduction)"
                                                                                             : " (exchange)";
  return graph.op_name(op) + part;
}

struct Chosen {
  std::vector<Drawn> drawn;
  std::vector<Window> windows;
  double flit_hops = 0;
};

/// No further than the budget goes.
Chosen choose(const Population& all, const Windows& windows, std::size_t most, const Draw& budget) {
  Chosen chosen;
  chosen.drawn = draw_by_weight(all.exposed, most, budget.seed);
  for (const Drawn& each : chosen.drawn) {
    const Candidate& candidate = all.candidates[each.index];
    chosen.windows.push_back(windows.of(candidate.rank, candidate.task));
    chosen.flit_hops += chosen.windows.back().flit_hops;
    if (chosen.flit_hops > budget.most_flit_hops) break;
  }
  return chosen;
}

/// The largest number of tasks whose replays stay within the budget.
Chosen choose_within(const Population& all, const Windows& windows, const Draw& budget) {
  auto most = static_cast<std::size_t>(std::max<std::int64_t>(budget.most_tasks, 0));
  most = std::min(most, all.candidates.size());
  for (; most > 0; --most) {
    Chosen chosen = choose(all, windows, most, budget);
    if (chosen.flit_hops <= budget.most_flit_hops) return chosen;
  }
  return {};
}

Sample sample_of(const Subject& subject, const Times& times, const Population& all, const Drawn& drawn,
                 const Window& window) {
  const Candidate& candidate = all.candidates[drawn.index];
  const machine::TaskTime& time = times.of_rank.at(candidate.rank)[candidate.task];
  Sample sample;
  sample.rank = candidate.rank;
  sample.task = candidate.task;
  sample.operation = name_of(subject, candidate);
  sample.between_ranks = candidate.reach != Reach::kRank;
  sample.part = candidate.reach == Reach::kBeyond;
  sample.exposed = static_cast<double>(all.exposed[drawn.index]);
  sample.stands_for = drawn.weight;
  sample.in_job = time.end - time.start;
  sample.flit_hops = window.flit_hops;
  return sample;
}

/// Sentences about what the replays do not have.
void say_what_is_left_out(const Result& result, const Population& all, double total, bool one_tile, Result& out) {
  out.left_out.emplace_back(
      "A replay begins with an empty network and ends with its operation: traffic from before, and delays that build "
      "up "
      "over many operations, are not in it.");
  if (one_tile) return;
  out.left_out.emplace_back(
      "A replay has the dies of a tile at most: traffic from other tiles, to and from DIPs, and what waits for them is "
      "not in it.");
  if (std::any_of(result.samples.begin(), result.samples.end(), [](const Sample& s) { return s.part; }))
    out.left_out.emplace_back("Collectives over more than a tile are replayed among their members on one tile.");
  if (all.lost > 0)
    out.left_out.push_back(fmt::format(
        "{:.1f} % of the time passes in transfers to DIPs or messages to other tiles, which are taken to be right.",
        100 * static_cast<double>(all.lost) / total));
}

}  // namespace

Draw draw(const Subject& subject, const Request& request) {
  Draw out;
  out.seed = request.seed;
  if (request.tasks && *request.tasks == 0) {
    out.why_not = "turned off";
    return out;
  }
  out.why_not = why_not(subject);
  if (!out.why_not.empty()) return out;
  out.job_flit_hops = FlitHops(subject).of_job(true);
  out.most_tasks = request.tasks.value_or(kMostTasks);
  out.most_flit_hops = request.tasks ? std::numeric_limits<double>::infinity() : out.job_flit_hops * kShare;
  std::set<RankId> record;
  const auto ranks = static_cast<std::uint32_t>(subject.job.slices.size());
  for (const RankId rank : draw_some(ranks, kMostRanks, request.seed)) {
    const std::vector<RankId> neighbours = Windows::neighbours(subject, rank);
    if (neighbours.empty()) continue;
    out.ranks.push_back(rank);
    record.insert(neighbours.begin(), neighbours.end());
  }
  out.record.assign(record.begin(), record.end());
  if (out.ranks.empty()) out.why_not = "ranks lie on several tiles each, and a replay has one";
  return out;
}

Result replay(const Subject& subject, const Draw& drawn, const Times& times, const machine::MachineSettings& settings,
              const std::function<bool()>& should_stop) {
  Result result;
  result.most_flit_hops = drawn.most_flit_hops;
  result.why_not = drawn.why_not;
  if (!result.why_not.empty()) return result;
  FlitHops hops(subject);
  const Windows windows(subject, times, hops);
  const Population all = population(subject, drawn, times, windows);
  result.operations = static_cast<std::int64_t>(all.candidates.size());
  const double total = static_cast<double>(times.end) * static_cast<double>(drawn.ranks.size());
  result.covered = total > 0 ? static_cast<double>(all.covered) / total : 0;
  const Chosen chosen = choose_within(all, windows, drawn);
  if (chosen.drawn.empty()) {
    result.why_not = all.candidates.empty()
                         ? "no operation of it moves anything that a replay could have"
                         : fmt::format(
                               "a default audit replays at most {:.3g} flit-hops of this job, less than one "
                               "operation takes; choose a number with --audit N",
                               drawn.most_flit_hops);
    return result;
  }
  std::vector<Sample> samples(chosen.drawn.size());
  engine::ThreadPool pool(settings.threads);
  pool.run(
      static_cast<std::uint32_t>(samples.size()),
      [&](std::uint32_t i, std::uint32_t) {
        Sample& sample = samples[i];
        sample = sample_of(subject, times, all, chosen.drawn[i], chosen.windows[i]);
        if (should_stop && should_stop()) return;
        const Cut cut = cut_out(subject, times, chosen.windows[i]);
        sample.fast = duration_in(cut, settings, machine::NetworkModel::kFast, should_stop);
        sample.reference = duration_in(cut, settings, machine::NetworkModel::kReference, should_stop);
      },
      1);
  for (Sample& sample : samples) {
    const bool done = sample.fast > 0 && sample.reference > 0 && sample.fast != kNever && sample.reference != kNever;
    if (done) {
      result.flit_hops += sample.flit_hops;
      result.samples.push_back(std::move(sample));
    } else {
      ++result.unfinished;
    }
  }
  result.partial = should_stop && should_stop();
  say_what_is_left_out(result, all, total, subject.topology.tile_count() == 1, result);
  if (result.samples.empty()) {
    result.why_not = result.partial ? "it was interrupted before a replay had ended" : "no replay came to an end";
    return result;
  }
  result.estimate = estimate(result.samples, total, static_cast<double>(all.covered), result.operations);
  return result;
}

}  // namespace dojo::audit
