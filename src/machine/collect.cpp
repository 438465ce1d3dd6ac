// SPDX-License-Identifier: Apache-2.0
// Folds the counters of all shards into Results and checks the conservation laws.
#include <algorithm>
#include <map>
#include <utility>

#include "dojo/base/error.h"
#include "machine/collect_parts.h"
#include "machine/digest.h"
#include "machine/machine_state.h"
#include "machine/network/models.h"

namespace dojo::machine {

std::uint64_t MachineState::events() const {
  std::uint64_t count = 0;
  for (const Shard* shard : shards) count += shard->events();
  return count - rows.events_taken_over();
}

namespace {

/// What the host's threads added up while the machine ran.
void fold_threads(const MachineState& m, Results& r) {
  r.step_end.assign(m.context.sums.front().step_end.size(), 0);
  for (const ThreadSums& sums : m.context.sums) {
    schema::merge<RunCounters>(r, sums);
    r.packets.merge(sums.packets);
    for (std::size_t i = 0; i < r.step_end.size(); ++i) r.step_end[i] = std::max(r.step_end[i], sums.step_end[i]);
  }
  for (const DieShard& die : m.dies) {
    schema::merge(r.breakdown, die.breakdown(r.end_cycle));
    r.tasks_copied += die.tasks_copied();
  }
}

void fold_operations(const Context& context, Results& r) {
  const workload::Workload& w = context.workload;
  // Of graphs that share a program, only the first counts (lower/alike_graphs.h).
  std::vector<bool> counts(w.graphs.size(), false);
  for (const workload::Program& program : context.job.programs) counts[program.graph] = true;
  for (std::uint32_t g = 0; g < w.graphs.size(); ++g) {
    if (!counts[g]) continue;
    for (std::uint32_t o = 0; o < w.graphs[g].ops.size(); ++o) {
      OpRecord record;
      record.graph = g;
      record.op = o;
      for (const ThreadSums& thread : context.sums) schema::merge<OpCounters>(record, thread.ops[g][o]);
      r.ops.push_back(record);
      const workload::Op& op = w.graphs[g].ops[o];
      if (!workload::is_communication(op.kind)) continue;
      CollectiveRecord c;
      static_cast<Executions&>(c) = record;
      c.graph = g;
      c.op = o;
      c.bytes = op.bytes;
      c.ranks = 2;
      r.collectives.push_back(std::move(c));
    }
  }
}

/// The algorithm and group size of each communication operation, from any instance that served it.
void name_algorithms(const Context& context, Results& r) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, const workload::DataflowInstance*> served;
  std::vector<bool> seen(context.job.programs.size(), false);
  for (RankId rank = 0; rank < context.job.slices.size(); ++rank) {
    const std::uint32_t p = context.job.program_of_rank[rank];
    if (seen[p]) continue;
    seen[p] = true;
    const workload::Program& program = context.job.programs[p];
    for (const workload::Task& task : program.tasks) {
      if (task.kind != workload::Task::Kind::kDataflow || task.op == kNone) continue;
      const std::uint32_t instance = context.job.instance_of[rank][task.entry].instance;
      if (instance != kNone) served.emplace(std::make_pair(program.graph, task.op), &context.job.instances[instance]);
    }
  }
  for (CollectiveRecord& c : r.collectives) {
    const auto found = served.find({c.graph, c.op});
    if (found == served.end()) continue;
    const workload::DataflowPlan& plan = context.job.plans[found->second->plan];
    c.algorithm = plan.algorithm;
    c.model_seconds = plan.model_seconds;
    c.ranks = static_cast<std::uint32_t>(std::count_if(
        found->second->participants.begin(), found->second->participants.end(),
        [](const auto& place) { return place.kind != workload::DataflowInstance::Participant::Kind::kDip; }));
  }
}

/// What lowering planned for each rank.
void fold_plan(const Context& context, Results& r) {
  for (RankId rank = 0; rank < context.job.slices.size(); ++rank) {
    const workload::Program& program = context.program(rank);
    PlanTotals of_rank;
    of_rank.nodes_used = context.job.slices[rank].shape->node_count();
    of_rank.sram_peak_bytes_max = program.memory.node_peak;
    of_rank.spilled_bytes = program.memory.spilled;
    of_rank.recomputed_bytes = program.memory.recomputed;
    of_rank.streamed_bytes = program.memory.streamed;
    for (const workload::Op& op : context.workload.graphs[program.graph].ops)
      of_rank.flops_planned += op.recompute ? 0 : op.flops * std::max<std::int64_t>(1, context.workload.steps);
    schema::merge<PlanTotals>(r, of_rank);
  }
  for (const Bytes bytes : context.job.hbm_used_bytes) r.hbm_peak_bytes_max = std::max(r.hbm_peak_bytes_max, bytes);
  // Of several programs the one that moves most, or has the fullest node, tells what was decided.
  const auto moves = [](const workload::MemoryPlan& m) {
    return std::pair(m.recomputed + m.spilled + m.streamed, m.node_peak);
  };
  const auto& programs = context.job.programs;
  const auto most = std::max_element(programs.begin(), programs.end(),
                                     [&](const auto& a, const auto& b) { return moves(a.memory) < moves(b.memory); });
  if (most != programs.end()) r.memory_decisions = most->memory.decisions;
}

/// What lowering simplified, and the network model.
std::vector<std::string> approximations(const Context& context) {
  std::vector<std::string> all = context.job.approximations;
  if (std::any_of(context.job.plans.begin(), context.job.plans.end(),
                  [](const workload::DataflowPlan& plan) { return plan.over_zplane; })) {
    all.emplace_back(
        "Z-plane: switches have a queue without bound for each port and do not block inside; links between DIPs are "
        "open; no NACK_FULL; samples of the hosts do not share the port of a DIP with TTPoE.");
  }
  if (context.settings.repeat_kernels) {
    all.emplace_back(
        "Kernels of ranks of several dies that have run before take the time and counters of that run: what else is "
        "under way does not slow them, nor do they slow it (run.repeat_kernels).");
  }
  const std::vector<std::string> of_model = context.model.approximations(context.job, context.topology);
  all.insert(all.end(), of_model.begin(), of_model.end());
  if (context.settings.detailed && !context.topology.detailed().empty()) {
    all.emplace_back(
        "Cores of machine.detailed run the kernels of convolutions, products, attention and vector work cycle by "
        "cycle; "
        "attention in FP32 and operations without shapes take their planned time, and so do additions of collectives.");
    all.emplace_back(
        "What detailed nodes send goes as block moves: it meets the core's accesses at the banks of the SRAM and takes "
        "no instruction.");
    if (context.model.moves_lines_whole) {
      all.emplace_back(
          "Packets of operands meet detailed nodes approximately: the fast network tells when an operand is complete, "
          "not when each packet comes; run.network_model=reference writes and reads every packet.");
    }
  }
  return all;
}

/// How the run went on the host: no part of the digest.
void describe_run(const MachineState& m, Results& r) {
  const topology::Topology& topology = m.context.topology;
  r.approximations = approximations(m.context);
  r.threads = m.context.settings.threads;
  r.events = m.events();
  r.dies_simulated = topology.die_count();
  r.dies_copied = m.rows.dies_taken_over();
  r.copied_s = topology.seconds(std::min(m.rows.until(), r.end_cycle));
}

/// Of a finished run. The classes are counted as time passes; their sum is only compared here.
void check_conservation(const MachineState& m, const Results& r) {
  const std::uint64_t classes = schema::total(r.breakdown);
  DOJO_CHECK(classes == static_cast<std::uint64_t>(r.nodes_used) * static_cast<std::uint64_t>(r.end_cycle),
             "node-cycle classes sum to {}, {} nodes x {} cycles pass", classes, r.nodes_used, r.end_cycle);
  DOJO_CHECK(r.cores.matrix_flops == r.flops_planned, "{} FLOP executed, {} in the graphs", r.cores.matrix_flops,
             r.flops_planned);
  std::uint64_t received = r.ports.bytes_ejected;
  for (const DipShard& dip : m.dips) received += dip.bytes_received();
  DOJO_CHECK(received == r.bytes_to_eject, "{} bytes delivered, {} sent", received, r.bytes_to_eject);
  for (DieId die = 0; die < m.dies.size(); ++die) {
    DOJO_CHECK(m.dies[die].settled(), "die {} still has messages to send after the end", die);
  }
}

}  // namespace

Results Machine::collect(bool interrupted) const {
  impl_->rows.part();
  impl_->settle();
  const MachineState& m = *impl_;
  Results r;
  r.interrupted = interrupted;
  r.finished = done();
  r.end_cycle = end_cycle();
  Digest digest;
  fold_threads(m, r);
  collect_parts(m, r, digest);
  fold_operations(m.context, r);
  name_algorithms(m.context, r);
  r.zplane = zplane_totals(m);
  fold_plan(m.context, r);
  describe_run(m, r);
  if (!r.finished && !interrupted) {
    r.waiting = waiting();
    r.waiting_cores = waiting_cores();
    r.blocked_packets = blocked_packets();
  }
  visit_counted(r, [&digest](std::uint64_t word) { digest.add(word); });
  r.digest = digest.value();
  if (r.finished) check_conservation(m, r);
  return r;
}

}  // namespace dojo::machine
