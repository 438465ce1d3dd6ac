// SPDX-License-Identifier: Apache-2.0
// From graphs to a job: placement, one program per graph and slice shape, communication, memory.
#include "dojo/lower/lower.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/core/piece_times.h"
#include "dojo/node/kernel_cost.h"
#include "lower/advice.h"
#include "lower/alike_graphs.h"
#include "lower/communication.h"

namespace dojo::workload {
namespace {

/// A rule that matches nothing is most likely a name mistyped.
void check_rules(const Workload& workload, const LowerOptions& options, Findings& findings) {
  for (std::size_t i = 0; i < options.replay_rules.size(); ++i) {
    const ReplayRule& rule = options.replay_rules[i];
    const bool used = std::any_of(workload.graphs.begin(), workload.graphs.end(), [&](const Graph& graph) {
      return std::any_of(graph.ops.begin(), graph.ops.end(), [&](const Op& op) { return matches(rule, graph, op); });
    });
    if (!used) {
      findings.add(
          "workload.replay_rules[{}].operations: found no operation whose name or kind is like \"{}\", expected at "
          "least "
          "one; see dojosim trace info",
          i, rule.operations);
    }
  }
}

void check_ranks(const Workload& workload, const LowerOptions& options, Findings& findings) {
  if (workload.ranks() == 0 || workload.graphs.empty()) findings.add("workload: found no ranks, expected at least one");
  if (options.placement.ranks != workload.ranks()) {
    findings.add("workload.ranks: found {} ranks to place, expected the workload's {}", options.placement.ranks,
                 workload.ranks());
  }
  for (const Graph& graph : workload.graphs) {
    if (!graph.ops.empty() && issue_order(graph).empty())
      findings.add("{}: the operations' dependencies form a cycle, expected none", graph.file);
  }
}

void report_missing(const ProgramDraft& draft, const Graph& graph, const LowerOptions& options, std::uint32_t nodes,
                    const std::string& advice, Findings& findings) {
  const MemoryPlan& m = draft.program.memory;
  findings.add(
      "{}: found a need of {:.3f} MB in the fullest node, expected at most {:.3f} MB: {:.3f} MB are missing there, its "
      "rank has {} nodes, with capacity_policy \"{}\", {}; {}",
      graph.file, static_cast<double>(m.node_peak) / 1e6, static_cast<double>(m.node_capacity) / 1e6,
      static_cast<double>(draft.missing_per_node) / 1e6, nodes, schema::enum_text(options.capacity_policy),
      draft.fullest, advice);
}

/// It fits, or takes less time by the cost model, what is spilled written and read again.
bool is_better(const ProgramDraft& a, const ProgramDraft& b, const topology::Topology& topology) {
  if ((a.missing_per_node > 0) != (b.missing_per_node > 0)) return b.missing_per_node > 0;
  const topology::MachineParams& p = topology.params();
  const auto cycles = [&](const ProgramDraft& draft) {
    return draft.predicted_cycles +
           2 * static_cast<double>(draft.program.memory.spilled) / p.dip.hbm_bytes_per_s * p.clock_hz;
  };
  return cycles(a) < cycles(b);
}

/// Ranks that hold the same parameters can share out the optimizer's state.
struct SameParameters {
  std::int64_t ranks = 1;
  std::uint32_t group_class = 0;
};

/// The groups of the class `data`; without it all ranks, if they run one graph and do not share its products.
SameParameters same_parameters(const Workload& workload) {
  // Such a job shares out by itself what it shares.
  const bool by_itself = std::any_of(workload.group_classes.begin(), workload.group_classes.end(),
                                     [](const auto& c) { return c.name == "zero" || c.name == "experts"; });
  if (by_itself) return {};
  bool shares_products = false;
  for (std::uint32_t c = 1; c < workload.group_classes.size(); ++c) {
    const Workload::GroupClass& found = workload.group_classes[c];
    shares_products = shares_products || found.name == "tensor";
    if (found.name != "data" || found.groups.empty()) continue;
    const std::size_t size = found.groups.front().ranks.size();
    const bool complete = size * found.groups.size() == workload.ranks() &&
                          std::all_of(found.groups.begin(), found.groups.end(),
                                      [&](const Group& group) { return group.ranks.size() == size; });
    if (complete) return {static_cast<std::int64_t>(size), c};
  }
  if (shares_products || workload.graphs.size() != 1) return {};
  return {static_cast<std::int64_t>(workload.ranks()), 0};
}

JobFacts facts_of(const Workload& workload, const Job& job, const topology::Topology& topology) {
  JobFacts facts{{}, DipShares(job.slices, topology)};
  for (const Workload::GroupClass& group_class : workload.group_classes) {
    std::size_t& most = facts.group_sizes.emplace_back(0);
    for (const Group& group : group_class.groups) most = std::max(most, group.ranks.size());
  }
  return facts;
}

/// Programs by (graph, shape), of graphs that are alike by the first; sets Job::program_of_rank.
std::vector<ProgramDraft> build_programs(const Workload& workload, const LowerOptions& options,
                                         const topology::Topology& topology, Job& job, Findings& findings) {
  const SameParameters sharing = options.shard_optimizer ? same_parameters(workload) : SameParameters{};
  // Where a rank does without nodes that dead parts cut off, unless it is better off with them.
  const std::vector<Slice> all_nodes = slices_with_all_nodes(job.slices, topology);
  std::set<std::uint32_t> uses_all;  // programs
  std::vector<ProgramDraft> drafts;
  const node::NodeCost cost(topology.params().node, options.node_model);
  std::optional<core::PieceTimes> pieces;
  if (options.node_model == node::NodeModel::kPipeline) pieces.emplace(cost);
  core::PieceTimes* const given = pieces ? &*pieces : nullptr;
  const JobFacts facts = facts_of(workload, job, topology);
  SharedChoices choices;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> known;
  const std::vector<std::uint32_t> alike = first_alike(workload);
  for (RankId rank = 0; rank < workload.ranks(); ++rank) {
    const std::uint32_t graph = alike[workload.graph_of_rank[rank]];
    const Slice& slice = job.slices[rank];
    const auto [entry, fresh] =
        known.emplace(std::pair(graph, slice.shape_index), static_cast<std::uint32_t>(drafts.size()));
    job.program_of_rank.push_back(entry->second);
    if (!fresh) {
      if (uses_all.count(entry->second) != 0) job.slices[rank] = all_nodes[rank];
      continue;
    }
    const auto request_on = [&](const Slice& place) {
      return ProgramRequest{workload.graphs[graph],
                            graph,
                            place,
                            topology,
                            options,
                            cost,
                            given,
                            std::max<std::int64_t>(1, workload.steps),
                            sharing.ranks,
                            sharing.group_class,
                            facts,
                            choices};
    };
    drafts.push_back(build_program(request_on(slice)));
    if (!all_nodes.empty() && all_nodes[rank].shape_index != slice.shape_index) {
      ProgramDraft other = build_program(request_on(all_nodes[rank]));
      if (is_better(other, drafts.back(), topology)) {
        drafts.back() = std::move(other);
        uses_all.insert(entry->second);
      }
    }
    if (drafts.back().missing_per_node > 0) {
      const std::string advice = findings.empty() ? Advice(request_on(slice), drafts.back()).words()
                                                  : std::string("as above");  // a like program of another rank
      report_missing(drafts.back(), workload.graphs[graph], options, slice.shape->node_count(), advice, findings);
    }
    if (uses_all.count(entry->second) != 0) job.slices[rank] = all_nodes[rank];
  }
  if (pieces) job.pieces = pieces->tally();
  return drafts;
}

Cycles cycles_of(const Program& program, const Task& task) {
  if (task.kind == Task::Kind::kDelay) return program.delays[task.delay];
  const Kernel& kernel = program.kernels[task.kernel];
  const Cycles step = kernel.cycles.empty() ? 0 : *std::max_element(kernel.cycles.begin(), kernel.cycles.end());
  return saturating_product(step, kernel.steps);
}

/// Counters add up the cycles of all nodes of the machine in 64 bits, and links count in 1/65536 cycle: what a program
/// computes must leave room for that.
void check_times(const Workload& workload, const std::vector<ProgramDraft>& drafts, const topology::Topology& topology,
                 Findings& findings) {
  constexpr std::int64_t kMostNodeCycles = std::int64_t{1} << 62;
  constexpr Cycles kMostLinkCycles = Cycles{1} << 46;
  const Cycles most = std::min(kMostLinkCycles, kMostNodeCycles / std::max<std::int64_t>(1, topology.node_count()));
  for (const ProgramDraft& draft : drafts) {
    const Program& program = draft.program;
    const Graph& graph = workload.graphs[program.graph];
    Cycles all = 0, longest = -1;
    const Task* slowest = nullptr;
    for (const Task& task : program.tasks) {
      if (task.kind != Task::Kind::kKernel && task.kind != Task::Kind::kDelay) continue;
      const Cycles own = cycles_of(program, task);
      all = saturating_sum(all, own);
      if (own > longest) {
        longest = own;
        slowest = &task;
      }
    }
    if (all <= most) continue;
    const std::string name = slowest->op == kNone ? "" : graph.op_name(graph.ops[slowest->op]);
    findings.add(
        "{}: found {:.3g} s of computing in one rank, the longest operation '{}' with {:.3g} s, expected at most "
        "{:.3g} s on a machine of {} nodes; correct the operation's sizes or duration, or take a smaller machine",
        graph.file, topology.seconds(all), name, topology.seconds(longest), topology.seconds(most),
        topology.node_count());
  }
}

/// A job but for its communication.
struct Draft {
  Job job;
  GroupRanks groups;
  std::vector<ProgramDraft> programs;
};

Draft draft(const Workload& workload, const LowerOptions& options, const topology::Topology& topology) {
  Findings findings;
  check_ranks(workload, options, findings);
  check_rules(workload, options, findings);
  findings.throw_if_any();
  Draft draft;
  draft.job.slices = place_ranks(options.placement, topology);
  draft.groups = compact_groups(workload, draft.job.slices, topology, draft.job.groups_by_tile);
  draft.programs = build_programs(workload, options, topology, draft.job, findings);
  check_times(workload, draft.programs, topology, findings);
  findings.throw_if_any();
  return draft;
}

}  // namespace

Job lower(const Workload& workload, const LowerOptions& options, const topology::Topology& topology) {
  Draft made = draft(workload, options, topology);
  Findings findings;
  Communication(workload, options, topology, made.groups, made.programs, made.job, findings).fill();
  findings.throw_if_any();
  for (ProgramDraft& program : made.programs) made.job.programs.push_back(std::move(program.program));
  return std::move(made.job);
}

void check_programs(const Workload& workload, const LowerOptions& options, const topology::Topology& topology) {
  (void)draft(workload, options, topology);
}

Job idle_job(const Workload& workload, const LowerOptions& options, const topology::Topology& topology) {
  Job job;
  if (workload.ranks() > 0) job.slices = place_ranks(options.placement, topology);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> known;  // by graph and shape, as of a lowered job
  const std::vector<std::uint32_t> alike = first_alike(workload);
  for (RankId rank = 0; rank < workload.ranks(); ++rank) {
    const std::pair key(alike[workload.graph_of_rank[rank]], job.slices[rank].shape_index);
    const auto [entry, fresh] = known.emplace(key, static_cast<std::uint32_t>(job.programs.size()));
    job.program_of_rank.push_back(entry->second);
    if (!fresh) continue;
    Program& program = job.programs.emplace_back();
    program.graph = key.first;
    program.shape_index = key.second;
    program.samples_per_step = workload.graphs[key.first].batch;
    program.memory.node_capacity = topology.params().node.sram_bytes;
    program.part_dies.emplace_back();
  }
  job.instance_of.resize(workload.ranks());
  job.hbm_used_bytes.assign(topology.dip_count(), 0);
  return job;
}

}  // namespace dojo::workload
