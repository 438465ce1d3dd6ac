// SPDX-License-Identifier: Apache-2.0
// What gave the times of the cores' work, and how far the formulas are from the pipeline on this job.
#include "report/value.h"

namespace dojo::report {
namespace {

/// Of all ranks and steps, recomputed operations included.
workload::CoreCycles cycles_of(const workload::Job& job) {
  std::vector<workload::CoreCycles> of_program(job.programs.size());
  for (std::size_t p = 0; p < job.programs.size(); ++p) {
    const workload::Program& program = job.programs[p];
    for (const workload::Task& task : program.tasks) {
      if (task.kind != workload::Task::Kind::kKernel || task.kernel >= program.kernel_plans.size()) continue;
      const workload::CoreCycles& cores = program.kernel_plans[task.kernel].cores;
      of_program[p].add(cores.run, cores.formulas);
    }
  }
  workload::CoreCycles all;
  for (const std::uint32_t p : job.program_of_rank) all.add(of_program[p].run, of_program[p].formulas);
  return all;
}

}  // namespace

void add_node_model(Figures& out, const RunContext& c) {
  const node::PieceTally& tally = c.job.pieces;
  const workload::CoreCycles cycles = cycles_of(c.job);
  const double clock_hz = c.topology.params().clock_hz;
  const bool any = tally.pieces > 0;
  const auto known = [any](double value) { return any ? Json(value) : Json(nullptr); };
  const auto pieces = static_cast<double>(tally.pieces);
  out.add("fidelity.node_model", schema::enum_text(c.config.run.node_model), "", "`run.node_model`");
  out.add("fidelity.cores.core_s", static_cast<double>(cycles.run) / clock_hz, "core-seconds",
          "of the operations on all nodes at nominal speed, as the node model gives them; recorded times included");
  out.add("fidelity.cores.formula_core_s", static_cast<double>(cycles.formulas) / clock_hz, "core-seconds",
          "the same by the formulas that chose the plans");
  out.add("fidelity.cores.difference",
          known(ratio(static_cast<double>(cycles.run), static_cast<double>(cycles.formulas)) - 1), "share",
          "`core_s` / `formula_core_s` - 1; null: no piece ran on the pipeline");
  out.add("fidelity.cores.pieces", tally.pieces, "pieces", "of different shape that ran on the pipeline");
  out.add("fidelity.cores.piece_cycles", tally.simulated_cycles, "cycles", "of the pipeline for these pieces");
  out.add("fidelity.cores.error_mean", known(ratio(tally.error_sum, pieces)), "share",
          "mean over these pieces of how far the formula is off");
  out.add("fidelity.cores.beyond_10_percent", known(ratio(static_cast<double>(tally.beyond_10_percent), pieces)),
          "share", "of these pieces whose formula is off by more than 10 %");
}

}  // namespace dojo::report
