// SPDX-License-Identifier: Apache-2.0
#include "report/explain.h"

#include <fmt/format.h>

#include <utility>

namespace dojo::report {
namespace {

using workload::Op;
using workload::OpPlan;
using workload::Task;

void follow(OpPlan& plan, const std::string& partition, std::uint32_t nodes, double cycles,
            const workload::Floors& floors) {
  plan.partition += (plan.partition.empty() ? "" : "; ") + partition;
  plan.nodes = std::max(plan.nodes, nodes);
  plan.cycles += cycles;
  plan.floors += floors;
}

std::string name_of(const workload::DataflowPlan& plan) {
  const std::string tracks = plan.striped       ? ", striped over all nodes"
                             : plan.tracks == 1 ? ""
                                                : fmt::format(", {} nodes of a rank", plan.tracks);
  return plan.algorithm + tracks + (plan.chunks == 1 ? "" : fmt::format(", {} chunks", plan.chunks));
}

}  // namespace

const char* bound_by(const workload::Floors& floors) {
  return floors.most() > 0 ? schema::enum_text(floors.largest()) : "none";
}

OpPlans::OpPlans(const RunContext& context) : context_(context), rank_of_program_(context.job.programs.size(), kNone) {
  for (RankId rank = 0; rank < context.job.program_of_rank.size(); ++rank)
    rank_of_program_[context.job.program_of_rank[rank]] = rank;
}

const OpPlan& OpPlans::of(std::uint32_t graph, std::uint32_t op) {
  if (graph != graph_) read(graph);
  return plans_[op];
}

void OpPlans::read(std::uint32_t graph) {
  graph_ = graph;
  plans_.clear();
  for (std::uint32_t p = 0; p < context_.job.programs.size(); ++p) {
    if (context_.job.programs[p].graph != graph) continue;
    std::vector<OpPlan> others = of_program(p);
    if (plans_.empty()) {
      plans_ = std::move(others);
      continue;
    }
    for (std::size_t op = 0; op < plans_.size(); ++op)
      if (others[op].floors.most() < plans_[op].floors.most()) plans_[op] = std::move(others[op]);
  }
  plans_.resize(context_.workload.graphs[graph].ops.size());
}

/// Of the first step; the others have the same tasks.
std::vector<OpPlan> OpPlans::of_program(std::uint32_t index) const {
  const workload::Program& program = context_.job.programs[index];
  std::vector<OpPlan> plans(context_.workload.graphs[program.graph].ops.size());
  for (const Task& task : program.tasks) {
    if (task.step > 0) break;
    if (task.op == kNone) continue;
    if (task.recompute && !context_.workload.graphs[program.graph].ops[task.op].recompute) continue;
    add_task(program, rank_of_program_[index], task, plans[task.op]);
  }
  return plans;
}

void OpPlans::add_task(const workload::Program& program, RankId rank, const Task& task, OpPlan& plan) const {
  if (task.kind == Task::Kind::kKernel && task.kernel < program.kernel_plans.size()) {
    const OpPlan& kernel = program.kernel_plans[task.kernel];
    follow(plan, kernel.partition, kernel.nodes, kernel.cycles, kernel.floors);
  } else if (task.kind == Task::Kind::kDelay) {
    workload::Floors floors;
    floors[workload::Bound::kRecorded] = static_cast<double>(program.delays[task.delay]);
    follow(plan, "recorded time, beside the cores", 0, floors.most(), floors);
  } else if (task.kind == Task::Kind::kDataflow && rank != kNone) {
    const workload::Job& job = context_.job;
    const std::uint32_t instance = job.instance_of[rank][task.entry].instance;
    if (instance == kNone) return;
    const workload::DataflowPlan& flow = job.plans[job.instances[instance].plan];
    using Kind = workload::DataflowInstance::Participant::Kind;
    const auto& participants = job.instances[instance].participants;
    if (participants.empty() || participants.front().kind == Kind::kNode) return;  // part of its kernel's plan
    const std::uint32_t nodes = flow.striped ? job.slices[rank].shape->node_count() : flow.tracks;
    const double cycles = flow.model_seconds * context_.topology.params().clock_hz;
    if (task.unit != Task::Unit::kMemory) return follow(plan, name_of(flow), nodes, cycles, flow.floors);
    // A transfer for each die, beside one another; what is spilled is not the operation's own.
    const workload::OpKind kind = context_.workload.graphs[program.graph].ops[task.op].kind;
    if (workload::family(kind) != workload::OpFamily::kMemory) return;
    plan.partition = "each die with its DIPs";
    plan.nodes += nodes;
    plan.floors.raise(flow.floors);
  }
}

}  // namespace dojo::report
