// SPDX-License-Identifier: Apache-2.0
// `repeated` of report.json: a step in a pipeline of which only the first parts of the batch were simulated. While all
// stages are at work, parts take as long as the slowest stage needs for one, so the others are added.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

#include "dojo/config/repeated.h"
#include "report/json_read.h"
#include "report/value.h"

namespace dojo::report {
namespace {

/// The part of the batch that an operation is of, by the name that the generator gives it: "part12.block3.mlp.up".
std::size_t part_of(const std::string& name) {
  constexpr std::size_t kPrefix = 4;
  if (name.compare(0, kPrefix, "part") != 0) return kNone;
  char* end = nullptr;
  const unsigned long part = std::strtoul(name.c_str() + kPrefix, &end, 10);
  return *end == '.' ? part : std::size_t{kNone};
}

/// Mean cycles from part to part on the slowest stage, over 2 P parts. Others wait for it: as long as they run ahead,
/// or catch up, their own parts are shorter.
double cycles_of_part(const RunContext& c, std::size_t parts, std::size_t stages) {
  std::map<std::uint32_t, std::vector<Cycles>> ends;  // latest of each part, by graph: a stage has one of its own
  for (const machine::OpRecord& record : c.results.ops) {
    const workload::Graph& graph = c.workload.graphs[record.graph];
    const workload::Op& op = graph.ops[record.op];
    const std::size_t part = part_of(graph.op_name(op));
    if (part >= parts || op.phase == workload::Phase::kUpdate) continue;
    std::vector<Cycles>& of_graph = ends.try_emplace(record.graph, parts, 0).first->second;
    of_graph[part] = std::max(of_graph[part], record.last_end);
  }
  const std::size_t before = stages - 1, last = parts - stages - 1;
  Cycles longest = 0;
  for (const auto& [graph, of_graph] : ends) longest = std::max(longest, of_graph[last] - of_graph[before]);
  return static_cast<double>(longest) / static_cast<double>(last - before);
}

}  // namespace

bool has_repeated(const RunContext& c) {
  return c.config.workload.trace.empty() && c.config.workload.generate.repeat_microbatches;
}

void add_repeated(Figures& out, const RunContext& c, const Json& report) {
  const config::GenerateParams& g = c.config.workload.generate;
  const std::int64_t parts = config::simulated_microbatches(g);
  const auto simulated = static_cast<std::size_t>(parts), stages = static_cast<std::size_t>(g.pipeline);
  const auto more = static_cast<double>(g.microbatches - parts);
  const double times = ratio(static_cast<double>(g.microbatches), static_cast<double>(simulated));
  const Json& step = report.at("latency").at("step_s");
  Json part_s, step_s;
  if (!step.is_null()) {
    part_s = ratio(cycles_of_part(c, simulated, stages), c.topology.params().clock_hz);
    step_s = real(step) + more * real(part_s);
  }
  const Json& w = report.at("workload");
  const double samples = real(w.at("samples_per_step")) * times;
  const double steps = std::max(1.0, real(w.at("steps_finished")));
  const double flops = static_cast<double>(c.results.cores.matrix_flops) / steps * times;
  const double seconds = step_s.is_null() ? 0 : real(step_s);
  out.add("repeated.microbatches", g.microbatches, "parts", "of the batch in the whole step");
  out.add(
      "repeated.simulated_microbatches", parts, "parts",
      "that were simulated: every other figure of the report is of a step of these alone; the section is there only "
      "where `workload.generate.repeat_microbatches` is set");
  out.add(
      "repeated.microbatch_s", part_s, "s",
      "that a part takes on the slowest of P stages: from the end of the P-th part there to that of the 3 P-th, over 2 "
      "P");
  out.add("repeated.step_s", step_s, "s",
          "the whole step: `latency.step_s` + (`microbatches` - `simulated_microbatches`) x `microbatch_s`");
  out.add("repeated.samples_per_step", samples, "samples",
          "`workload.samples_per_step` x `microbatches` / `simulated_microbatches`");
  out.add("repeated.samples_per_s", ratio(samples, seconds), "samples/s", "`samples_per_step` / `step_s`");
  out.add("repeated.flops", flops, "FLOP",
          "of the whole step: `flops.executed` of a step x `microbatches` / `simulated_microbatches`");
  out.add("repeated.achieved_per_s", ratio(flops, seconds), "FLOP/s", "`flops` / `step_s`");
  out.add("repeated.utilisation", ratio(ratio(flops, seconds), real(report.at("flops").at("peak_per_s"))), "share",
          "`achieved_per_s` / `flops.peak_per_s`");
}

}  // namespace dojo::report
